from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from aisle.audit.blame import blame_shift
from aisle.errors import DataError

COLUMNS = ("title_length", "language")


def products(many: int, rng: np.random.Generator, days: int = 14) -> pd.DataFrame:
    branch = rng.integers(0, 4, many)
    seller = rng.integers(0, 20, many)
    return pd.DataFrame(
        {
            "product_id": [f"p{one}" for one in range(many)],
            "seller": [f"seller {one}" for one in seller],
            "branch_id": [f"branch {one}" for one in branch],
            "category_id": [f"category {one}.{two}" for one, two in zip(branch, rng.integers(0, 8, many), strict=True)],
            "day": pd.Timestamp("2025-06-01") + pd.to_timedelta(rng.integers(0, days, many), unit="D"),
            "model_version": "1",
            "title_length": rng.gamma(9.0, 5.0, many) + 5 * (branch == 2),
            "language": np.where(rng.random(many) < 0.3, "de", "en"),
        }
    )


def test_false_alarm_like_the_reference_nobody_is_blamed() -> None:
    """Mean share of false discoveries, with everything false: how often anybody is blamed; at most 10 %."""
    rng = np.random.default_rng(1)
    blamed = [bool(blame_shift(products(1_000, rng), products(1_500, rng), COLUMNS)) for _ in range(60)]
    assert np.mean(blamed) <= 0.1


def test_false_alarm_when_products_of_a_seller_come_in_batches() -> None:
    """Twelve products at a time: counts vary much more than those of independent products."""
    rng = np.random.default_rng(2)

    def in_batches(many: int) -> pd.DataFrame:
        frame = products(many, rng, days=60)
        batch = frame.index // 12
        for column in ("seller", "day"):
            frame[column] = frame[column].to_numpy()[batch * 12]
        return frame

    blamed = 0
    for _ in range(30):
        reference = in_batches(12_000)
        blamed += any(
            one.column == "seller" for one in blame_shift(reference, in_batches(2_400), slices=("seller", "day"))
        )
    assert blamed <= 6


@pytest.mark.parametrize("share", [0.04, 0.15])
def test_a_new_seller_stands_first(share: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        window = products(1_500, rng)
        window.loc[rng.random(1_500) < share, "seller"] = "newcomer"
        first = blame_shift(products(1_500, rng), window, COLUMNS)[0]
        assert (first.name, first.change) == ("seller = newcomer", "share")
        assert first.expected_rate == 0
        assert first.rate == pytest.approx(share, abs=0.03)
        assert first.share_explained > 0.3


def test_a_seller_whose_titles_are_cut_stands_first() -> None:
    rng = np.random.default_rng(4)
    for _ in range(10):
        window = products(1_500, rng)
        cut = window["seller"] == "seller 7"
        window["title_length"] = window["title_length"].where(~cut, window["title_length"].clip(upper=20))
        found = blame_shift(products(1_500, rng), window, COLUMNS)
        assert (found[0].name, found[0].change) == ("seller = seller 7", "title_length")
        assert found[0].rate <= 20 < found[0].expected_rate  # medians, in the column's own unit
        assert found[0].share_explained > 0.5
        assert set(found[0].products) <= set(window["product_id"][cut])
        assert len(found[0].products) == 10


def test_a_category_that_grows_stands_first_and_its_branch_is_not_blamed_beside_it() -> None:
    rng = np.random.default_rng(5)
    window = products(6_000, rng)
    grown = window["category_id"] == "category 1.3"
    window = window[grown | (rng.random(6_000) < 0.3)]
    found = blame_shift(products(1_500, rng), window, COLUMNS)
    assert (found[0].name, found[0].change) == ("category_id = category 1.3", "share")
    assert all(one.name != "branch_id = branch 1" for one in found)


def test_what_everything_shows_is_blamed_on_no_slice() -> None:
    rng = np.random.default_rng(6)
    found = blame_shift(products(1_500, rng), products(1_500, rng).assign(language="fr"), COLUMNS)
    assert found[0].name == "all"
    assert found[0].change.startswith("language = ")
    assert len(found) == 1


def test_one_odd_day_is_found_against_the_whole_reference() -> None:
    rng = np.random.default_rng(7)
    reference, window = products(1_500, rng), products(2_800, rng)
    reference["day"] = pd.Timestamp("2025-01-01")
    odd = window["day"] == pd.Timestamp("2025-06-05")
    window["title_length"] = window["title_length"].where(~odd, 200.0)
    first = blame_shift(reference, window, COLUMNS)[0]
    assert (first.name, first.change, first.rate) == ("day = 2025-06-05", "title_length", 200.0)


def test_weights_of_the_reference_are_honoured() -> None:
    """Audited rows of the reference stand for the flow only with their weights."""
    rng = np.random.default_rng(8)
    flow = products(12_000, rng)
    probability = np.where(flow["branch_id"] == "branch 0", 0.5, 0.05)
    reference = flow.assign(weight=1 / probability)[rng.random(len(flow)) < probability]
    window = products(1_500, rng)
    assert blame_shift(reference, window) == []
    assert blame_shift(reference.drop(columns="weight"), window)[0].name == "branch_id = branch 0"


def test_missing_values_and_odd_input() -> None:
    rng = np.random.default_rng(9)
    reference, window = products(500, rng), products(500, rng)
    window.loc[window.index < 480, "title_length"] = np.nan
    window["seller"] = None
    assert blame_shift(reference, window, COLUMNS)[0].name == "seller = (unknown)"
    assert blame_shift(reference, window.head(0), COLUMNS) == []
    assert blame_shift(reference.head(0), window, COLUMNS) == []
    with pytest.raises(DataError, match="none of the columns"):
        blame_shift(reference[["product_id"]], window[["product_id"]], COLUMNS)


def test_a_hundred_thousand_rows_take_seconds() -> None:
    rng = np.random.default_rng(10)
    reference, window = products(1_500, rng), products(100_000, rng)
    began = time.process_time()
    blame_shift(reference, window, COLUMNS)
    assert time.process_time() - began < 10
