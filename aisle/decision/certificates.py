"""How many audits for which promise at which coverage: answered before anyone spends money on labels.

Calibration rows are drawn again and again from products with known answers (out-of-fold scores,
or an assumed curve), and each time the threshold is set just as the stage `threshold` would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import beta

from aisle.config import ThresholdParameters
from aisle.decision.scored import ScoredProducts
from aisle.decision.threshold import certified_threshold, plan_walk
from aisle.decision.threshold.lookahead import look_ahead
from aisle.errors import ConfigurationError

SIZES = (50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 7500, 10_000, 15_000, 20_000)
DRAWS = 100
_CLUSTERED_DRAWS = 40  # of whole sellers each is certified alone, which takes longer
_POOL = 20_000
_SEED = 20_002


@dataclass(frozen=True)
class Outlook:
    """What numbers of audits would give at one target.

    Attributes
    ----------
    target : float in (0, 1)
    most : float in [0, 1]
        The largest coverage at this target, known with hindsight: what no number of audits exceeds
        but by luck.
    sizes : array of int, shape (s,)
        Numbers of audits, rising.
    coverage : array of shape (s, draws)
        Certified coverage in each draw, 0 where nothing qualified; rising along the draws.
    """

    target: float
    most: float
    sizes: NDArray[np.int64]
    coverage: NDArray[np.float64]

    def reached(self, power: float) -> NDArray[np.float64]:
        """The coverage that is reached or exceeded with probability `power`, for each size, shape (s,)."""
        return np.quantile(self.coverage, 1 - power, axis=1, method="lower")

    def passing(self) -> NDArray[np.float64]:
        """How likely there is a certificate at all, for each size, shape (s,)."""
        return np.asarray((self.coverage > 0).mean(axis=1))

    def needed(self, coverage: float, power: float) -> float:
        """Audits with which `coverage` (0: any) is reached with probability `power`.

        Between two sizes that were tried, on a logarithmic scale. Infinite where the target leaves
        no such coverage; nan where it takes more audits than were tried.
        """
        if coverage > self.most:
            return np.inf
        reached = np.maximum.accumulate(self.reached(power))
        enough = np.flatnonzero(reached >= max(coverage, 1e-9))
        if not enough.size:
            return np.nan
        first = int(enough[0])
        low, high = reached[max(first - 1, 0)], reached[first]
        if first == 0 or low <= 0:  # where the first certificates appear there is nothing to interpolate
            return float(self.sizes[first])
        share = (coverage - low) / (high - low)
        return float(np.exp(np.interp(share, [0, 1], np.log(self.sizes[first - 1 : first + 1]))))


def outlooks(
    pool: ScoredProducts,
    targets: Sequence[float],
    how: ThresholdParameters,
    most: int = 10_000,
    draws: int | None = None,
    seed: int = _SEED,
) -> list[Outlook]:
    """Draw calibration rows of each size up to `most` from `pool`, and certify each target on them.

    One half of the pool fixes what is looked at, as out-of-fold scores do; audits come from the
    other half, and the truth is that half as a whole. Audits are drawn evenly from the flow.

    Raises
    ------
    ConfigurationError
        For a pool of fewer than 100 products.
    """
    if len(pool) < 100:
        raise ConfigurationError(f"{len(pool)} products with known answers are too few to plan with; 100 are the least")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pool))
    training, flow = pool.only(np.sort(order[::2])), pool.only(np.sort(order[1::2]))
    sizes = np.array([one for one in SIZES if one < most] + [most], dtype=np.int64)
    odds = flow.weight / flow.weight.sum()
    draws = draws or (DRAWS if pool.cluster is None else _CLUSTERED_DRAWS)
    found = np.zeros((len(targets), sizes.size, draws))
    certified = _one_by_one if pool.cluster is not None else _at_once
    for index, size in enumerate(sizes):
        audits = rng.choice(len(flow), size=(draws, size), p=odds)
        for number, target in enumerate(targets):
            found[number, index] = _coverage(flow, certified(training, flow, audits, target, how))
    curve = pool.curve
    return [
        Outlook(
            target, float(curve.coverage[curve.accuracy >= target].max(initial=0.0)), sizes, np.sort(found[number], 1)
        )
        for number, target in enumerate(targets)
    ]


def _at_once(
    training: ScoredProducts, flow: ScoredProducts, audits: NDArray[np.int64], target: float, how: ThresholdParameters
) -> NDArray[np.float64]:
    """The threshold that `certified_threshold` would find in each draw, shape (draws,); infinite where none.

    All draws plan alike, since they differ in nothing that a plan may know.
    """
    level, thresholds = 1 - how.confidence_level, np.full(audits.shape[0], np.inf)
    start = plan_walk(training, float(audits.shape[1]), target, level).start
    if start is None:
        return thresholds
    # What may not be accepted comes last, and never counts.
    ordered = audits[np.arange(audits.shape[0])[:, None], np.argsort(-_sure(flow)[audits], axis=1, kind="stable")]
    sure = _sure(flow)[ordered]
    first = np.maximum((sure >= start).sum(axis=1, keepdims=True), 1)
    most = max(int(flow.allowed[audits].sum(axis=1).max()), 1)
    accepted = np.maximum(np.arange(1, most + 1), first).clip(max=most)
    accepted = np.minimum(accepted, np.maximum(flow.allowed[audits].sum(axis=1, keepdims=True), 1))
    wrong = np.cumsum(~flow.right[ordered], axis=1, dtype=np.int64)
    errors = np.take_along_axis(wrong, accepted - 1, axis=1)
    last, _ = look_ahead(most, 1 - target, level).reached(accepted, errors)
    passed = np.flatnonzero(last >= 0)
    place = accepted[passed, last[passed]] - 1
    lowest = sure[passed, place]
    thresholds[passed] = np.where(place + 1 > first[passed, 0], lowest, start)
    return thresholds


def _one_by_one(
    training: ScoredProducts, flow: ScoredProducts, audits: NDArray[np.int64], target: float, how: ThresholdParameters
) -> NDArray[np.float64]:
    found = []
    for rows in audits:
        # Drawn in proportion to the weights, all rows count alike.
        alike = replace(flow.only(rows), weight=np.ones(rows.size))
        found.append(certified_threshold(training, alike, target, how.confidence_level, how.grid_size))
    return np.array([np.inf if one is None else one for one in found])


def _sure(products: ScoredProducts) -> NDArray[np.float64]:
    return np.where(products.allowed, products.confidence, -np.inf)


def _coverage(flow: ScoredProducts, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the flow accepted at each threshold, shape (draws,)."""
    sure = np.sort(_sure(flow))
    mass = np.append(np.cumsum(flow.weight[np.argsort(_sure(flow), kind="stable")]), 0.0)
    below = np.searchsorted(sure, thresholds)
    return np.asarray(1 - mass[below - 1] / mass[-2], dtype=np.float64)


def pool_of_curve(coverage: NDArray[np.float64], accuracy: NDArray[np.float64], seed: int = _SEED) -> ScoredProducts:
    """Products that have this accuracy-coverage curve: the surest first, right with the chance that the curve says.

    Parameters
    ----------
    coverage : array of shape (m,), in (0, 1], rising
        Where it ends below 1, the remaining products always go to people.
    accuracy : array of shape (m,), in [0, 1]
    """
    place = (np.arange(_POOL) + 0.5) / _POOL
    edges, hits = np.concatenate([[0.0], coverage]), np.concatenate([[0.0], coverage * accuracy])
    piece = np.searchsorted(edges, place).clip(1, edges.size - 1)
    chance = ((hits[piece] - hits[piece - 1]) / (edges[piece] - edges[piece - 1])).clip(0, 1)
    right = np.random.default_rng(seed).random(_POOL) < chance
    return ScoredProducts(
        product_id=np.array([str(number) for number in range(_POOL)], dtype=object),
        branch_id=np.full(_POOL, "", dtype=object),
        confidence=1 - place,
        right=right,
        allowed=place <= coverage[-1],
        weight=np.ones(_POOL),
    )


def assumed_curve(accuracy: float, gap: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The curve of a model whose honest confidence has a Beta distribution: `coverage` and `accuracy`, shape (1000,).

    Parameters
    ----------
    accuracy : float in (0, 1)
        Share right among all products: the mean of the Beta distribution.
    gap : float
        Mean distance from a perfect ordering (see `selective.gap`): fixes its spread.

    Raises
    ------
    ConfigurationError
        For a gap that no honest confidence has at this accuracy.
    """
    coverage = np.arange(1, 1001) / 1000
    perfect = np.minimum(1.0, accuracy / coverage)

    def curve(spread: float) -> NDArray[np.float64]:
        confidence = beta.isf(coverage - 0.0005, accuracy / spread, (1 - accuracy) / spread)
        total = np.cumsum(confidence)
        return np.asarray(total / total[-1] * accuracy / coverage)

    def distance(logarithm: float) -> float:
        return float((perfect - curve(float(np.exp(logarithm)))).mean()) - gap

    least, most = distance(5.0) + gap, distance(-9.0) + gap
    if not least < gap < most:
        raise ConfigurationError(
            f"--gap {gap:g} is not possible with an accuracy of {accuracy:g}; it must lie between {least:.4f} "
            f"(a perfect ordering) and {most:.4f} (no ordering at all)"
        )
    return coverage, curve(float(np.exp(brentq(distance, -9.0, 5.0))))
