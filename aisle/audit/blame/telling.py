"""The products that tell most about a slice that is to blame: a handful that a person can look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisle.audit.blame.slices import MOST_TELLING

MOST_ANSWERS = 3

if TYPE_CHECKING:
    import pandas as pd


def telling_errors(wrong: pd.DataFrame, most: int = MOST_TELLING) -> tuple[str, ...]:
    """Products of `wrong`, rows that were confirmed wrong, the most confident first.

    Of one product the most confident row counts; without a column `confidence` the order is that of the rows,
    without `product_id` there are none.
    """
    if "product_id" not in wrong:
        return ()
    if "confidence" in wrong:
        wrong = wrong.sort_values("confidence", ascending=False, kind="stable")
    return tuple(str(one) for one in wrong["product_id"].drop_duplicates().head(most))


def answers_instead(wrong: pd.DataFrame, most: int = MOST_ANSWERS) -> tuple[tuple[str, int], ...]:
    """What people answered of `wrong` (`answered_category_id`) and how often, most frequent first; () if not known."""
    if "answered_category_id" not in wrong:
        return ()
    counts = wrong["answered_category_id"].dropna().astype(str).value_counts()
    often = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:most]
    return tuple((str(answer), int(many)) for answer, many in often)


def telling_rows(rows: pd.DataFrame, places: NDArray[np.float64], most: int = MOST_TELLING) -> tuple[str, ...]:
    """Products of `rows` that are most typical of them: nearest to their middle in all columns.

    Parameters
    ----------
    rows : DataFrame of n rows
        With `product_id`.
    places : array of shape (n, d)
        Where each row stands in each of d columns, as ranks in [0, 1]; nan counts as the middle.
    """
    if "product_id" not in rows or not len(rows):
        return ()
    known = np.where(np.isnan(places), 0.5, places)
    distance = np.abs(known - np.median(known, axis=0)).sum(axis=1)
    nearest = rows.iloc[np.argsort(distance, kind="stable")]
    return tuple(str(one) for one in nearest["product_id"].drop_duplicates().head(most))
