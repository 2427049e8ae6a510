"""Shifts that no small day shows alone."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from aisle.errors import ConfigurationError
from monitoring.drift import TEXT, Drift
from monitoring.together import MOST_ROWS, state, together
from tests.monitoring.made_frames import frame

DAYS = [dt.date(2025, 7, 1) + dt.timedelta(days=i) for i in range(8)]


@pytest.fixture(scope="module")
def drift() -> Drift:
    return Drift(frame(800, seed=1), days=600)


def days_of(changed: tuple[int, ...], change, rows: int = 60, many: int = 8) -> pd.DataFrame:
    parts = [frame(rows, seed=40 + i).assign(day=DAYS[i]) for i in range(many)]
    return pd.concat([change(part) if i in changed else part for i, part in enumerate(parts)], ignore_index=True)


def somewhat_cut(rows: pd.DataFrame) -> pd.DataFrame:
    """Two titles of three lose two characters."""
    return rows.assign(title=rows["title"].where(np.arange(len(rows)) % 3 == 0, rows["title"].str[2:]))


def all_cut(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(title=rows["title"].str[:4])


def lasting_together(drift: Drift, rows: pd.DataFrame, column: str = "title_length") -> list[bool | None]:
    table = drift.by_day(rows, DAYS[: rows["day"].nunique()])
    return together(drift, rows, table)[table["column"] == column].tolist()


def test_quiet_days_do_not_last(drift: Drift):
    rows = days_of((), somewhat_cut)
    table = drift.by_day(rows)
    found = together(drift, rows, table)

    first = table["day"].isin(DAYS[:4])
    assert found[first].isna().all()  # five days are needed
    assert found[~first].eq(False).all()


def test_what_small_days_do_not_show_one_by_one_they_show_together(drift: Drift):
    rows = days_of((3, 4, 5, 6, 7), somewhat_cut)
    alone = drift.by_day(rows)
    of_titles = alone[alone["column"] == "title_length"]

    assert state(of_titles["drifted"].tolist(), [None] * 8) != "alarm"
    found = lasting_together(drift, rows)
    assert found[:5] == [None, None, None, None, False]
    assert found[7] is True
    assert state(of_titles["drifted"].tolist(), found) == "alarm"


def test_one_odd_day_or_two_are_no_shift_that_lasts_however_odd(drift: Drift):
    assert True not in lasting_together(drift, days_of((5,), all_cut))
    assert True not in lasting_together(drift, days_of((4, 6), all_cut))
    assert lasting_together(drift, days_of((4, 6, 7), all_cut))[7] is True


def test_a_shift_that_is_over_does_not_last(drift: Drift):
    """The last day is as like the reference as can be, while the days before it were not."""
    reference = frame(800, seed=1)
    like_it = reference.iloc[np.argsort(reference["title"].str.len(), kind="stable")[::13]]
    rows = days_of((2, 3, 4, 5, 6), all_cut, many=7)
    rows = pd.concat([rows, like_it.assign(day=DAYS[7])], ignore_index=True)

    found = lasting_together(drift, rows)

    assert found[5] is found[6] is True
    assert found[7] is False


def test_titles_of_several_days_are_told_together(drift: Drift):
    def capitals(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(title=rows["title"].where(rows.index % 2 == 0, rows["title"].str.upper()))

    assert lasting_together(drift, days_of((3, 4, 5, 6, 7), capitals), TEXT)[7] is True


def test_days_that_are_not_known_make_room_for_earlier_ones(drift: Drift):
    rows = days_of((3, 4, 5, 6, 7), all_cut)
    rows = rows[(rows["day"] != DAYS[6]) | (rows.groupby("day").cumcount() < 10)]
    found = lasting_together(drift, rows)

    assert found[6] is None  # ten rows
    assert found[5] is found[7] is True


def test_large_days_speak_for_themselves(drift: Drift):
    rows = days_of((3, 4), all_cut, rows=MOST_ROWS + 1, many=5)

    assert lasting_together(drift, rows) == [None] * 5


def test_false_alarm_of_days_together_keeps_the_level_of_a_day():
    level, flagged, days = 0.1, 0, 0
    for number in range(6):
        drift = Drift(frame(300, seed=300 + number), level=level, tolerance=0.0, days=300)
        rows = [frame(40, seed=9_000 + 14 * number + i).assign(day=dt.date(2025, 7, 1 + i)) for i in range(14)]
        together_rows = pd.concat(rows, ignore_index=True)
        table = drift.by_day(together_rows)
        lasts = together(drift, together_rows, table)
        by_day = lasts.eq(True).groupby(table["day"]).any().iloc[4:]
        flagged, days = flagged + int(by_day.sum()), days + len(by_day)
    assert flagged / days <= level


def test_the_state_of_a_column():
    assert state([False, True, True, True], [None] * 4) == "alarm"
    assert state([False] * 5, [None] * 4 + [True]) == "alarm"
    assert state([False] * 5 + [None], [None] * 4 + [True, None]) == "alarm"  # the latest day that is known
    assert state([False] * 6, [None] * 4 + [True, False]) == "quiet"
    assert state([False, False, True], [None, None, False]) == "look"
    assert state([None, None], [None, None]) == "unknown"
    with pytest.raises(ConfigurationError):
        state([False] * 5, [None] * 5, 6, 5)
