from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from aisle.config import BranchCost, PolicyParameters, ThresholdParameters
from aisle.decision.intervals import Priced, cost_intervals, share_interval
from aisle.decision.policy import Policy
from aisle.decision.scored import ScoredProducts
from aisle.decision.settle import prices_of, settle_policy
from aisle.decision.threshold import cheapest_threshold
from tests.aisle.decision.flow import flow

HOW = ThresholdParameters()
FLOW = flow(100_000, 1, ("tools", "food"))
TRAINING = flow(3000, 2, ("tools", "food"))
NAMES = ("coverage", "accuracy", "cost_per_product")


def truth(policy: Policy, asked: PolicyParameters) -> dict[str, float]:
    accepted = FLOW.confidence >= policy.limits(FLOW.branch_id)
    prices = np.array([prices_of(one, asked) for one in ("tools", "food")])
    of = prices[(FLOW.branch_id == "food").astype(int)]
    cost = np.where(accepted, np.where(FLOW.right, 0, of[:, 0]), of[:, 1])
    return {
        "coverage": float(accepted.mean()),
        "accuracy": float(FLOW.right[accepted].mean()),
        "cost_per_product": float(cost.mean()),
    }


def misses(asked: PolicyParameters, rows: int, draws: int) -> dict[str, int]:
    """How often the interval of each figure leaves out the flow's true value."""
    missed = dict.fromkeys(NAMES, 0)
    for draw in range(draws):
        policy = settle_policy(TRAINING, flow(rows, (3, draw), ("tools", "food")), asked, HOW)
        for name, value in truth(policy, asked).items():
            if f"{name}_low" in policy.expected:
                missed[name] += not policy.expected[f"{name}_low"] <= value <= policy.expected[f"{name}_high"]
    return missed


@pytest.mark.parametrize(
    ("asked", "rows", "draws"),
    [
        (PolicyParameters(kind="coverage", coverage=0.6), 300, 200),
        (PolicyParameters(kind="coverage", coverage=0.6, by_branch=True), 300, 100),
        (PolicyParameters(kind="target_accuracy", target_accuracy=0.9), 600, 100),
        (PolicyParameters(kind="cost", cost_of_error=5, cost_of_review=0.5), 400, 100),
        (PolicyParameters(kind="cost", branch_costs={"food": BranchCost(error=10)}), 500, 60),
    ],
    ids=["coverage", "coverage by branch", "target", "cost", "cost by branch"],
)
def test_the_guarantee_of_intervals_holds_though_the_threshold_was_read_off_the_same_rows(
    asked: PolicyParameters, rows: int, draws: int
) -> None:
    for name, missed in misses(asked, rows, draws).items():
        assert stats.binomtest(missed, draws, 0.05, alternative="greater").pvalue > 0.01, (name, missed)


def test_the_naive_interval_of_the_lowest_cost_would_miss_too_often() -> None:
    """The reason for the band: rows that chose the cheapest threshold make it look cheaper than it is."""
    missed, draws = 0, 150
    for draw in range(draws):
        rows = flow(300, (3, draw), ("tools", "food"))
        threshold = cheapest_threshold(rows, 5, 0.5)
        cost, true = (
            np.where(one.confidence >= (threshold or np.inf), np.where(one.right, 0, 5), 0.5) for one in (rows, FLOW)
        )
        missed += cost.mean() + 1.96 * cost.std() / np.sqrt(300) < true.mean()
    assert stats.binomtest(missed, draws, 0.025, alternative="greater").pvalue < 1e-4


def test_intervals_hold_what_was_measured_and_shrink() -> None:
    asked = PolicyParameters(kind="cost", cost_of_error=5, cost_of_review=0.5)
    few, many = (settle_policy(TRAINING, flow(rows, 9), asked, HOW).expected for rows in (400, 6000))
    for name in NAMES:
        assert few[f"{name}_low"] <= few[name] <= few[f"{name}_high"]
        assert many[f"{name}_high"] - many[f"{name}_low"] < few[f"{name}_high"] - few[f"{name}_low"]


def test_weights_stand_for_rows() -> None:
    """Rows that weigh double and half, of two alike groups, say the same as before, a little less surely."""
    rows = flow(2000, 4)
    unequal = replace(rows, weight=np.where(np.arange(2000) % 2, 0.5, 2.0))
    every = np.ones(2000, dtype=bool)
    plain, weighted = (cost_intervals(one, [Priced(every, every, 0.8, 5, 0.5)]) for one in (rows, unequal))
    for name in ("coverage", "accuracy", "cost"):
        assert weighted[name] == pytest.approx(plain[name], abs=0.04)
        assert np.diff(weighted[name]) > np.diff(plain[name])


def test_where_all_is_reviewed_the_cost_is_known() -> None:
    rows = flow(500, 5)
    settled = settle_policy(TRAINING, rows, PolicyParameters(kind="cost", cost_of_error=5, cost_of_review=0), HOW)
    assert not settled.automatic
    found = [settled.expected[f"cost_per_product{end}"] for end in ("", "_low", "_high")]
    assert found == [0, 0, 0]
    assert (settled.expected["coverage_low"], settled.expected["coverage_high"]) == (0, 0)
    assert settled.expected["accuracy_low"] is None


def test_the_surest_products_alone_may_be_accepted() -> None:
    """A threshold that accepts a single product, and rows of which none may be accepted."""
    rows = flow(300, 6)
    every = np.ones(300, dtype=bool)
    ends = cost_intervals(rows, [Priced(every, every, float(rows.confidence.max()), 5, 0.5)])
    assert ends["coverage"][0] <= 1 / 300 <= ends["coverage"][1]
    held = replace(rows, allowed=~every)
    assert cost_intervals(held, [Priced(every, every, np.inf, 5, 0.5)]).keys() == {"coverage", "cost"}


def test_no_rows_have_no_interval() -> None:
    nothing: ScoredProducts = flow(1, 1).only(np.arange(0))
    assert share_interval(nothing.right, nothing.weight) == (None, None)
