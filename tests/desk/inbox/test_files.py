from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from aisle.errors import ConfigurationError, DataError
from desk.inbox.files import load_file
from desk.ledger.models import Product, Revision, Waiting

pytestmark = pytest.mark.django_db
MAPPING = "product:\n  product_id: id\n  title: name\n  price: {column: price, optional: true}\n"


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """The mapping of the tests' files."""
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING)
    return path


def written(tmp_path: Path, text: str, name: str = "feed.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def rows(number: int) -> str:
    return "id,name,price\n" + "".join(f"p{place},Drill {place},{place}.5\n" for place in range(number))


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "jsonl", "parquet"])
def test_a_file_of_each_kind(tmp_path: Path, mapping: Path, kind: str) -> None:
    path = tmp_path / f"feed.{kind}"
    frame = pd.DataFrame({"id": [f"p{place}" for place in range(30)], "name": "Drill", "price": 2.5})
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in frame.to_dict("records")))
    else:
        text = frame.to_csv(index=False).encode()
        path.write_bytes(gzip.compress(text) if kind.endswith("gz") else text)
    assert load_file(path, mapping).counts == {"stored": 30}
    assert Revision.objects.filter(title="Drill", price=2.5).count() == Waiting.objects.count() == 30


def test_without_a_mapping_columns_have_the_names_of_the_catalogue(tmp_path: Path) -> None:
    path = written(tmp_path, "product_id,title,brand,price,other\na,Drill,Bo,2.5,x\n")
    assert load_file(path).counts == {"stored": 1}
    row = Revision.objects.get()
    assert (row.product.product_id, row.title, row.brand, row.price, row.seller) == ("a", "Drill", "Bo", 2.5, None)
    with pytest.raises(ConfigurationError, match=r"no column 'product_id', .* without --mapping.* The file has 'sku'"):
        load_file(written(tmp_path, "sku,title\na,Drill\n"))


def test_the_mapping_of_the_documentation_works(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "desk.md").read_text(encoding="utf-8")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    path = written(tmp_path, 'sku,name,shop,price\n17,Drill,north,"1.299,50"\n', "offers.csv")
    assert load_file(path, mapping).counts == {"stored": 1}
    row = Revision.objects.get()
    assert (row.product.product_id, row.title, row.price, row.currency, row.seller) == (
        "north:17", "Drill", 1299.5, "EUR", "north",
    )  # fmt: skip


def test_the_same_file_again_changes_nothing(tmp_path: Path, mapping: Path) -> None:
    path = written(tmp_path, rows(2500))
    assert load_file(path, mapping).counts == {"stored": 2500}
    assert load_file(path, mapping).counts == {"known": 2500}
    assert Revision.objects.count() == 2500


def test_a_file_that_ended_in_the_middle_goes_on(tmp_path: Path, mapping: Path) -> None:
    whole = rows(12_000)
    cut = written(tmp_path, whole.replace("p11000,Drill 11000,11000.5", "p11000,Drill"), "cut.csv")
    with pytest.raises(DataError, match=r"cut\.csv: line 11002: 2 fields"):
        load_file(cut, mapping)
    assert Product.objects.count() == 10_000
    assert load_file(written(tmp_path, whole), mapping).counts == {"known": 10_000, "stored": 2000}


def test_rows_that_cannot_be_stored_are_counted_and_told(tmp_path: Path, mapping: Path) -> None:
    path = written(tmp_path, f"id,name\na,Drill\nb,\nc,{'x' * 1001}\nd,Saw\n")
    loaded = load_file(path, mapping)
    assert loaded.counts == {"stored": 2, "refused": 2}
    assert loaded.refused == [["line 3", "no title"], ["line 4", "title: text of 1 to 1,000 characters, not blank"]]
    assert "4 rows: 2 stored, 2 refused" in loaded.text()
    assert "line 4: title" in loaded.text()


def test_of_a_product_that_stands_twice_the_first_counts_whenever_the_file_comes(tmp_path: Path, mapping: Path) -> None:
    many = "".join(f"m{place},Drill\n" for place in range(1100))
    path = written(tmp_path, f"id,name\na,One\nb,Same\n{many}a,Two\nb,Same\n")
    for expected in ({"stored": 1102, "known": 1, "refused": 1}, {"known": 1103, "refused": 1}):
        loaded = load_file(path, mapping)
        assert loaded.counts == expected
        assert loaded.refused == [["line 1,104", "product_id stands twice in the file; the first counts"]]
    assert Revision.objects.get(product__product_id="a").title == "One"


def test_control_characters_of_files_become_spaces(tmp_path: Path, mapping: Path) -> None:
    load_file(written(tmp_path, "id,name\na,Drill\x0b18V\x07\n"), mapping)
    assert Revision.objects.get().title == "Drill 18V"


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("id,name\na,Drill,9\n", DataError, "line 2: 3 fields"),
        ("id,title\na,Drill\n", ConfigurationError, "no column 'name'"),
        ("id,name,price\na,Drill,cheap\n", DataError, "line 2: price is 'cheap'"),
        ("id,name\n,Drill\n", DataError, "line 2: no product_id"),
        ("", DataError, "the file is empty"),
        ("id,name\n", DataError, "only a header"),
    ],
)
def test_a_file_that_is_wrong_is_said_with_its_line(
    tmp_path: Path, mapping: Path, text: str, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        load_file(written(tmp_path, text), mapping)
    assert not Product.objects.exists()


def test_a_file_that_is_not_there(tmp_path: Path, mapping: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load_file(tmp_path / "nothing.csv", mapping)
