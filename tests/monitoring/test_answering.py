from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from aisle.audit.estimates import OPEN, PENDING, RIGHT, SKIPPED
from monitoring.answering import Answering, answering_of, contradicted_draws
from tests.monitoring import made

LAST = made.day_of(19)


def rows(state: dict[int, int], probability: float = 0.25, decision: str = "auto") -> pd.DataFrame:
    """Four predictions a day for 20 days, one of them drawn where `state` of its day says what became of it."""
    days = np.repeat(np.arange(20), 4).tolist()
    found = [state.get(day, -1) if place % 4 == 0 else -1 for place, day in enumerate(days)]
    return pd.DataFrame(
        {
            "day": [made.day_of(day) for day in days],
            "decision": decision,
            "first": True,
            "audit_probability": probability,
            "state": found,
        }
    )


class TestAnswers:
    def test_up_to_the_last_days_are_not_stale(self) -> None:
        found = answering_of(rows(dict.fromkeys(range(17), RIGHT)), LAST, 3)
        assert (found.last, found.days, found.waiting) == (made.day_of(16), 3, 0)
        assert not found.stale(6)

    @pytest.mark.parametrize("state", [OPEN, SKIPPED])
    def test_that_nobody_gives_are_stale_as_are_those_that_all_skip(self, state: int) -> None:
        found = answering_of(rows({day: RIGHT if day < 8 else state for day in range(20)}), LAST, 3)
        assert (found.last, found.days, found.waiting) == (made.day_of(7), 12, 9)  # of the last three they may wait
        assert found.stale(6)
        assert not found.stale(12)

    def test_one_person_is_an_answer(self) -> None:
        assert not answering_of(rows({18: PENDING}), LAST, 3).stale(6)

    def test_without_draws_they_are_stale(self) -> None:
        frame = rows(dict.fromkeys(range(8), RIGHT))
        frame["audit_probability"] = frame["audit_probability"].where(frame["day"] < made.day_of(8))
        assert answering_of(frame, LAST, 3) == Answering(made.day_of(7), 12, 0, 36, 0.0)
        assert answering_of(frame, LAST, 3).stale(6)

    def test_with_rates_so_low_that_none_was_due_nothing_is_said(self) -> None:
        assert not answering_of(rows({0: RIGHT}, probability=0.01), LAST, 3).stale(6)
        assert answering_of(rows({0: RIGHT}, probability=0.25), LAST, 3).stale(6)

    def test_of_automatic_decisions_alone(self) -> None:
        under_review = rows(dict.fromkeys(range(8, 20), OPEN), decision="review")
        automatic = rows(dict.fromkeys(range(8), RIGHT))
        kept = automatic[(automatic["day"] < made.day_of(8)).to_numpy()]
        found = answering_of(pd.concat([kept, under_review], ignore_index=True), LAST, 3)
        assert not found.stale(6)  # nothing is decided automatically any more

    def test_none_at_all_is_for_the_accuracy_to_say(self) -> None:
        assert not answering_of(rows({}), dt.date(2025, 7, 1), 3).stale(0)


def population(probability: np.ndarray, drawn: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"audit_probability": probability, "audit_drawn": drawn})


class TestDraws:
    @pytest.mark.parametrize("stored", [1e-12, 1.0])
    def test_that_do_not_fit_their_probability(self, stored: float) -> None:
        drawn = np.random.default_rng(0).random(400) < 0.3
        found = contradicted_draws(population(np.full(400, stored), drawn))
        assert found is not None
        assert (found.rows, found.drawn, found.expected) == (400, drawn.sum(), pytest.approx(400 * stored))

    def test_a_few_wrong_ones_among_many_right_ones_stand_out(self) -> None:
        rng = np.random.default_rng(1)
        drawn = rng.random(4000) < 0.3
        probability = np.where(rng.random(4000) < 0.02, 1e-4, 0.3)
        found = contradicted_draws(population(probability, drawn))
        assert found is not None
        assert found.largest == 1e-4

    def test_false_alarm_of_honest_draws(self) -> None:
        rng = np.random.default_rng(2)
        for _ in range(500):
            probability = rng.choice([0.001, 0.05, 0.3, 0.9, 1.0], 300)
            assert contradicted_draws(population(probability, rng.random(300) < probability)) is None

    def test_none_fit(self) -> None:
        assert contradicted_draws(population(np.empty(0), np.empty(0, dtype=bool))) is None
