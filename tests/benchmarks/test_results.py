from __future__ import annotations

import json
from pathlib import Path

import pytest

from aisle.errors import DataError
from benchmarks import results
from benchmarks.results import Result, read_results, report, table

RESULTS = sorted(results.FOLDER.glob("*.json"))


@pytest.mark.parametrize(
    ("value", "reach", "reached"),
    [
        (0.72, "≥ 0.72", True),
        (0.7199, "≥ 0.72", False),
        (0.05, "≤ 0.05", True),
        (0.0501, "≤ 0.05", False),
        (6, "≤ 6", True),
        (0.9, None, True),
    ],
)
def test_a_limit_is_kept_or_missed(value: float, reach: str | None, reached: bool) -> None:
    assert Result("a", "one", value, "share", reach).reached is reached


@pytest.mark.parametrize("reach", ["0.72", "> 0.72", "≥0.72", "≥ 0.7 to 0.9", "≥ .", ""])
def test_a_reach_that_is_not_one_limit_is_refused(reach: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    with pytest.raises(DataError, match="not one limit"):
        report("name", [Result("a", "one", 0.7, "share", reach)])
    assert not list(tmp_path.iterdir())


def test_two_rows_of_one_id_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    with pytest.raises(DataError, match="two rows have the id 'a'"):
        report("name", [Result("a", "one", 0.7, "share"), Result("a", "two", 0.7, "share")])
    assert not list(tmp_path.iterdir())


def test_a_missed_reach_is_marked_and_results_are_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    rows = [Result("a", "one", 0.5, "share", "≥ 0.6"), Result("b", "two", 3, "s", "≥ 2"), Result("c", "three", 1, "s")]
    path = report("name", rows)
    assert json.loads(path.read_text())[0] == {
        "id": "a",
        "what": "one",
        "value": 0.5,
        "unit": "share",
        "reach": "≥ 0.6",
    }
    assert read_results(path) == rows
    assert [line.endswith("missed") for line in table(rows).splitlines()] == [False, True, False, False]
    assert f"written to {path}" in capsys.readouterr().out


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_tracked_results_have_the_columns_that_are_promised(path: Path) -> None:
    rows = json.loads(path.read_text())
    assert rows
    assert {tuple(row) for row in rows} == {("id", "what", "value", "unit", "reach")}
    assert len({row["id"] for row in rows}) == len(rows)
    for row in read_results(path):
        assert isinstance(row.value, int | float)
        assert row.reached in (True, False)  # the reach can be read
        assert row.unit != "share" or -1 <= row.value <= 1
