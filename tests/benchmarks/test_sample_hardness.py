from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import results, sample_hardness


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


def test_both_ends_of_a_range_are_rows_of_their_own() -> None:
    found = {"rows": 100.0, "accuracy": 0.91, "coverage_98": 0.5, "branch_accuracy": 0.95}
    rows = sample_hardness.rows_of(7, found, aims=True)
    assert [(row.id, row.reached) for row in rows] == [
        ("accuracy_seed_7", True),
        ("accuracy_seed_7_at_most", False),
        ("coverage_98_seed_7", True),
        ("coverage_98_seed_7_at_most", True),
        ("branch_accuracy_seed_7", True),
    ]
    assert {row.reach for row in sample_hardness.rows_of(7, found, aims=False)} == {None}
