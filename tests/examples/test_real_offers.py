"""The mappings in `examples/` on the real offers that they are written for.

The files lie in `../shared/data`, or where the environment variable AISLE_REAL_DATA says.
"""

from __future__ import annotations

from pathlib import Path

from aisle.catalogue.importing import import_files, read_mapping
from aisle.catalogue.tables import read_table
from aisle.catalogue.taxonomy import read_taxonomy


def test_wdc_offers_keep_their_tree_and_their_official_split(tmp_path: Path, root: Path, real_data: Path) -> None:
    files = sorted((real_data / "wdc_gpc").glob("*.jsonl.gz"))
    summary = import_files(read_mapping(root / "examples" / "wdc-gpc.yaml"), files, tmp_path / "data")

    assert summary.splits == {"train": 10_012, "calibration": 3_000, "test": 3_107}
    assert (summary.rows, summary.labels, summary.sellers) == (16_119, 16_119, 2_182)
    assert (summary.categories, summary.branches, summary.leaves) == (37 + 76 + 283, 37, 283)
    assert len(summary.warnings) == 1
    assert summary.warnings[0].startswith(
        "category 75010400 (Household Beds/Mattresses) has 2 parents: 75010000 (59 rows)"
    )

    taxonomy = read_taxonomy(tmp_path / "data" / "taxonomy.csv")
    assert taxonomy.path("75010400") == ["75000000", "75010000", "75010400"]
    assert taxonomy.name("67010800") == "Upper Body Wear/Tops"
    assert {len(taxonomy.path(leaf)) for leaf in taxonomy.leaves} == {3}

    products = read_table(tmp_path / "data", "products")
    labels = read_table(tmp_path / "data", "labels")
    assert products["product_id"].is_unique
    assert products["product_id"].tolist() == labels["product_id"].tolist()
    assert set(labels["category_id"]) == set(taxonomy.leaves)
    assert products["title"].notna().all()
    charm = products.set_index("product_id").loc["wdc:549"]
    assert (charm["title"], charm["seller"], charm["split"]) == (
        "Sterling Silver Angel Charm",
        "thecharmworks.com",
        "train",
    )
    assert charm["seller_category"] == "All Products"


def test_pricerunner_clusters_are_groups(tmp_path: Path, root: Path, real_data: Path) -> None:
    files = [real_data / "pricerunner" / "offers.csv.gz"]
    mapping = read_mapping(root / "examples" / "pricerunner.yaml")
    summary = import_files(mapping, files, tmp_path / "data")

    assert (summary.rows, summary.labels, summary.sellers, summary.leaves) == (35_311, 35_311, 306, 10)
    assert summary.warnings == ()
    products = read_table(tmp_path / "data", "products")
    assert products["group_id"].nunique() == 13_233
    phone = products.iloc[0]
    assert phone["title"] == "apple iphone 8 plus 64gb silver"
    assert (phone["product_id"], phone["seller"], phone["group_id"]) == ("pricerunner:1", "merchant 1", "pricerunner:1")
    assert read_taxonomy(tmp_path / "data" / "taxonomy.csv").name("2612") == "Mobile Phones"

    assert import_files(mapping, files, tmp_path / "data", mode="append").shard is None, "a file can be sent again"


def test_both_catalogues_fit_into_one_folder(tmp_path: Path, root: Path, real_data: Path) -> None:
    wdc, pricerunner = (read_mapping(root / "examples" / f"{name}.yaml") for name in ("wdc-gpc", "pricerunner"))
    import_files(wdc, [real_data / "wdc_gpc" / "test.jsonl.gz"], tmp_path / "data")
    summary = import_files(pricerunner, [real_data / "pricerunner" / "offers.csv.gz"], tmp_path / "data", mode="append")
    assert (summary.new, summary.unchanged, summary.new_categories) == (35_311, 0, 10)
    assert len(read_table(tmp_path / "data", "products")) == 3_107 + 35_311
