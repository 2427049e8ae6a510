"""How far the mix of a quiet catalogue moves from one time to the next, learnt from the reference's own period.

Sellers send in batches and seasons come, so that days differ by more than rows drawn one by one would.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SCALES = (1, 7, 30)  # days
_MOST = 25.0  # of a movement: beyond it a day consists of next to one value


def movement(codes: NDArray[np.intp], weight: NDArray[np.float64], received_at: pd.Series) -> float:
    """How much the shares of n values move: the mean of Σ (share then − share)² / share, beyond chance.

    In each span of a day, a week or a month: two of its rows have the same value more often than two rows of the
    whole, and Σ over values of (pairs of the value / its share) / pairs − 1 estimates the sum without bias,
    as chance makes no pairs. The greatest of the scales counts, each less one standard error, so that
    chance alone gives next to nothing.

    Parameters
    ----------
    codes : array of int, shape (n,)
    weight : array of shape (n,), positive
        A pair counts for the product of its weights.
    received_at : series of n times; rows without one take no part

    Returns
    -------
    float in [0, 25]
        τ²: as if each share were multiplied by a random number of mean 1 and variance τ². 0 without times.
    """
    known = received_at.notna().to_numpy()
    if known.sum() < 2:
        return 0.0
    codes, weight = codes[known], weight[known]
    share = np.bincount(codes, weight) / weight.sum()
    values = int(np.count_nonzero(share))
    if values < 2:
        return 0.0
    since = received_at[known]
    days = ((since - since.min()).dt.total_seconds() // 86_400).to_numpy(dtype=np.int64)
    return max(_excess(codes, weight, days // scale, share, values) for scale in SCALES)


def _excess(
    codes: NDArray[np.intp],
    weight: NDArray[np.float64],
    spans: NDArray[np.int64],
    share: NDArray[np.float64],
    values: int,
) -> float:
    cell = spans * len(share) + codes
    mass, squares = np.bincount(cell, weight), np.bincount(cell, weight**2)
    alike = np.maximum(mass**2 - squares, 0.0)  # pairs within a span, of one value
    within = np.bincount(spans, weight) ** 2 - np.bincount(spans, weight**2)
    pairs = float(within.sum())
    if pairs <= 0 or within.max() >= 0.999 * pairs:  # a single span has nothing to be compared with
        return 0.0
    found = np.flatnonzero(alike)
    estimate = float((alike[found] / share[found % len(share)]).sum()) / pairs - 1.0
    error = np.sqrt(2.0 * (values - 1) / pairs) * np.mean(weight**2) / np.mean(weight)
    return float(np.clip(estimate - error, 0.0, _MOST))
