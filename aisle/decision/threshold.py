"""The certified threshold: the largest coverage whose accuracy is kept with the probability asked for.

The thresholds looked at and their order are fixed from out-of-fold scores of training rows.
Each one is then tested on the calibration rows, which played no part so far: "the error among
accepted products is at least 1 − target_accuracy". The walk starts at the threshold that is
most likely to pass and goes to larger coverage until a test fails; the last that passed is the
threshold. Testing in a fixed order, each at the full level, and stopping at the first failure
keeps the probability of any false pass below 1 − confidence_level (Bauer 1991, "Multiple testing
in clinical trials"; Angelopoulos, Bates, Candès, Jordan & Lei 2021, "Learn then test").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aisle.bounds import betting_count_p_value, betting_p_value, binomial_p_value, worth_in_rows
from aisle.decision.scored import ScoredProducts

# Thresholds among which the start is sought: finer than any grid, a shop can hardly tell them apart.
_START_CANDIDATES = 200
# A walk whose first step passes less often than this would only take level from the others.
_HOPELESS = 0.01


# P-value of "the error rate is at least `limit`" from counts: (errors, accepted, limit).
CountTest = Callable[[NDArray[np.int64], NDArray[np.int64], float], NDArray[np.float64]]


@dataclass(frozen=True)
class Walk:
    """Thresholds in the order in which they are tested (falling), and the power predicted for the first.

    Empty where the calibration rows expected are too few to certify anything.
    """

    thresholds: NDArray[np.float64]
    power: float


def plan_walk(
    training: ScoredProducts,
    rows: float,
    target_accuracy: float,
    level: float,
    grid_size: int,
    test: CountTest = binomial_p_value,
) -> Walk:
    """Fix the thresholds to test from out-of-fold scores alone.

    The start is the coverage at which a test at `level` is most likely to pass, were the error
    among accepted products as out-of-fold; from there `grid_size` steps of equal coverage lead to
    the acceptance of everything.

    Parameters
    ----------
    training : ScoredProducts
        Out-of-fold scores.
    rows : float
        Calibration rows expected; with unequal audit probabilities, as many as they are worth.
    level : float in (0, 1)
        Probability of a false pass that the tests may spend.
    grid_size : int
        Most thresholds tested.
    test : function of errors, accepted and limit
        P-value of the test to come, as if all rows weighed the same.
    """
    curve = training.curve
    if curve.coverage.size == 0:
        return Walk(np.empty(0), 0.0)
    most = curve.coverage[-1]
    candidates = _points_at(curve.coverage, most * np.arange(1, _START_CANDIDATES + 1) / _START_CANDIDATES)
    accepted = curve.coverage[candidates]
    # Half an error more than seen: a short stretch without errors is not an error rate of zero.
    effective = accepted * training.weight.sum() / training.weight.mean()
    error = ((1 - curve.accuracy[candidates]) * effective + 0.5) / (effective + 1)
    failure = _failure(np.rint(accepted * rows).astype(np.int64), error, 1 - target_accuracy, level, test)
    start = int(np.argmin(failure))
    power = 1 - float(failure[start])
    if power < _HOPELESS:
        return Walk(np.empty(0), power)
    steps = _points_at(curve.coverage, np.linspace(accepted[start], most, grid_size))
    return Walk(curve.threshold[steps], power)


def _points_at(coverage: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of the first points that reach each coverage, each once, rising."""
    return np.unique(np.searchsorted(coverage, wanted - 1e-12).clip(max=coverage.size - 1))


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


def p_value(calibration: ScoredProducts, threshold: float, target_accuracy: float) -> float:
    """P-value of "accuracy among products accepted at `threshold` is below `target_accuracy`".

    Exact (binomial) on rows of equal audit probability: all rows, or the evenly drawn part of
    them. By betting on all rows where too few would be left.
    """
    accepted = calibration.allowed & (calibration.confidence >= threshold)
    if calibration.exact:
        accepted &= calibration.evenly_drawn
        errors = int(np.count_nonzero(~calibration.right[accepted]))
        return binomial_p_value(errors, int(np.count_nonzero(accepted)), 1 - target_accuracy)
    rows = calibration.drawn_order[accepted[calibration.drawn_order]]
    return betting_p_value(
        ~calibration.right[rows], calibration.weight[rows] / calibration.weight.max(), 1 - target_accuracy
    )


def certified_threshold(
    training: ScoredProducts,
    calibration: ScoredProducts,
    target_accuracy: float,
    confidence_level: float = 0.95,
    grid_size: int = 40,
) -> float | None:
    """The threshold of largest coverage certified on the calibration rows, or None where none is.

    With probability ≥ `confidence_level` over calibration rows, accuracy among products accepted
    (allowed, and confidence ≥ threshold) is ≥ `target_accuracy`; nothing accepted breaks nothing.
    """
    return certified_thresholds({"": training}, {"": calibration}, target_accuracy, confidence_level, grid_size)[""]


def certified_thresholds(
    training: Mapping[str, ScoredProducts],
    calibration: Mapping[str, ScoredProducts],
    target_accuracy: float,
    confidence_level: float = 0.95,
    grid_size: int = 40,
    share: Mapping[str, float] | None = None,
) -> dict[str, float | None]:
    """One threshold a group of products, all certified together.

    The level is shared evenly among the groups whose walk has any prospect. A group that passes
    to the end of its walk needs its share no longer and leaves it to the others, which go on
    from where they stopped (the graphical procedure of Bretz, Maurer, Brannath & Posch 2009, "A
    graphical approach to sequentially rejective multiple test procedures"; Bonferroni-Holm for
    walks of one step).

    Parameters
    ----------
    training, calibration : mappings of the same groups to their products
    share : mapping of groups to float, optional
        Share of all calibration rows to be expected in each group; 1 by default.
    """
    level = 1 - confidence_level
    total = sum(_rows_for_a_test(one) for one in calibration.values())
    walks = {}
    for name, rows in calibration.items():
        expected = total * (share or {}).get(name, 1.0)
        test = binomial_p_value if rows.exact else betting_count_p_value
        plan = plan_walk(training[name], expected, target_accuracy, level / len(training), grid_size, test)
        walks[name] = plan.thresholds
    tested = [name for name, walk in walks.items() if walk.size]
    passed = dict.fromkeys(tested, 0)
    shares = dict.fromkeys(tested, level / max(len(tested), 1))
    while True:
        for name in shares:
            passed[name] = _go_on(calibration[name], walks[name], passed[name], shares[name], target_accuracy)
        finished = [name for name in shares if passed[name] == walks[name].size]
        if not finished or len(finished) == len(shares):
            break
        freed = sum(shares.pop(name) for name in finished)
        shares = {name: share + freed / len(shares) for name, share in shares.items()}
    return {name: float(walks[name][passed[name] - 1]) if passed.get(name) else None for name in training}


def _rows_for_a_test(calibration: ScoredProducts) -> float:
    return calibration.even_rows if calibration.exact else worth_in_rows(calibration.weight)


def _go_on(
    calibration: ScoredProducts, walk: NDArray[np.float64], passed: int, level: float, target_accuracy: float
) -> int:
    """How many thresholds of `walk` pass at `level` before the first failure, given that `passed` did."""
    while passed < walk.size and p_value(calibration, float(walk[passed]), target_accuracy) <= level:
        passed += 1
    return passed


def quantile_threshold(products: ScoredProducts, coverage: float) -> float | None:
    """The highest threshold that accepts at least `coverage` of the products' weight.

    All that may be accepted, where that is less; None where nothing may or `coverage` is 0.
    """
    curve = products.curve
    if curve.coverage.size == 0 or coverage <= 0:
        return None
    if coverage >= 1:
        return 0.0
    return float(curve.threshold[_points_at(curve.coverage, np.array([coverage]))[0]])


def cost_per_product(products: ScoredProducts, cost_of_error: float, cost_of_review: float) -> NDArray[np.float64]:
    """Mean cost of a product at each point of the products' curve, in the unit of the prices."""
    curve = products.curve
    cost: NDArray[np.float64] = (
        curve.coverage * (1 - curve.accuracy) * cost_of_error + (1 - curve.coverage) * cost_of_review
    )
    return cost


def cheapest_threshold(products: ScoredProducts, cost_of_error: float, cost_of_review: float) -> float | None:
    """The threshold of least mean cost, or None where nothing is cheaper than reviewing everything.

    Chow 1970, "On optimum recognition error and reject tradeoff": with a calibrated confidence it
    lies near 1 − cost_of_review / cost_of_error; the calibration rows say where it really is.
    """
    cost = cost_per_product(products, cost_of_error, cost_of_review)
    if cost.size == 0 or cost.min() >= cost_of_review:
        return None
    return float(products.curve.threshold[int(np.argmin(cost))])
