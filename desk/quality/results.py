"""The audits of a window, and what people said of each."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aisle.audit.estimates import SKIPPED, STATES, audit_state
from aisle.catalogue.taxonomy import Taxonomy
from aisle.errors import DataError
from desk.history.names import tree
from desk.ledger.models import Answer, Decision, Kind, Prediction, State, Status, Task
from desk.quality.windows import Window


class Audit(NamedTuple):
    """An audit task with the prediction that it asks about."""

    task: int
    product: int
    revision: int
    created_at: dt.datetime
    state: str
    blind: bool
    decision: str
    decided: str  # category (or branch) that the machine decided, or had on top
    branch: str
    model_version: str
    probability: float
    seller: str


class Said(NamedTuple):
    """One answer that was not taken back."""

    revision: int
    kind: str
    person: int
    status: str
    category: str | None
    suggested: str | None
    answered_at: dt.datetime


@dataclass(frozen=True)
class Audits:
    """n audits in the order of their tasks.

    Attributes
    ----------
    rows : list of n Audit
    state : array of int, shape (n,)
        Places in `aisle.audit.estimates.STATES`.
    label : list of n str or None
        What people say the category is: adjudicated, else the most votes, else the latest.
    first : list of n (category or None, suggestion or None) or None
        The first answer to the audit itself, where there is one that is not a skip.
    settled_at : list of n datetime or None
        The latest answer.
    least : float
        The least chance of an audit of any product of the window, drawn or not.
    """

    rows: list[Audit]
    state: NDArray[np.int64]
    label: list[str | None]
    first: list[tuple[str, str | None] | None]
    settled_at: list[dt.datetime | None]
    least: float

    @property
    def probability(self) -> NDArray[np.float64]:
        """Of each audit, in (0, 1]."""
        return np.array([one.probability for one in self.rows], dtype=np.float64)

    @property
    def automatic(self) -> NDArray[np.bool_]:
        """Whether a machine had decided."""
        return np.array([one.decision == Decision.AUTO for one in self.rows], dtype=bool)

    def count(self, state: int) -> int:
        """How many are in a state."""
        return int((self.state == state).sum())


def audits_of(window: Window) -> Audits:
    """Read them; two queries, whatever the number of products."""
    tasks = Task.objects.filter(kind=Kind.AUDIT, created_at__gte=window.since, created_at__lt=window.until)
    found = tasks.order_by("id").values_list(
        "id", "product_id", "revision_id", "created_at", "state", "blind", "prediction__decision",
        "prediction__category_id", "prediction__decided_id", "prediction__branch_id", "prediction__model_version",
        "prediction__audit_probability", "product__seller",
    )  # fmt: skip
    rows = [
        Audit(*row[:7], row[8] if row[6] == Decision.AUTO and row[8] else row[7], *row[9:])  # type: ignore[arg-type]
        for row in found
        if row[11]
    ]
    said: dict[int, list[Said]] = defaultdict(list)
    for one in _answers(tasks.order_by().values("revision_id")):
        said[one.revision].append(one)
    same = Same()
    votes = [_votes(row, said.get(row.revision, ()), same) for row in rows]
    state = _states(rows, votes)
    return Audits(
        rows,
        state,
        [one.label for one in votes],
        [one.first for one in votes],
        [one.latest for one in votes],
        _least(window, [row.probability for row in rows]),
    )


def _answers(revisions: object) -> Iterable[Said]:
    kinds = (Kind.AUDIT, Kind.CONFIRM, Kind.ADJUDICATE)
    answers = Answer.objects.filter(revision_id__in=revisions, task__kind__in=kinds, undone_by__isnull=True)
    rows = answers.exclude(status=Status.UNDONE).order_by("id")
    columns = ("revision_id", "task__kind", "person_id", "status", "category_id", "suggested_category_id")
    return (Said(*row) for row in rows.values_list(*columns, "answered_at").iterator(5000))


class Same:
    """Whether an answer is what was decided: the category itself, or one of the branch that was decided."""

    def __init__(self) -> None:
        self._tree: Taxonomy | None
        try:
            self._tree = tree()
        except DataError:
            self._tree = None

    def __call__(self, answered: str | None, decided: str) -> bool:
        """`decided` may be a branch alone."""
        if answered == decided or answered is None or self._tree is None:
            return answered == decided
        known = self._tree
        return decided in known and answered in known and known.branch_of(answered) == decided


class _Votes(NamedTuple):
    agree: int
    contradict: int
    settled: int
    skipped: int
    label: str | None
    first: tuple[str, str | None] | None
    latest: dt.datetime | None


def _votes(audit: Audit, said: Sequence[Said], same: Same) -> _Votes:
    latest: dict[int, str] = {}
    skipped, settled = 0, -1
    first: tuple[str, str | None] | None = None
    final: str | None = None
    for one in said:
        if one.status == Status.SKIPPED or one.category is None:
            skipped += 1
        elif one.kind == Kind.ADJUDICATE:
            final, settled = one.category, int(same(one.category, audit.decided))
        else:
            latest.pop(one.person, None)  # so that the latest answers stand last
            latest[one.person] = one.category
            if one.kind == Kind.AUDIT and first is None:
                first = (one.category, one.suggested)
    agree = sum(same(category, audit.decided) for category in latest.values())
    when = said[-1].answered_at if said else None
    return _Votes(agree, len(latest) - agree, settled, skipped, final or _most(latest.values()), first, when)


def _most(categories: Iterable[str]) -> str | None:
    """The category of most votes; of several the one that was said last."""
    given = list(categories)
    if not given:
        return None
    counts = Counter(reversed(given))
    return max(counts, key=counts.__getitem__)


def _states(rows: Sequence[Audit], votes: Sequence[_Votes]) -> NDArray[np.int64]:
    if not rows:
        return np.zeros(0, dtype=np.int64)
    columns = [[vote[place] for vote in votes] for place in range(4)]
    state = audit_state(*columns, automatic=[row.decision == Decision.AUTO for row in rows])
    # A task that somebody gave up and nobody answers any more is skipped, whatever became of its answers.
    given_up = np.array([row.state == State.SKIPPED for row in rows]) & (state == STATES.index("open"))
    return np.where(given_up, SKIPPED, state)


def _least(window: Window, drawn: Sequence[float]) -> float:
    """The least chance in the window: one step into the index that begins with it."""
    predictions = Prediction.objects.filter(
        predicted_at__gte=window.since, predicted_at__lt=window.until, audit_probability__gt=0
    )
    found = predictions.order_by("audit_probability").values_list("audit_probability", flat=True).first()
    return min([found if found is not None else 1.0, *drawn])
