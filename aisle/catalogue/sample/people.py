"""The people who label: who they are, and how long they take."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd

LABELLERS = ("Amira", "Bastian", "Chloé", "Dmitri", "Esra", "Femke", "Guus", "Hanna")
_MOST_A_DAY = 2000  # labels of one person; more people come for more
_SECONDS = (4.0, 26.0)  # for one product
_BREAK, _MOST_OF_A_BREAK = 0.04, 900.0  # share of products before which somebody rests, in seconds
_START, _LONGEST = 8 * 3600, 10 * 3600  # of a working day, in seconds after midnight
_AT_WORK = 3  # people on an ordinary day


def work_through(labels: pd.DataFrame, date: datetime.date, rng: np.random.Generator) -> pd.DataFrame:
    """Give each label of the day a labeller and a moment, audits first; sorted by the moment.

    Everybody starts after eight in the morning (UTC), when the night's feeds are in.
    """
    n = len(labels)
    if n == 0:
        return labels
    people = max(_AT_WORK, -(-n // _MOST_A_DAY))
    team = [(date.toordinal() + i) % max(len(LABELLERS), people) for i in range(people)]
    person = np.arange(n) % people
    gaps = _SECONDS[0] + (_SECONDS[1] - _SECONDS[0]) * rng.random(n)
    gaps = gaps + np.where(rng.random(n) < _BREAK, _MOST_OF_A_BREAK * rng.random(n), 0.0)
    late = rng.random(people) * 1800
    seconds = np.zeros(n)
    for i in range(people):
        spent = np.cumsum(gaps[i::people])
        hurry = min(1.0, _LONGEST / spent[-1]) if len(spent) else 1.0
        seconds[i::people] = _START + late[i] + spent * hurry
    moments = np.datetime64(date, "us") + (seconds * 1e6).astype(np.int64).astype("timedelta64[us]")
    worked = labels.assign(
        labeller=[_name(team[i]) for i in person],
        labelled_at=pd.DatetimeIndex(moments).tz_localize("UTC"),
    )
    return worked.sort_values("labelled_at", kind="stable", ignore_index=True)


def _name(number: int) -> str:
    again, which = divmod(number, len(LABELLERS))
    return LABELLERS[which] if not again else f"{LABELLERS[which]} {again + 1}"
