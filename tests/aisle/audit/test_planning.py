from __future__ import annotations

import numpy as np
import pytest

from aisle.audit.estimates import audit_sums, estimate
from aisle.audit.planning import flow_of, plan_audits
from aisle.errors import ConfigurationError

CONFIDENCE = np.random.default_rng(1).beta(3, 0.4, 5000)
AUTO = CONFIDENCE > 0.9


def test_a_plan_spends_the_budget_above_the_floor() -> None:
    for aimed in (AUTO, np.ones(5000)):
        for plan in plan_audits(flow_of(CONFIDENCE, aimed, 1000), (20, 100), (30,), 0.005):
            assert plan.expected == pytest.approx(plan.budget, rel=1e-3)
            assert plan.rates.of(CONFIDENCE).min() >= 0.005
            assert 1000 * plan.rates.of(CONFIDENCE).mean() == pytest.approx(plan.budget, rel=0.02)


def test_a_plan_is_never_wider_than_even_audits_and_more_money_never_wider() -> None:
    plans = plan_audits(flow_of(CONFIDENCE, AUTO, 1000), (20, 50, 100, 200), (1, 30), 0.005)
    widths = [plan.width[-1] for plan in plans]
    assert all(plan.width[-1] <= plan.even[-1] for plan in plans)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.9 * plans[-1].even[-1]


def test_the_floor_stands_where_the_budget_does_not_reach() -> None:
    (plan,) = plan_audits(flow_of(CONFIDENCE, AUTO, 1000), (5,), (30,), 0.02)
    assert plan.expected == pytest.approx(20)


def test_the_expected_width_of_the_interval_is_what_audits_then_give() -> None:
    (plan,) = plan_audits(flow_of(CONFIDENCE, AUTO, 1000), (100,), (30,), 0.005)
    rng, widths = np.random.default_rng(2), []
    rate = plan.rates.of(CONFIDENCE)
    for _ in range(100):
        who = rng.integers(0, 5000, 30_000)
        who = who[AUTO[who] & (rng.random(30_000) < rate[who])]
        wrong = rng.random(who.size) > CONFIDENCE[who]
        found = estimate(audit_sums(wrong.astype(int), rate[who], rate[AUTO].min()))
        widths.append(found.high - found.low)
    assert np.mean(widths) == pytest.approx(plan.width[0], rel=0.1)


@pytest.mark.parametrize(
    ("aimed", "volume", "budgets", "days", "floor", "line"),
    [
        (np.zeros(5000), 10, (5,), (1,), 0.1, "no product was decided automatically"),
        (AUTO, 0, (5,), (1,), 0.1, "volume must be positive"),
        (AUTO, 10, (), (1,), 0.1, "budgets and days"),
        (AUTO, 10, (5,), (0,), 0.1, "budgets and days"),
        (AUTO, 10, (5,), (1,), 0.0, "floor lie in"),
    ],
)
def test_numbers_out_of_range_are_refused(
    aimed: np.ndarray, volume: float, budgets: tuple[float, ...], days: tuple[int, ...], floor: float, line: str
) -> None:
    with pytest.raises(ConfigurationError, match=line):
        plan_audits(flow_of(CONFIDENCE, aimed, volume), budgets, days, floor)
    with pytest.raises(ConfigurationError, match="too few to plan with"):
        flow_of([0.5], [1], 10)
