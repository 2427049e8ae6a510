"""Answers: given once, whatever the network does; what follows from one is written in the same transaction."""

from __future__ import annotations

import datetime as dt
from uuid import UUID, uuid5

from django.db.models import Q
from django.utils import timezone

from aisle.errors import DataError
from desk.inbox.rows import whole
from desk.labelling import consequences
from desk.labelling.queue import EXPIRY, kinds_for
from desk.ledger.models import Answer, Export, Kind, Product, State, Status, Task
from desk.people.models import Person
from desk.tree import taxonomy

SKIP_REASONS = (
    "too little information",
    "no category fits",
    "several products in one",
    "a language I cannot read",
    "another reason",
)
MOST_LETTERS = 1000  # of a note
UNDO_WITHIN = dt.timedelta(minutes=10)
_LONGEST = 24 * 3600.0  # seconds from shown to answered that are kept
_UNDO = UUID("6f3d7d0e-2f0c-4b57-9d3c-6c1b5f0c2a11")  # of names: the undo of an answer has one id


class AnswerRefused(DataError):
    """An answer or an undo that cannot be taken; `status` as in HTTP: 400, 403, 404, 409."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def give(
    task_id: int,
    person: Person,
    uuid: UUID,
    *,
    category_id: str | None = None,
    skip_reason: str = "",
    note: str = "",
    seconds: float | None = None,
    now: dt.datetime | None = None,
) -> Answer:
    """Store the answer of `person` to a task that they hold, and what follows from it; the same `uuid` again is one.

    A claim that ran out still counts as long as nobody else took the task.

    Parameters
    ----------
    category_id : str or None
        A leaf of the tree; None: cannot say, with one of `SKIP_REASONS`.
    note : str
        At most 1,000 characters.
    seconds : float, optional
        From shown to answered, by the clock of who answered. It is no longer than the task was held; left out,
        it is taken to be as long.

    Raises
    ------
    AnswerRefused
        404 for an unknown task; 403 for one of a kind that the person may not answer; 400 for what is no
        category or reason; 409 where the task is done, another's, or superseded, or the uuid was used.
    DataError
        Where the tree is missing.
    """
    _check(category_id, skip_reason, note)
    return whole(lambda: _give(task_id, person, uuid, category_id, skip_reason, note, seconds, now or timezone.now()))


def undo(person: Person, answer_uuid: UUID, *, now: dt.datetime | None = None) -> Answer:
    """Take back an own answer of the last ten minutes; the task is the person's again. Twice is once.

    What followed from the answer is taken back too; once somebody has built on it, it stays.

    Raises
    ------
    AnswerRefused
        404 for an answer that is not there or another's, 409 where it is too late.
    """
    return whole(lambda: _undo(person, answer_uuid, now or timezone.now()))


def _check(category_id: str | None, skip_reason: str, note: str) -> None:
    if len(note) > MOST_LETTERS:
        raise AnswerRefused(400, f"the note has {len(note):,} characters; {MOST_LETTERS:,} are kept")
    if "\0" in note:
        raise AnswerRefused(400, "the note holds a character that no text has")
    if category_id is None:
        if skip_reason not in SKIP_REASONS:
            raise AnswerRefused(400, f"say a category, or one of the reasons: {', '.join(SKIP_REASONS)}")
        return
    if skip_reason:
        raise AnswerRefused(400, "an answer has a category or a reason why there is none, not both")
    tree = taxonomy()
    if category_id not in tree or category_id in tree.children:
        raise AnswerRefused(400, f"'{category_id[:200]}' is not a category that products can be put into")


def _give(
    task_id: int,
    person: Person,
    uuid: UUID,
    category_id: str | None,
    skip_reason: str,
    note: str,
    seconds: float | None,
    now: dt.datetime,
) -> Answer:
    chain = _locked(task_id)
    task = next((one for one in chain if one.pk == task_id), None)
    if task is None:
        raise AnswerRefused(404, "there is no such task")
    known = Answer.objects.filter(uuid=uuid).first()
    if known is not None:
        if known.person_id != person.pk or known.task_id != task.pk:
            raise AnswerRefused(409, "this uuid belongs to another answer; make a new one for each answer")
        return known
    _check_held(task, person)
    product = Product.objects.select_for_update().get(pk=task.product_id)
    answer = Answer(
        uuid=uuid, task=task, product=product, revision_id=task.revision_id, person=person,
        status=Status.SKIPPED if category_id is None else Status.ANSWERED, category_id=category_id,
        skip_reason=skip_reason, note=note.strip(), suggested_category_id=shown(task),
        shown_at=_shown_at(task, now, seconds),
        answered_at=now,
    )  # fmt: skip
    before = consequences.stands(product)
    task.state = State.SKIPPED if category_id is None else State.ANSWERED
    task.done_at = now
    task.save(update_fields=["state", "done_at"])
    changed = consequences.follow(answer, task, chain, product)
    answer.changed_from = before if changed else None
    answer.save()
    return answer


def shown(task: Task) -> str | None:
    """The suggestion that a task shows; None where it is blind. Whoever looks again is never shown one."""
    if task.prediction is None or task.blind or task.kind in (Kind.CONFIRM, Kind.ADJUDICATE):
        return None
    return task.prediction.category_id


def _shown_at(task: Task, now: dt.datetime, seconds: float | None) -> dt.datetime:
    """Nobody saw the task before it was theirs, whatever the sender says of it."""
    held = min(task.claimed_at or now, now)
    if seconds is None or not (seconds >= 0):
        return held
    return max(held, now - dt.timedelta(seconds=min(seconds, _LONGEST)))


def _check_held(task: Task, person: Person) -> None:
    if task.kind not in kinds_for(person):
        raise AnswerRefused(403, "this task is for reviewers")
    if task.state == State.SUPERSEDED:
        raise AnswerRefused(409, "this product is not asked about any more; nothing was stored")
    if task.state in (State.ANSWERED, State.SKIPPED):
        raise AnswerRefused(409, "this task was answered already; nothing was stored")
    if task.state != State.CLAIMED or task.claimed_by_id != person.pk:
        raise AnswerRefused(409, "this task is not yours (any more); nothing was stored")


def _locked(task_id: int) -> list[Task]:
    """The task and all that look at the same audit or review, oldest first, kept until the transaction ends."""
    start = Task.objects.filter(pk=task_id).values_list("id", "first_id").first()
    if start is None:
        return []
    root = start[1] or start[0]
    rows = Task.objects.filter(Q(pk=root) | Q(first_id=root)).order_by("id").select_for_update()
    return list(rows)


def _gone_out(answer: Answer) -> bool:
    """Whether a day that was planned for export holds the answer; one that came after its plan is in the next."""
    day = Export.objects.filter(day=answer.answered_at.astimezone(dt.UTC).date()).first()
    return day is not None and answer.pk <= day.plan.get("last", {}).get("Answer", answer.pk)


def _undo(person: Person, answer_uuid: UUID, now: dt.datetime) -> Answer:
    answer = Answer.objects.filter(uuid=answer_uuid, person=person).exclude(status=Status.UNDONE).first()
    if answer is None:
        raise AnswerRefused(404, "you gave no such answer")
    chain = _locked(answer.task_id)
    task = next(one for one in chain if one.pk == answer.task_id)
    known = Answer.objects.filter(undoes=answer).first()
    if known is not None:
        return known
    if now - answer.answered_at > UNDO_WITHIN:
        raise AnswerRefused(409, "the answer is older than ten minutes and stays; a reviewer can correct the product")
    done = (State.ANSWERED, State.SKIPPED)
    built_on = any(consequences.follows(one, task) and one.state in done for one in chain)
    if built_on or _gone_out(answer):
        raise AnswerRefused(409, "the answer has been used already and stays; a reviewer can correct the product")
    product = Product.objects.select_for_update().get(pk=answer.product_id)
    undone = Answer.objects.create(
        uuid=uuid5(_UNDO, str(answer.uuid)), task=task, product=product, revision_id=answer.revision_id,
        person=person, status=Status.UNDONE, undoes=answer, answered_at=now,
    )  # fmt: skip
    consequences.take_back(answer, task, chain, product, now)
    if task.state != State.SUPERSEDED:
        task.state, task.claimed_by = State.CLAIMED, person
        task.claimed_at, task.claimed_until, task.done_at = now, now + EXPIRY, None
        task.save(update_fields=["state", "claimed_by", "claimed_at", "claimed_until", "done_at"])
    return undone
