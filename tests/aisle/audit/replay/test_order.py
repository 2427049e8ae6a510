from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from aisle.audit.replay.order import Known, cut_into_rounds, in_order, known_of, read_known
from aisle.audit.replay.settings import ReplaySettings
from aisle.catalogue.tables import read_table
from aisle.catalogue.taxonomy import read_taxonomy
from aisle.errors import DataError


def test_with_dates_products_come_as_they_came(known: Known) -> None:
    ordered = in_order(known, 0)
    assert known.dated
    assert ordered["received_at"].is_monotonic_increasing
    assert sorted(ordered["product_id"]) == sorted(known.products["product_id"])


def test_without_dates_shops_come_one_after_the_other_in_the_order_of_the_seed(undated: Known) -> None:
    assert not undated.dated
    orders = []
    for seed in (0, 1, 0):
        sellers = in_order(undated, seed)["seller"]
        visits = sellers[sellers != sellers.shift()]
        assert not visits.duplicated().any(), "a shop came twice"
        orders.append(visits.tolist())
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_products_without_a_shop_come_each_for_itself(undated: Known) -> None:
    nameless = replace(undated, products=undated.products.assign(seller=None))
    assert in_order(nameless, 0)["product_id"].tolist() != in_order(nameless, 1)["product_id"].tolist()


def test_official_test_rows_are_never_used(sample_folder: Path, known: Known) -> None:
    products = read_table(sample_folder, "products")
    tested = products["product_id"].drop_duplicates().iloc[::3].tolist()
    products.loc[products["product_id"].isin(tested), "split"] = "test"
    taxonomy = read_taxonomy(sample_folder / "taxonomy.csv")
    right = known.products[["product_id", "category_id"]]
    found = known_of(products, right, taxonomy)
    assert len(found.products) > 300
    assert not set(found.products["product_id"]) & set(tested)
    groups = known.products.set_index("product_id")["group"]
    assert not set(groups[found.products["product_id"]]) & set(groups[tested]), "a twin of a test row was used"


def test_without_a_file_of_the_truth_the_labels_of_people_say_what_is_right(sample_folder: Path) -> None:
    labels = read_table(sample_folder, "labels")
    people = labels[(labels["origin"] != "model") & (labels["status"] == "answered")]
    found = read_known(sample_folder)
    assert set(found.products["product_id"]) <= set(people["product_id"])
    assert len(found.products) > 0.8 * people["product_id"].nunique()


def test_a_round_holds_what_comes_next_and_nothing_twice(known: Known, settings: ReplaySettings) -> None:
    ordered = in_order(known, 0)
    start, rounds = cut_into_rounds(ordered, settings)
    assert [len(start), *map(len, rounds)] == [200, 120, 120, 120]
    assert pd.concat([start, *rounds])["product_id"].tolist() == ordered["product_id"].head(560).tolist()


def test_a_catalogue_that_does_not_last_is_refused(known: Known, settings: ReplaySettings) -> None:
    with pytest.raises(DataError, match="one round of 120 need more"):
        cut_into_rounds(in_order(known, 0).head(220), settings)


def test_nothing_known_is_refused(sample_folder: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.parquet"
    pd.DataFrame({"product_id": ["nobody"], "category_id": ["nothing"]}).to_parquet(truth)
    with pytest.raises(DataError, match="no product with a known category"):
        read_known(sample_folder, truth)
    with pytest.raises(DataError, match="no such file"):
        read_known(sample_folder, tmp_path / "missing.parquet")
    pd.DataFrame({"product_id": ["nobody"]}).to_parquet(truth)
    with pytest.raises(DataError, match="missing column category_id"):
        read_known(sample_folder, truth)
