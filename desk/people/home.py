"""The first page after the log-in: what waits for this person."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from desk.labelling import eligible, queue
from desk.ledger.models import Alarm, Answer, Brake, Status, Waiting
from desk.people.access import allowed, page, person_of
from desk.people.context import navigation
from desk.people.models import Person, Role

COUNT_TO = 10_000  # beyond, the page says "10,000+": a count must not make it slow


@dataclass(frozen=True)
class Figure:
    """One number with where to go from there."""

    name: str
    value: str
    hint: str = ""
    address: str = ""
    tone: str = ""


_ABOUT = {
    "Label": "Answer the next product: is this the right category?",
    "My answers": "What you answered, with a way to take it back.",
    "Quality": "How accurate the catalogue is, how sure we are, what it costs.",
    "Labellers": "How often people agree and err, and how fast they answer.",
    "Alarms": "What the monitoring found, and what was decided about it.",
    "Products": "Find a product, see its whole history, correct it.",
    "Inbox": "Send products, see what waits and whether the service answers.",
    "Brakes": "Stop or tighten automatic decisions, and release them again.",
    "People": "Who works here, with which role.",
    "Tokens": "Keys of programs that use the API.",
    "Log": "Who administered what, and when.",
}


@page()
def home(request: HttpRequest) -> HttpResponseBase:
    """Numbers and ways by role."""
    person = person_of(request)
    links = navigation(person, request.path)
    reach = {entry.name: entry.address for entry in links}
    figures: list[Figure] = []
    if allowed(person, Role.LABELLER):
        figures += _work(person, reach)
    if allowed(person, Role.BUSINESS):
        figures += _operation(reach)
    parts = [(entry, _ABOUT.get(entry.name, "")) for entry in links if entry.name != "Label"]
    return render(request, "people/home.html", {"figures": figures, "parts": parts, "label": reach.get("Label")})


def _work(person: Person, reach: dict[str, str]) -> list[Figure]:
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    today = Answer.objects.filter(person=person, answered_at__gte=midnight).exclude(status=Status.UNDONE)
    return [
        Figure("Tasks for you", _mine(person), _others(person), reach.get("Label", "")),
        Figure("Your answers today", _count(today), "since midnight, UTC", reach.get("My answers", "")),
    ]


def _mine(person: Person) -> str:
    waiting = queue.waiting(person)
    return f"{waiting:,}" if waiting < queue.COUNT_TO else f"{queue.COUNT_TO:,}+"


def _others(person: Person) -> str:
    """What waits for somebody else; for those alone who see the backlog too: it tells of answers."""
    count = eligible.for_others(person) if allowed(person, Role.BUSINESS) else 0
    if not count:
        return "that wait; nobody else is asked the same"
    return f"{count:,} more {'waits' if count == 1 else 'wait'} for a second person"


def _operation(reach: dict[str, str]) -> list[Figure]:
    waiting = Waiting.objects.filter(refused=False)
    brakes = Brake.objects.filter(released_at=None)
    alarms = Alarm.objects.filter(Q(colour="red") | Q(colour="yellow"), acknowledged_at=None)
    return [
        Figure("Products that wait for the service", _count(waiting), "stored, not scored yet", reach.get("Inbox", "")),
        Figure("Brakes in force", _count(brakes), "", reach.get("Brakes", ""), "wait" if brakes.exists() else ""),
        Figure("Alarms not looked at", _count(alarms), "", reach.get("Alarms", ""), "bad" if alarms.exists() else ""),
    ]


def _count(rows: QuerySet[Answer] | QuerySet[Waiting] | QuerySet[Brake] | QuerySet[Alarm]) -> str:
    counted = rows.order_by()[: COUNT_TO + 1].count()
    return f"{COUNT_TO:,}+" if counted > COUNT_TO else f"{counted:,}"
