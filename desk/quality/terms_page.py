"""The page where business owners set the promise, the time of a label, and prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from desk.people import events
from desk.people.access import page, person_of
from desk.people.models import Role
from desk.quality.counts import seconds_measured
from desk.quality.models import Terms
from desk.quality.models import terms as current

if TYPE_CHECKING:
    _Form = forms.ModelForm[Terms]
else:
    _Form = forms.ModelForm


class TermsForm(_Form):
    """All of them."""

    class Meta:
        model = Terms
        fields = ("promised", "seconds_a_label", "cost_of_error", "cost_of_review", "currency")


@require_http_methods(["GET", "HEAD", "POST"])
@page(Role.BUSINESS)
def terms(request: HttpRequest) -> HttpResponseBase:
    """Show them, change them; who changed what is written down."""
    now = current()
    before = {name: getattr(now, name) for name in TermsForm.Meta.fields}
    form = TermsForm(request.POST if request.method == "POST" else None, instance=now)
    measured = seconds_measured()
    if measured is not None:
        form.fields["seconds_a_label"].help_text = f"The last answers took {measured:.1f} seconds, in the middle."
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            saved = form.save()
            changed = {name: getattr(saved, name) for name, old in before.items() if getattr(saved, name) != old}
            if changed:
                events.record(person_of(request), "quality terms changed", "", **changed)
        messages.success(request, "Saved.")
        return redirect("quality")
    return render(request, "quality/terms.html", {"form": form})
