"""Shares with their interval and sample size: the plain numbers that evidence is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from aisle.bounds import weighted_interval

LEVEL = 0.95  # of every two-sided interval that evidence shows
SEED = 20_000
FEWEST_CLUSTERS = 5  # resampling fewer whole sellers says nothing


class Share(TypedDict):
    """A share in [0, 1], its two-sided 95 % interval, and the rows it was counted on; null without rows."""

    value: float | None
    low: float | None
    high: float | None
    rows: int


def share(true: ArrayLike, weight: ArrayLike, level: float = LEVEL) -> Share:
    """The share of rows for which `true` holds.

    Rows of equal weight give the exact binomial interval (Clopper & Pearson 1934); unequal
    weights (in proportion to 1 / audit_probability) give Hájek's estimate (1971) and a weighted interval.

    Parameters
    ----------
    true : array-like of shape (n,), of truth values
    weight : array-like of shape (n,), positive
    """
    holds = np.asarray(true, dtype=bool)
    if holds.size == 0:
        return {"value": None, "low": None, "high": None, "rows": 0}
    value, low, high = weighted_interval(holds, weight, level)
    return {"value": value, "low": low, "high": high, "rows": int(holds.size)}


def worth(weight: ArrayLike) -> float:
    """How many rows of equal weight the rows are worth: (Σ w)² / Σ w² (Kish 1965, "Survey Sampling")."""
    weights = np.asarray(weight, dtype=np.float64)
    return float(weights.sum() ** 2 / (weights**2).sum()) if weights.size else 0.0


def cluster_draws(clusters: int, draws: int, seed: int = SEED) -> Iterator[NDArray[np.int64]]:
    """How often each cluster is drawn in each of `draws` samples with replacement.

    Yields arrays of shape (some draws, clusters), small enough for any number of clusters.
    """
    rng, even = np.random.default_rng(seed), np.full(clusters, 1 / clusters)
    block = max(1, 1_000_000 // clusters)
    for start in range(0, draws, block):
        yield rng.multinomial(clusters, even, size=min(block, draws - start))


def resampled(
    true: ArrayLike, weight: ArrayLike, cluster: ArrayLike, draws: int = 1000, level: float = LEVEL, seed: int = SEED
) -> Share | None:
    """The share with an interval from resampling whole clusters (Efron & Tibshirani 1993, percentiles).

    Products of one seller resemble each other, so the rows of a seller are drawn together.

    Parameters
    ----------
    true, weight : array-like of shape (n,)
    cluster : array-like of shape (n,), of codes 0 … c - 1
        As `cluster_codes` gives them.

    Returns
    -------
    None where there are fewer than five clusters.
    """
    weights = np.asarray(weight, dtype=np.float64)
    codes = np.asarray(cluster, dtype=np.int64)
    clusters = int(codes.max(initial=-1)) + 1
    if clusters < FEWEST_CLUSTERS:
        return None
    holds = np.bincount(codes, weights * np.asarray(true, dtype=np.float64), minlength=clusters)
    of = np.bincount(codes, weights, minlength=clusters)
    sums = np.concatenate([np.stack([times @ holds, times @ of]) for times in cluster_draws(clusters, draws, seed)], 1)
    values = sums[0][sums[1] > 0] / sums[1][sums[1] > 0]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return {"value": float(holds.sum() / of.sum()), "low": float(low), "high": float(high), "rows": int(codes.size)}


def cluster_codes(seller: ArrayLike) -> NDArray[np.int64]:
    """Codes 0 … c - 1 of sellers; every row without a seller is a cluster of its own."""
    codes, names = pd.factorize(np.asarray(seller, dtype=object), use_na_sentinel=True)
    unknown = codes < 0
    result = codes.astype(np.int64)
    result[unknown] = len(names) + np.arange(int(unknown.sum()))
    return result


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """p-values adjusted for how many were looked at (Holm 1979): family-wise, under any dependence."""
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = values[order] * (values.size - np.arange(values.size))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if values.size else steps
    return adjusted
