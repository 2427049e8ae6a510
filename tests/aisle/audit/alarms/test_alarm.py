from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.audit.alarms.alarm import ErrorAlarm
from aisle.audit.alarms.processes import EARLY_SHARE
from aisle.errors import ConfigurationError, DataError

AUDITS = st.lists(st.tuples(st.booleans(), st.floats(0.1, 1.0)), max_size=60)


def alarm_of(audits: list[tuple[bool, float]], limit: float = 0.05) -> ErrorAlarm:
    return ErrorAlarm(limit, 0.1).update([one for one, _ in audits], [chance for _, chance in audits])


@given(AUDITS, st.integers(0, 60))
def test_a_stored_state_goes_on_as_if_nothing_had_been(audits: list[tuple[bool, float]], cut: int) -> None:
    first = alarm_of(audits[:cut])
    again = ErrorAlarm.from_state(json.loads(json.dumps(first.state())))
    assert again.state() == first.state()
    for wrong, chance in audits[cut:]:
        again.update(wrong, chance)
    assert again.state() == alarm_of(audits).state()


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.data())
def test_more_errors_never_ring_later(wrong: list[bool], data: st.DataObject) -> None:
    more = [one or data.draw(st.booleans()) for one in wrong]
    few, many = (ErrorAlarm(0.05, 0.2).update(one, 0.2) for one in (wrong, more))
    assert (many.alarm_at or math.inf) <= (few.alarm_at or math.inf)
    if not many.alarmed:
        assert many.capital >= few.capital * (1 - 1e-12)


@given(AUDITS)
def test_what_it_holds_is_the_sum_of_its_parts(audits: list[tuple[bool, float]]) -> None:
    alarm = alarm_of(audits)
    assert alarm.capital == pytest.approx(EARLY_SHARE * alarm.e_value + alarm.late.value)
    assert alarm.alarmed == (alarm.capital >= alarm.goal)
    assert (alarm.count, alarm.errors) == (len(audits), sum(wrong for wrong, _ in audits))
    assert (alarm.goal, alarm.late.limit) == (20, 20)


def test_without_an_audit_nothing_is_known() -> None:
    alarm = ErrorAlarm(0.05, 0.1).update([], [])
    assert (alarm.count, alarm.alarmed, alarm.alarm_at, alarm.which) == (0, False, None, None)
    assert alarm.e_value == pytest.approx(1)
    assert alarm.late.value == 0


def test_it_says_which_part_rang() -> None:
    start = ErrorAlarm(0.05, 1).update(np.arange(400) % 5 == 0, 1)
    assert start.which == "early"
    assert 0 < (start.alarm_at or 0) < 100
    good, bad = np.arange(2_000) % 25 == 0, np.arange(400) % 5 == 0
    change = ErrorAlarm(0.05, 1).update(good, 1).update(bad, 1)
    assert change.which == "late"
    assert 2_000 < (change.alarm_at or 0) < 2_150


def test_once_it_rang_it_stays_so() -> None:
    alarm = ErrorAlarm(0.05, 1).update([True] * 10, 1)
    at, capital = alarm.alarm_at, alarm.capital
    alarm.update([False] * 100, 1)
    assert (alarm.alarm_at, alarm.capital, alarm.count) == (at, capital, 110)


def test_beyond_the_horizon_the_bound_on_false_alarms_grows() -> None:
    alarm = ErrorAlarm(0.05, 1, false_alarm=0.05, horizon=200).update([False] * 200, 1)
    assert not alarm.beyond_horizon
    assert alarm.bound == pytest.approx(0.05)
    assert alarm.bound_within(0) == pytest.approx(0.35 * 0.05)
    alarm.update([False] * 200, 1)
    assert alarm.beyond_horizon
    assert alarm.bound == alarm.bound_within(400) == pytest.approx(0.05 * (0.35 + 0.65 * 2))
    assert alarm.bound_within(1_000_000) == 1


def test_a_refused_audit_is_not_taken() -> None:
    alarm = ErrorAlarm(0.05, 0.1)
    with pytest.raises(DataError, match=r"0\.05 does not lie in \[0\.1, 1\]"):
        alarm.update([False, True], [0.5, 0.05])
    assert alarm.count == 0
    alarm.reckon_with(0.5)
    assert alarm.smallest_probability == 0.1
    alarm.reckon_with(0.05)
    assert alarm.update([False, True], [0.5, 0.05]).count == 2


@pytest.mark.parametrize("smallest", [0, 1.5, math.nan])
def test_a_smallest_probability_out_of_range_is_refused(smallest: float) -> None:
    with pytest.raises(ConfigurationError, match="smallest audit_probability"):
        ErrorAlarm(0.05, smallest)


@pytest.mark.parametrize(
    "change",
    [{"held": [1.0]}, {"held": [math.nan] * 17}, {"limit": 5}, {"which": "never"}, {"count": "many"}, {"weight": None}],
)
def test_a_state_that_no_alarm_has_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DataError, match="replay it from the labels"):
        ErrorAlarm.from_state(alarm_of([(True, 0.5)]).state() | change)


def test_a_state_that_lacks_something_is_refused() -> None:
    state = alarm_of([(True, 0.5)]).state()
    del state["held"]
    with pytest.raises(DataError, match="held"):
        ErrorAlarm.from_state(state)


def test_the_guarantee_is_stated_with_the_shares_in_use() -> None:
    text = " ".join((ErrorAlarm.__doc__ or "").split())
    early, late = f"{EARLY_SHARE:g}", f"{1 - EARLY_SHARE:g}"
    assert f"false_alarm · ({early} + {late} · n / horizon)" in text
    assert f"({early} · false_alarm)" in text
    assert f"horizon / ({late} · false_alarm)" in text
