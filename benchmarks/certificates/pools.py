"""Scores that calibrations are drawn from; what is drawn from is the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.config import Parameters
from aisle.decision.scored import ScoredProducts, too_few_labels
from aisle.decision.threshold.certifying import counts_by_cluster
from aisle.model.candidates import make_candidate
from benchmarks.catalogues import prepared

# Confidences at which a library that is given none looks (MAPIE's default).
ROUND_CONFIDENCES = np.linspace(0, 0.99, 100)
# Thresholds looked at, by equal steps of the pool's coverage, beside the round ones.
_THRESHOLDS = 1000
_AT_A_TIME = 3_000_000  # numbers held at once

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """d calibrations; arrays of shape (d, t).

    Attributes
    ----------
    accepted, errors : arrays of int
        At each of the pool's t thresholds.
    times : array of shape (d, k) or None
        How often each seller was drawn, where sellers were.
    """

    accepted: Counts
    errors: Counts
    times: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Pool:
    """Out-of-fold scores to plan with, and the scores that calibrations are drawn from, sellers known."""

    name: str
    training: ScoredProducts
    rows: ScoredProducts

    @cached_property
    def thresholds(self) -> NDArray[np.float64]:
        """Falling, shape (t,)."""
        sorted_ = np.sort(self.rows.confidence[self.rows.allowed])[::-1]
        steps = np.unique((np.arange(1, _THRESHOLDS + 1) * sorted_.size) // _THRESHOLDS - 1)
        return np.unique(np.append(sorted_[steps], ROUND_CONFIDENCES))[::-1]

    def place(self, thresholds: NDArray[np.float64]) -> Counts:
        """Index of the pool's threshold that accepts the same rows as each of `thresholds`, or the next fewer."""
        return np.maximum(np.searchsorted(-self.thresholds, -thresholds, side="right") - 1, 0)

    @cached_property
    def by_seller(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Errors and accepted rows of each seller at each threshold, shapes (k, t)."""
        errors, accepted = counts_by_cluster(self.rows, self.thresholds)
        return errors, accepted

    @cached_property
    def coverage(self) -> NDArray[np.float64]:
        """The true coverage at each threshold, shape (t,)."""
        share: NDArray[np.float64] = self.by_seller[1].sum(axis=0) / len(self.rows)
        return share

    @cached_property
    def accuracy(self) -> NDArray[np.float64]:
        """The true accuracy among those accepted at each threshold, shape (t,); 1 where none is."""
        errors, accepted = (one.sum(axis=0) for one in self.by_seller)
        share: NDArray[np.float64] = 1 - errors / np.maximum(accepted, 1)
        return share

    def draw_rows(self, rows: int, draws: int, rng: np.random.Generator) -> Iterator[Drawn]:
        """Calibrations of `rows` rows drawn with replacement."""
        step = np.searchsorted(-self.thresholds, -self.rows.confidence)
        step[~self.rows.allowed] = self.thresholds.size
        cell = 2 * step + ~self.rows.right
        cells = 2 * (self.thresholds.size + 1)
        block = max(1, _AT_A_TIME // max(rows, cells))
        for begin in range(0, draws, block):
            many = min(block, draws - begin)
            place = cell[rng.integers(0, len(self.rows), (many, rows))] + cells * np.arange(many)[:, None]
            counts = np.bincount(place.ravel(), minlength=many * cells).reshape(many, -1, 2)[:, :-1].cumsum(axis=1)
            yield Drawn(counts.sum(axis=2), counts[:, :, 1])

    def draw_sellers(self, rows: int, draws: int, rng: np.random.Generator) -> Iterator[Drawn]:
        """Calibrations of whole sellers, drawn with replacement until `rows` rows are there."""
        errors, accepted = (one.astype(np.float32) for one in self.by_seller)
        sizes = np.bincount(np.unique(self.rows.cluster, return_inverse=True)[1])
        block = max(1, _AT_A_TIME // max(self.thresholds.size, sizes.size))
        for begin in range(0, draws, block):
            many = min(block, draws - begin)
            times = np.stack([_until(rows, sizes, rng) for _ in range(many)])
            single = times.astype(np.float32)
            counts = [np.rint(single @ one).astype(np.int64) for one in (accepted, errors)]
            yield Drawn(*counts, times)


def _until(rows: int, sizes: Counts, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each seller is drawn until `rows` rows are there, shape (k,)."""
    found, chosen = 0, []
    while found < rows:
        some = rng.integers(0, sizes.size, int(2 * rows / sizes.mean()) + 10)
        total = found + np.cumsum(sizes[some])
        chosen.append(some[: int(np.searchsorted(total, rows)) + 1])
        found = int(total[-1])
    return np.bincount(np.concatenate(chosen), minlength=sizes.size).astype(np.float64)


def fitted(name: str, candidate: str, parameters: Parameters) -> Pool:
    """A catalogue categorised as `parameters` say: out-of-fold scores, and those of calibration and test rows."""
    frames, taxonomy = prepared(name, parameters)
    train, held_out = frames.train, pd.concat([frames.calibration, frames.test], ignore_index=True)
    branch_of = {leaf: taxonomy.branch_of(leaf) for leaf in taxonomy.leaves}
    given = parameters.candidates.get(candidate, {})
    categorizer = make_candidate(candidate, given, branch_of, parameters.train.copies_of_rare, jobs=1)
    out_of_fold = categorizer.cross_fit(train, train["category_id"], train["weight"], train["fold"])
    review = too_few_labels(train, parameters.policy.min_labels)
    scores = categorizer.score_frame(held_out)
    equal = np.ones(len(held_out))
    return Pool(
        name,
        ScoredProducts.of(out_of_fold, train, train["weight"].to_numpy(dtype=float), review, clusters="seller"),
        ScoredProducts.of(scores, held_out, equal, review, clusters="seller"),
    )
