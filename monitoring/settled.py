"""Which points of the accuracy by day are settled, and what the others can still become."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aisle.audit.estimates import OPEN, PENDING, estimate
from monitoring.accuracy import sums_of

if TYPE_CHECKING:
    import pandas as pd

    from monitoring.seeing import Seen


def settled(seen: Seen) -> pd.DataFrame:
    """The audited accuracy of spans of days, with what is still to come.

    Returns
    -------
    DataFrame
        `Seen.by_span`, and

        - `if_pending_wrong`: the accuracy where every contradiction that waits for a second person is confirmed;
        - `settled`: whether nothing can change it any more: nobody is waited for, or only answers that are overdue.
    """
    rows = seen.population[(seen.population["decision"] == "auto").to_numpy(dtype=bool)]
    closed = None if seen.watch is None or seen.watch.closed is None else seen.watch.closed.closed_until
    lowest, done = [], []
    for days, accuracy in zip(seen.by_span["days"], seen.by_span["accuracy"], strict=True):
        within = rows[rows["day"].isin(days).to_numpy(dtype=bool)]
        waiting = within["state"].isin((PENDING, OPEN)).to_numpy(dtype=bool)
        late = np.array([closed is not None and day <= closed for day in within["day"]], dtype=bool)
        pending = (within["state"] == PENDING).to_numpy(dtype=bool)
        lowest.append(estimate(sums_of(within)).if_pending_wrong if pending.any() else accuracy)
        done.append(not (pending | (waiting & ~late)).any())
    return seen.by_span.assign(if_pending_wrong=np.array(lowest, dtype=np.float64), settled=np.array(done, dtype=bool))
