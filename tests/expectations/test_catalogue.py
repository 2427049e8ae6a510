"""The suites over folders as they lie on a disk: what is compared across tables, and the line that people read."""

from __future__ import annotations

import datetime
from pathlib import Path

import pandas as pd
import pytest

from aisle.catalogue.tables import write_shard
from aisle.errors import DataError
from expectations.catalogue import CatalogueResult, taxonomy_frame, validate_catalogue
from expectations.page import render
from expectations.validation import validate_table


@pytest.fixture
def folder(tmp_path: Path, sound: dict[str, pd.DataFrame]) -> Path:
    """The sound catalogue as files; each table in two shards."""
    data = tmp_path / "data"
    for table in ("products", "labels", "predictions"):
        frame = sound[table]
        write_shard(frame.iloc[:2], table, data / table / "2025-05-01.parquet")
        write_shard(frame.iloc[2:], table, data / table / "2025-05-02.parquet")
    # The labels speak of revision 2 of p3, which came a day later.
    second = sound["products"].iloc[[3]].assign(revision=2)
    write_shard(second, "products", data / "products" / "2025-05-03.parquet")
    sound["taxonomy"].drop(columns="row").to_csv(data / "taxonomy.csv", index=False)
    return data


def rewrite(folder: Path, table: str, frame: pd.DataFrame) -> None:
    """Put `frame` in the place of all shards of the table but the first."""
    for path in sorted((folder / table).glob("*.parquet"))[1:]:
        path.unlink()
    write_shard(frame, table, folder / table / "2025-05-09.parquet")


def test_a_sound_folder_passes(folder: Path, now: datetime.datetime) -> None:
    result = validate_catalogue(folder, now)
    assert result.passed
    assert [(table.table, table.rows, table.evaluated) for table in result.tables] == [
        ("taxonomy", 5, 7),
        ("products", 7, 17),
        ("labels", 6, 19),
        ("predictions", 3, 16),
    ]
    assert result.as_json()["warnings"] == []


def test_predictions_may_be_absent(folder: Path, now: datetime.datetime) -> None:
    for path in (folder / "predictions").glob("*"):
        path.unlink()
    result = validate_catalogue(folder, now)
    assert result.passed
    assert "predictions" not in result.as_json()["tables"]
    assert "none yet, nothing to check" in render(result)


def test_labels_are_compared_with_the_products_of_all_shards(
    folder: Path, sound: dict[str, pd.DataFrame], now: datetime.datetime
) -> None:
    labels = sound["labels"].assign(product_id=["p0", "ghost", "p2", "p3", "p4", "p5"], revision=[1, 1, 1, 3, 1, 1])
    rewrite(folder, "labels", labels)
    found = {rule.name: rule for _, rule in validate_catalogue(folder, now).broken("error")}
    assert [row["product_id"] for row in found["product-known"].examples] == ["ghost"]
    assert found["revision-received"].examples == [
        {"product_id": "p3", "revision": 3, "latest_revision": 2, "shard": "2025-05-09"}
    ]


def test_the_line_says_where_what_and_how_to_mend(
    folder: Path, sound: dict[str, pd.DataFrame], now: datetime.datetime
) -> None:
    products = sound["products"].assign(
        product_id=[f"q{number}" for number in range(6)], price=-3.0, currency=["EURO"] + ["EUR"] * 5, group_id=None
    )
    write_shard(products, "products", folder / "products" / "2025-05-08.parquet")
    line = validate_catalogue(folder, now).error_line("work/validation/page.html")
    assert line == (
        f"{folder}/products/2025-05-08.parquet: products break the rule price-in-range "
        "(Prices lie between 0 and a thousand million): 6 rows, the first: q0 revision 1 (price -3.0), "
        "q1 revision 1 (price -3.0), q2 revision 1 (price -3.0), …; "
        "to mend: Mend the price, or leave it empty where it is not known; 1 more rule broken; "
        "all of it is in work/validation/page.html"
    )


def test_the_line_counts_the_files(folder: Path, sound: dict[str, pd.DataFrame], now: datetime.datetime) -> None:
    for day in ("2025-05-08", "2025-05-09"):
        row = sound["products"].iloc[[0]].assign(product_id=day, title="<br>", group_id=None)
        write_shard(row, "products", folder / "products" / f"{day}.parquet")
    line = validate_catalogue(folder, now).error_line("page.html")
    assert f"{folder}/products/2025-05-08.parquet: products break the rule title-says-something" in line
    assert (
        "2 rows in 2 files, the first: 2025-05-08 revision 1 (title <br>), 2025-05-09 revision 1 (title <br>);" in line
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b,A\nb,a,B\nc,,C\nd,c,D\n", "no-cycle (The tree has no cycle: no category is above itself): 2 rows"),
        ("a,a,A\nb,,B\n", "no-cycle"),
        ("tools,,Tools\ndrills,garden,Drills\n", "first: row 3 (category_id drills, parent_id garden)"),
        ("tools,,Tools\ntools,,Tools\n", "category-once"),
        ("tools,,Tools\n,tools,Drills\n", "category-has-id (Every category has an id): 1 row, the first: row 3"),
        ("", "tree-not-empty"),
        ("tools,,Tools\n", "tree-not-empty"),
    ],
)
def test_what_is_no_tree_is_named(content: str, said: str, folder: Path) -> None:
    (folder / "taxonomy.csv").write_text("category_id,parent_id,name\n" + content)
    found = CatalogueResult(folder, [validate_table("taxonomy", taxonomy_frame(folder), {})])
    line = found.error_line("page.html")
    assert line.startswith(f"{folder}/taxonomy.csv: taxonomy break")
    assert said in line


def test_no_labels_at_all(folder: Path, now: datetime.datetime) -> None:
    for path in (folder / "labels").glob("*"):
        path.unlink()
    line = validate_catalogue(folder, now).error_line("page.html")
    assert line.startswith(
        f"{folder}/labels: labels break the rule some-labels (There are labels to learn from); to mend"
    )


def test_one_category_only(folder: Path, sound: dict[str, pd.DataFrame], now: datetime.datetime) -> None:
    rewrite(folder, "labels", sound["labels"].iloc[2:].assign(category_id="drills", status="answered"))
    line = validate_catalogue(folder, now).error_line("page.html")
    assert line.startswith(f"{folder}/labels: labels break the rule two-categories")


def test_an_unknown_category(folder: Path, sound: dict[str, pd.DataFrame], now: datetime.datetime) -> None:
    rewrite(folder, "labels", sound["labels"].iloc[2:].assign(category_id="gnomes", status="answered"))
    line = validate_catalogue(folder, now).error_line("page.html")
    assert "category-is-leaf" in line
    assert "p2 revision 1 (category_id gnomes)" in line


def test_duplicate_ids(folder: Path, sound: dict[str, pd.DataFrame], now: datetime.datetime) -> None:
    write_shard(sound["products"].iloc[[0]], "products", folder / "products" / "2025-05-08.parquet")
    line = validate_catalogue(folder, now).error_line("page.html")
    assert "revision-once" in line
    assert "2 rows in 2 files, the first: p0 revision 1, p0 revision 1;" in line


def test_without_a_catalogue_the_way_to_one_is_told(tmp_path: Path, now: datetime.datetime) -> None:
    with pytest.raises(DataError, match=r"holds no catalogue .* `dvc pull`"):
        validate_catalogue(tmp_path / "data", now)


def test_the_page_shows_texts_as_text_and_needs_nothing_from_outside(
    folder: Path, sound: dict[str, pd.DataFrame], now: datetime.datetime
) -> None:
    row = sound["products"].iloc[[0]].assign(product_id="q", title="<script>alert(1)</script> drill", group_id=None)
    write_shard(row, "products", folder / "products" / "2025-05-08.parquet")
    page = render(validate_catalogue(folder, now))
    assert "&lt;script&gt;alert(1)&lt;/script&gt; drill" in page
    assert "<script" not in page
    assert "✓ The catalogue is sound" in page
    assert "59 rules checked, no errors, 1 warning to look at." in page
    assert "http" not in page
    assert "url(" not in page
    assert "prefers-color-scheme: dark" in page
