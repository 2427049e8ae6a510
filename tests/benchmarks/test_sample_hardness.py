from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import results, sample_hardness
from benchmarks.results import Result, report, table


def test_the_sample_is_as_hard_as_real_offers() -> None:
    """The short form: fewer products to learn from make it harder still, but not for the branch."""
    found = sample_hardness.measure(seed=0, products=4000, days=60)
    assert 700 < found["rows"] < 900
    assert 0.70 < found["accuracy"] < 0.90
    assert 0.10 < found["coverage_98"] < 0.65
    assert found["branch_accuracy"] > 0.87


def test_a_quick_run_never_touches_the_tracked_results(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sample_hardness", "--quick"])
    monkeypatch.setattr(sample_hardness, "QUICK", {"products": 600, "categories": 20, "branches": 3, "days": 10})
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(results, "QUICK_FOLDER", tmp_path / "elsewhere")
    sample_hardness.main()
    rows = json.loads((tmp_path / "elsewhere" / "sample_hardness.json").read_text())
    assert [set(row) for row in rows] == [{"id", "what", "value", "unit", "reach"}] * 3
    assert not (tmp_path / "results").exists()
    assert "accuracy of a linear SVM on titles" in capsys.readouterr().out


def test_a_missed_reach_is_marked_and_results_are_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    rows = [Result("a", "one", 0.5, "share", (0.6, 0.7)), Result("b", "two", 3, "s", 2), Result("c", "three", 1, "s")]
    path = report("name", rows)
    assert json.loads(path.read_text())[0] == {
        "id": "a",
        "what": "one",
        "value": 0.5,
        "unit": "share",
        "reach": [0.6, 0.7],
    }
    assert [line.endswith("missed") for line in table(rows).splitlines()] == [False, True, False, False]
    assert f"written to {path}" in capsys.readouterr().out
