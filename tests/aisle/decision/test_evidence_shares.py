from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.bounds import clopper_pearson
from aisle.decision.evidence.shares import cluster_codes, holm, resampled, share


def test_a_share_of_equal_rows_has_the_exact_interval() -> None:
    found = share([True] * 47 + [False] * 3, np.full(50, 4.0))
    low, high = clopper_pearson(47, 50)
    assert found == {"value": 0.94, "low": low, "high": high, "rows": 50}


def test_unequal_rows_count_by_their_weight() -> None:
    found = share([True, True, False], [1.0, 1.0, 8.0])
    assert found["value"] == pytest.approx(0.2)
    assert found["low"] is not None
    assert found["high"] is not None
    assert found["low"] < 0.2 < found["high"]


def test_no_rows_have_no_share() -> None:
    assert share([], []) == {"value": None, "low": None, "high": None, "rows": 0}


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 10)), min_size=1, max_size=40))
def test_an_interval_holds_its_share(rows: list[tuple[bool, float]]) -> None:
    found = share([right for right, _ in rows], [weight for _, weight in rows])
    assert found["low"] is not None
    assert found["value"] is not None
    assert found["high"] is not None
    assert 0 <= found["low"] <= found["value"] <= found["high"] <= 1


def test_products_without_a_seller_are_clusters_of_their_own() -> None:
    assert cluster_codes(["a", None, "b", "a", None]).tolist() == [0, 2, 1, 0, 3]
    assert cluster_codes([None, np.nan]).tolist() == [0, 1]


def test_few_sellers_say_nothing() -> None:
    assert resampled([True] * 8, np.ones(8), [0, 0, 1, 1, 2, 2, 3, 3]) is None


def test_resampling_is_the_same_every_time() -> None:
    rng = np.random.default_rng(5)
    arguments = (rng.random(200) < 0.9, np.ones(200), rng.integers(0, 20, 200))
    assert resampled(*arguments) == resampled(*arguments)


def test_resampled_sellers_keep_their_interval_where_counting_products_does_not() -> None:
    """Sellers differ in accuracy: an interval of 95 % from whole sellers holds, the binomial one does not."""
    rng = np.random.default_rng(11)
    truth, runs, by_seller, by_product = 0.9, 200, 0, 0
    for _ in range(runs):
        seller = np.repeat(np.arange(60), 25)
        right = rng.random(seller.size) < rng.beta(9, 1, 60)[seller]
        clustered = resampled(right, np.ones(seller.size), seller, draws=200)
        counted = share(right, np.ones(seller.size))
        assert clustered is not None
        assert clustered["low"] is not None
        assert clustered["high"] is not None
        assert counted["low"] is not None
        assert counted["high"] is not None
        by_seller += clustered["low"] <= truth <= clustered["high"]
        by_product += counted["low"] <= truth <= counted["high"]
    assert by_seller / runs >= 0.90
    assert by_product / runs < 0.80


def test_holm_keeps_the_order_and_multiplies_by_what_is_left() -> None:
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_never_makes_a_value_smaller(values: list[float]) -> None:
    adjusted = holm(values)
    assert (adjusted >= np.array(values) - 1e-12).all()
    assert (adjusted <= 1).all()
    assert adjusted.min() == pytest.approx(min(1.0, min(values) * len(values)))
