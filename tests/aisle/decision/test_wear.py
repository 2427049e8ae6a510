from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from aisle.decision.wear import Wear, youngest

FRESH = Wear(1, 0.95, date(2025, 3, 1), after_uses=4, after_days=180)


def test_the_union_bound_says_what_remains() -> None:
    assert FRESH.together == pytest.approx(0.95)
    assert replace(FRESH, uses=3).together == pytest.approx(0.85)
    assert replace(FRESH, uses=50).together == 0


def test_audits_are_due_after_uses_or_days() -> None:
    assert FRESH.due_on == date(2025, 8, 28)
    assert not FRESH.due(date(2025, 8, 27))
    assert FRESH.due(date(2025, 8, 28))
    assert replace(FRESH, uses=4).due(date(2025, 3, 2))
    unknown = replace(FRESH, youngest=None)
    assert unknown.due_on is None
    assert not unknown.due(date(2099, 1, 1))


@pytest.mark.parametrize(
    ("wear", "today", "words"),
    [
        (FRESH, date(2025, 4, 1), "fresh audits are due after 4 thresholds, or on 2025-08-28"),
        (FRESH, date(2025, 9, 1), "due since 2025-08-28: the youngest row is over 180 days old"),
        (replace(FRESH, uses=5), date(2025, 4, 1), "fresh audits are due: 4 thresholds is the most"),
        (replace(FRESH, youngest=None, after_uses=1, uses=0), date(2025, 4, 1), "due after 1 threshold"),
    ],
)
def test_people_are_told_when(wear: Wear, today: date, words: str) -> None:
    assert words in wear.when(today)


def test_people_are_told_how_often() -> None:
    assert FRESH.used() == "1 threshold was chosen on these calibration rows so far, this one"
    assert "3 thresholds were chosen" in replace(FRESH, uses=3).used()
    assert "with probability 0.85 at least, not 0.95" in replace(FRESH, uses=3).used()


def test_the_youngest_row() -> None:
    days = pd.Series(pd.to_datetime(["2025-01-05T23:00:00Z", None, "2025-03-01T01:00:00Z"]))
    assert youngest(pd.DataFrame({"received_at": days})) == date(2025, 3, 1)
    assert youngest(pd.DataFrame({"received_at": pd.Series([None, None], dtype="datetime64[ns, UTC]")})) is None
    assert youngest(pd.DataFrame({"product_id": ["a"]})) is None
