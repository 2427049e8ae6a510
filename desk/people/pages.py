"""Pages of administrators: people and the log."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters

from desk.ledger.models import Event
from desk.people import access, events
from desk.people.forms import EditPerson, NewPassword, NewPerson, administrator_stays
from desk.people.models import Person, Role

_A_PAGE = 100


@access.page(Role.ADMINISTRATOR)
def people(request: HttpRequest) -> HttpResponseBase:
    """Everybody, who may log in first."""
    rows = Person.objects.order_by("-is_active", "username")
    shown = Paginator(rows, _A_PAGE).get_page(request.GET.get("page"))
    return render(request, "people/people.html", {"people": shown})


@sensitive_post_parameters()
@access.page(Role.ADMINISTRATOR)
def new_person(request: HttpRequest) -> HttpResponseBase:
    """Somebody new."""
    form = NewPerson(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            made = form.save()
            events.record(access.person_of(request), "person created", made.username, role=made.role)
        messages.success(request, f"{made.username} can log in now.")
        return redirect("people")
    return render(request, "people/new_person.html", {"form": form})


@access.page(Role.ADMINISTRATOR)
def person(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Change names, role and whether the person may log in."""
    about = get_object_or_404(Person, pk=pk)
    before = {"role": about.role, "is_active": about.is_active}
    form = EditPerson(request.POST or None, instance=about)
    if request.method == "POST":
        with transaction.atomic():
            list(Person.objects.select_for_update().filter(role=Role.ADMINISTRATOR))  # two at once leave one
            given = form.cleaned_data if form.is_valid() else None
            if given and not administrator_stays(about, given["role"], given["is_active"]):
                form.add_error(None, "This is the last administrator; make somebody else one first.")
            if form.is_valid():
                saved = form.save()
                _record_change(access.person_of(request), saved, before)
                messages.success(request, f"{saved.username} is changed.")
                return redirect("people")
    return render(request, "people/person.html", {"form": form, "about": about})


@sensitive_post_parameters()
@access.page(Role.ADMINISTRATOR)
def reset_password(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Set a password for somebody; their sessions end, and a lock-out too."""
    from axes.utils import reset

    about = get_object_or_404(Person, pk=pk)
    form = NewPassword(about, request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            reset(username=about.username)
            events.record(access.person_of(request), "password reset", about.username)
        messages.success(request, f"{about.username} has a new password; their sessions have ended.")
        return redirect("people")
    return render(request, "people/reset_password.html", {"form": form, "about": about})


@access.page(Role.ADMINISTRATOR)
def log(request: HttpRequest) -> HttpResponseBase:
    """What was administered, the newest first."""
    rows = Event.objects.select_related("person").order_by("-at", "-id")
    what, who = (request.GET.get(name, "").replace("\x00", "") for name in ("what", "who"))
    if what:
        rows = rows.filter(what=what)
    if who:
        rows = rows.filter(person__username=who)
    shown = Paginator(rows, _A_PAGE).get_page(request.GET.get("page"))
    kinds = list(Event.objects.order_by("what").values_list("what", flat=True).distinct())
    query = f"&{urlencode({'what': what, 'who': who})}"
    rows_told = [(event, events.told(event)) for event in shown]
    values = {"events": rows_told, "shown": shown, "kinds": kinds, "what": what, "who": who, "query": query}
    return render(request, "people/log.html", values)


def _record_change(by: Person, saved: Person, before: dict[str, object]) -> None:
    if saved.role != before["role"]:
        events.record(by, "role changed", saved.username, before=str(before["role"]), after=saved.role)
    if saved.is_active != before["is_active"]:
        events.record(by, "person activated" if saved.is_active else "person deactivated", saved.username)
