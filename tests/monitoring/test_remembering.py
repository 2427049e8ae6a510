"""What a run keeps of the brakes that it set by itself."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from monitoring.after import Brake
from monitoring.remembering import NAME, Acted

DAY = dt.date(2025, 7, 20)


def keep(folder: Path, alarm: str = "3:p:begin", scope: str = "all", value: str = "") -> None:
    brake = Brake(scope, value, "tighten", 0.95, "why")  # type: ignore[arg-type]
    Acted(folder).remember(alarm, brake, day=DAY, key="monitor:x", holds=brake.told)


def test_it_is_there_for_the_next_run(tmp_path: Path) -> None:
    keep(tmp_path)
    found = Acted(tmp_path).of("3:p:begin", "all", "")
    assert found is not None
    assert (found["day"], found["holds"]) == ("2025-07-20", "all products: only from confidence 0.95 on")


@pytest.mark.parametrize(
    "other", [("4:p:begin", "all", ""), ("3:p:2025-07-21", "all", ""), ("3:p:begin", "seller", "north")]
)
def test_another_alarm_and_other_products_are_not_held_back(tmp_path: Path, other: tuple[str, str, str]) -> None:
    keep(tmp_path)
    assert Acted(tmp_path).of(*other) is None


def test_one_does_not_displace_another(tmp_path: Path) -> None:
    keep(tmp_path)
    keep(tmp_path, scope="seller", value="north")
    assert Acted(tmp_path).of("3:p:begin", "all", "") is not None
    assert len(json.loads((tmp_path / NAME).read_text())["brakes"]) == 2


@pytest.mark.parametrize("content", ["", "[]", '{"brakes": [1]}', '{"brakes": [{"alarm": 3}]}'])
def test_a_file_that_cannot_be_read_holds_nothing_back_and_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content)
    acted = Acted(tmp_path)
    assert acted.of("3:p:begin", "all", "") is None
    assert acted.trouble is not None
    assert "what was set before is not known" in acted.trouble
    keep(tmp_path)
    assert Acted(tmp_path).trouble is None
