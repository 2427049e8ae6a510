from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aisle.catalogue.tables import (
    SCHEMAS,
    latest_revisions,
    read_frame,
    read_table,
    require_catalogue,
    shards_of,
    write_frame,
    write_shard,
)
from aisle.errors import DataError, exit_code_of

PRODUCTS = pd.DataFrame({"product_id": ["b", "a"], "title": ["Saw", "Drill"], "price": [1.5, None]})
FULL = Path("/dev/full")


def test_a_shard_comes_back_with_every_column_and_its_name(tmp_path: Path) -> None:
    write_shard(PRODUCTS, "products", tmp_path / "products" / "2024-01-01.parquet")
    read = read_table(tmp_path, "products")
    assert list(read) == [*SCHEMAS["products"].names, "shard"]
    assert read["product_id"].tolist() == ["b", "a"]
    assert read["revision"].tolist() == [1, 1]
    assert read["shard"].tolist() == ["2024-01-01"] * 2
    assert read[["description", "seller", "group_id", "received_at"]].isna().all().all()
    assert str(read["received_at"].dtype) == "datetime64[us, UTC]"


def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for day in ("2024-01-02", "2023-12-31", "2024-01-01"):
        write_shard(PRODUCTS.assign(title=day), "products", tmp_path / "products" / f"{day}.parquet")
    assert [path.stem for path in shards_of(tmp_path, "products")] == ["2023-12-31", "2024-01-01", "2024-01-02"]
    assert read_table(tmp_path, "products")["title"].unique().tolist() == ["2023-12-31", "2024-01-01", "2024-01-02"]


def test_a_table_without_shards_has_columns_and_no_rows(tmp_path: Path) -> None:
    for table, schema in SCHEMAS.items():
        read = read_table(tmp_path, table)
        assert read.empty
        assert list(read) == [*schema.names, "shard"]


def test_labels_take_their_defaults(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"product_id": ["a", "b"], "category_id": "saw", "origin": "import", "status": ["skipped", None]}
    )
    write_shard(rows, "labels", tmp_path / "labels" / "1.parquet")
    read = read_table(tmp_path, "labels")
    assert read["status"].tolist() == ["skipped", "answered"]
    assert read["adjudicated"].tolist() == [False, False]


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_shard(PRODUCTS.copy(), "products", tmp_path / f"{name}.parquet")
        write_frame(PRODUCTS.copy(), tmp_path / f"{name}.frame")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert (tmp_path / "one.frame").read_bytes() == (tmp_path / "two.frame").read_bytes()


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    path = tmp_path / "products" / "1.parquet"
    write_shard(PRODUCTS, "products", path)
    for content in (b"noise", b"", path.read_bytes()[:-20]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"1\.parquet: cannot be read as Parquet; get it again with `dvc pull`"):
            read_table(tmp_path, "products")


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        ({"product_id": ["a"]}, r"1\.parquet: missing column title; a products shard must hold it"),
        ({"name": ["a"]}, r"1\.parquet: missing column product_id, title"),
        ({"product_id": ["a"], "title": ["x"], "price": ["cheap"]}, r"column price holds string, double is needed"),
        ({"product_id": ["a"], "title": [["x"]]}, r"column title holds list.*, string is needed"),
    ],
)
def test_a_shard_with_other_columns_or_types_is_refused(tmp_path: Path, columns: dict[str, list], line: str) -> None:
    (tmp_path / "products").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "products" / "1.parquet")
    with pytest.raises(DataError, match=line):
        read_table(tmp_path, "products")


def test_a_folder_without_a_catalogue_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no catalogue .*`dvc pull`, or bring your own with `aisle import`"):
        require_catalogue(tmp_path / "data")
    write_shard(PRODUCTS, "products", tmp_path / "products" / "1.parquet")
    with pytest.raises(DataError, match="holds no catalogue"):
        require_catalogue(tmp_path)
    (tmp_path / "taxonomy.csv").touch()
    assert require_catalogue(str(tmp_path)) == tmp_path


def test_the_latest_revision_of_each_product_in_order_of_arrival() -> None:
    rows = pd.DataFrame(
        {"product_id": ["a", "b", "a", "c", "a", "b"], "revision": [1, 2, 3, 1, 2, 2], "title": list("uvwxyz")}
    )
    latest = latest_revisions(rows)
    assert latest[["product_id", "revision", "title"]].to_numpy().tolist() == [
        ["a", 3, "w"],
        ["c", 1, "x"],
        ["b", 2, "z"],
    ]
    assert latest.index.tolist() == [0, 1, 2]


def test_frames_come_back_whole_or_in_part(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x", None], "b": [1, 2], "c": [["p", "q"], []]})
    write_frame(frame, tmp_path / "deep" / "x.parquet")
    assert read_frame(tmp_path / "deep" / "x.parquet", ["b"]).to_dict("list") == {"b": [1, 2]}
    read = read_frame(tmp_path / "deep" / "x.parquet")
    assert list(read) == ["a", "b", "c"]
    assert read["c"].map(list).tolist() == [["p", "q"], []]


def test_a_frame_that_is_missing_or_broken_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.parquet: not there yet; run `dvc repro`"):
        read_frame(tmp_path / "x.parquet")
    (tmp_path / "x.parquet").write_bytes(b"noise")
    with pytest.raises(DataError, match=r"x\.parquet: cannot be read as Parquet; run `dvc repro -f`"):
        read_frame(tmp_path / "x.parquet")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full to play the full disk")
def test_a_full_disk_is_one_line_and_the_old_frame_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "x.parquet"
    write_frame(PRODUCTS, path)

    def on_a_full_disk(**_: object) -> tuple[int, str]:
        (tmp_path / "part").symlink_to(FULL)
        return os.open(FULL, os.O_WRONLY), str(tmp_path / "part")

    monkeypatch.setattr("tempfile.mkstemp", on_a_full_disk)
    assert exit_code_of(lambda: write_frame(PRODUCTS.assign(price=0.0), path)) == 2
    printed = capsys.readouterr().err
    assert "the disk is full; free some space and run the same command again" in printed
    assert printed.count("\n") == 1
    pd.testing.assert_frame_equal(read_frame(path), PRODUCTS)
    assert [one.name for one in tmp_path.iterdir()] == ["x.parquet"]


class TestSomeOfATable:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for day in ("2024-01-01", "2024-01-02"):
            write_shard(PRODUCTS.assign(seller=day), "products", tmp_path / "products" / f"{day}.parquet")
        return tmp_path

    def test_some_columns_in_the_order_of_the_schema(self, folder: Path) -> None:
        read = read_table(folder, "products", columns=["seller", "revision"])
        assert list(read) == ["revision", "seller", "shard"]
        assert read["revision"].tolist() == [1] * 4
        whole = read_table(folder, "products")
        pd.testing.assert_frame_equal(read, whole[list(read)])

    def test_columns_that_a_shard_lacks_are_null(self, tmp_path: Path) -> None:
        (tmp_path / "products").mkdir()
        pq.write_table(pa.table({"product_id": ["a"], "title": ["Saw"]}), tmp_path / "products" / "1.parquet")
        read = read_table(tmp_path, "products", columns=["price"])
        assert read["price"].isna().tolist() == [True]

    def test_other_columns_are_not_looked_at(self, folder: Path) -> None:
        table = pa.table({"product_id": ["a"], "title": ["Saw"], "price": ["cheap"]})
        pq.write_table(table, folder / "products" / "2024-01-03.parquet")
        assert len(read_table(folder, "products", columns=["title"])) == 5
        with pytest.raises(DataError, match="column price holds"):
            read_table(folder, "products", columns=["price"])

    def test_some_shards(self, folder: Path) -> None:
        (folder / "products" / "2024-01-03.parquet").write_bytes(b"broken")
        assert read_table(folder, "products", shards=["2024-01-02"])["shard"].unique().tolist() == ["2024-01-02"]
        assert read_table(folder, "products", shards=[]).empty

    def test_some_products(self, folder: Path) -> None:
        read = read_table(folder, "products", products=["a", "unknown"])
        assert read["product_id"].tolist() == ["a", "a"]
        assert read["seller"].tolist() == ["2024-01-01", "2024-01-02"]
        assert list(read_table(folder, "products", columns=["title"], products=["a"])) == ["title", "shard"]
        assert read_table(folder, "products", products=[]).empty

    def test_a_required_column_is_required_of_any_part(self, folder: Path) -> None:
        pq.write_table(pa.table({"product_id": ["a"]}), folder / "products" / "2024-01-03.parquet")
        with pytest.raises(DataError, match="missing column title"):
            read_table(folder, "products", columns=["product_id"])
