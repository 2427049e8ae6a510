from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from aisle.decision.evidence.categories import weighted_f1
from aisle.decision.evidence.curves import curve_points, perfect_points, price_of_accuracy, reliability
from aisle.decision.evidence.metrics import metrics
from aisle.decision.policy import Policy
from aisle.decision.selective import coverage_at

POLICY = Policy("target_accuracy", 0.95, 0.9, "holdout", 0.8)
NAMES = {
    "data_version", "candidate", "test_size", "target_accuracy", "confidence_level", "certified", "threshold",
    "coverage", "accuracy", "accuracy_low", "accuracy_high", "accuracy_all", "weighted_f1", "branch_accuracy",
    "coverage_at", "gap", "ece", "top5", "level", "leaf_accuracy", "started", "start_accuracy",
}  # fmt: skip


def frame_of(rows: int = 600, seed: int = 3, unequal: bool = False) -> pd.DataFrame:
    """Honest confidences in eight categories of two branches, twelve sellers."""
    rng = np.random.default_rng(seed)
    confidence = rng.beta(5, 1, rows)
    true = rng.integers(0, 8, rows)
    right = rng.random(rows) < confidence
    found = np.where(right, true, (true + rng.integers(1, 8, rows)) % 8)
    return pd.DataFrame(
        {
            "product_id": [f"p{row}" for row in range(rows)],
            "title": [f"Thing {row}" for row in range(rows)],
            "confidence": confidence,
            "true_category_id": [f"c{one}" for one in true],
            "category_id": [f"c{one}" for one in found],
            "true_branch_id": [f"b{one % 2}" for one in true],
            "branch_id": [f"b{one % 2}" for one in found],
            "right": right,
            "leaf_right": right,
            "started": (confidence < 0.8) & (confidence > 0.5),
            "branch_right": true % 2 == found % 2,
            "automatic": confidence >= 0.8,
            "rank": np.where(right, 1, rng.choice([0, 2, 5, 6], rows)),
            "weight": rng.choice([1.0, 5.0], rows) if unequal else np.ones(rows),
            "seller": [f"s{one}" for one in rng.integers(0, 12, rows)],
        }
    )


def test_the_metrics_have_the_promised_names() -> None:
    found = metrics(frame_of(), POLICY, "linear_title", "abc")
    assert set(found) == NAMES
    assert list(found["coverage_at"]) == ["90", "95", "98", "99"]
    assert (found["data_version"], found["candidate"], found["test_size"]) == ("abc", "linear_title", 600)
    assert found["certified"] is True
    assert found["threshold"] == 0.8


def test_what_people_start_with_is_counted_among_products_under_review() -> None:
    frame = frame_of()
    review, started = frame[~frame["automatic"]], frame[frame["started"]]
    found = metrics(frame, dataclasses.replace(POLICY, branch_start=0.9, branch_start_accuracy=0.8), "x", None)
    assert found["started"] == pytest.approx(len(started) / len(review), abs=1e-6)
    assert found["start_accuracy"] == pytest.approx(started["branch_right"].mean(), abs=1e-6)
    assert metrics(frame, POLICY, "x", None)["started"] is None


def test_accuracy_is_among_the_products_decided_automatically() -> None:
    frame = frame_of()
    found = metrics(frame, POLICY, "x", None)
    assert found["coverage"] == pytest.approx((frame["confidence"] >= 0.8).mean(), abs=1e-6)
    assert found["accuracy"] == pytest.approx(frame["right"][frame["automatic"]].mean(), abs=1e-6)
    assert found["accuracy_low"] < found["accuracy"] < found["accuracy_high"]
    assert found["accuracy_all"] == pytest.approx(frame["right"].mean(), abs=1e-6)
    assert found["top5"] == pytest.approx(frame["rank"].isin([1, 2, 5]).mean(), abs=1e-6)
    assert found["branch_accuracy"] == pytest.approx(frame["branch_right"].mean(), abs=1e-6)


def test_rows_rarely_audited_count_for_more() -> None:
    frame = frame_of(unequal=True)
    found = metrics(frame, POLICY, "x", None)
    assert found["coverage"] == pytest.approx(np.average(frame["automatic"], weights=frame["weight"]), abs=1e-6)
    assert found["accuracy_all"] == pytest.approx(np.average(frame["right"], weights=frame["weight"]), abs=1e-6)
    assert found["accuracy_all"] != pytest.approx(frame["right"].mean(), abs=1e-3)


def test_automation_off_is_null_not_zero() -> None:
    policy = dataclasses.replace(POLICY, threshold=None, certificate=None)
    found = metrics(frame_of().assign(automatic=False), policy, "x", None)
    assert [found[name] for name in ("threshold", "accuracy", "accuracy_low", "accuracy_high")] == [None] * 4
    assert found["coverage"] == 0
    assert found["certified"] is False
    assert found["accuracy_all"] > 0.5


def test_a_fixed_coverage_is_never_certified() -> None:
    policy = dataclasses.replace(POLICY, kind="coverage", certificate=None)
    assert metrics(frame_of(), policy, "x", None)["certified"] is False


@pytest.mark.parametrize("unequal", [False, True])
def test_weighted_f1_is_that_of_scikit_learn(unequal: bool) -> None:
    frame = frame_of(unequal=unequal)
    expected = f1_score(
        frame["true_category_id"], frame["category_id"], average="weighted", sample_weight=frame["weight"]
    )
    assert weighted_f1(frame) == pytest.approx(expected)


def test_curves_are_short_and_end_with_all_products() -> None:
    frame = frame_of(3000)
    for points in (curve_points(frame), perfect_points(frame)):
        assert len(points["coverage"]) == len(points["accuracy"]) <= 200
        assert points["coverage"][-1] == 1
        assert points["accuracy"][-1] == pytest.approx(frame["right"].mean(), abs=1e-4)
        assert points["coverage"] == sorted(points["coverage"])


def test_no_ordering_beats_the_perfect_one() -> None:
    frame = frame_of(unequal=True)
    actual, perfect = curve_points(frame), perfect_points(frame)
    best = np.interp(actual["coverage"], perfect["coverage"], perfect["accuracy"])
    # The last point before the bend may lie a little above the straight line between two thinned points.
    assert (np.array(actual["accuracy"]) <= best + 5e-3).all()


def test_bins_of_reliability_hold_all_rows_evenly() -> None:
    bins = reliability(frame_of(607))
    assert len(bins) == 15
    assert sum(one["right"]["rows"] for one in bins) == 607
    assert {one["right"]["rows"] for one in bins} == {40, 41}
    assert all(one["least"] <= one["confidence"] <= one["most"] for one in bins)


def test_honest_confidences_lie_in_their_intervals() -> None:
    """By construction the confidence is the chance of being right: about 95 % of the intervals hold it."""
    inside = [
        one["right"]["low"] <= one["confidence"] <= one["right"]["high"]
        for seed in range(20)
        for one in reliability(frame_of(seed=seed))
    ]
    assert np.mean(inside) >= 0.93


def test_the_price_of_accuracy_reads_the_curve() -> None:
    frame = frame_of(3000)
    rows = price_of_accuracy(frame, draws=60)
    assert [one["target"] for one in rows] == [0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99]
    assert rows[5]["coverage"] == pytest.approx(coverage_at(0.95, frame["confidence"], frame["right"]))
    assert rows[0]["cost"] is None
    assert all(one["cost"] >= 0 for one in rows[1:])
    assert rows[0]["coverage"] - sum(one["cost"] for one in rows[1:]) == pytest.approx(rows[-1]["coverage"])
    assert all(one["low"] <= one["coverage"] + 0.05 and one["low"] < one["high"] for one in rows)


def test_few_sellers_give_no_interval_of_the_price() -> None:
    rows: list[dict[str, Any]] = price_of_accuracy(frame_of().assign(seller="the only one"))
    assert {(one["low"], one["high"]) for one in rows} == {(None, None)}
