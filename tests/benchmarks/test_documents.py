from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from aisle.errors import DataError
from benchmarks import documents, results
from benchmarks.chart import coverage_chart
from benchmarks.peers.measuring import FIGURES
from benchmarks.results import Result, report


def rows_of(prefix: str, value: float) -> list[Result]:
    return [
        Result(f"{prefix}.{figure}", f"{what} of {prefix}", value, unit) for figure, (what, unit) in FIGURES.items()
    ]


def table_under(heading: str, text: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    section = text.split(heading)[1].split("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_the_document_is_what_the_results_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["documents", "--check"])
    documents.main()  # fails with a line that says how to mend it


def test_a_document_that_is_not_current_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(documents, "PROJECT", tmp_path)
    monkeypatch.setattr(documents, "DOCUMENT", tmp_path / "benchmarks.md")
    monkeypatch.setattr(documents, "DRAWING", tmp_path / "benchmarks.svg")
    report("names_to_branches", [Result("wdc.a", "one", 0.5, "share", "≥ 0.6")])
    monkeypatch.setattr(sys, "argv", ["documents", "--check"])
    with pytest.raises(DataError, match=r"benchmarks\.md is not what the results give"):
        documents.main()
    monkeypatch.setattr(sys, "argv", ["documents"])
    documents.main()
    monkeypatch.setattr(sys, "argv", ["documents", "--check"])
    documents.main()
    assert not (tmp_path / "benchmarks.svg").exists()  # nothing of the peers to draw


def test_a_missed_aim_is_said_at_once_and_in_its_table() -> None:
    rows = [Result("a", "one", 0.5, "share", "≥ 0.6"), Result("b", "two", 3, "s", "≤ 4"), Result("c", "three", 1, "s")]
    text = documents.document({"sample_hardness": rows})
    assert (
        "1 of 2 aims are reached. Missed:\n\n- `a` ([sample_hardness](#sample_hardness)): 0.5, should be ≥ 0.6" in text
    )
    assert "python -m benchmarks.sample_hardness [--quick]" in text
    header, _, *body = table_under("## sample_hardness", text)
    assert header == ["id", "what", "value", "unit", "reach", "reached"]
    assert [line[2:] for line in body] == [
        ["0.5", "share", "≥ 0.6", "**missed**"],
        ["3", "s", "≤ 4", "yes"],
        ["1", "s", "", ""],
    ]


def test_rounding_never_hides_that_a_limit_is_missed() -> None:
    text = documents.document({"sample_hardness": [Result("a", "one", 0.894981, "share", "≥ 0.895")]})
    assert "0.894981" in text
    assert "**missed**" in text


def test_peers_stand_beside_aisle_with_the_best_in_bold() -> None:
    rows = [*rows_of("wdc", 0.9), *rows_of("wdc.peer.fasttext", 0.7), Result("wdc.fit_ratio", "time", 3.25, "times")]
    text = documents.document({"peers": rows})
    header, _, *body = table_under("### WDC level 3: Aisle beside its peers", text)
    assert header[:3] == ["method", "accuracy", "weighted F1"]
    assert [line[0] for line in body] == ["fastText", "Aisle"]
    place = {name: header.index(name) for name in ("accuracy", "gap", "fit, s")}
    assert [body[1][place["accuracy"]], body[0][place["accuracy"]]] == ["**0.900**", "0.700"]
    assert [body[1][place["gap"]], body[0][place["gap"]]] == ["0.9000", "**0.7000**"]
    assert "| `wdc.fit_ratio` | time | 3.25 | times |" in text.split("### Beside these")[1]


def test_every_row_of_the_results_stands_in_the_document() -> None:
    found = documents.read_all(results.FOLDER)
    text = documents.document(found)
    for name, rows in found.items():
        assert f"\n## {name}\n" in text
        for row in rows:
            assert f"`{row.id}`" in text or row.id.split(".")[-1] in FIGURES, row.id


def test_results_of_no_benchmark_are_refused() -> None:
    with pytest.raises(DataError, match=r"there is no benchmarks\.nothing"):
        documents.document({"nothing": [Result("a", "one", 1, "s")]})


def test_the_drawing_has_a_dot_for_each_method_and_target() -> None:
    methods = {"theirs & others": (0.2, 0.4), "ours": (0.3, 0.6)}
    root = ET.fromstring(coverage_chart("a title", ("at 99 %", "at 95 %"), methods, ours="ours"))
    space = "{http://www.w3.org/2000/svg}"
    circles = [one for one in root.iter(f"{space}circle") if one.get("r") != "6"]
    assert len(circles) == 4
    names = [one.text for one in root.iter(f"{space}text") if "name" in (one.get("class") or "")]
    assert names == ["ours", "theirs & others"]  # the best first
    assert float(circles[0].get("cx", 0)) < float(circles[1].get("cx", 0))
