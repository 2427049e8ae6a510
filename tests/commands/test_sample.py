from __future__ import annotations

from pathlib import Path

import pytest

from aisle.catalogue.tables import read_table
from commands.main import main

SMALL = ["--products", "300", "--categories", "20", "--branches", "3", "--sellers", "6", "--days", "8"]
SAME = SMALL[2:8]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_sample_and_its_days(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "--into", "data", *SMALL]) == 0
    output = capsys.readouterr()
    assert output.out == ("data: 300 products of 6 sellers, 20 categories, 8 days\ntruth.parquet: their truth\n")
    assert output.err == ""  # no progress bar outside a terminal
    assert len(read_table("data", "products")) == 300

    assert main(["sample", "--into", "data", *SAME, "--stream", "--days", "2", "--plant", "cut_titles"]) == 0
    assert capsys.readouterr().out.startswith("data: 2025-01-09 to 2025-01-10 added (cut_titles)\n")
    assert set(read_table("data", "products")["shard"]) >= {"2025-01-09", "2025-01-10"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--into", "data", "--products", "0"], "aisle: --products 0 is too few; 1 is the least"),
        (
            ["--into", "data", "--plant", "quiet"],
            "aisle: --plant, --per-day and --start belong to a stream; add --stream",
        ),
        (
            ["--into", "data", "--per-day", "9"],
            "aisle: --plant, --per-day and --start belong to a stream; add --stream",
        ),
        (["--into", "data", "--stream"], "aisle: data: holds no catalogue"),
        (["--into", "data", "--stream", "--products", "9"], "aisle: --products and --replace do not go with --stream"),
        (["--into", "data", "--stream", "--start", "soon"], "aisle: --start 'soon' is no date; write it as YYYY-MM-DD"),
        (
            ["--into", "data", "--truth", "data/truth.parquet"],
            "aisle: data/truth.parquet: the truth must not lie inside",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1
    assert not list(Path().iterdir())


def test_a_catalogue_is_replaced_only_when_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "--into", "data", *SMALL]) == 0
    assert main(["sample", "--into", "data", *SMALL]) == 2
    assert "data: holds a catalogue already; add --replace" in capsys.readouterr().err
    assert main(["sample", "--into", "data", *SMALL, "--seed", "1", "--replace"]) == 0


def test_a_stream_of_as_many_products_a_day_as_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sample", "--into", "data", *SMALL])
    assert main(["sample", "--into", "data", *SAME, "--stream", "--days", "2", "--per-day", "70"]) == 0
    assert (
        read_table("data", "products", shards=["2025-01-09", "2025-01-10"])["shard"].value_counts().tolist() == [70] * 2
    )
    assert main(["sample", "--into", "data", *SAME, "--stream", "--per-day", "0"]) == 2
    assert capsys.readouterr().err == "aisle: --per-day 0 is too few; 1 is the least\n"


def test_the_choice_of_plants_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sample", "--into", "data", *SMALL])
    assert main(["sample", "--into", "data", *SAME, "--stream", "--plant", "flood"]) == 2
    assert "choose one of quiet, new_seller, swapped_categories, cut_titles, new_kind" in capsys.readouterr().err
