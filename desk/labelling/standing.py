"""What counts as the answer to an audit, from all that people said of it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from desk.ledger.models import Answer, Decision, Kind, State, Status, Task
from desk.tree import agrees

_AT_A_TIME = 10_000  # audits whose answers are read in one query


@dataclass(frozen=True)
class AuditResult:
    """One audit.

    Attributes
    ----------
    task, product, prediction : int
        Their keys.
    product_id : str
    predicted_at : datetime
        Reports show an audit at the day of its prediction.
    audit_probability : float in (0, 1]
    blind : bool
        Whether the first person was shown no suggestion.
    status : str
        `answered` where anybody said a category, `skipped` where people could not say, else `open`.
    decision : str
        `auto` or `review`, after the brakes.
    decided : str
        The category of the decision, a branch where the policy decides no more; under review the category
        that the model had on top. A leaf below a branch that was decided does not contradict it.
    first, second, adjudicated : str or None
        Categories that people said; None where nobody did, or could not say.
    label : str or None
        What counts: the adjudicated category, else the one that two said, else the first one where nobody
        contradicts it and it contradicts no automatic decision. None: skipped, or pending.
    confirmed : bool or None
        Of an answer that contradicts an automatic decision: True confirmed as an error, False cleared by an
        adjudication, None pending. None too where nothing was contradicted.
    labellers : tuple of int
        Keys of those who answered or skipped, in that order.
    """

    task: int
    product: int
    product_id: str
    prediction: int
    predicted_at: dt.datetime
    audit_probability: float
    blind: bool
    status: str
    decision: str
    decided: str
    first: str | None
    second: str | None
    adjudicated: str | None
    label: str | None
    confirmed: bool | None
    labellers: tuple[int, ...]


@dataclass
class _Said:
    """Answers to an audit that were not taken back, by kind of task."""

    skipped: bool = False
    first: str | None = None
    second: str | None = None
    adjudicated: str | None = None
    labellers: tuple[int, ...] = ()


_PLACE = {Kind.CONFIRM.value: "second", Kind.ADJUDICATE.value: "adjudicated"}
_FIELDS = (
    "id", "product_id", "product__product_id", "prediction_id", "prediction__predicted_at",
    "prediction__audit_probability", "blind", "prediction__decision", "prediction__decided_id",
    "prediction__category_id",
)  # fmt: skip


def audit_results(since: dt.date | None = None, until: dt.date | None = None) -> list[AuditResult]:
    """The audits of predictions of the days from `since` to `until` (UTC, both included), in the order of the draw.

    Audits that were superseded are left out; nothing supersedes one today.
    """
    audits = Task.objects.filter(kind=Kind.AUDIT, prediction__isnull=False).exclude(state=State.SUPERSEDED)
    if since is not None:
        audits = audits.filter(prediction__predicted_at__gte=_midnight(since))
    if until is not None:
        audits = audits.filter(prediction__predicted_at__lt=_midnight(until + dt.timedelta(days=1)))
    rows = list(audits.order_by("id").values_list(*_FIELDS))
    said = _answers([row[0] for row in rows])
    return [_result(row, said.get(row[0], _Said())) for row in rows]


def label_of(
    decision: str, decided: str, first: str | None, second: str | None, adjudicated: str | None
) -> tuple[str | None, bool | None]:
    """The label that counts, and whether an error of an automatic decision is confirmed; see `AuditResult`."""
    automatic = decision == Decision.AUTO
    wrong = [automatic and one is not None and not agrees(one, decided) for one in (first, second)]
    contradicted = any(wrong)
    if adjudicated is not None:
        return adjudicated, (not agrees(adjudicated, decided)) if contradicted else None
    confirmed = True if all(wrong) else None
    if first is not None and second is not None:
        return (first if first == second else None), confirmed
    one = first if first is not None else second
    return (None if contradicted else one), confirmed


def _result(row: Sequence[object], said: _Said) -> AuditResult:
    task, product, product_id, prediction, at, probability, blind, decision, decided_id, top = row
    decided = str(decided_id or top)
    label, confirmed = label_of(str(decision), decided, said.first, said.second, said.adjudicated)
    answered = any(one is not None for one in (said.first, said.second, said.adjudicated))
    status = "answered" if answered else "skipped" if said.skipped else "open"
    return AuditResult(
        task, product, product_id, prediction, at, probability, blind, status, decision, decided,  # type: ignore[arg-type]
        said.first, said.second, said.adjudicated, label, confirmed, said.labellers,
    )  # fmt: skip


def _answers(audits: Sequence[int]) -> dict[int, _Said]:
    said: dict[int, _Said] = defaultdict(_Said)
    for start in range(0, len(audits), _AT_A_TIME):
        some = audits[start : start + _AT_A_TIME]
        good = Answer.objects.filter(undone_by=None).exclude(status=Status.UNDONE)
        for rows in (good.filter(task_id__in=some), good.filter(task__first_id__in=some)):
            _take(said, rows.order_by("id").values_list(
                "task_id", "task__first_id", "task__kind", "status", "category_id", "person_id"
            ))  # fmt: skip
    return said


def _take(said: dict[int, _Said], rows: Iterable[tuple[int, int | None, str, str, str | None, int]]) -> None:
    for task, root, kind, status, category_id, person in rows:
        one = said[root or task]
        one.labellers += (person,)
        if status == Status.SKIPPED:
            one.skipped = True
        else:
            setattr(one, _PLACE.get(kind, "first"), category_id)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
