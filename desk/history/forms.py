"""Forms of the product page and the brakes page."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms

from desk.history import names
from desk.ledger.models import BrakeKind, BrakeScope

_REASON = forms.Textarea(attrs={"rows": 3})


class CorrectionForm(forms.Form):
    """A category, one of those shown or another one, and a reason."""

    uuid = forms.UUIDField(widget=forms.HiddenInput)
    before = forms.CharField(widget=forms.HiddenInput, required=False)
    choice = forms.CharField(required=False)
    other = forms.CharField(max_length=1000, required=False)
    reason = forms.CharField(max_length=1000, widget=_REASON, help_text="Stays in the history.")

    def clean(self) -> dict[str, Any]:
        """The chosen leaf as `category_id`."""
        given = super().clean() or self.cleaned_data
        wanted = given.get("other") or given.get("choice")
        if not wanted:
            self.add_error("other", "Choose a category.")
        else:
            given["category_id"] = wanted
        return given

    @staticmethod
    def fresh(before: str | None) -> CorrectionForm:
        """An empty form, with a name of its own, so that sending it twice corrects once."""
        return CorrectionForm(initial={"uuid": uuid.uuid4(), "before": before or ""})


class BrakeForm(forms.Form):
    """What is held, how, and why."""

    scope = forms.ChoiceField(choices=BrakeScope.choices, label="Hold")
    branch = forms.ChoiceField(required=False)
    seller = forms.CharField(max_length=200, required=False, help_text="As the products name it.")
    kind = forms.ChoiceField(choices=BrakeKind.choices, label="How", widget=forms.RadioSelect)
    confidence = forms.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": "0.97"}),
        help_text="For tightening: products are still decided automatically from here on.",
    )
    reason = forms.CharField(max_length=1000, widget=_REASON, help_text="Stays in the history.")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        branch = self.fields["branch"]
        assert isinstance(branch, forms.ChoiceField)
        branch.choices = [("", "–"), *names.branches()]
        self.fields["kind"].initial = BrakeKind.STOP.value
        self.fields["scope"].initial = BrakeScope.ALL.value

    def value(self) -> str:
        """The branch or seller that the scope asks for."""
        scope = self.cleaned_data["scope"]
        return "" if scope == BrakeScope.ALL else str(self.cleaned_data[scope])


class ReleaseForm(forms.Form):
    """Why a brake is released."""

    reason = forms.CharField(max_length=1000, label="Reason for releasing", widget=forms.Textarea(attrs={"rows": 2}))
