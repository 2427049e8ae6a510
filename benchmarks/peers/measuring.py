"""One method on one catalogue: fitted and asked with a clock beside it, and the figures of its answers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.decision.selective import calibration_error, coverage_at, gap
from benchmarks.peers.methods import Answers, Method
from benchmarks.peers.tasks import Task

BATCH = 1000
TARGETS = (0.90, 0.95, 0.98, 0.99)
RESAMPLES = 2000

# A figure's name in ids: what it is for people, and its unit.
FIGURES = {
    "accuracy": ("accuracy", "share"),
    "weighted_f1": ("weighted F1", "share"),
    "weighted_f1_mean_levels": ("weighted F1, mean of the levels of the tree", "share"),
    **{f"coverage_{100 * target:.0f}": (f"coverage at {100 * target:.0f} % accuracy", "share") for target in TARGETS},
    "gap": ("gap to a perfect ordering", "share"),
    "ece": ("calibration error, 15 bins of equal count", "share"),
    "fit_seconds": ("time to fit", "s"),
    "score_us": ("time to score with confidence, one core, batches of 1,000", "µs a product"),
}


@dataclass(frozen=True)
class Measured:
    """What a method answered, and how long it took.

    Attributes
    ----------
    category_id, confidence, right : arrays of shape (n,), in the order of the test rows
    figures : dict of the names in `FIGURES` to values
    """

    category_id: NDArray[np.str_]
    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    figures: dict[str, float] = field(repr=False)


def measure(method: Method, task: Task) -> Measured:
    """Fit `method` on the task's training rows and ask it for the test rows."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):  # on more threads sums round otherwise, and no figure repeats
        start = time.perf_counter()
        method.fit(task.train)
        fit_seconds = time.perf_counter() - start
    with one_core():
        (category_id, confidence), score_us = in_batches(method.answer, task.test)
    right = category_id == task.truth
    figures = {
        "accuracy": float(np.average(right, weights=task.weight)),
        "weighted_f1": weighted_f1(task.truth, category_id, task.weight),
        "weighted_f1_mean_levels": float(np.mean(weighted_f1_of_levels(task, category_id))),
        **{f"coverage_{100 * target:.0f}": coverage_at(target, confidence, right, task.weight) for target in TARGETS},
        "gap": gap(confidence, right, task.weight),
        "ece": calibration_error(confidence, right, weight=task.weight),
        "fit_seconds": fit_seconds,
        "score_us": score_us,
    }
    return Measured(category_id, confidence, right, figures)


def in_batches(answer: Callable[[pd.DataFrame], Answers], products: pd.DataFrame) -> tuple[Answers, float]:
    """The answers to all products, and the median time a product of the full batches, in microseconds."""
    answers: list[Answers] = []
    times: list[float] = []
    for start in range(0, len(products), BATCH):
        batch = products.iloc[start : start + BATCH]
        begun = time.perf_counter()
        answers.append(answer(batch))
        if len(batch) == BATCH or not times:
            times.append((time.perf_counter() - begun) / len(batch) * 1e6)
    category_id, confidence = (np.concatenate(parts) for parts in zip(*answers, strict=True))
    return (category_id, confidence), float(np.median(times))


@contextmanager
def one_core() -> Iterator[None]:
    """Within the block the process starts no threads for numbers and, where the system can say so, has one core."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        if not hasattr(os, "sched_setaffinity"):
            yield
            return
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(allowed)})
        try:
            yield
        finally:
            os.sched_setaffinity(0, allowed)


def weighted_f1(truth: NDArray[np.str_], answered: NDArray[np.str_], weight: NDArray[np.float64]) -> float:
    """F1 of each category, averaged by how often the category is true."""
    from sklearn.metrics import f1_score

    return float(f1_score(truth, answered, average="weighted", sample_weight=weight, zero_division=0))


def weighted_f1_of_levels(task: Task, answered: NDArray[np.str_]) -> list[float]:
    """The weighted F1 of each level from the branch down, labels and answers mapped up the tree."""
    path = {leaf: task.taxonomy.path(leaf) for leaf in task.taxonomy.leaves}
    levels = max(len(steps) for steps in path.values())
    above = {leaf: [*steps, *steps[-1:] * (levels - len(steps))] for leaf, steps in path.items()}
    return [
        weighted_f1(
            np.array([above[one][level] for one in task.truth]),
            np.array([above[one][level] for one in answered]),
            task.weight,
        )
        for level in range(levels)
    ]


def coverage_gain_low(
    ours: Measured,
    theirs: Measured,
    target: float,
    weight: NDArray[np.float64],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> float:
    """Lower end of the 95 % bootstrap interval of the difference of coverage at `target`, ours less theirs.

    Test rows are drawn with replacement, the same for both (Efron & Tibshirani 1993, percentile interval).
    """
    generator = np.random.default_rng(seed)
    gains = np.empty(resamples)
    for one in range(resamples):
        rows = generator.integers(0, len(weight), len(weight))
        mine, other = (
            coverage_at(target, side.confidence[rows], side.right[rows], weight[rows]) for side in (ours, theirs)
        )
        gains[one] = mine - other
    return float(np.quantile(gains, 0.025))


def chance_ece(confidence: NDArray[np.float64], weight: NDArray[np.float64], draws: int = 200, seed: int = 0) -> float:
    """The mean calibration error that chance alone gives this many rows when every confidence is true."""
    generator = np.random.default_rng(seed)
    return float(
        np.mean(
            [
                calibration_error(confidence, generator.random(len(confidence)) < confidence, weight=weight)
                for _ in range(draws)
            ]
        )
    )
