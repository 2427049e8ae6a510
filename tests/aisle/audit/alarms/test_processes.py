from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.audit.alarms import processes
from aisle.audit.alarms.alarm import ErrorAlarm
from aisle.audit.alarms.processes import EARLY_SHARE, LATE_ODDS, Capital, Wager, alarm_times, audit_weights
from aisle.errors import ConfigurationError, DataError

LIMITS = st.floats(0.005, 0.3)
AUDITS = st.lists(st.tuples(st.booleans(), st.floats(0.02, 1.0)), max_size=60)
FAR = 1e-9  # a probability of a false alarm so small that no stake is held back


def taken(wager: Wager, audits: list[tuple[bool, float]]) -> Capital:
    capital = Capital(wager)
    for wrong, weight in audits:
        capital.step(np.array([wrong]), np.array([weight]))
    return capital


def rate_of(odds: float, limit: float) -> float:
    """The error whose odds are `odds` times those of the limit."""
    return odds * limit / (1 - limit + odds * limit)


@given(LIMITS, st.lists(st.booleans(), max_size=60))
def test_with_equal_weights_the_early_part_is_a_mixture_of_likelihood_ratios(limit: float, wrong: list[bool]) -> None:
    capital = taken(Wager(limit, FAR), [(one, 1.0) for one in wrong])
    expected = 0.0
    weights = processes._EARLY_WEIGHTS / processes._EARLY_WEIGHTS.sum()
    for odds, weight in zip(processes._EARLY_ODDS, weights, strict=True):
        rate = rate_of(odds, limit)
        expected += weight * math.prod(rate / limit if one else (1 - rate) / (1 - limit) for one in wrong)
    assert capital.early[0] == pytest.approx(EARLY_SHARE * expected, rel=1e-9)


@given(LIMITS, st.lists(st.booleans(), max_size=40))
def test_with_equal_weights_the_late_capital_is_a_sum_over_all_starts(limit: float, wrong: list[bool]) -> None:
    capital = taken(Wager(limit, FAR, horizon=100), [(one, 1.0) for one in wrong])
    rate = rate_of(LATE_ODDS, limit)
    ratio = [rate / limit if one else (1 - rate) / (1 - limit) for one in wrong]
    expected = sum(math.prod(ratio[start:]) for start in range(len(wrong)))
    assert capital.late[0] == pytest.approx((1 - EARLY_SHARE) / 100 * expected, rel=1e-9, abs=1e-12)


def test_unequal_weights_are_bet_on_as_computed_by_hand() -> None:
    limit, audits = 0.05, [(True, 1.0), (False, 0.5), (True, 0.25)]
    odds = processes._EARLY_ODDS
    bets = (odds - 1) / (1 + limit * (odds - 1))
    held = EARLY_SHARE * processes._EARLY_WEIGHTS / processes._EARLY_WEIGHTS.sum()
    scales = [1.0, 1.0, (0.01 + 1.5) / (0.01 + 1.25)]  # of the weights before each audit
    for (wrong, weight), scale in zip(audits, scales, strict=True):
        held = held * (1 + np.minimum(bets * scale, 0.9 / limit) * weight * (wrong - limit))
    assert taken(Wager(limit, FAR), audits).early[0] == pytest.approx(held.sum(), rel=1e-12)


def test_small_weights_are_bet_on_as_boldly_as_great_ones() -> None:
    wrong = np.random.default_rng(3).random((200, 1_000)) < 0.1
    great, small = (np.median(alarm_times(wrong, chance, 0.05, 0.02)) for chance in (0.02, 0.2))
    assert small < 1.25 * great


@given(LIMITS, AUDITS, st.floats(0.02, 1), st.floats(0.02, 1), st.floats(0.05, 0.95), st.floats(0, 1))
def test_validity_no_audit_makes_money_on_average(
    limit: float, audits: list[tuple[bool, float]], one: float, other: float, chance: float, part: float
) -> None:
    """The proof itself: whatever came before, the mean of the total after an audit is the total and the income.

    The next audit has one of two weights; who has which error rate is as unequal as `part` says, with
    a mean of w · (error − limit) of zero.
    """
    before = taken(Wager(limit), audits)
    room = min(1 - limit, limit * (1 - chance) * other / (chance * one))
    first = limit + part * room
    second = limit - part * room * chance * one / ((1 - chance) * other)
    mean = 0.0
    for share, weight, rate in ((chance, one, first), (1 - chance, other, second)):
        for wrong, likely in ((True, rate), (False, 1 - rate)):
            after = copy.deepcopy(before)
            after.step(np.array([wrong]), np.array([weight]))
            assert after.held.min() >= 0
            mean += share * likely * after.total[0]
    assert mean == pytest.approx(before.total[0] + before.wager.income, rel=1e-9)


def test_no_more_is_staked_than_the_next_error_needs() -> None:
    capital = Capital(Wager(0.05))
    while capital.total[0] < capital.wager.goal:
        capital.step(np.array([True]), np.array([1.0]))
    assert capital.total[0] == pytest.approx(capital.wager.goal, rel=1e-8)


@pytest.mark.parametrize("limit", [0.005, 0.05, 0.3])
def test_false_alarm_at_the_limit_is_rare(limit: float) -> None:
    wrong = np.random.default_rng(1).random((1_000, 4_000)) < limit
    assert np.isfinite(alarm_times(wrong, 1.0, limit)).mean() <= 0.05


@pytest.mark.parametrize(
    ("share", "error"),
    [((0.9, 0.1), (0, 0.5)), ((0.9, 0.1), (0.05 / 0.9, 0)), ((0.05, 0.95), (1, 0)), ((0.5, 0.5), (0.02, 0.08))],
)
def test_false_alarm_is_rare_with_audits_ten_fold_unequal(share: tuple[float, ...], error: tuple[float, ...]) -> None:
    """The raw error of the audits is up to five times the limit, the weighted one keeps it."""
    random = np.random.default_rng(2)
    probability = np.array([0.02, 0.2])
    chance = np.array(share) * probability
    kind = random.choice(2, size=(1_000, 3_000), p=chance / chance.sum())
    times = alarm_times(random.random(kind.shape) < np.array(error)[kind], probability[kind], 0.05)
    assert np.isfinite(times).mean() <= 0.05


def test_validity_beyond_the_horizon_grows_as_stated() -> None:
    wrong = np.random.default_rng(4).random((1_000, 2_000)) < 0.1
    rung = np.isfinite(alarm_times(wrong, 1.0, 0.1, horizon=200)).mean()
    assert 0.05 < rung <= 0.05 * (EARLY_SHARE + (1 - EARLY_SHARE) * 2_000 / 200)


def test_it_rings_soon() -> None:
    random = np.random.default_rng(5)
    start = [np.median(alarm_times(random.random((400, 2_000)) < rate, 1.0, 0.05)) for rate in (0.2, 0.1, 0.08)]
    assert start[0] <= 50
    assert start[1] <= 200
    assert start[2] <= 480
    rates = np.repeat([0.04, 0.10], [2_000, 1_500])
    late = alarm_times(random.random((400, 3_500)) < rates, 1.0, 0.05)
    assert (late <= 2_000).mean() < 0.02
    assert np.median(late[late > 2_000]) - 2_000 <= 310


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 1.0)), min_size=1, max_size=80))
def test_many_runs_ring_when_one_by_one_does(audits: list[tuple[bool, float]]) -> None:
    wrong, probability = zip(*audits, strict=True)
    both = np.array([wrong, wrong[::-1]])
    probabilities = np.array([probability, probability[::-1]])
    times = alarm_times(both, probabilities, 0.05, 0.1)
    for errors, chances, time in zip(both, probabilities, times, strict=True):
        at = ErrorAlarm(0.05, 0.1).update(errors, chances).alarm_at
        assert time == (math.inf if at is None else at)


def test_runs_without_audits_never_ring() -> None:
    assert alarm_times(np.zeros((3, 0)), np.zeros((3, 0)), 0.05).tolist() == [math.inf] * 3


@pytest.mark.parametrize("name", ["limit", "false_alarm"])
@pytest.mark.parametrize("value", [0, 1, -0.1, math.nan])
def test_a_limit_of_nothing_or_everything_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is"):
        Wager(**{"limit": 0.05, name: value})


def test_percent_are_recognised() -> None:
    with pytest.raises(ConfigurationError, match=r"write 5 % as 0\.05"):
        Wager(5)


@pytest.mark.parametrize("setting", [{"horizon": 0}, {"early_share": 1.5}])
def test_other_settings_out_of_range_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(setting))):
        Wager(0.05, **setting)


@pytest.mark.parametrize("probability", [0.05, 0.0, 1.2, math.nan])
def test_a_probability_out_of_range_is_refused(probability: float) -> None:
    with pytest.raises(DataError, match="audit_probability"):
        audit_weights([0.5, probability], 0.1)
    assert audit_weights([0.1, 1.0, 0.1 * (1 - 1e-12)], 0.1).tolist() == [1.0, 0.1, 1.0]
