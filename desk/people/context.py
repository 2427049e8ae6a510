"""What every page shows: the parts of the desk that the person may open, alarms, the version."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from desk.people.access import allowed
from desk.people.models import Person, Role


@dataclass(frozen=True)
class Entry:
    """One link of the navigation."""

    name: str
    address: str
    here: bool


# Name, address below the home page, roles.
_PARTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Label", "label/", (Role.LABELLER,)),
    ("My answers", "label/mine/", (Role.LABELLER,)),
    ("Quality", "quality/", (Role.BUSINESS,)),
    ("Labellers", "quality/people/", (Role.REVIEWER,)),
    ("Alarms", "quality/alarms/", (Role.BUSINESS,)),
    ("Products", "products/", (Role.BUSINESS,)),
    ("Inbox", "inbox/", (Role.BUSINESS,)),
    ("Brakes", "brakes/", (Role.BUSINESS,)),
    ("People", "people/", (Role.ADMINISTRATOR,)),
    ("Tokens", "tokens/", (Role.ADMINISTRATOR,)),
    ("Log", "log/", (Role.ADMINISTRATOR,)),
)


def desk(request: HttpRequest) -> dict[str, Any]:
    """Values for `base.html`."""
    values: dict[str, Any] = {"aisle_version": _version(), "navigation": []}
    person = getattr(request, "user", None)
    if isinstance(person, Person):
        values["navigation"] = navigation(person, request.path)
    return values


def navigation(person: Person, path: str) -> list[Entry]:
    """The links that `person` may follow; the one that `path` lies in is `here`."""
    home = reverse("home")
    open_to = [(name, f"{home}{below}") for name, below, roles in _PARTS if allowed(person, *roles)]
    inside = [address for _, address in open_to if path.startswith(address)]
    here = max(inside, key=len, default="")
    return [Entry(name, address, address == here) for name, address in open_to]


@functools.cache
def _version() -> str:
    try:
        return version("aisle")
    except PackageNotFoundError:
        return ""
