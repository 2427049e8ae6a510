"""A shift that lasts over days too small to show it one by one: the last days taken together.

A day of 60 rows is beyond its limit only where much has changed. Several such days say more together, but then a single
odd day could speak for all of them. So the days that speak loudest are left out, and what is left must do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from aisle.audit.alarms.lasting import Lasting, lasting

if TYPE_CHECKING:
    from monitoring.drift import Drift

MOST_ROWS = 500  # of a day, in the mean, that still needs others beside it


def together(drift: Drift, rows: pd.DataFrame, by_day: pd.DataFrame, k: int = 3, n: int = 5) -> pd.Series:
    """Whether each column's shift lasts up to each day, by the days before it taken together.

    Of the last n days that are known, the k − 1 furthest from the reference are left out: it takes k shifted days
    to shift the rest. The rows of the others together must be beyond their limit, and the latest day, left out
    or not, further from the reference than every second quiet day.

    Parameters
    ----------
    rows : frame with `day`
        Those that `by_day` was made of.
    by_day : frame
        What `Drift.by_day` gave, its days in order.
    k, n : int, 1 ≤ k ≤ n
        As of `lasting`.

    Returns
    -------
    series of true, false or None, one for each row of `by_day`
        None where a day is not known, has fewer than n known days up to it (of the last 2 · n), or days are
        large enough to speak for themselves (`MOST_ROWS`).
    """
    groups: dict[Any, pd.DataFrame] = dict(list(rows.groupby("day", sort=True)))
    found = pd.Series([None] * len(by_day), index=by_day.index, dtype=object)
    for column, of_column in by_day.groupby("column", sort=False):
        statistic = of_column["statistic"].where(of_column["drifted"].notna()).tolist()
        days = of_column["day"].tolist()
        for place, row in enumerate(of_column.index):
            known = [i for i in range(max(place - 2 * n + 1, 0), place + 1) if not pd.isna(statistic[i])][-n:]
            if len(known) == n and known[-1] == place:
                far = {days[i]: statistic[i] for i in known}
                found[row] = _lasts(drift, str(column), groups, far, k)
    return found


def state(flags: Sequence[bool | None], lasts: Sequence[bool | None], k: int = 3, n: int = 5) -> Lasting:
    """What the days of one column say: "alarm" too where the latest known day's shift lasts by days taken together."""
    latest = next((one for flag, one in zip(reversed(flags), reversed(lasts), strict=True) if flag is not None), None)
    return "alarm" if latest else lasting(flags, k, n)


def _lasts(drift: Drift, column: str, groups: Mapping[Any, pd.DataFrame], far: dict[Any, float], k: int) -> bool | None:
    """`far`: distance of each of the n days, in order."""
    sizes = [len(groups[day]) for day in far]
    if sum(sizes) > MOST_ROWS * len(far):
        return None
    latest = list(far)[-1]
    if far[latest] <= drift.usual(column, sizes[-1]):
        return False
    left = sorted(far, key=lambda day: -far[day])[k - 1 :]
    return drift.exceeds(column, pd.concat([groups[day] for day in left]))
