"""What an import makes of files: formats, fields, categories, splits."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalogue.importing import ImportSummary, fields, import_files, read_mapping
from aisle.catalogue.tables import read_table
from aisle.catalogue.taxonomy import read_taxonomy

ROWS: list[dict[str, Any]] = [
    {"id": "1", "title": "Cordless drill 18 V", "shop": "a", "top": "1_Tools", "leaf": "11_Drills"},
    {"id": "2", "title": "Claw hammer", "shop": "b", "top": "1_Tools", "leaf": "12_Hammers"},
    {"id": "3", "title": "Teddy bear", "shop": "b", "top": "2_Toys", "leaf": "21_Plush"},
]
MAPPING: dict[str, Any] = {
    "product": {"product_id": "id", "title": "title", "seller": "shop"},
    "category": {"levels": ["top", "leaf"], "code": "_"},
}
Run = Callable[..., ImportSummary]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Import rows (or a file) with a mapping, into `tmp_path / "data"`."""

    def run(rows: list[dict[str, Any]] | Path, mapping: dict[str, Any] | None = None, **options: Any) -> ImportSummary:
        path = rows if isinstance(rows, Path) else tmp_path / "offers.jsonl"
        if not isinstance(rows, Path):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(mapping or MAPPING), encoding="utf-8")
        return import_files(read_mapping(tmp_path / "mapping.yaml"), [path], tmp_path / "data", **options)

    return run


def products(tmp_path: Path) -> pd.DataFrame:
    return read_table(tmp_path / "data", "products")


def labels(tmp_path: Path) -> pd.DataFrame:
    return read_table(tmp_path / "data", "labels")


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows in the format that the name says."""
    names = list(rows[0])
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    if plain.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), plain)
    else:
        separator = "\t" if plain.suffix == ".tsv" else ","
        text = "".join(
            json.dumps(row) + "\n" if plain.suffix == ".jsonl" else separator.join(map(str, row.values())) + "\n"
            for row in rows
        )
        plain.write_text(text if plain.suffix == ".jsonl" else separator.join(names) + "\n" + text, encoding="utf-8")
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "jsonl", "jsonl.gz", "parquet", "parquet.gz"])
def test_every_format_plain_or_gzip_gives_the_same_catalogue(tmp_path: Path, run: Run, ending: str) -> None:
    summary = run(written(tmp_path / f"offers.{ending}", ROWS))

    assert (summary.rows, summary.new, summary.labels, summary.sellers) == (3, 3, 3, 2)
    assert (summary.categories, summary.branches, summary.leaves) == (5, 2, 3)
    assert products(tmp_path)["title"].tolist() == [row["title"] for row in ROWS]
    assert labels(tmp_path)["category_id"].tolist() == ["11", "12", "21"]
    assert read_taxonomy(tmp_path / "data" / "taxonomy.csv").full_name("12") == "Tools > Hammers"


@pytest.mark.parametrize("name", ["offers.csv", "offers", "offers.parquet.csv"])
def test_gzip_and_parquet_are_known_by_content_not_by_name(tmp_path: Path, run: Run, name: str) -> None:
    parquet = written(tmp_path / "there.parquet", ROWS)
    (tmp_path / name).write_bytes(gzip.compress(parquet.read_bytes()))
    assert run(tmp_path / name).rows == 3


def test_labels_of_an_import_are_certain_and_answered(tmp_path: Path, run: Run) -> None:
    run(ROWS)
    frame = labels(tmp_path)
    assert set(frame["origin"]) == {"import"}
    assert set(frame["status"]) == {"answered"}
    assert frame["audit_probability"].tolist() == frame["inclusion_probability"].tolist() == [1.0, 1.0, 1.0]
    assert frame["revision"].tolist() == [1, 1, 1]
    assert not frame["adjudicated"].any()


def test_labels_of_another_origin_bring_their_own_facts(tmp_path: Path, run: Run) -> None:
    rows = [{**row, "chance": "0.05", "who": "ann", "when": "2024-05-01T10:00:00+02:00"} for row in ROWS]
    told = {"origin": "audit", "labeller": "who", "labelled_at": "when", "audit_probability": "chance"}
    run(rows, {**MAPPING, "labels": told})
    frame = labels(tmp_path)
    assert set(frame["origin"]) == {"audit"}
    assert set(frame["labeller"]) == {"ann"}
    assert frame["audit_probability"].tolist() == [0.05] * 3
    assert frame["inclusion_probability"].isna().all()
    assert set(frame["labelled_at"]) == {pd.Timestamp("2024-05-01T08:00:00", tz="UTC")}


def test_fields_from_templates_joins_hosts_and_constants(tmp_path: Path, run: Run) -> None:
    row = {
        **ROWS[0],
        "brand": "Bohr",
        "model": "",
        "size": "L",
        "url": "https://user@WWW.Shop.Example:8080/x?y=1",
        "cost": "1,299.50",
        "when": "2024-05-01",
        "cluster": 7,
    }
    run(
        [row],
        {
            **MAPPING,
            "product": {
                "product_id": "{seller}:{id}",
                "title": {"join": ["brand", "model", "size"], "separator": " - "},
                "description": "100 % {title}",
                "brand": "{brand} {model}",
                "seller": {"host": "url"},
                "price": "cost",
                "currency": {"constant": "eur"},
                "received_at": "when",
                "group_id": "cluster",
                "seller_category": {"column": "crumbs", "optional": True},
            },
        },
    )
    (product,) = products(tmp_path).to_dict("records")
    assert product["product_id"] == "shop.example:1"
    assert product["title"] == "Bohr - L", "empty parts are left out of a join"
    assert product["description"] == "100 % Cordless drill 18 V", "a column goes before a field of the same name"
    assert product["brand"] is None, "a template with an empty part is empty"
    assert product["price"] == 1299.5
    assert product["currency"] == "EUR"
    assert product["received_at"] == pd.Timestamp("2024-05-01", tz="UTC")
    assert product["group_id"] == "7"
    assert product["seller_category"] is None


def test_csv_of_the_wild_is_read_as_it_is_meant(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "offers.txt"
    cheese = '7;"Käse; gerieben\nin ""Scheiben""";1,50;1_Food;11_Cheese'
    bread = '8;Brot 20" lang;1.250,00;1_Food;12_Bread'
    path.write_text(f"{cheese}\n\n{bread}\n", encoding="cp1252")
    run(
        path,
        {
            "file": {
                "format": "csv",
                "delimiter": ";",
                "encoding": "cp1252",
                "columns": ["id", "title", "price", "top", "leaf"],
            },
            "product": {"product_id": "id", "title": "title", "price": {"column": "price", "decimal": ","}},
            "category": {"levels": ["top", "leaf"], "code": "_"},
        },
    )
    frame = products(tmp_path)
    assert frame["title"].tolist() == ['Käse; gerieben\nin "Scheiben"', 'Brot 20" lang']
    assert frame["price"].tolist() == [1.5, 1250.0]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path, run: Run) -> None:
    path = written(tmp_path / "offers.csv", ROWS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert run(path).rows == 3


def test_values_of_json_and_parquet_become_plain_text(tmp_path: Path, run: Run) -> None:
    row = {**ROWS[0], "id": 12.0, "title": ["Drill", "18 V"], "shop": True, "top": "1_T\ud800", "extra": {"a": 1}}
    run([row])
    (product,) = products(tmp_path).to_dict("records")
    assert (product["product_id"], product["title"], product["seller"]) == ("12", "Drill 18 V", "true")
    assert read_taxonomy(tmp_path / "data" / "taxonomy.csv").name("1") == "T?", "half a character is none"


def test_times_of_parquet_keep_their_moment(tmp_path: Path, run: Run) -> None:
    moment = dt.datetime(2024, 5, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    rows = [{**row, "when": moment} for row in ROWS]
    run(
        written(tmp_path / "offers.parquet", rows),
        {**MAPPING, "product": {**MAPPING["product"], "received_at": "when"}},
    )
    assert set(products(tmp_path)["received_at"]) == {pd.Timestamp(moment)}


@pytest.mark.parametrize(
    ("written", "form", "expected"),
    [
        ("2024-05-01T10:00:00Z", "iso", "2024-05-01T10:00:00"),
        ("2024-05-01 10:00:00", "iso", "2024-05-01T10:00:00"),
        ("1714557600", "unix", "2024-05-01T10:00:00"),
        ("1714557600000", "unix_ms", "2024-05-01T10:00:00"),
        ("01.05.2024 10:00", "%d.%m.%Y %H:%M", "2024-05-01T10:00:00"),
    ],
)
def test_times_are_utc(written: str, form: str, expected: str) -> None:
    assert fields.time_of(written, form) == dt.datetime.fromisoformat(expected).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("written", "decimal", "expected"),
    [
        ("12", ".", 12.0),
        ("12.50", ".", 12.5),
        ("1,299.00", ".", 1299.0),
        ("1 299.00", ".", 1299.0),
        ("1,234,567", ".", 1234567.0),
        ("12,50", ",", 12.5),
        ("1.299,00", ",", 1299.0),
        ("1.299", ",", 1299.0),
        ("-3", ".", -3.0),
    ],
)
def test_numbers_as_people_write_them(written: str, decimal: str, expected: float) -> None:
    assert fields.number_of(written, decimal) == expected


@pytest.mark.parametrize(
    ("written", "decimal"),
    [
        ("12,50", "."),
        ("1.5", ","),
        ("1,2,3", "."),
        ("12 EUR", "."),
        ("nan", "."),
        ("1e400", "."),
        ("1_000", "."),
        ("", "."),
    ],
)
def test_what_is_no_number_is_refused_rather_than_guessed(written: str, decimal: str) -> None:
    with pytest.raises(ValueError, match="number"):
        fields.number_of(written, decimal)


@given(st.floats(min_value=-1e12, max_value=1e12))
def test_a_number_written_with_thousands_reads_back(number: float) -> None:
    text = f"{number:,.2f}"
    assert fields.number_of(text, ".") == round(float(text.replace(",", "")), 2)
    swapped = text.translate(str.maketrans(",.", ".,"))
    assert fields.number_of(swapped, ",") == fields.number_of(text, ".")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://www.a.example/x", "a.example"),
        ("HTTPS://Shop.A.Example:8443/", "shop.a.example"),
        ("www.a.example/x", "a.example"),
        ("//a.example", "a.example"),
        ("http://[::1", None),
        ("/only/a/path", None),
    ],
)
def test_hosts_of_urls(url: str, host: str | None) -> None:
    assert fields.host_of(url) == host


def test_the_split_comes_from_the_file_names(tmp_path: Path) -> None:
    parts = zip(["train-1.jsonl", "valid.jsonl", "test.jsonl"], ROWS, strict=True)
    files = [written(tmp_path / name, [row]) for name, row in parts]
    roles = {"train": "train*", "calibration": "valid*", "test": "test*"}
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump({**MAPPING, "split": roles}), encoding="utf-8")
    summary = import_files(read_mapping(tmp_path / "mapping.yaml"), files, tmp_path / "data")
    assert products(tmp_path)["split"].tolist() == ["train", "calibration", "test"]
    assert summary.splits == {"train": 1, "calibration": 1, "test": 1}


def test_rows_without_a_category_are_products_without_a_label(tmp_path: Path, run: Run) -> None:
    summary = run([*ROWS, {"id": "4", "title": "No idea", "shop": "c", "top": "", "leaf": None}])
    assert (summary.rows, summary.labels) == (4, 3)
    assert labels(tmp_path)["product_id"].tolist() == ["1", "2", "3"]


def test_few_rows_without_a_title_are_left_out_and_told(run: Run) -> None:
    rows = [{**ROWS[0], "id": str(number), "title": " " if number == 13 else f"Drill {number}"} for number in range(40)]
    summary = run(rows)
    assert summary.rows == 39
    assert any("1 of 40 rows have no title" in one and "line 14" in one for one in summary.warnings)


def test_equal_input_gives_equal_bytes(tmp_path: Path, run: Run) -> None:
    def content() -> dict[str, bytes]:
        data = tmp_path / "data"
        return {str(path.relative_to(data)): path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file()}

    day = dt.date(2024, 5, 1)
    run(ROWS, day=day)
    first = content()
    run(ROWS, day=day, mode="replace")
    assert content() == first
    assert set(first) == {
        "taxonomy.csv",
        "products/2024-05-01-import.parquet",
        "labels/2024-05-01-import.parquet",
    }


def test_long_files_come_in_several_batches(tmp_path: Path, run: Run) -> None:
    rows = [{**ROWS[number % 3], "id": str(number), "title": f"Thing {number}"} for number in range(20_001)]
    assert run(rows).rows == 20_001
    frame = products(tmp_path)
    assert frame["product_id"].tolist() == [str(number) for number in range(20_001)]
    assert labels(tmp_path)["product_id"].tolist() == frame["product_id"].tolist()
