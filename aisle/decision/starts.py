"""The branch that a person starts in: from which branch confidence on is it handed over?

Of products under review, those whose branch is certain are handed over with it. The promise is
about just these products: at least `accuracy` of them are in the branch. All products would be
the wrong ones to ask, since the easy ones, which nobody sees, would outvote them.

But who is under review depends on the threshold of confidence, which was read off the same
calibration rows. So the test is not made once, at that threshold, but at every one from
infinity (all products are under review) down to it, and the first failure ends it. The path is
fixed before a calibration row is seen; where along it the threshold lies does not matter then,
because a promise that is broken at the end must first pass the test at the highest threshold
where it is broken, and that is one fixed test (fixed-sequence testing on a continuum: Bauer
1991, "Multiple testing in clinical trials"). The test is the exact binomial one, on calibration
rows thinned to equal chances; where whole sellers count, the approximate one for clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from aisle.bounds import binomial_p_value, clustered_p_value, design_effect
from aisle.decision.scored import ScoredProducts

# Parts of the path with a branch confidence of their own, evenly by training products.
_STEPS = 20
# Three paths that share the level, from careful to bold: how likely one test on it should be to pass.
_PROSPECTS = (0.9999, 0.99, 0.8)
_CANDIDATES = 100
# A test that passes less often than this would only take level from the threshold.
_HOPELESS = 0.3


@dataclass(frozen=True)
class Starts:
    """Products with the branch suggested for each.

    Attributes
    ----------
    branches : ScoredProducts
        At level 'branch': `confidence` is the branch's, `right` whether the branch is.
    sure : array of shape (n,)
        The confidence that decisions compare with their threshold; −inf where products always
        go to people.
    leaf_right : array of bool, shape (n,)
    """

    branches: ScoredProducts
    sure: NDArray[np.float64]
    leaf_right: NDArray[np.bool_]

    @classmethod
    def of(cls, products: ScoredProducts, branches: ScoredProducts) -> Starts:
        """From the same products, scored at level 'leaf' and at level 'branch'."""
        return cls(branches, np.where(products.allowed, products.confidence, -np.inf), products.right)

    def only(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Starts:
        """The products where `rows` (shape (n,)) is true, or at these indices."""
        return Starts(self.branches.only(rows), self.sure[rows], self.leaf_right[rows])


def certified_start(training: Starts, calibration: Starts, below: float, accuracy: float, level: float) -> float | None:
    """The lowest branch confidence from which on products under review may be handed over with their branch.

    With probability ≥ 1 − `level` over calibration rows, at least `accuracy` of the products with
    a confidence under `below` and a branch confidence of at least the result are in that branch;
    so even where `below` was chosen on the same rows.

    Parameters
    ----------
    training : Starts
        Out-of-fold: fixes the path.
    below : float
        Products under this confidence are under review; infinite: all are.
    accuracy, level : float in (0, 1)

    Returns
    -------
    None where nothing passes.
    """
    known = np.sort(training.sure[np.isfinite(training.sure)])[::-1]
    if not known.size or not len(calibration.branches):
        return None
    floors = known[(np.arange(1, _STEPS) * known.size) // _STEPS]
    rows, each = calibration.branches.even_rows, level / len(_PROSPECTS)
    drawn = calibration.only(calibration.branches.evenly_drawn)
    open_ = dict.fromkeys(_PROSPECTS, 0.0)
    ceiling = np.inf
    for floor in [*floors, -np.inf]:
        planned = _planned(
            training.only(training.sure < max(float(floor), float(floors[-1]))), training, rows, accuracy, each
        )
        passes = {
            prospect: _passes(
                training, drawn, planned[prospect], float(ceiling), max(float(floor), below), accuracy, each
            )
            for prospect in open_
        }
        open_ = {prospect: planned[prospect] for prospect, passed in passes.items() if passed}
        if floor <= below or not open_:
            break
        ceiling = floor
    return min(open_.values(), default=None)


def worth_trying(training: Starts, rows: float, target_accuracy: float, accuracy: float, level: float) -> bool:
    """Whether `certified_start` is likely enough to find something, from out-of-fold scores alone.

    `rows` calibration rows are expected; under review will be what lies below the threshold at
    which out-of-fold scores reach `target_accuracy`, with hindsight.
    """
    known = np.flatnonzero(np.isfinite(training.sure))
    known = known[np.argsort(-training.sure[known], kind="stable")]
    if not known.size:
        return False
    right = np.cumsum(training.leaf_right[known]) / np.arange(1, known.size + 1)
    reached = np.flatnonzero(right >= target_accuracy)
    below = training.sure[known[reached[-1]]] if reached.size else np.inf
    _, chance = _chances(training.only(training.sure < below), training, rows, accuracy, level / len(_PROSPECTS))
    return bool(chance.size and chance.max() >= _HOPELESS)


def _planned(rest: Starts, training: Starts, rows: float, accuracy: float, level: float) -> dict[float, float]:
    """For each prospect, the branch confidence of largest coverage at which the test passes that likely.

    The most likely one, where none reaches the prospect.
    """
    thresholds, chance = _chances(rest, training, rows, accuracy, level)
    if not chance.size:
        return dict.fromkeys(_PROSPECTS, np.inf)
    chosen = {}
    for prospect in _PROSPECTS:
        likely = np.flatnonzero(chance >= prospect)
        chosen[prospect] = float(thresholds[likely[-1] if likely.size else int(np.argmax(chance))])
    return chosen


def _chances(
    rest: Starts, training: Starts, rows: float, accuracy: float, level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Branch confidences, falling, and how likely the exact test passes at each, shapes (m,).

    As if errors were as out of fold, in `rows` calibration rows, of which the rest has its share.
    """
    curve = rest.branches.curve
    if not curve.coverage.size:
        return np.empty(0), np.empty(0)
    wanted = curve.coverage[-1] * np.arange(1, _CANDIDATES + 1) / _CANDIDATES
    points = np.unique(np.searchsorted(curve.coverage, wanted - 1e-12).clip(max=curve.coverage.size - 1))
    share = rest.branches.weight.sum() / training.branches.weight.sum()
    accepted = np.rint(curve.coverage[points] * share * rows / _effect(rest.branches))
    seen = curve.coverage[points] * len(rest.branches)
    error = ((1 - curve.accuracy[points]) * seen + 0.5) / (seen + 1)  # half an error more than seen
    most = stats.binom.ppf(level, np.maximum(accepted, 1), 1 - accuracy) - 1  # errors with which it passes
    chance = np.where(accepted > 0, stats.binom.cdf(most, np.maximum(accepted, 1), error), 0.0)
    return curve.threshold[points], chance


def _passes(
    training: Starts,
    drawn: Starts,
    branch_confidence: float,
    ceiling: float,
    floor: float,
    accuracy: float,
    level: float,
) -> bool:
    """Whether the test passes at every threshold from `ceiling` down to `floor`, both included."""
    rows = np.flatnonzero((drawn.branches.confidence >= branch_confidence) & (drawn.sure < ceiling))
    rows = rows[np.argsort(drawn.sure[rows], kind="stable")]
    sure = drawn.sure[rows]
    errors = np.concatenate([[0], np.cumsum(~drawn.branches.right[rows])])
    # Between two rows nothing changes: a test at each row, and at both ends, is a test everywhere.
    accepted = np.unique(
        np.append(np.searchsorted(sure, sure[sure >= floor]), [np.searchsorted(sure, floor), sure.size])
    )
    if drawn.branches.cluster is None:
        p_values = np.asarray(binomial_p_value(errors[accepted], accepted, 1 - accuracy))
        return bool((p_values <= level).all())
    least = drawn.branches.only(rows[: accepted[0]])
    seen = training.branches.only((training.branches.confidence >= branch_confidence) & (training.sure < floor))
    effect = max(_effect(least), _effect(drawn.branches.only(rows)), _effect(seen))
    counted = accepted.astype(np.float64)
    clusters = np.full_like(counted, np.unique(least.cluster).size if least.cluster is not None else 0)
    p_values = clustered_p_value(
        errors[accepted].astype(np.float64), counted, clusters, 1 - accuracy, np.full_like(counted, effect)
    )
    return bool((p_values <= level).all())


def _effect(products: ScoredProducts) -> float:
    """How many rows it takes to be worth an independent one, at least 1."""
    if products.cluster is None or not len(products):
        return 1.0
    numbers, cluster = np.unique(products.cluster, return_inverse=True)
    errors = np.bincount(cluster, ~products.right, numbers.size).astype(np.float64)
    accepted = np.bincount(cluster, minlength=numbers.size).astype(np.float64)
    return max(1.0, float(design_effect(errors[:, None], accepted[:, None])[0, 0]))
