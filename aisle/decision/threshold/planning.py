"""Where to begin, fixed from out-of-fold scores of training rows before a calibration row is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from aisle.bounds import worth_in_rows
from aisle.decision.scored import ScoredProducts
from aisle.decision.threshold.lookahead import LookAhead, look_ahead
from aisle.decision.threshold.readings import points_at

# A walk that certifies something less often than this would only take level from the others.
_HOPELESS = 0.01
# Points of the curve that calibrations are drawn from, starts tried, and calibrations drawn.
_CELLS = 200
_CANDIDATES = 24
_DRAWS = 100
_SEED = 1991
# The model itself saw more rows than those of the folds, and other rows: its error as a share of theirs.
_ERROR_RATIOS = (0.5, 0.7, 0.85, 1.0, 1.2)
# Errors that might have been seen beside those that were, spread over all cells.
_UNSEEN_ERRORS = 5.0
# Coverage below which all starts count as equally bad: there, ratios of coverages say nothing.
_LITTLE = 0.02

# Starts that do as well as the best one but for this are equally good: the middle one errs on neither side.
_TIE = 0.001

# P-value of "the error rate is at least `limit`" from counts: (errors, accepted, limit).
CountTest = Callable[[NDArray[np.int64], NDArray[np.int64], float], NDArray[np.float64]]


@dataclass(frozen=True)
class Walk:
    """What is expected of calibration rows.

    Attributes
    ----------
    start : float or None
        The threshold to begin at; None where the rows expected are too few to certify anything.
    power : float
        Chance that anything will be certified.
    coverage : float
        Share of products accepted at the certified threshold, on average.
    """

    start: float | None
    power: float
    coverage: float


def plan_walk(training: ScoredProducts, rows: float, target_accuracy: float, level: float) -> Walk:
    """Choose the start for the exact test: where the coverage that will be certified is greatest.

    Calibrations are drawn from the out-of-fold scores and certified from each of some two dozen
    starts. Lucky and unlucky stretches of the curve are no plan, so errors are first made to
    rise as confidence falls (isotonic regression: Ayer, Brunk, Ewing, Reid & Silverman 1955), and
    each calibration comes from a curve of its own, drawn around that one (Bayesian bootstrap:
    Rubin 1981), for several ratios of the model's error to that of the folds. Of the starts, the
    one is taken that does best on average over the ratios, against the best start of each; of
    those that do as well, the one in the middle.

    Parameters
    ----------
    training : ScoredProducts
        Out-of-fold scores.
    rows : float
        Calibration rows expected, of equal chance.
    level : float in (0, 1)
        Probability of a false certificate.
    """
    if training.curve.coverage.size == 0 or rows < 1:
        return Walk(None, 0.0, 0.0)
    cells = _Cells.of(training)
    sets = look_ahead(int(rows), 1 - target_accuracy, level)
    if not sets.starts.size or rows * cells.coverage[-1] < sets.starts[0]:
        return Walk(None, 0.0, 0.0)
    least = min(0.98 * sets.starts[0] / rows, 0.95)
    wanted = np.geomspace(least, max(0.95 * cells.coverage[-1], least), _CANDIDATES)
    candidates = points_at(cells.coverage, wanted)
    found = [_coverages(draw, candidates, cells.coverage, sets) for draw in cells.draws(rows)]
    coverage = np.array([one.mean(axis=1) for one in found])  # shape (ratios, candidates)
    merit = coverage / (coverage.max(axis=1, keepdims=True) + _LITTLE)
    near = np.flatnonzero(merit.mean(axis=0) >= merit.mean(axis=0).max() - _TIE)
    best = int(near[near.size // 2])
    power = float(np.mean([(one[best] > 0).mean() for one in found]))
    if power < _HOPELESS:
        return Walk(None, power, 0.0)
    return Walk(float(cells.threshold[candidates[best]]), power, float(coverage[:, best].mean()))


@dataclass(frozen=True)
class _Cells:
    """The curve in cells of about equal coverage; `wrong` and `right` are masses in training rows."""

    threshold: NDArray[np.float64]
    coverage: NDArray[np.float64]
    wrong: NDArray[np.float64]
    right: NDArray[np.float64]

    @classmethod
    def of(cls, training: ScoredProducts) -> _Cells:
        curve = training.curve
        mass = np.diff(curve.coverage, prepend=0.0)
        wrong = np.diff(curve.coverage * (1 - curve.accuracy), prepend=0.0).clip(min=0)
        rising = optimize.isotonic_regression(wrong / mass, weights=mass, increasing=True).x * mass
        most = curve.coverage[-1]
        ends = points_at(curve.coverage, most * np.arange(1, _CELLS + 1) / _CELLS)
        per_row = worth_in_rows(training.weight)
        in_cells = np.diff(np.cumsum(rising)[ends], prepend=0.0) * per_row
        every = np.diff(curve.coverage[ends], prepend=0.0) * per_row
        return cls(curve.threshold[ends], curve.coverage[ends], in_cells, (every - in_cells).clip(min=0))

    def draws(self, rows: float) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Accepted and wrong ones at each cell's end in `_DRAWS` calibrations, for each error ratio."""
        rng = np.random.default_rng(_SEED)
        many = int(np.rint(rows * self.coverage[-1]))
        shape = (_DRAWS, self.wrong.size)
        for ratio in _ERROR_RATIOS:
            wrong = ratio * rng.gamma(self.wrong + _UNSEEN_ERRORS / self.wrong.size, size=shape)
            mass = np.concatenate([wrong, rng.gamma(self.right + 1e-3, size=shape)], axis=1)
            counts = rng.multinomial(many, mass / mass.sum(axis=1, keepdims=True)).cumsum(axis=1)
            errors = counts[:, : shape[1]]
            yield errors + counts[:, shape[1] :] - counts[:, shape[1] - 1 : shape[1]], errors


def _coverages(
    draw: tuple[NDArray[np.int64], NDArray[np.int64]],
    candidates: NDArray[np.int64],
    coverage: NDArray[np.float64],
    sets: LookAhead,
) -> NDArray[np.float64]:
    """Coverage certified in each calibration from each start, shape (candidates, draws)."""
    accepted, errors = draw
    found = []
    for start in candidates:
        last, _ = sets.reached(accepted[:, start:], errors[:, start:])
        found.append(np.where(last >= 0, coverage[start + np.maximum(last, 0)], 0.0))
    return np.array(found)


def plan_steps(
    training: ScoredProducts,
    rows: float | Callable[[NDArray[np.float64]], NDArray[np.float64]],
    target_accuracy: float,
    level: float,
    grid_size: int,
    test: CountTest,
) -> NDArray[np.float64]:
    """Thresholds, falling, for a walk that ends at its first failure; none where it has no prospect.

    For tests whose spending is not known exactly. The start is the coverage at which `test` at
    `level` is most likely to pass, were the error as out of fold; from there `grid_size` steps of
    equal coverage lead to the acceptance of everything.

    Parameters
    ----------
    rows : float, or function of thresholds
        How many independent calibration rows those expected are worth.
    """
    curve = training.curve
    if curve.coverage.size == 0:
        return np.empty(0)
    most = curve.coverage[-1]
    candidates = points_at(curve.coverage, most * np.arange(1, _CELLS + 1) / _CELLS)
    covered = curve.coverage[candidates]
    # Half an error more than seen: a short stretch without errors is not an error rate of zero.
    seen = covered * worth_in_rows(training.weight)
    error = ((1 - curve.accuracy[candidates]) * seen + 0.5) / (seen + 1)
    worth = rows(curve.threshold[candidates]) if callable(rows) else rows
    failure = _failure(np.rint(covered * worth).astype(np.int64), error, 1 - target_accuracy, level, test)
    start = int(np.argmin(failure))
    if 1 - failure[start] < _HOPELESS:
        return np.empty(0)
    return curve.threshold[points_at(curve.coverage, np.linspace(covered[start], most, grid_size))]


def _failure(
    accepted: NDArray[np.int64], error: NDArray[np.float64], limit: float, level: float, test: CountTest
) -> NDArray[np.float64]:
    """Probability that `test` of "error ≥ limit" at `level` does not pass, shape (m,)."""
    critical = _critical_errors(accepted, limit, level, test)
    enough = critical >= 0
    fails: NDArray[np.float64] = np.ones(accepted.size)
    fails[enough] = special.bdtrc(critical[enough].astype(np.float64), accepted[enough], error[enough])
    return fails


def _critical_errors(accepted: NDArray[np.int64], limit: float, level: float, test: CountTest) -> NDArray[np.int64]:
    """Most errors with which `test` passes, −1 where even none is too many, shape (m,)."""
    low, high = np.full(accepted.shape, -1, dtype=np.int64), accepted.copy()
    while (open_ := high - low > 1).any():
        middle = (low + high) // 2
        passes = test(np.maximum(middle, 0), accepted, limit) <= level
        low = np.where(open_ & passes, middle, low)
        high = np.where(open_ & ~passes, middle, high)
    return low
