from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from aisle.audit.rates import ABOVE_ALL, Band, Rates, fewest_recent, read_rates, write_rates
from aisle.errors import ConfigurationError

RATES = Rates(floor=0.01, bands=(Band(0.5, 0.2), Band(0.9, 0.05)), branches={"toys": 0.1}, thin_rate=0.3, thin_below=10)


def test_the_greatest_wish_counts_and_never_less_than_the_floor() -> None:
    confidence, branch = [0.4, 0.5, 0.95, 0.95, 0.95, np.nan], ["a", "a", "a", "toys", "a", "a"]
    recent = [50, 50, 50, 50, 9, 50]
    assert RATES.of(confidence, branch, recent) == pytest.approx([0.2, 0.05, 0.01, 0.1, 0.3, 0.2])


def test_a_band_above_all_holds_the_surest() -> None:
    assert Rates(floor=0.01, bands=(Band(ABOVE_ALL, 0.04),)).of([1.0]) == pytest.approx([0.04])


@pytest.mark.parametrize("budget", [20, 60, 300])
def test_a_budget_is_met_without_going_below_the_floor(budget: float) -> None:
    confidence = np.random.default_rng(1).random(5000)
    rates = Rates(floor=0.01, bands=RATES.bands, daily_budget=budget).within_budget(1000, confidence)
    assert rates.of(confidence).min() >= 0.01 * (1 - 1e-12)
    assert rates.expected_audits(1000, confidence) == pytest.approx(budget, rel=1e-6)


def test_a_budget_below_the_floor_leaves_the_floor() -> None:
    rates = Rates(floor=0.1, bands=(Band(0.5, 0.5),), daily_budget=10).within_budget(1000, [0.2, 0.9])
    assert rates.of([0.2, 0.9]) == pytest.approx([0.1, 0.1])


def test_a_budget_above_the_volume_audits_all() -> None:
    rates = Rates(floor=0.1, daily_budget=5000).within_budget(1000, [0.2, 0.9])
    assert rates.of([0.2, 0.9]).tolist() == [1.0, 1.0]


def test_the_thinner_of_branch_and_category_counts() -> None:
    assert fewest_recent(["a", "a"], ["x", "y"], {"a": 5}, {"x": 9, "y": 2}).tolist() == [5, 2]
    assert fewest_recent(["new"], ["x"], {}, {"x": 9}).tolist() == [0]


@pytest.mark.parametrize("name", ["rates.json", "rates.yaml"])
def test_a_file_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    write_rates(RATES, tmp_path / name)  # JSON is YAML, too
    assert read_rates(tmp_path / name) == RATES


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"flor": 0.1}, "'flor' is not a setting of audit rates; did you mean"),
        ({"floor": 2}, r"floor is 2; it must be a number in \(0, 1\]; write 2 % as 0.02"),
        ({"floor": True}, "floor is True"),
        ({"bands": [{"below": 0.9, "rate": 0.1}, {"below": 0.5, "rate": 0.2}]}, "bands must rise"),
        ({"bands": [{"under": 0.9}]}, "bands are a list of"),
        ({"branches": {"a": 0}}, "branches: a is 0"),
        ({"floor": 0.5, "most": 0.1}, "lies below the floor"),
        ([1], "names with values are wanted"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, content: object, line: str) -> None:
    path = tmp_path / "rates.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigurationError, match=line) as caught:
        read_rates(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_broken_yaml_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        read_rates(tmp_path / "rates.yaml")
    (tmp_path / "rates.yaml").write_text("floor: [")
    with pytest.raises(ConfigurationError, match="not YAML"):
        read_rates(tmp_path / "rates.yaml")
