"""Days whose audits are not all settled show what they can still become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monitoring import judging, plots
from monitoring.settings import Settings
from monitoring.settled import settled
from tests.monitoring import made

DAYS = 8


def judged(folder: Path) -> judging.Judged:
    settings = Settings(window_days=DAYS, least_rows=24)
    return judging.judge(folder, settings, reference=made.reference(), day=made.day_of(DAYS - 1))


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> judging.Judged:
    """The last day's errors are contradicted, and nobody has confirmed them yet."""
    folder = made.catalogue(tmp_path_factory.mktemp("waiting") / "data", days=DAYS, per_day=160, error=0.1)

    def first_alone(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[~rows["adjudicated"].to_numpy(dtype=bool)]

    made.edit(folder, "labels", str(made.day_of(DAYS - 1)), first_alone)
    return judged(folder)


def test_the_last_day_is_open_and_the_others_are_settled(waiting: judging.Judged) -> None:
    found = settled(waiting.seen)
    assert found["settled"].tolist() == [True] * (len(found) - 1) + [False]
    last = found.iloc[-1]
    assert last["if_pending_wrong"] < last["accuracy"]
    same = found.iloc[:-1]
    assert (same["if_pending_wrong"] == same["accuracy"]).all()


def test_all_confirmed_is_settled(tmp_path: Path) -> None:
    found = settled(judged(made.catalogue(tmp_path / "data", days=DAYS, per_day=160, error=0.1)).seen)
    assert found["settled"].all()


def test_audits_that_nobody_answers_are_overdue_one_day(tmp_path: Path) -> None:
    """The first days' silence is part of their figures by now; the last days' is not yet."""
    folder = made.catalogue(tmp_path / "data", days=DAYS, per_day=160, error=0.1)
    for number in range(DAYS):
        made.edit(folder, "labels", str(made.day_of(number)), lambda rows: rows.iloc[3:])
    found = settled(judged(folder).seen)
    assert found["settled"].tolist()[0]
    assert not found["settled"].tolist()[-1]


def test_open_points_are_hollow_with_the_range_dotted(waiting: judging.Judged) -> None:
    def drawn(table: pd.DataFrame) -> tuple[set[Any], int]:
        import dataclasses

        from matplotlib.collections import LineCollection
        from matplotlib.colors import to_hex

        figure = plots.accuracy(dataclasses.replace(waiting.pictured, accuracy=table))
        (axes,) = figure.axes
        faces = {to_hex(line.get_markerfacecolor()) for line in axes.lines if line.get_marker() == "o"}
        ranges = [one for one in axes.collections if isinstance(one, LineCollection) and one.get_linewidth()[0] == 2.2]
        return faces, sum(len(one.get_segments()) for one in ranges)

    faces, ranges = drawn(settled(waiting.seen))
    assert plots.look.PAPER in faces
    assert ranges == 1
    faces, ranges = drawn(waiting.seen.by_span[["day", "accuracy", "low", "high", "answered"]])
    assert plots.look.PAPER not in faces
    assert ranges == 0
