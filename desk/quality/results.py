"""The audits of a window: what was decided, what people said, and what follows for the estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aisle.audit.estimates import audit_state
from aisle.catalogue.taxonomy import Taxonomy
from aisle.errors import DataError
from desk.labelling.standing import AuditResult, audit_results
from desk.ledger.models import Decision, Kind, Prediction, Status, Task
from desk.quality.windows import Window
from desk.tree import taxonomy


class Slice(NamedTuple):
    """Where an audit belongs."""

    revision: int
    branch: str
    model_version: str
    seller: str


@dataclass(frozen=True)
class Audits:
    """n audits in the order of the draw.

    Attributes
    ----------
    results : list of n AuditResult
    slices : list of n Slice
    state : array of int, shape (n,)
        Places in `aisle.audit.estimates.STATES`.
    least : float
        The least chance of an audit of any product of the window, drawn or not.
    """

    results: list[AuditResult]
    slices: list[Slice]
    state: NDArray[np.int64]
    least: float

    @property
    def probability(self) -> NDArray[np.float64]:
        """Of each audit, in (0, 1]."""
        return np.array([one.audit_probability for one in self.results], dtype=np.float64)

    @property
    def automatic(self) -> NDArray[np.bool_]:
        """Whether a machine had decided."""
        return np.array([one.decision == Decision.AUTO for one in self.results], dtype=bool)


def audits_of(window: Window) -> Audits:
    """Read them: a handful of queries, whatever the number of products."""
    # A prediction without a chance comes from outside of the draw; it is no audit of anything.
    results = [one for one in audit_results(window.first, window.last) if one.audit_probability > 0]
    tasks = Task.objects.filter(
        kind=Kind.AUDIT, prediction__predicted_at__gte=window.since, prediction__predicted_at__lt=window.until
    )
    columns = ("id", "revision_id", "prediction__branch_id", "prediction__model_version", "product__seller")
    slices = {row[0]: Slice(*row[1:]) for row in tasks.order_by().values_list(*columns)}  # type: ignore[arg-type]
    least = min([_least(window), *(one.audit_probability for one in results)])
    return Audits(results, [slices[one.task] for one in results], states(results), least)


def states(results: Sequence[AuditResult]) -> NDArray[np.int64]:
    """The state of each audit."""
    same = Same()
    agree, contradict, settled, skipped = [], [], [], []
    for one in results:
        said = [same(each, one.decided) for each in (one.first, one.second) if each is not None]
        agree.append(sum(said))
        contradict.append(len(said) - sum(said))
        settled.append(-1 if one.adjudicated is None else int(same(one.adjudicated, one.decided)))
        skipped.append(int(one.status == Status.SKIPPED))
    return audit_state(agree, contradict, settled, skipped, [one.decision == Decision.AUTO for one in results])


class Same:
    """Whether an answer is what was decided: the category itself, or one below the branch that was decided."""

    def __init__(self) -> None:
        self._tree: Taxonomy | None
        try:
            self._tree = taxonomy()
        except DataError:
            self._tree = None

    def __call__(self, answered: str, decided: str) -> bool:
        """`decided` may be a branch alone, where the policy decides no more."""
        if answered == decided or self._tree is None:
            return answered == decided
        known = self._tree
        return decided in known and answered in known and known.branch_of(answered) == decided


def _least(window: Window) -> float:
    """The least chance in the window: a step into the index that begins with it."""
    predictions = Prediction.objects.filter(
        predicted_at__gte=window.since, predicted_at__lt=window.until, audit_probability__gt=0
    )
    found = predictions.order_by("audit_probability").values_list("audit_probability", flat=True).first()
    return 1.0 if found is None else found
