"""The audits of a window: what was decided, what people said, and what follows for the estimates."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aisle.audit.estimates import audit_state
from desk.labelling.standing import label_of
from desk.ledger.models import Answer, Decision, Kind, Prediction, State, Status, Task
from desk.quality.windows import Window
from desk.tree import agrees


class Audit(NamedTuple):
    """An audit task with the prediction that it asks about."""

    task: int
    product: int
    revision: int
    blind: bool
    at: dt.datetime  # of the prediction: an audit counts at the day of its decision
    decision: str
    category: str
    decided_id: str | None
    branch: str
    model_version: str
    probability: float
    seller: str

    @property
    def decided(self) -> str:
        """What the machine decided; under review what it had on top."""
        return self.decided_id or self.category


@dataclass
class Said:
    """What people said of an audit, and did not take back."""

    first: str | None = None
    second: str | None = None
    adjudicated: str | None = None
    skipped: bool = False


@dataclass(frozen=True)
class Audits:
    """n audits in the order of the draw.

    Attributes
    ----------
    rows : list of n Audit
    said : list of n Said
    state : array of int, shape (n,)
        Places in `aisle.audit.estimates.STATES`.
    least : float
        The least chance of an audit of any product of the window, drawn or not.
    """

    rows: list[Audit]
    said: list[Said]
    state: NDArray[np.int64]
    least: float

    @property
    def probability(self) -> NDArray[np.float64]:
        """Of each audit, in (0, 1]."""
        return np.array([one.probability for one in self.rows], dtype=np.float64)

    @property
    def automatic(self) -> NDArray[np.bool_]:
        """Whether a machine had decided."""
        return np.array([one.decision == Decision.AUTO for one in self.rows], dtype=bool)

    def label(self, place: int) -> str | None:
        """What people say the category is; None where they do not, or differ."""
        one, said = self.rows[place], self.said[place]
        label, _ = label_of(one.decision, one.decided, said.first, said.second, said.adjudicated)
        return label


def audits_of(window: Window) -> Audits:
    """Read them: three queries, whatever the number of products.

    `desk.labelling.standing.audit_results` says the same of each audit, and takes some ten times as long:
    a page for a million products has not so much time.
    """
    # A task of an audit is as old as its prediction, and in the index by its time. A prediction without a
    # chance comes from outside of the draw; it is no audit of anything.
    tasks = Task.objects.filter(
        kind=Kind.AUDIT, created_at__gte=window.since, created_at__lt=window.until, prediction__audit_probability__gt=0
    ).exclude(state=State.SUPERSEDED)  # fmt: skip
    found = tasks.order_by("id").values_list(
        "id", "product_id", "revision_id", "blind", "created_at", "prediction__decision", "prediction__category_id",
        "prediction__decided_id", "prediction__branch_id", "prediction__model_version",
        "prediction__audit_probability", "product__seller",
    )  # fmt: skip
    rows = [Audit(*row) for row in found]
    answers = _said(window)
    said = [answers.get(one.task, _NOTHING) for one in rows]
    least = min([_least(window), *(one.probability for one in rows)])
    return Audits(rows, said, states(rows, said), least)


_NOTHING = Said()


def _said(window: Window) -> dict[int, Said]:
    """What was said, by the first task."""
    kinds = (Kind.AUDIT, Kind.CONFIRM, Kind.ADJUDICATE)
    answers = Answer.objects.filter(task__kind__in=kinds, task__created_at__gte=window.since).order_by()
    columns = ("id", "task_id", "task__first_id", "task__kind", "status", "category_id", "undoes_id")
    rows = sorted(answers.values_list(*columns))
    undone = {row[6] for row in rows if row[4] == Status.UNDONE}
    said: dict[int, Said] = defaultdict(Said)
    for key, task, first, kind, status, category, _ in rows:
        if status == Status.UNDONE or key in undone:
            continue
        one = said[first or task]
        if status == Status.SKIPPED:
            one.skipped = True
        elif kind == Kind.AUDIT:
            one.first = category
        elif kind == Kind.CONFIRM:
            one.second = category
        else:
            one.adjudicated = category
    return said


def states(rows: Sequence[Audit], said: Sequence[Said]) -> NDArray[np.int64]:
    """The state of each audit."""
    agree, contradict, settled, skipped = [], [], [], []
    for row, one in zip(rows, said, strict=True):
        votes = [agrees(each, row.decided) for each in (one.first, one.second) if each is not None]
        agree.append(sum(votes))
        contradict.append(len(votes) - sum(votes))
        settled.append(-1 if one.adjudicated is None else int(agrees(one.adjudicated, row.decided)))
        skipped.append(int(one.skipped))
    return audit_state(agree, contradict, settled, skipped, [row.decision == Decision.AUTO for row in rows])


def _least(window: Window) -> float:
    """The least chance in the window: a step into the index that begins with it."""
    predictions = Prediction.objects.filter(
        predicted_at__gte=window.since, predicted_at__lt=window.until, audit_probability__gt=0
    )
    found = predictions.order_by("audit_probability").values_list("audit_probability", flat=True).first()
    return 1.0 if found is None else found
