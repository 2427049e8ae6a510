from __future__ import annotations

import numpy as np

from aisle.audit.replay.referee import Watch, Watched

NOBODY = np.empty(0)


def names(number: int, n: int) -> np.ndarray:
    return np.array([f"{number}-{i}" for i in range(n)], dtype=object)


def watched(error: float, rounds: int, audits: int = 80) -> tuple[Watch, list[Watched]]:
    rng, watch = np.random.default_rng(0), Watch(0.92, 0.1)
    looks = [
        watch.look(number, names(number, audits), rng.random(audits) < error, np.full(audits, 0.1), 0.1)
        for number in range(1, rounds + 1)
    ]
    return watch, looks


def test_the_alarm_rings_soon_when_the_truth_is_eight_points_below_the_target() -> None:
    watch, _ = watched(0.16, 8)
    assert watch.alarm_round is not None
    assert watch.alarm_round <= 4
    assert watch.alarm.alarm_at <= 80 * watch.alarm_round


def test_the_alarm_is_quiet_while_the_promise_holds_and_the_estimate_says_so() -> None:
    watch, looks = watched(0.05, 12)
    assert watch.alarm_round is None
    assert sum(one.low <= 0.95 <= one.high for one in looks) >= 10
    assert [one.audited for one in looks] == [80] * 12


def test_a_round_without_an_automatic_decision_says_nothing() -> None:
    watch = Watch(0.92, 0.1)
    assert watch.look(1, names(1, 0), NOBODY.astype(bool), NOBODY, 0.1) == Watched(0, None, None, None)


def test_audits_of_lower_probability_than_planned_are_reckoned_with() -> None:
    watch = Watch(0.92, 0.1)
    watch.look(1, names(1, 5), np.zeros(5, dtype=bool), np.full(5, 0.04), 0.04)
    assert watch.alarm.smallest_probability == 0.04
