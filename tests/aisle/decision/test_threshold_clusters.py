"""Thresholds that hold when whole sellers are drawn: which rows belong together, and what that costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aisle.bounds import CAUTION, binomial_p_value, clustered_p_value
from aisle.decision.scored import ScoredProducts
from aisle.decision.threshold import certified_threshold
from aisle.decision.threshold.certifying import clustered_steps, counts_by_cluster


def products(rows: int, seed: int, clusters: int, spread: float = 0.0) -> ScoredProducts:
    """Products of shops of equal size; `spread` says how much shops differ in how often they are wrong."""
    rng = np.random.default_rng(seed)
    cluster = np.arange(rows) % clusters
    confidence = rng.random(rows)
    difficulty = rng.gamma(1 / spread, spread, clusters)[cluster] if spread else 1.0
    return ScoredProducts(
        product_id=np.array([f"p{number}" for number in range(rows)], dtype=object),
        branch_id=np.full(rows, "tools", dtype=object),
        confidence=confidence,
        right=rng.random(rows) >= np.clip(difficulty * (0.005 + 0.5 * (1 - confidence) ** 3), 0, 1),
        allowed=np.ones(rows, dtype=bool),
        weight=np.ones(rows),
        cluster=cluster.astype(np.int64),
    )


def test_sellers_are_clusters_and_a_row_without_one_is_alone() -> None:
    frame = pd.DataFrame({"product_id": list("abcdef"), "category_id": "x", "seller": ["s", None, "t", "s", None, "t"]})
    scores = frame.assign(confidence=0.5, branch_id="b")
    cluster = ScoredProducts.of(scores, frame, np.ones(6), clusters="seller").cluster
    assert cluster is not None
    assert cluster[0] == cluster[3] != cluster[2] == cluster[5]
    assert len(set(cluster)) == 4
    unknown = ScoredProducts.of(scores, frame.assign(seller=None), np.ones(6), clusters="seller")
    assert unknown.cluster is not None
    assert len(set(unknown.cluster)) == 6
    assert ScoredProducts.of(scores, frame, np.ones(6)).cluster is None
    some = ScoredProducts.of(scores, frame, np.ones(6), clusters="seller").only(np.array([0, 3, 4]))
    assert some.cluster is not None
    assert some.cluster.tolist() == cluster[[0, 3, 4]].tolist()


def test_counts_are_those_of_each_shop_at_each_threshold() -> None:
    some = replace(products(200, 1, 7), allowed=np.arange(200) % 5 > 0)
    assert some.cluster is not None
    thresholds = np.array([0.9, 0.6, 0.5, 0.1])
    errors, accepted = counts_by_cluster(some, thresholds)
    for number in range(7):
        for place, threshold in enumerate(thresholds):
            rows = (some.cluster == number) & some.allowed & (some.confidence >= threshold)
            assert accepted[number, place] == rows.sum()
            assert errors[number, place] == (rows & ~some.right).sum()


def test_products_without_clusters_have_no_counts() -> None:
    with pytest.raises(ValueError, match="no clusters"):
        counts_by_cluster(replace(products(20, 1, 2), cluster=None), np.array([0.5]))


def test_the_more_shops_differ_the_less_is_certified() -> None:
    """Rows count in full where shops are alike, and less where errors come shop by shop."""
    coverage = {}
    for spread in (0.0, 1.0):
        training, calibration = products(6000, 1, 60, spread), products(2000, 2, 60, spread)
        by_shop = certified_threshold(training, calibration, 0.93)
        by_row = certified_threshold(replace(training, cluster=None), replace(calibration, cluster=None), 0.93)
        assert by_shop is not None
        assert by_row is not None
        assert by_shop >= by_row
        coverage[spread] = (1 - by_shop) / (1 - by_row)
    assert coverage[0.0] > 0.95
    assert coverage[1.0] < 0.93


def test_a_single_shop_certifies_nothing() -> None:
    training, calibration = products(3000, 1, 40), products(1000, 2, 1)
    assert certified_threshold(training, calibration, 0.9) is None


def test_shops_that_the_calibration_missed_count_by_what_training_knows_of_them() -> None:
    """One large shop is wrong more often; calibrations without it look better than the flow is."""
    training = products(4000, 3, 400)
    large = products(1500, 4, 1)
    assert training.cluster is not None
    both = ScoredProducts(
        np.append(training.product_id, [f"l{number}" for number in range(1500)]),
        np.append(training.branch_id, large.branch_id),
        np.append(training.confidence, large.confidence),
        np.append(training.right, np.random.default_rng(5).random(1500) > 0.15),
        np.append(training.allowed, large.allowed),
        np.append(training.weight, large.weight),
        np.append(training.cluster, np.full(1500, 400)),
    )
    calibration = products(1500, 6, 150)
    alone, aware = (certified_threshold(one, calibration, 0.9) for one in (training, both))
    assert alone is not None
    assert aware is None or aware > alone + 0.05


def test_the_effect_of_training_shops_is_scaled_to_the_size_of_calibration_shops() -> None:
    """Half as many products of each shop: half of what exceeds 1."""
    training = products(6000, 1, 60, 1.0)
    steps, whole = clustered_steps(training, 4000, 100.0, 0.93, 0.05, 20)
    others, half = clustered_steps(training, 4000, 50.0, 0.93, 0.05, 20)
    shared = np.isin(steps, others)
    assert shared.any()
    assert whole[shared] - 1 == pytest.approx(2 * (half[np.isin(others, steps)] - 1))


def test_independent_rows_of_many_shops_count_as_in_the_exact_test_but_for_caution() -> None:
    errors, accepted = np.array([3.0, 40.0]), np.array([200.0, 1000.0])
    found = clustered_p_value(CAUTION * errors, CAUTION * accepted, np.array([1e6, 1e6]), 0.05, np.ones(2))
    exact = binomial_p_value(errors.astype(np.int64), accepted.astype(np.int64), 0.05)
    assert found == pytest.approx(exact, rel=1e-4)
