"""What a policy decides: one reason a product, the same as columns and as a frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aisle.decision.answers import (
    ANSWER_COLUMNS,
    AUTOMATION_OFF,
    BELOW_THRESHOLD,
    CONFIDENT,
    FEW_LABELS,
    REASONS,
    answers,
    decide,
)
from aisle.errors import DataError
from aisle.model.suggestions import Suggestions
from tests.aisle.decision.test_policy import policy


def suggested(confidence: list[float], categories: list[str], branches: list[str]) -> Suggestions:
    named = [np.array(values, dtype=object) for values in (categories, branches)]
    sure = np.array(confidence)
    return Suggestions(named[0], sure, named[1], sure, np.minimum(sure + 0.1, 1), named[0][:, None], sure[:, None])


def test_each_product_has_the_reason_that_binds() -> None:
    found = decide(
        suggested([0.9, 0.8, 0.79, 0.95, 0.1], ["a", "a", "a", "rare", "rare"], ["A"] * 5),
        policy(always_review=("rare",)),
    )
    assert found.decision.tolist() == ["auto", "auto", "review", "review", "review"]
    assert found.reason.tolist() == [CONFIDENT, CONFIDENT, BELOW_THRESHOLD, FEW_LABELS, FEW_LABELS]
    assert found.decided_id.tolist() == ["a", "a", None, None, None]
    assert found.threshold.tolist() == [0.8] * 5


def test_without_a_threshold_people_decide_and_the_reason_says_so() -> None:
    found = decide(suggested([1.0], ["a"], ["A"]), policy(threshold=None, certificate=None))
    assert (found.decision[0], found.reason[0], found.decided_id[0]) == ("review", AUTOMATION_OFF, None)
    assert np.isnan(found.threshold[0])


def test_thresholds_of_branches() -> None:
    by_branch = policy(threshold=None, branch_thresholds={"A": 0.5, "rest": None})
    found = decide(suggested([0.6, 0.99], ["a", "b"], ["A", "B"]), by_branch)
    assert found.reason.tolist() == [CONFIDENT, AUTOMATION_OFF]
    np.testing.assert_array_equal(found.threshold, [0.5, np.nan])


def test_at_level_branch_the_branch_is_decided_and_its_confidence_counts() -> None:
    found = decide(suggested([0.75, 0.65], ["a", "a"], ["A", "A"]), policy(level="branch"))
    assert found.decided_id.tolist() == ["A", None]
    assert found.reason.tolist() == [CONFIDENT, BELOW_THRESHOLD]


def test_a_confidence_that_is_no_number_goes_to_people() -> None:
    found = decide(suggested([float("nan")], ["a"], ["A"]), policy())
    assert (found.decision[0], found.reason[0]) == ("review", BELOW_THRESHOLD)


def test_every_reason_is_explained() -> None:
    assert set(REASONS) == {CONFIDENT, BELOW_THRESHOLD, FEW_LABELS, AUTOMATION_OFF}


def test_a_frame_gets_the_same_answers_as_columns() -> None:
    products = suggested([0.9, 0.2], ["a", "b"], ["A", "B"])
    frame = answers(products.frame(pd.DataFrame({"title": ["x", "y"]})), policy(branch_start=0.2))
    decided = decide(products, policy(branch_start=0.2))
    assert tuple(frame.columns) == ANSWER_COLUMNS
    for name in ("decision", "threshold", "decided_id", "start_branch_id"):
        assert frame[name].tolist() == getattr(decided, name).tolist()
    assert frame["start_branch_id"].tolist() == [None, "B"]


def test_scores_without_the_branchs_confidence_are_refused() -> None:
    frame = suggested([0.9], ["a"], ["A"]).frame(pd.DataFrame({"title": ["x"]}))
    with pytest.raises(DataError, match="branch_confidence"):
        answers(frame.drop(columns="branch_confidence"), policy())
