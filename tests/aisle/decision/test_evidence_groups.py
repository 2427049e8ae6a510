"""Quadrants, bands, confusion, categories, slices and robustness: who fares how."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from aisle.decision.evidence.categories import by_training_labels, categories, effect_of_copies, effect_of_min_labels
from aisle.decision.evidence.confusion import MOST_BRANCHES, OTHER, branch_confusion, worst_pairs
from aisle.decision.evidence.quadrants import bands, quadrants
from aisle.decision.evidence.robustness import by_seller, corruptions, unseen_categories, unseen_sellers
from aisle.decision.evidence.shares import holm
from aisle.decision.evidence.slices import p_value_worse, slices
from aisle.decision.policy import Policy

LABELS = {"c0": 300, "c1": 40, "c2": 10, "c3": 3}


def frame_of(rows: int = 800, seed: int = 1, categories: int = 4, branches: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    confidence = rng.beta(5, 1, rows)
    true = rng.integers(0, categories, rows)
    right = rng.random(rows) < confidence
    found = np.where(right, true, (true + rng.integers(1, categories, rows)) % categories)
    return pd.DataFrame(
        {
            "product_id": [f"p{row:04}" for row in range(rows)],
            "title": [("long words " * 9)[: rng.integers(3, 90)] + str(row) for row in range(rows)],
            "description": np.where(rng.random(rows) < 0.3, None, "words"),
            "brand": None,
            "seller_category": np.where(rng.random(rows) < 0.5, " ", "a > b"),
            "confidence": confidence,
            "true_category_id": [f"c{one}" for one in true],
            "category_id": [f"c{one}" for one in found],
            "true_branch_id": [f"b{one % branches}" for one in true],
            "branch_id": [f"b{one % branches}" for one in found],
            "right": right,
            "leaf_right": right,
            "started": False,
            "branch_right": true % branches == found % branches,
            "automatic": confidence >= 0.8,
            "rank": right.astype(int),
            "weight": np.ones(rows),
            "seller": [f"s{one}" for one in rng.integers(0, 10, rows)],
        }
    )


def test_the_quadrants_hold_every_product_once() -> None:
    frame = frame_of()
    found = quadrants(frame)
    assert sum(one["rows"] for one in found) == 800
    assert sum(one["of_all"]["value"] for one in found) == pytest.approx(1)
    slipped = next(one for one in found if one["decision"] == "auto" and not one["right"])
    assert slipped["rows"] == int((frame["automatic"] & ~frame["right"]).sum()) > 0


def test_the_bands_hold_every_product_once() -> None:
    frame = frame_of()
    frame.loc[:49, "confidence"] = 0.05
    found = {one["band"]: one for one in bands(frame)}
    assert list(found) == ["almost certainly wrong", "unsure", "almost surely right"]
    assert sum(one["right"]["rows"] for one in found.values()) == 800
    assert found["almost certainly wrong"]["right"]["rows"] >= 50
    assert found["almost surely right"]["right"]["value"] > found["unsure"]["right"]["value"]


def test_rows_of_the_confusion_sum_to_one_and_the_largest_comes_first() -> None:
    frame = frame_of(categories=30, branches=6)
    found = branch_confusion(frame, str.upper)
    assert set(found["rows_of"]) == {f"B{one}" for one in range(6)}
    assert found["rows"] == sorted(found["rows"], reverse=True)
    assert sum(found["rows"]) == 800
    assert [sum(row) for row in found["share"]] == pytest.approx([1] * 6, abs=1e-4)
    first = frame[frame["true_branch_id"] == found["rows_of"][0].lower()]
    assert found["share"][0][0] == pytest.approx(first["branch_right"].mean(), abs=1e-4)


def test_many_branches_are_pooled() -> None:
    found = branch_confusion(frame_of(categories=120, branches=40), str)
    assert len(found["columns_of"]) == MOST_BRANCHES
    assert found["columns_of"][-1] == OTHER
    assert sum(found["rows"]) == 800


def test_a_branch_that_is_only_ever_put_into_has_a_column() -> None:
    frame = frame_of()
    frame.loc[frame.index[:5], "branch_id"] = "elsewhere"
    found = branch_confusion(frame, str)
    assert found["columns_of"][-1] == OTHER
    assert OTHER not in found["rows_of"]
    assert [sum(row) for row in found["share"]] == pytest.approx([1, 1], abs=1e-4)


def test_the_worst_pair_has_its_count_and_its_surest_titles() -> None:
    frame = frame_of()
    frame.loc[:39, ["true_category_id", "category_id", "leaf_right", "confidence"]] = ["c3", "c0", False, 0.5]
    frame.loc[7, ["confidence", "title"]] = [0.999, "the surest mistake"]
    worst = worst_pairs(frame, str.upper)[0]
    wrong = frame[(frame["true_category_id"] == "c3") & (frame["category_id"] == "c0")]
    assert (worst["true"], worst["taken_for"]) == ("C3", "C0")
    assert worst["rows"] == len(wrong)
    assert worst["automatic"] == int(wrong["automatic"].sum())
    assert worst["of"] == int((frame["true_category_id"] == "c3").sum())
    assert worst["titles"][0] == "the surest mistake"
    assert len(worst["titles"]) == 2


def test_no_mistakes_make_no_pairs() -> None:
    frame = frame_of()
    assert worst_pairs(frame[frame["leaf_right"]], str) == []


def test_precision_and_recall_of_each_category_worst_first() -> None:
    frame = frame_of()
    found = categories(frame, LABELS, ("c3",), str)
    assert [one["f1"] for one in found] == sorted(one["f1"] for one in found)
    one = next(one for one in found if one["category_id"] == "c1")
    put, there = frame[frame["category_id"] == "c1"], frame[frame["true_category_id"] == "c1"]
    assert one["precision"]["value"] == pytest.approx(put["right"].mean())
    assert one["recall"]["value"] == pytest.approx(there["right"].mean())
    assert (one["rows"], one["training_labels"], one["always_review"]) == (len(there), 40, False)
    assert [one["category_id"] for one in found if one["always_review"]] == ["c3"]


def test_a_category_never_suggested_has_no_precision() -> None:
    frame = frame_of()
    frame = frame[frame["category_id"] != "c2"]
    one = next(one for one in categories(frame, LABELS, (), str) if one["category_id"] == "c2")
    assert one["precision"]["value"] is None
    assert one["recall"]["value"] == 0
    assert one["f1"] == 0


def test_groups_by_training_labels_hold_every_product_once() -> None:
    found = by_training_labels(frame_of(), LABELS, 5, ["c0", "c1", "c2", "c3", "never labelled"])
    assert [(one["least"], one["most"], one["categories"]) for one in found] == [
        (0, 0, 1),
        (1, 4, 1),
        (5, 14, 1),
        (15, 49, 1),
        (200, None, 1),
    ]
    assert sum(one["rows"] for one in found) == 800
    assert found[0]["accuracy_all"]["value"] is None


def test_the_rule_of_few_labels_takes_products_to_people() -> None:
    policy = Policy("target_accuracy", 0.95, 0.95, "holdout", 0.8, always_review=("c2", "c3"))
    frame = frame_of()
    frame["automatic"] &= ~frame["category_id"].isin(["c2", "c3"])
    found = {(one["rule"], one["products"]): one for one in effect_of_min_labels(frame, policy, LABELS)}
    assert found[True, "all"]["coverage"]["value"] < found[False, "all"]["coverage"]["value"]
    assert (
        found[True, "rare categories"]["coverage"]["value"] < 0.2 < found[False, "rare categories"]["coverage"]["value"]
    )
    assert found[False, "all"]["coverage"]["value"] == pytest.approx((frame["confidence"] >= 0.8).mean())


def test_copies_are_compared_on_the_same_products() -> None:
    found = effect_of_copies({15: frame_of(seed=2), 1: frame_of()}, LABELS, 0.95)
    assert [(one["copies"], one["products"]) for one in found] == [
        (1, "rare categories"), (1, "all"), (15, "rare categories"), (15, "all"),
    ]  # fmt: skip
    assert all(0 <= one["coverage_at_target"] <= 1 for one in found)


def test_a_bad_seller_is_found() -> None:
    frame = frame_of(1500)
    bad = frame["seller"] == "s3"
    frame.loc[bad, "right"] = frame["right"][bad] & (np.arange(int(bad.sum())) % 3 > 0)
    found = slices(frame, str)
    assert [(one["kind"], one["name"]) for one in found["found"] if one["worse"]] == [("seller", "s3")]
    assert found["found"][0]["name"] == "s3"
    assert found["looked_at"] == len(found["found"])
    kinds = {one["kind"] for one in found["found"]}
    assert kinds == {"seller", "branch", "title length", "description", "seller's category"}  # brands: all are missing
    names = {one["name"] for one in found["found"] if one["kind"] == "title length"}
    assert {"up to 20 characters", "21 to 40 characters", "over 120 characters"} - names == {"over 120 characters"}


def test_slices_look_at_all_products_where_nothing_is_automatic() -> None:
    found = slices(frame_of().assign(automatic=False), str)
    assert found["tested"] == "accuracy_all"
    assert all(one["accuracy"]["value"] is None for one in found["found"])


def test_small_slices_are_counted_and_not_shown() -> None:
    frame = frame_of()
    frame["seller"] = [f"s{row // 10}" for row in range(800)]
    found = slices(frame, str)
    assert found["left_out"] >= 80
    assert not [one for one in found["found"] if one["kind"] == "seller"]


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 10.0)])
def test_sellers_alike_are_rarely_called_worse(weights: tuple[float, float]) -> None:
    """Family-wise: among 20 sellers that are all alike, one is called worse in at most 5 % of runs."""
    rng = np.random.default_rng(21)
    runs, alarms = 150, 0
    for _ in range(runs):
        rows = pd.DataFrame({"right": rng.random(1000) < 0.9, "weight": rng.choice(weights, 1000)})
        values = [
            p_value_worse(rows.iloc[first : first + 50], pd.concat([rows.iloc[:first], rows.iloc[first + 50 :]]))
            for first in range(0, 1000, 50)
        ]
        alarms += holm(values).min() <= 0.05
    assert alarms / runs <= 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5


def test_equal_weights_give_fishers_exact_test() -> None:
    frame = frame_of(100)
    inside, outside = frame.head(30).assign(right=[True] * 20 + [False] * 10), frame.tail(70)
    table = [[20, 10], [int(outside["right"].sum()), int((~outside["right"]).sum())]]
    assert p_value_worse(inside, outside) == pytest.approx(stats.fisher_exact(table, alternative="less").pvalue)
    heavy = p_value_worse(inside.assign(weight=7.0), outside.assign(weight=7.0))
    assert heavy == pytest.approx(p_value_worse(inside, outside))


def test_corruptions_stand_beside_the_clean_titles() -> None:
    clean = frame_of()
    spoilt = pd.concat([frame_of(seed=2).assign(corruption="cut_19"), frame_of(seed=3).assign(corruption="shuffled")])
    found = corruptions(clean, spoilt)
    assert [one["corruption"] for one in found] == ["clean", "cut_19", "shuffled"]
    assert found[0]["accuracy_all"]["value"] == pytest.approx(clean["right"].mean())
    assert all(one["rows"] == 800 for one in found)


def test_sellers_never_seen_stand_beside_the_same_products_with_the_seller_known() -> None:
    held_out = frame_of(seed=4).head(300)
    found = unseen_sellers(held_out, frame_of(seed=5))
    assert [(one["seller"], one["rows"]) for one in found] == [("unknown", 300), ("known", 300)]
    assert (
        found[0]["accuracy_by_seller"]["low"] < found[0]["accuracy"]["value"] < found[0]["accuracy_by_seller"]["high"]
    )
    assert len(unseen_sellers(held_out, None)) == 1


def test_no_automatic_product_has_no_interval_by_seller() -> None:
    assert by_seller(frame_of().assign(automatic=False)) is None


def test_kinds_never_seen_count_by_who_notices() -> None:
    frame = frame_of(categories=12, branches=3).assign(right=False)
    found = unseen_categories(frame)
    assert found["categories"] == 12
    assert found["to_people"]["value"] == pytest.approx((~frame["automatic"]).mean())
    assert found["branch_right"]["value"] == pytest.approx(frame["branch_right"].mean())
    assert len(found["worst"]) == 5
    shares = [one["to_people"] for one in found["worst"]]
    assert shares == sorted(shares)
