"""The stage `validate`: files, exit code and the one line."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from aisle.catalogue.tables import write_shard
from aisle.errors import DataError
from pipelines.validate import validate

ROOT = Path(__file__).parents[2]
NOW = datetime.datetime(2025, 6, 1, tzinfo=datetime.UTC)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A sound catalogue of two products."""
    folder = tmp_path / "data"
    ids = ["p1", "p2"]
    products = pd.DataFrame({"product_id": ids, "title": ["Drill", "Tent"]})
    labels = pd.DataFrame({"product_id": ids, "category_id": ["drills", "tents"], "origin": "import"})
    write_shard(products, "products", folder / "products" / "2025-05-01.parquet")
    write_shard(labels, "labels", folder / "labels" / "2025-05-01.parquet")
    (folder / "taxonomy.csv").write_text("category_id,parent_id,name\ndrills,,Drills\ntents,,Tents\n")
    return folder


def break_a_title(data: Path) -> None:
    products = pd.DataFrame({"product_id": ["p3"], "title": ["<br>"]})
    write_shard(products, "products", data / "products" / "2025-05-02.parquet")


def test_a_sound_catalogue_leaves_a_green_page_and_a_result(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = data.parent / "work"
    validate(data, output, NOW)
    result = json.loads((output / "result.json").read_text())
    assert (result["passed"], result["errors"], result["warnings"]) == (True, [], [])
    assert result["evaluated"] == 43
    assert {name: table["rows"] for name, table in result["tables"].items()} == {
        "taxonomy": 2,
        "products": 2,
        "labels": 2,
    }
    assert set(result["tables"]["labels"]["expectations"][0]) >= {
        "name",
        "sentence",
        "mend",
        "level",
        "success",
        "unexpected",
        "examples",
    }
    assert "The catalogue is sound" in (output / "page.html").read_text()
    captured = capsys.readouterr()
    assert captured.out == f"2 products, 2 labels: 43 rules checked, no errors, 0 warnings ({output}/page.html)\n"
    assert captured.err == ""


def test_the_same_data_give_the_same_bytes_at_another_time(data: Path) -> None:
    output = data.parent / "work"
    written = []
    for day in range(2):
        validate(data, output, NOW + datetime.timedelta(days=day))
        written.append([(output / name).read_bytes() for name in ("result.json", "page.html")])
    assert written[0] == written[1]


def test_errors_leave_a_red_page_and_a_result_too(data: Path) -> None:
    output = data.parent / "work"
    validate(data, output, NOW)
    break_a_title(data)
    with pytest.raises(DataError, match="title-says-something"):
        validate(data, output, NOW)
    assert "1 rule broken: the graph stops here" in (output / "page.html").read_text()
    result = json.loads((output / "result.json").read_text())
    assert not result["passed"]
    assert result["errors"] == [
        {
            "table": "products",
            "name": "title-says-something",
            "text": "products: Every title says something: it is neither empty nor mark-up alone.",
            "rows": 1,
        }
    ]


@pytest.mark.parametrize("spoilt", ["products/2025-05-01.parquet", "taxonomy.csv"])
def test_a_file_that_cannot_be_read_leaves_no_result_of_earlier(data: Path, spoilt: str) -> None:
    output = data.parent / "work"
    validate(data, output, NOW)
    (data / spoilt).write_bytes(b"\xff\xfenoise")
    with pytest.raises(DataError, match=spoilt):
        validate(data, output, NOW)
    assert list(output.iterdir()) == []


def test_the_command_ends_with_one_line_and_code_2(data: Path) -> None:
    break_a_title(data)
    ended = subprocess.run(
        [sys.executable, "-m", "pipelines.validate"],
        cwd=data.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "aisle: data/products/2025-05-02.parquet: products break the rule title-says-something "
        "(Every title says something: it is neither empty nor mark-up alone): 1 row, the first: "
        "p3 revision 1 (title <br>); to mend: Fill in the title from the seller's feed, or leave the product out; "
        "check the title column of the import mapping; all of it is in work/validation/page.html\n"
    )
    assert sorted(path.name for path in (data.parent / "work" / "validation").iterdir()) == ["page.html", "result.json"]
