from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aisle.decision.evidence.frame import evaluated, reference
from aisle.decision.policy import Policy
from aisle.errors import DataError

POLICY = Policy("target_accuracy", 0.95, 0.95, "holdout", 0.8, always_review=("rare",))
SCORES = pd.DataFrame(
    {
        "product_id": ["a", "b", "c", "d"],
        "category_id": ["drill", "drill", "rare", "hose"],
        "confidence": [0.9, 0.79, 0.99, 0.8],
        "branch_id": ["tools", "tools", "tools", "garden"],
        "branch_confidence": [0.95, 0.9, 0.99, 0.7],
        "top_categories": [["drill", "saw"], ["drill", "saw", "hose"], ["rare"], ["hose", "drill"]],
    }
)
TRUTH = pd.DataFrame(
    {
        "product_id": ["a", "b", "c", "d"],
        "title": ["A", "B", "C", "D"],
        "category_id": ["drill", "hose", "rare", "pot"],
        "branch_id": ["tools", "garden", "tools", "garden"],
        "weight": [1.0, 2.0, 4.0, 1.0],
    }
)


def test_scores_meet_their_truth_and_decision() -> None:
    frame = evaluated(SCORES, TRUTH, POLICY)
    assert frame["right"].tolist() == [True, False, True, False]
    assert frame["branch_right"].tolist() == [True, False, True, True]
    assert frame["automatic"].tolist() == [True, False, False, True]  # at the threshold is automatic; `rare` never is
    assert frame["rank"].tolist() == [1, 3, 1, 0]
    assert frame["weight"].tolist() == [1.0, 2.0, 4.0, 1.0]
    assert frame["seller"].isna().all()


def test_at_level_branch_right_and_sure_are_those_of_the_branch() -> None:
    policy = Policy("target_accuracy", 0.95, 0.95, "holdout", 0.9, always_review=("garden",), level="branch")
    frame = evaluated(SCORES, TRUTH, policy)
    assert frame["right"].tolist() == frame["branch_right"].tolist() == [True, False, True, True]
    assert frame["leaf_right"].tolist() == [True, False, True, False]
    assert frame["confidence"].tolist() == SCORES["branch_confidence"].tolist()
    assert frame["automatic"].tolist() == [True, True, True, False]
    found = reference(SCORES, TRUTH, policy)
    assert found["right"].tolist() == frame["right"].tolist()
    assert found["decision"].tolist() == ["auto", "auto", "auto", "review"]
    assert found["confidence"].tolist() == SCORES["confidence"].tolist()


def test_a_person_starts_where_the_branch_is_certain() -> None:
    policy = Policy("target_accuracy", 0.95, 0.95, None, 0.85, always_review=("rare",), branch_start=0.8)
    assert evaluated(SCORES, TRUTH, policy)["started"].tolist() == [False, True, True, False]
    assert reference(SCORES, TRUTH, policy)["started"].tolist() == [False, True, True, False]


def test_scores_without_a_branch_confidence_are_refused() -> None:
    with pytest.raises(DataError, match="no column branch_confidence"):
        evaluated(SCORES.drop(columns="branch_confidence"), TRUTH, POLICY)


def test_rows_are_matched_by_product_in_any_order_and_more_than_once() -> None:
    twice = pd.concat([SCORES.iloc[::-1], SCORES], ignore_index=True)
    frame = evaluated(twice, TRUTH, POLICY)
    assert frame["title"].tolist() == ["D", "C", "B", "A", "A", "B", "C", "D"]
    assert frame["right"].tolist() == [False, True, False, True, True, False, True, False]


def test_training_rows_count_by_their_training_weight() -> None:
    truth = TRUTH.drop(columns="weight")
    assert evaluated(SCORES, truth, POLICY)["weight"].tolist() == [1.0] * 4
    assert evaluated(SCORES, truth.assign(weight=[1, 2, 3, 4]), POLICY)["weight"].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_product_without_row_is_named() -> None:
    with pytest.raises(DataError, match=r"product c has no row; run `dvc repro`"):
        evaluated(SCORES, TRUTH[TRUTH["product_id"] != "c"], POLICY)


def test_the_reference_keeps_label_and_answer_apart() -> None:
    found = reference(SCORES.iloc[::-1], TRUTH, POLICY)
    assert found["product_id"].tolist() == ["a", "b", "c", "d"]
    assert found["true_category_id"].tolist() == TRUTH["category_id"].tolist()
    assert found["category_id"].tolist() == SCORES["category_id"].tolist()
    assert found["decision"].tolist() == ["auto", "review", "review", "auto"]
    assert found["right"].tolist() == [True, False, True, False]
    assert found["threshold"].tolist() == [0.8] * 4


def test_the_reference_has_the_threshold_of_each_branch() -> None:
    policy = Policy("target_accuracy", 0.95, 0.95, "holdout", None, {"tools": None, "rest": 0.7})
    found = reference(SCORES, TRUTH, policy)
    assert np.isnan(found["threshold"].to_numpy()).tolist() == [True, True, True, False]
    assert found["threshold"].iloc[3] == 0.7
    assert found["decision"].tolist() == ["review", "review", "review", "auto"]


def test_a_reference_of_other_products_is_refused() -> None:
    with pytest.raises(DataError, match="not of the same products"):
        reference(SCORES.head(3), TRUTH, POLICY)
