"""What accuracy costs in coverage, and whether the confidence is honest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from aisle.decision.evidence.shares import FEWEST_CLUSTERS, cluster_codes, cluster_draws, share
from aisle.decision.selective import Curve, accuracy_coverage_curve, coverage_at, perfect_curve

TARGETS = tuple(round(0.90 + step / 100, 2) for step in range(10))
BINS = 15


def curve_points(frame: pd.DataFrame) -> dict[str, list[float]]:
    """The accuracy-coverage curve of one candidate, at 200 coverages at most."""
    return _plain(accuracy_coverage_curve(frame["confidence"], frame["right"], frame["weight"]))


def perfect_points(frame: pd.DataFrame) -> dict[str, list[float]]:
    """The curve of a perfect ordering of the same predictions."""
    return _plain(perfect_curve(frame["right"], frame["weight"]))


def _plain(curve: Curve) -> dict[str, list[float]]:
    few = curve.thinned()
    return {"coverage": few.coverage.round(5).tolist(), "accuracy": few.accuracy.round(5).tolist()}


def reliability(frame: pd.DataFrame, bins: int = BINS) -> list[dict[str, Any]]:
    """Confidence against the share right, in bins of equal count.

    Returns
    -------
    A list, least confident first, of `confidence` (mean), `least`, `most`, and `right` (a share).
    """
    order = np.argsort(frame["confidence"].to_numpy(), kind="stable")
    confidence, right = frame["confidence"].to_numpy()[order], frame["right"].to_numpy()[order]
    weight = frame["weight"].to_numpy()[order]
    return [
        {
            "confidence": float(np.average(confidence[part], weights=weight[part])),
            "least": float(confidence[part[0]]),
            "most": float(confidence[part[-1]]),
            "right": share(right[part], weight[part]),
        }
        for part in np.array_split(np.arange(len(frame)), min(bins, len(frame)))
    ]


def price_of_accuracy(frame: pd.DataFrame, targets: ArrayLike = TARGETS, draws: int = 400) -> list[dict[str, Any]]:
    """The coverage that each target accuracy would leave: a reading of the test curve, no promise.

    Returns
    -------
    For each target: `target`, `coverage`, `low`, `high` (95 %, whole sellers resampled; null with
    few sellers), and `cost` (coverage lost against the target before; null for the first).
    """
    wanted = np.asarray(targets, dtype=np.float64)
    readings = [coverage_at(float(one), frame["confidence"], frame["right"], frame["weight"]) for one in wanted]
    spread = _resampled_coverages(frame, wanted, draws)
    rows: list[dict[str, Any]] = []
    for index, (target, coverage) in enumerate(zip(wanted, readings, strict=True)):
        low, high = (None, None) if spread is None else (float(spread[0, index]), float(spread[1, index]))
        cost = readings[index - 1] - coverage if index else None
        rows.append({"target": float(target), "coverage": coverage, "low": low, "high": high, "cost": cost})
    return rows


def _resampled_coverages(frame: pd.DataFrame, targets: NDArray[np.float64], draws: int) -> NDArray[np.float64] | None:
    order = np.argsort(-frame["confidence"].to_numpy(), kind="stable")
    confidence = frame["confidence"].to_numpy()[order]
    codes = cluster_codes(frame["seller"])[order]
    clusters = int(codes.max(initial=-1)) + 1
    if clusters < FEWEST_CLUSTERS:
        return None
    weight, right = frame["weight"].to_numpy()[order], frame["right"].to_numpy(dtype=np.float64)[order]
    last_of_ties = np.append(confidence[1:] != confidence[:-1], True)
    coverages = np.zeros((draws, targets.size))
    every = (one for block in cluster_draws(clusters, draws) for one in block)
    for draw, times in enumerate(every):
        drawn = weight * times[codes]
        accepted = np.cumsum(drawn)[last_of_ties]
        accuracy = np.cumsum(drawn * right)[last_of_ties] / np.maximum(accepted, 1e-300)
        for index, target in enumerate(targets):
            enough = np.flatnonzero(accuracy >= target)
            coverages[draw, index] = accepted[enough[-1]] / accepted[-1] if enough.size else 0.0
    return np.quantile(coverages, [0.025, 0.975], axis=0)
