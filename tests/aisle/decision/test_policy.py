from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.config import BranchCost, PolicyParameters, ThresholdParameters
from aisle.decision.describing import describe
from aisle.decision.policy import Policy, read_policy, trust_band, write_policy
from aisle.decision.scored import ScoredProducts
from aisle.decision.settle import settle_policy
from aisle.errors import DataError

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "policy.schema.json").read_text(encoding="utf-8"))
EXPECTED = {
    "coverage": 0.7,
    "coverage_low": 0.68,
    "coverage_high": 0.72,
    "accuracy": 0.96,
    "accuracy_low": 0.95,
    "accuracy_high": 0.97,
    "rows": 2000,
}
HOW = ThresholdParameters(grid_size=20, min_branch_rows=100)


def policy(**changes: object) -> Policy:
    made = Policy(
        kind="target_accuracy",
        target_accuracy=0.95,
        confidence_level=0.95,
        certificate="holdout",
        threshold=0.8,
        always_review=("rare",),
        expected=EXPECTED,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # each test names real fields


def scored(rows: int, seed: int, branches: dict[str, float] | None = None, weighted: bool = False) -> ScoredProducts:
    """Products whose error falls from a half to nothing with confidence; `branches` names the share of each."""
    rng = np.random.default_rng(seed)
    shares = branches or {"tools": 1.0}
    confidence = rng.random(rows)
    weight = np.where(confidence < 0.5, 1.0, 2.0) if weighted else np.ones(rows)
    return ScoredProducts(
        product_id=np.array([f"p{number}" for number in range(rows)], dtype=object),
        branch_id=rng.choice(np.array(list(shares), dtype=object), rows, p=list(shares.values())),
        confidence=confidence,
        right=rng.random(rows) >= 0.5 * (1 - confidence) ** 3,
        allowed=np.ones(rows, dtype=bool),
        weight=weight,
    )


def settle(asked: PolicyParameters, training: ScoredProducts, calibration: ScoredProducts) -> Policy:
    settled = settle_policy(training, calibration, asked, HOW)
    jsonschema.validate(json.loads(json.dumps({"policy_id": settled.policy_id, **settled.to_dict()})), SCHEMA)
    return settled


def test_decisions_come_from_the_threshold_and_ties_are_accepted() -> None:
    said = policy().decide([0.79999, 0.8, 0.99, 0.99, np.nan], ["a", "a", "a", "rare", "a"], ["x"] * 5)
    assert said.tolist() == ["review", "auto", "auto", "review", "review"]


def test_branch_thresholds_with_a_rest() -> None:
    branched = policy(threshold=None, branch_thresholds={"food": 0.5, "toys": None, "rest": 0.9})
    confidence, categories = [0.6, 1.0, 0.6, 0.95, 0.95], ["a"] * 5
    branches = ["food", "toys", "tools", "tools", None]
    assert branched.decide(confidence, categories, branches).tolist() == ["auto", "review", "review", "auto", "auto"]
    assert branched.threshold_for("food") == 0.5
    assert branched.threshold_for("toys") is None
    assert branched.threshold_for("never seen") == 0.9
    assert replace(branched, branch_thresholds={"food": 0.5}).threshold_for("never seen") is None


def test_at_level_branch_the_branch_is_held_back_and_decided() -> None:
    branched = policy(level="branch", always_review=("rare",))
    assert branched.confidence_column == "branch_confidence"
    assert policy().confidence_column == "confidence"
    said = branched.decide([0.9, 0.9, 0.7], ["rare", "a", "a"], ["tools", "rare", "tools"])
    assert said.tolist() == ["auto", "review", "review"]
    assert not branched.starts([0.9] * 3, ["a"] * 3, ["tools"] * 3, [1.0] * 3).any()


def test_a_person_starts_in_a_certain_branch_under_review_only() -> None:
    started = policy(branch_start=0.9, branch_start_accuracy=0.85)
    confidence = [0.79, 0.8, 0.79, 0.99, np.nan, 0.1]
    categories, branch = ["a", "a", "a", "rare", "a", "a"], [0.9, 0.9, 0.89, 0.95, 0.95, np.nan]
    said = started.starts(confidence, categories, ["x"] * 6, branch)
    assert said.tolist() == [True, False, False, True, True, False]
    assert not policy().starts(confidence, categories, ["x"] * 6, branch).any()
    assert replace(started, threshold=None).starts(confidence, categories, ["x"] * 6, branch)[1]


def test_with_a_threshold_a_branch_people_start_below_the_lowest() -> None:
    branched = policy(
        threshold=None,
        branch_thresholds={"food": 0.5, "toys": None, "rest": 0.9},
        branch_start=0.6,
        branch_start_accuracy=0.85,
    )
    assert branched.start_below == 0.5
    said = branched.starts([0.4, 0.6, 0.6, 0.4], ["a"] * 4, ["food", "food", "toys", "toys"], [0.7] * 4)
    assert said.tolist() == [True, False, False, True]


def test_automation_that_is_off_sends_everything_to_people() -> None:
    off = policy(threshold=None, certificate=None)
    assert not off.automatic
    assert not policy(threshold=None, branch_thresholds={"food": None}).automatic
    assert off.decide([1.0], ["a"], ["x"]).tolist() == ["review"]


def test_a_policy_may_accept_everything() -> None:
    assert policy(threshold=0.0).automatic
    assert policy(threshold=0.0).decide([0.0], ["a"], ["x"]).tolist() == ["auto"]


def test_no_products_no_decisions() -> None:
    assert policy().decide([], [], []).shape == (0,)


@pytest.mark.parametrize(
    ("confidence", "word"),
    [
        (0.0, "almost certainly wrong"),
        (0.10, "almost certainly wrong"),
        (0.11, "unsure"),
        (0.949, "unsure"),
        (0.95, "almost surely right"),
        (1.0, "almost surely right"),
    ],
)
def test_trust_bands_are_words_for_people(confidence: float, word: str) -> None:
    assert trust_band(confidence) == word
    assert trust_band(np.array([0.5, confidence])).tolist() == ["unsure", word]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    for number, one in enumerate(
        [
            policy(),
            policy(threshold=None, branch_thresholds={"é": 0.1, "rest": None}),
            policy(always_review=(), level="branch"),
            policy(branch_start=0.7, branch_start_accuracy=0.85),
        ]
    ):
        path = tmp_path / f"{number}.json"
        write_policy(one, path)
        assert read_policy(path) == one
        jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), SCHEMA)


@given(st.floats(0, 1), st.floats(0, 1))
def test_policies_share_an_id_exactly_when_they_are_the_same(one: float, other: float) -> None:
    assert (policy(threshold=one).policy_id == policy(threshold=other).policy_id) == (str(one) == str(other))


def test_the_id_depends_on_every_field() -> None:
    changes = {
        "kind": "cost",
        "target_accuracy": 0.96,
        "confidence_level": 0.9,
        "certificate": None,
        "threshold": 0.81,
        "branch_thresholds": {"x": 0.1},
        "always_review": (),
        "expected": {},
        "level": "branch",
        "branch_start": 0.5,
        "branch_start_accuracy": 0.85,
    }
    identities = {policy(**{name: value}).policy_id for name, value in changes.items()}
    assert len(identities | {policy().policy_id}) == len(changes) + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 0.5}, "changed after the threshold was chosen"),
        ({"policy_id": "000000000000"}, "changed after the threshold was chosen"),
        ({"threshold": 1.5}, "threshold is not as docs/policy.schema.json says"),
        ({"threshold": "0.8"}, "threshold is not as"),
        ({"kind": "hope"}, "kind is not as"),
        ({"level": "twig"}, "level is not as"),
        ({"clusters": "shop"}, "clusters is not as"),
        ({"branch_start": 2}, "branch_start is not as"),
        ({"branch_thresholds": {"x": 2}}, "branch_thresholds is not as"),
        ({"always_review": [1]}, "always_review is not as"),
        ({"expected": {}}, "expected is not as"),
        ({"colour": "red"}, "does not know colour"),
    ],
)
def test_a_file_changed_by_hand_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "policy.json"
    write_policy(policy(), path)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(DataError, match=message) as error:
        read_policy(path)
    assert str(path) in str(error.value)
    assert "dvc repro threshold" in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{}", "a policy lacks always_review"), ("[]", "JSON object"), ('{\n"kind"', "line 2: not JSON")],
)
def test_a_file_that_is_no_policy_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "policy.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_policy(path)


def test_a_policy_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no policy there yet"):
        read_policy(tmp_path / "policy.json")


def test_settling_a_target_accuracy() -> None:
    calibration = scored(1500, 2)
    settled = settle(PolicyParameters(target_accuracy=0.95), scored(3000, 1), calibration)
    assert settled.certificate == "holdout"
    accepted = calibration.confidence >= settled.threshold
    assert settled.expected["coverage"] == pytest.approx(accepted.mean())
    assert settled.expected["accuracy"] == pytest.approx(calibration.right[accepted].mean())
    assert settled.expected["rows"] == 1500
    assert settled.expected["accuracy_low"] < settled.expected["accuracy"] < settled.expected["accuracy_high"]
    assert "certified: at least 0.95 with probability 0.95" in describe(settled)


def test_expected_figures_are_weighted() -> None:
    calibration = scored(1500, 2, weighted=True)
    settled = settle(PolicyParameters(kind="coverage", coverage=0.6), scored(3000, 1), calibration)
    accepted = calibration.confidence >= settled.threshold
    assert settled.expected["coverage"] == pytest.approx(np.average(accepted, weights=calibration.weight))
    assert settled.expected["coverage"] == pytest.approx(0.6, abs=0.002)
    assert accepted.mean() < 0.55


def test_a_fixed_coverage_promises_nothing() -> None:
    settled = settle(PolicyParameters(kind="coverage", coverage=0.4), scored(500, 1), scored(1000, 2))
    assert settled.certificate is None
    assert settled.expected["coverage"] == 0.4
    assert settled.expected["accuracy_low"] > 0.9
    assert describe(settled).endswith("not certified.")


def test_products_always_reviewed_take_no_part_in_the_coverage() -> None:
    calibration = scored(1000, 2)
    allowed = replace(calibration, allowed=np.arange(1000) % 2 == 0)
    settled = settle(PolicyParameters(kind="coverage", coverage=0.9), scored(500, 1), allowed)
    assert settled.expected["coverage"] == 0.5
    assert settled.threshold == allowed.confidence[allowed.allowed].min()


def test_costs_choose_the_threshold_and_are_told() -> None:
    calibration = scored(2000, 2)
    cheap = settle(PolicyParameters(kind="cost", cost_of_error=2, cost_of_review=1), scored(500, 1), calibration)
    dear = settle(PolicyParameters(kind="cost", cost_of_error=50, cost_of_review=1), scored(500, 1), calibration)
    assert cheap.threshold < dear.threshold
    accepted = calibration.confidence >= dear.threshold
    assert dear.expected["cost_per_product"] == pytest.approx(np.where(accepted, ~calibration.right * 50, 1).mean())
    free = settle(PolicyParameters(kind="cost", cost_of_error=2, cost_of_review=0), scored(500, 1), calibration)
    assert free.threshold is None
    assert free.expected["cost_per_product"] == 0
    assert "costs less than the errors" in describe(free)


def test_branches_with_prices_of_their_own() -> None:
    branches = {"tools": 0.6, "food": 0.38, "toys": 0.02}
    asked = PolicyParameters(
        kind="cost", cost_of_error=5, branch_costs={"food": BranchCost(error=100), "toys": BranchCost(review=0.0)}
    )
    settled = settle(asked, scored(2000, 1, branches), scored(2000, 2, branches))
    assert settled.threshold is None
    assert settled.branch_thresholds.keys() == {"food", "toys", "rest"}
    assert settled.branch_thresholds["food"] > settled.branch_thresholds["rest"]
    assert settled.branch_thresholds["toys"] is None  # a free review: nothing is cheaper


def test_a_priced_branch_of_few_rows_learns_from_all_rows() -> None:
    branches = {"tools": 0.98, "toys": 0.02}
    calibration = scored(1000, 2, branches)
    asked = PolicyParameters(kind="cost", cost_of_error=5, branch_costs={"toys": BranchCost(error=9)})
    settled = settle(asked, scored(1000, 1, branches), calibration)
    alone = settle(PolicyParameters(kind="cost", cost_of_error=9), scored(1000, 1, branches), calibration)
    assert settled.branch_thresholds["toys"] == alone.threshold


def test_branches_are_certified_jointly_and_small_ones_pooled() -> None:
    branches = {"tools": 0.5, "food": 0.44, "toys": 0.03, "pets": 0.03}
    training, calibration = scored(4000, 1, branches), scored(2000, 2, branches)
    settled = settle(PolicyParameters(target_accuracy=0.9, by_branch=True), training, calibration)
    assert settled.branch_thresholds.keys() == {"tools", "food", "rest"}
    assert settled.certificate == "holdout"
    by_branch = settle(PolicyParameters(kind="coverage", coverage=0.3, by_branch=True), training, calibration)
    for name in ("tools", "food"):
        own = calibration.confidence[calibration.branch_id == name]
        assert np.mean(own >= by_branch.branch_thresholds[name]) == pytest.approx(0.3, abs=0.01)


def test_pooling_does_not_look_at_calibration_rows() -> None:
    """A branch that is large by luck among calibration rows stays in `rest`."""
    few, many = {"tools": 0.98, "toys": 0.02}, {"tools": 0.5, "toys": 0.5}
    settled = settle(PolicyParameters(by_branch=True), scored(3000, 1, few), scored(2000, 2, many))
    assert settled.branch_thresholds.keys() == {"tools", "rest"}


def test_a_branch_that_fails_goes_to_people() -> None:
    branches = {"tools": 0.5, "food": 0.5}
    calibration = scored(2000, 2, branches)
    rotten = replace(calibration, right=calibration.right & (calibration.branch_id == "tools"))
    settled = settle(PolicyParameters(target_accuracy=0.9, by_branch=True), scored(3000, 1, branches), rotten)
    assert settled.branch_thresholds["food"] is None
    assert settled.branch_thresholds["tools"] is not None
    assert settled.automatic


@pytest.mark.parametrize("by_branch", [False, True])
@pytest.mark.parametrize("kind", ["target_accuracy", "coverage", "cost"])
def test_without_calibration_rows_automation_is_off(kind: str, by_branch: bool) -> None:
    asked = PolicyParameters(kind=kind, by_branch=by_branch)  # type: ignore[arg-type]  # one of the three
    settled = settle(asked, scored(500, 1), scored(0, 2))
    assert not settled.automatic
    assert settled.certificate is None
    assert settled.expected["coverage"] == 0
    assert settled.expected["accuracy"] is None
    assert "no calibration rows" in describe(settled)


def test_nothing_qualifies_is_said_plainly() -> None:
    calibration = replace(scored(500, 2), right=np.zeros(500, dtype=bool))
    settled = settle(PolicyParameters(target_accuracy=0.95), scored(500, 1), calibration)
    assert settled.threshold is None
    assert settled.certificate is None
    assert describe(settled) == (
        "Automation is off, every product goes to people: on 500 calibration rows no threshold keeps an accuracy of "
        "0.95 with probability 0.95; more audited labels or a lower target may help."
    )
    assert "with probability 0.95, whole sellers counted; more" in describe(replace(settled, clusters="seller"))
