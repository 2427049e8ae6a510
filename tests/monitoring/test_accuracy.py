from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.audit.estimates import RIGHT, WRONG, audit_sums, estimate
from monitoring.accuracy import accuracy_of, audits_needed
from tests.monitoring import made

TARGET, TOLERANCE = 0.93, 0.05


def sums(right: int, wrong: int, probability: float = 0.1) -> object:
    return audit_sums([RIGHT] * right + [WRONG] * wrong, [probability] * (right + wrong), probability)


def population(right: int, wrong: int, asked: int | None = None) -> pd.DataFrame:
    """Automatic decisions of which `right + wrong` are audited, and one under review that was wrong."""
    state = [RIGHT] * right + [WRONG] * wrong + [-1] * (asked or 5) + [WRONG]
    rows = len(state)
    return pd.DataFrame(
        {
            "day": [made.day_of(number % 3) for number in range(rows)],
            "branch_id": ["garden", "toys"] * (rows // 2) + ["garden"] * (rows % 2),
            "seller": "north",
            "decision": ["auto"] * (rows - 1) + ["review"],
            "audit_probability": 0.1,
            "state": state,
        }
    )


class TestHowManyMore:
    def test_none_when_it_is_known(self) -> None:
        assert audits_needed(sums(480, 20), TARGET, TOLERANCE) == (0, False)

    @pytest.mark.parametrize("target", [0.8, 0.93, 0.99])
    def test_without_any_audit_as_many_as_the_promise_itself_takes(self, target: float) -> None:
        number, least = audits_needed(audit_sums([], [], 1.0), target, TOLERANCE)
        assert not least
        assert number is not None
        wrong = number * (1 - target)
        found = estimate(audit_sums([RIGHT] * int(number - wrong) + [WRONG] * round(wrong), [1.0] * number, 1.0))
        assert found.low == pytest.approx(target - TOLERANCE, abs=0.01)

    @given(st.integers(0, 30), st.integers(1, 60))
    def test_so_many_more_are_enough_and_one_less_is_not(self, wrong: int, right: int) -> None:
        """Of the same kind where the reading lies high enough, else all right."""
        found = sums(right, wrong)
        number, all_right = audits_needed(found, TARGET, TOLERANCE)
        if number == 0:
            assert estimate(found).low >= TARGET - TOLERANCE
            return
        assert number is not None
        if all_right:
            assert estimate(sums(right + number, wrong)).low >= TARGET - TOLERANCE
            assert number == 1 or estimate(sums(right + number - 1, wrong)).low < TARGET - TOLERANCE
        else:
            assert right / (right + wrong) > TARGET - TOLERANCE

    def test_where_it_reads_too_low_it_says_so(self) -> None:
        assert audits_needed(sums(80, 20), TARGET, TOLERANCE)[1]


class TestAccuracy:
    def test_speaks_of_automatic_decisions_alone(self) -> None:
        found = accuracy_of(population(95, 5), TARGET, TOLERANCE, 10)
        assert (found.estimate.answered, found.estimate.wrong, found.products) == (100, 5, 105)
        assert found.estimate.accuracy == pytest.approx(0.95)

    def test_known_where_the_low_end_is_high_enough(self) -> None:
        assert accuracy_of(population(485, 15), TARGET, TOLERANCE, 10).known
        assert not accuracy_of(population(48, 2), TARGET, TOLERANCE, 10).known

    def test_days_at_the_present_rate(self) -> None:
        found = accuracy_of(population(48, 2), TARGET, TOLERANCE, 25)
        assert found.audits_a_day == 2.0
        assert found.audits_needed is not None
        assert found.days_needed == int(np.ceil(found.audits_needed / 2))

    def test_nothing_at_all_is_not_known(self) -> None:
        found = accuracy_of(population(0, 0).iloc[:0], TARGET, TOLERANCE, 30)
        assert not found.known
        assert found.days_needed is None
        assert (found.as_table()["accuracy"], found.as_table()["answered"]) == (pytest.approx(np.nan, nan_ok=True), 0)
        assert found.as_table()["by_branch"] == []

    def test_by_day_of_the_prediction_branch_and_seller(self) -> None:
        found = accuracy_of(population(95, 5), TARGET, TOLERANCE, 10)
        assert found.by["day"]["slice"].tolist() == [str(made.day_of(number)) for number in range(3)]
        assert {row["slice"] for row in found.as_table()["by_branch"]} == {"garden", "toys"}
        assert found.by["seller"]["answered"].tolist() == [100]
