from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from aisle.catalogue.tables import write_frame
from aisle.catalogue.taxonomy import Category, Taxonomy, write_taxonomy
from aisle.errors import ConfigurationError, DataError, exit_code_of
from aisle.files import write_json, write_text
from pipelines import suspects

if TYPE_CHECKING:
    from playwright.sync_api import Page

TREE = Taxonomy(
    [
        Category("garden", None, "Garden & Yard"),
        Category("hose", "garden", "Hoses"),
        Category("spade", "garden", "Spades"),
        Category("toys", None, "Toys"),
        Category("doll", "toys", "<Dolls>"),
    ]
)
ROWS = 60


def graph(labels: list[str], told: list[str], sure: float = 0.98) -> pd.DataFrame:
    """Files of a run in which models say `told` of products with the given labels; returns the training rows."""
    ids = [f"p{row}" for row in range(len(labels))]
    train = pd.DataFrame(
        {
            "product_id": ids,
            "title": [f"offer {row}" for row in range(len(labels))],
            "seller": "north.example",
            "seller_category": None,
            "group": ids,
            "category_id": labels,
            "origin": "import",
        }
    )
    rest = (1 - sure) / 2
    others = [[one for one in ("hose", "spade", "doll") if one != best] for best in told]
    scores = pd.DataFrame(
        {
            "product_id": ids,
            "category_id": told,
            "confidence": sure,
            "branch_id": ["toys" if one == "doll" else "garden" for one in told],
            "top_categories": [[best, *two] for best, two in zip(told, others, strict=True)],
            "top_probabilities": [[sure, rest, rest]] * len(labels),
        }
    )
    write_frame(train, "work/prepared/train.parquet")
    write_frame(scores, "work/candidates/plain/out_of_fold.parquet")
    return train


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A current folder with parameters, a taxonomy and a chosen candidate."""
    monkeypatch.chdir(tmp_path)
    write_text("params.yaml", "train: {person_error_rate: 0.03}\n")
    Path("data").mkdir()
    write_taxonomy(TREE, "data/taxonomy.csv")
    write_json("work/choice/candidate.json", {"candidate": "plain"})


def two_wrong() -> pd.DataFrame:
    told = [("hose", "spade", "doll")[row % 3] for row in range(ROWS)]
    labels = list(told)
    labels[4], labels[8] = "doll", "hose"
    train = graph(labels, told)
    train.loc[4, ["title", "seller_category"]] = ["=1+1 <b>spade</b>", "Sale > Tools"]
    train.loc[[8, 11, 14], "group"] = "same"
    write_frame(train, "work/prepared/train.parquet")
    return train


def table() -> list[dict[str, str]]:
    with Path("work/suspects.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_suspects_are_listed_with_names_and_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    two_wrong()
    suspects.main()
    rows = table()
    assert [row["product_id"] for row in rows] == ["p8", "p4"]
    assert rows[1]["label"] == "Toys > <Dolls>"
    assert rows[1]["suggested"] == "Garden & Yard > Spades"
    assert (rows[1]["category_id"], rows[1]["suggested_category_id"]) == ("doll", "spade")
    assert rows[1]["evidence"] == "A model that never saw this label says “Spades” and is 98 % sure."
    assert rows[0]["evidence"].endswith("Of the 2 other offers of this product or title, none have the same label.")
    assert 0 < float(rows[0]["certainty"]) <= float(rows[1]["certainty"]) < 0.97
    assert capsys.readouterr().out == (
        "2 of 60 training labels are less certain than usual (work/suspects.csv, work/suspects.html)\n"
    )


def test_a_spreadsheet_runs_nothing_that_a_seller_wrote() -> None:
    two_wrong()
    suspects.main()
    assert table()[1]["title"] == "'=1+1 <b>spade</b>"


def test_training_rows_stay_as_they_are() -> None:
    two_wrong()
    before = Path("work/prepared/train.parquet").read_bytes()
    suspects.main()
    assert Path("work/prepared/train.parquet").read_bytes() == before


def test_running_again_gives_the_same_bytes() -> None:
    two_wrong()
    suspects.main()
    first = [Path(name).read_bytes() for name in ("work/suspects.csv", "work/suspects.html")]
    suspects.main()
    assert [Path(name).read_bytes() for name in ("work/suspects.csv", "work/suspects.html")] == first


@pytest.mark.parametrize(
    ("mates", "agreeing", "said"),
    [
        (1, 0, "The other offer of this product or title has another label."),
        (1, 1, "The other offer of this product or title has the same label."),
        (3, 1, "Of the 3 other offers of this product or title, 1 has the same label."),
        (3, 2, "Of the 3 other offers of this product or title, 2 have the same label."),
        (3, 3, "Of the 3 other offers of this product or title, all have the same label."),
    ],
)
def test_the_evidence_counts_the_group(mates: int, agreeing: int, said: str) -> None:
    row = {"category_id": "hose", "model_category_id": "hose", "confidence": 0.004, "mates": mates}
    sentence = suspects.evidence({**row, "agreeing": agreeing}, TREE)
    assert sentence == f"A model that never saw this label agrees, but is only under 1 % sure. {said}"


def test_nothing_to_suspect(page: Page) -> None:
    told = [("hose", "spade", "doll")[row % 3] for row in range(ROWS)]
    graph(told, told)
    suspects.main()
    assert table() == []
    page.goto(Path("work/suspects.html").resolve().as_uri())
    assert "None of 60 training labels" in page.inner_text("header")


def test_the_page_shows_what_is_listed_and_fits_a_telephone(page: Page) -> None:
    two_wrong()
    suspects.main()
    page.set_viewport_size({"width": 380, "height": 800})
    page.goto(Path("work/suspects.html").resolve().as_uri())
    assert page.locator("ol.suspects li").count() == 2
    assert "=1+1 <b>spade</b>" in page.inner_text("li:nth-child(2) h3")
    assert "Toys > <Dolls>" in page.inner_text("li:nth-child(2)")
    assert "seller’s category: Sale > Tools" in page.inner_text("li:nth-child(2)")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_long_list_is_cut_on_the_page_and_whole_in_the_table() -> None:
    told = ["hose", "spade", "doll"] * 500
    labels = ["hose" if row % 3 == 1 and row % 2 else one for row, one in enumerate(told)]
    graph(labels, told)
    suspects.main()
    assert len(table()) == 250
    page = Path("work/suspects.html").read_text(encoding="utf-8")
    assert page.count("<li>") == suspects.SHOWN == 200
    assert "this page shows 200 of them" in page


def test_scores_of_other_products_are_refused_and_nothing_is_written() -> None:
    train = two_wrong()
    write_frame(train[::-1], "work/prepared/train.parquet")
    with pytest.raises(DataError, match="not those of the prepared training rows"):
        suspects.main()
    assert not Path("work/suspects.csv").exists()


def test_a_parameter_that_cannot_be() -> None:
    two_wrong()
    write_text("params.yaml", "train: {person_error_rate: 1.0}\n")
    with pytest.raises(ConfigurationError, match=r"train\.person_error_rate is 1\.0; it must lie in"):
        suspects.main()


def test_a_stage_before_its_time_says_so_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(suspects.main) == 2
    assert capsys.readouterr().err == "aisle: work/prepared/train.parquet: not there yet; run `dvc repro`\n"
