from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.audit.alarms.lasting import lasting
from aisle.errors import ConfigurationError

FLAGS = st.lists(st.sampled_from([True, False, None]), max_size=30)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], "unknown"),
        ([None] * 5, "unknown"),
        ([True, True], "unknown"),
        ([False, False, False], "quiet"),
        ([False, False, False, False, True], "look"),
        ([True, False, True, False, True], "alarm"),
        ([True, True, True, False, False], "look"),  # it was, and is over
        ([True, True, True, True, False], "look"),
        ([True] * 3 + [False] * 5, "quiet"),
        ([False, False, True, None, True, None, True], "alarm"),
        ([True, True, None, True, None], "alarm"),
        ([True] * 5 + [None] * 10, "unknown"),  # that was too long ago
        ([False] * 20 + [True] * 3, "alarm"),
    ],
)
def test_three_of_five_days_and_the_latest(flags: list[bool | None], expected: str) -> None:
    assert lasting(flags) == expected


def test_one_of_one_alarms_at_once() -> None:
    assert [lasting([flag], 1, 1) for flag in (True, False, None)] == ["alarm", "quiet", "unknown"]


@given(FLAGS, st.integers(1, 5), st.integers(0, 5))
def test_one_odd_day_is_never_an_alarm_and_no_alarm_ends_on_a_quiet_day(
    flags: list[bool | None], k: int, more: int
) -> None:
    found = lasting(flags, k, k + more)
    known = [flag for flag in flags if flag is not None]
    if found == "alarm":
        assert known[-1]
        assert sum(known) >= k
    if found == "quiet":
        assert not any(known[-k:])
    if len(known) < k:
        assert found == "unknown"


@given(FLAGS)
def test_an_unknown_day_is_neither_for_nor_against(flags: list[bool | None]) -> None:
    recent = flags[-9:]
    assert lasting([*recent, None]) == lasting(recent)


@pytest.mark.parametrize(("k", "n"), [(0, 5), (6, 5)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(ConfigurationError, match=f"{k} of {n} windows"):
        lasting([True], k, n)
