from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from aisle.config import PolicyParameters, ThresholdParameters
from aisle.decision.policy import Policy
from aisle.decision.scored import ScoredProducts
from aisle.decision.settle import settle_policy
from aisle.decision.starts import Starts, certified_start, worth_trying
from tests.aisle.decision.flow import flow_with_branches

HOW = ThresholdParameters()
ASKED = PolicyParameters(target_accuracy=0.93, branch_start_accuracy=0.85)
TRAINING = flow_with_branches(4000, 2)
FLOW = flow_with_branches(100_000, 1)


def under_review(products: tuple[ScoredProducts, ScoredProducts], below: float) -> np.ndarray:
    leaf = products[0]
    return ~(leaf.allowed & (leaf.confidence >= below))


def accuracy_of_start(below: float, start: float) -> float:
    started = under_review(FLOW, below) & (FLOW[1].confidence >= start)
    return float(FLOW[1].right[started].mean())


def settled(calibration: tuple[ScoredProducts, ScoredProducts], asked: PolicyParameters = ASKED) -> Policy:
    return settle_policy(TRAINING[0], calibration[0], asked, HOW, (), (TRAINING[1], calibration[1]))


def test_the_guarantee_of_threshold_and_start_holds_jointly_and_a_naive_start_breaks_its_promise() -> None:
    """The threshold is read off the same rows; at most 5 % of draws may break one promise or the other."""
    draws, broken, naive_broken, found = 100, 0, 0, 0
    for draw in range(draws):
        calibration = flow_with_branches(1000, (3, draw))
        policy = settled(calibration)
        accepted = FLOW[0].allowed & (FLOW[0].confidence >= policy.limits(FLOW[0].branch_id))
        kept = not accepted.any() or FLOW[0].right[accepted].mean() >= ASKED.target_accuracy
        if policy.branch_start is not None:
            found += 1
            kept &= accuracy_of_start(policy.start_below, policy.branch_start) >= ASKED.branch_start_accuracy
        broken += not kept
        curve = calibration[1].only(under_review(calibration, policy.start_below)).curve
        naive = curve.threshold[curve.accuracy >= ASKED.branch_start_accuracy].min()
        naive_broken += accuracy_of_start(policy.start_below, naive) < ASKED.branch_start_accuracy
    assert stats.binomtest(broken, draws, 0.05, alternative="greater").pvalue > 0.01
    assert stats.binomtest(naive_broken, draws, 0.05, alternative="greater").pvalue < 1e-6
    assert found > 0.8 * draws


def test_the_guarantee_of_a_start_holds_where_all_products_are_as_bad_as_allowed() -> None:
    """No branch confidence says anything, and the share right is just below what is promised: the hardest case."""
    rng = np.random.default_rng(5)
    passed, draws, level = 0, 300, 0.1
    training = Starts(TRAINING[1], TRAINING[0].confidence, TRAINING[0].right)
    for _ in range(draws):
        rows = replace(
            TRAINING[1].only(rng.integers(0, 4000, 600)), confidence=rng.random(600), right=rng.random(600) < 0.849
        )
        below = float(rng.choice([0.3, 0.6, 0.9, np.inf]))
        passed += certified_start(training, Starts(rows, rng.random(600), rows.right), below, 0.85, level) is not None
    assert stats.binomtest(passed, draws, level, alternative="greater").pvalue > 0.01


def test_what_is_handed_over_lies_below_the_threshold_and_its_figures_are_told() -> None:
    calibration = flow_with_branches(3000, 11)
    policy = settled(calibration)
    assert policy.branch_start is not None
    assert policy.branch_start_accuracy == 0.85
    started = under_review(calibration, policy.start_below) & (calibration[1].confidence >= policy.branch_start)
    assert policy.expected["start_coverage"] == pytest.approx(started.mean())
    assert policy.expected["start_accuracy"] == pytest.approx(calibration[1].right[started].mean())
    assert policy.expected["start_accuracy_low"] < policy.expected["start_accuracy"]
    assert policy.expected["start_accuracy"] < policy.expected["start_accuracy_high"]


def test_the_second_promise_takes_its_share_of_the_level() -> None:
    calibration = flow_with_branches(3000, 11)
    without = settled(calibration, replace(ASKED, branch_start_share=0))
    assert without.branch_start is None
    assert without.branch_start_accuracy is None
    with_start = settled(calibration)
    assert with_start.confidence_level == without.confidence_level == 0.95
    assert with_start.threshold is not None
    assert without.threshold is not None
    assert with_start.threshold >= without.threshold


def test_a_start_without_prospect_takes_nothing_from_the_threshold() -> None:
    """With a promise that the branches cannot keep, the threshold has the whole level."""
    calibration = flow_with_branches(3000, 11)
    hopeless = settled(calibration, replace(ASKED, branch_start_accuracy=0.999))
    assert hopeless.branch_start is None
    assert hopeless.threshold == settled(calibration, replace(ASKED, branch_start_share=0)).threshold
    assert not worth_trying(Starts.of(*TRAINING), 3000, 0.93, 0.999, 0.01)
    assert worth_trying(Starts.of(*TRAINING), 3000, 0.93, 0.85, 0.01)


@pytest.mark.parametrize("kind", ["coverage", "cost"])
def test_policies_that_promise_nothing_of_leaves_may_promise_branches(kind: str) -> None:
    asked = replace(ASKED, kind=kind, coverage=0.4)
    policy = settled(flow_with_branches(3000, 11), asked)
    assert policy.certificate is None
    assert policy.branch_start is not None


def test_where_nothing_is_automatic_people_may_still_start_in_a_branch() -> None:
    policy = settled(flow_with_branches(3000, 11), replace(ASKED, target_accuracy=0.9999))
    assert not policy.automatic
    assert policy.start_below == np.inf
    assert policy.branch_start is not None


def test_a_decision_about_branches_leaves_no_start() -> None:
    calibration = flow_with_branches(1000, 11)
    asked = replace(ASKED, level="branch", target_accuracy=0.85)
    policy = settle_policy(TRAINING[1], calibration[1], asked, HOW, (), (TRAINING[1], calibration[1]))
    assert policy.level == "branch"
    assert policy.automatic
    assert policy.branch_start is None


def test_no_rows_give_no_start() -> None:
    calibration = tuple(one.only(np.arange(0)) for one in flow_with_branches(100, 1))
    assert certified_start(Starts.of(*TRAINING), Starts.of(*calibration), 0.5, 0.85, 0.05) is None
    nothing = tuple(one.only(np.arange(0)) for one in TRAINING)
    assert certified_start(Starts.of(*nothing), Starts.of(*flow_with_branches(100, 1)), 0.5, 0.85, 0.05) is None
    assert not worth_trying(Starts.of(*nothing), 100, 0.93, 0.85, 0.05)
