"""Forms of the people and the token pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm, SetPasswordForm
from django.utils import timezone

from desk.people.models import Person, Role, Scope, called_like
from desk.people.reach import scopes_of

if TYPE_CHECKING:  # the forms know their model only for the checker
    _Creation = BaseUserCreationForm[Person]
    _Edit = forms.ModelForm[Person]
    _Password = SetPasswordForm[Person]
    _Choice = forms.ModelChoiceField[Person]
else:
    _Creation, _Edit, _Password = BaseUserCreationForm, forms.ModelForm, SetPasswordForm
    _Choice = forms.ModelChoiceField

ROLES = (
    "Labellers answer tasks and see their own answers. Business owners see quality, products and brakes. "
    "Reviewers do both, adjudicate, and see Labellers. Administrators do everything."
)


class NewPerson(_Creation):
    """A person with name, role and first password."""

    class Meta:
        model = Person
        fields = ("username", "first_name", "last_name", "email", "role")
        labels = {"username": "Name for the log-in"}
        help_texts = {"username": "Letters, digits and @ . + - _", "role": ROLES}

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["password1"].help_text = "At least 12 characters, not a common word. Hand it over in person."
        self.fields["password2"].label = "Password again"
        self.fields["username"].widget.attrs["autofocus"] = True

    def clean_username(self) -> str:
        """A name that no other is but for its case: people would take one for the other."""
        name = str(self.cleaned_data["username"])
        if called_like(name) is not None:
            raise forms.ValidationError("Somebody has this name already, perhaps in other letters; choose another one.")
        return name


class EditPerson(_Edit):
    """Names, role, and whether the person may log in."""

    class Meta:
        model = Person
        fields = ("first_name", "last_name", "email", "role", "is_active")
        labels = {"is_active": "May log in"}
        help_texts = {"role": ROLES, "is_active": "People are never deleted: their answers stay theirs."}


class NewPassword(_Password):
    """A password that an administrator sets."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["new_password1"].help_text = "At least 12 characters, not a common word. Hand it over in person."
        self.fields["new_password2"].label = "New password again"


class _Owners(_Choice):
    """People with their roles: what a token may depends on it."""

    def label_from_instance(self, obj: Person) -> str:
        """Name and role."""
        return f"{obj.username} ({obj.get_role_display()})"


class NewToken(forms.Form):
    """Name, owner, scopes and last day of a token."""

    name = forms.CharField(max_length=100, help_text="Which program uses it, and where.")
    person = _Owners(
        Person.objects.none(), empty_label=None, help_text="What the program does is written down as done by them."
    )
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, widget=forms.CheckboxSelectMultiple, help_text="Only what the role of the person allows."
    )
    last_day = forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
        help_text="UTC; the token works to the end of this day. Empty: until it is revoked.",
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        owner = self.fields["person"]
        assert isinstance(owner, forms.ModelChoiceField)
        owner.queryset = Person.objects.filter(is_active=True).order_by("username")
        # For people/tokens.js, which offers what the chosen person's role allows.
        reach = {person.pk: sorted(scopes_of(person.role)) for person in owner.queryset}
        owner.widget.attrs["data-scopes"] = json.dumps(reach)
        self.fields["last_day"].initial = timezone.now().date() + timedelta(days=365)

    def clean(self) -> dict[str, Any]:
        """Scopes within the role of the person."""
        given = super().clean() or self.cleaned_data
        owner, chosen = given.get("person"), given.get("scopes", [])
        if owner is not None:
            beyond = [Scope(one).label.lower() for one in chosen if one not in scopes_of(owner.role)]
            if beyond:
                self.add_error("scopes", f"A {owner.get_role_display().lower()} may not {', '.join(beyond)}.")
        return given

    def clean_last_day(self) -> datetime | None:
        """The moment at which the token ends."""
        day = self.cleaned_data["last_day"]
        if day is None:
            return None
        ends = datetime.combine(day, time.max, UTC)
        if ends <= timezone.now():
            raise forms.ValidationError("This day is over; choose a later one.")
        return ends


def administrator_stays(person: Person, role: str, active: bool) -> bool:
    """Whether an administrator would still be there if `person` had this role and state."""
    if role == Role.ADMINISTRATOR and active:
        return True
    others = Person.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exclude(pk=person.pk)
    return others.exists()
