"""The API of labelling: take tasks, answer them, take an answer back, find a category."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec
from django.db import DatabaseError
from django.http import HttpRequest
from msgspec import Meta

from aisle.errors import AisleError, one_line
from desk.labelling import answers, queue, search, showing, tickets
from desk.ledger.models import State, Task
from desk.people.access import ApiError, api, person_of, read_json
from desk.people.models import Person, Scope
from desk.tree import taxonomy

T = TypeVar("T")
_log = logging.getLogger(__name__)
Count = Annotated[int, Meta(ge=1, le=queue.MOST)]


class Claim(msgspec.Struct, forbid_unknown_fields=True):
    """Which tasks are wanted."""

    count: Count = queue.AHEAD
    kinds: list[Literal["label", "adjudicate"]] | None = None  # no more than the tasks themselves say


class Given(msgspec.Struct, forbid_unknown_fields=True):
    """One answer; `next` asks for that many tasks with the receipt."""

    task_id: Annotated[str, Meta(min_length=1, max_length=40)]
    uuid: UUID
    category_id: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    skip_reason: str = ""
    note: str = ""
    seconds: Annotated[float, Meta(ge=0)] | None = None
    next: Annotated[int, Meta(ge=0, le=queue.MOST)] = 0


class Undo(msgspec.Struct, forbid_unknown_fields=True):
    """The answer that is taken back."""

    uuid: UUID


@api(Scope.ANSWER)
def claim(request: HttpRequest) -> dict[str, Any]:
    """`POST /api/tasks/claim {"count": 2}`: own claims and new ones, each held for ten minutes."""
    wanted, person = read_json(request, Claim), person_of(request)
    return _desk(person, wanted.count, wanted.kinds)


@api(Scope.ANSWER)
def give(request: HttpRequest) -> dict[str, Any]:
    """`POST /api/answers`: stored when the answer is there; sent again with the same uuid, nothing changes.

    The receipt comes whatever becomes of the tasks that were asked for with it: they are missing then.
    """
    said, person = read_json(request, Given), person_of(request)
    task = tickets.number(said.task_id)
    if task is None:
        raise ApiError(404, "there is no such task")
    stored = _refusing(
        lambda: answers.give(
            task,
            person,
            said.uuid,
            category_id=said.category_id,
            skip_reason=said.skip_reason,
            note=said.note,
            seconds=said.seconds,
        )
    )
    receipt = {"uuid": str(stored.uuid), "task_id": said.task_id, "answered_at": stored.answered_at}
    if not said.next:
        return receipt
    try:
        return receipt | _desk(person, said.next, None)
    except (AisleError, DatabaseError) as error:
        _log.error("no next task with a receipt: %s", one_line(error))
        return receipt


@api(Scope.ANSWER)
def undo(request: HttpRequest) -> dict[str, Any]:
    """`POST /api/answers/undo {"uuid": of the answer}`: the task comes back, held by the same person."""
    wanted, person = read_json(request, Undo), person_of(request)
    undone = _refusing(lambda: answers.undo(person, wanted.uuid))
    rows = Task.objects.filter(pk=undone.task_id, state=State.CLAIMED, claimed_by=person)
    again = rows.select_related("revision__product", "prediction").first()
    return {"uuid": str(wanted.uuid), "task": showing.task(again) if again else None}


@api(Scope.ANSWER, Scope.READ, methods=("GET",))
def find(request: HttpRequest) -> dict[str, Any]:
    """`GET /api/categories/search?q=…&limit=10`: categories that fit what was typed, the best first."""
    text, limit = request.GET.get("q", ""), request.GET.get("limit", "10")
    if not limit.isdecimal() or len(limit) > 3 or not 1 <= int(limit) <= search.MOST:
        raise ApiError(400, f"limit is a whole number from 1 to {search.MOST}")
    tree = taxonomy()
    return {"categories": [showing.category(tree, one) for one in search.find(text[:400], int(limit))]}


@api(Scope.ANSWER, Scope.READ, methods=("GET",))
def categories(request: HttpRequest) -> dict[str, Any]:
    """`GET /api/categories`: the whole tree, as in `taxonomy.csv`."""
    return {
        "categories": [
            {"category_id": one.category_id, "parent_id": one.parent_id, "name": one.name}
            for one in taxonomy().categories.values()
        ]
    }


def _desk(person: Person, count: int, kinds: Collection[str] | None) -> dict[str, Any]:
    return showing.desk_of(person, queue.claim(person, count, kinds))


def _refusing(run: Callable[[], T]) -> T:
    try:
        return run()
    except answers.AnswerRefused as error:
        raise ApiError(error.status, str(error)) from error
