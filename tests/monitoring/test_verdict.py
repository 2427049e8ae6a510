from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.verdict import COLOURS, EXIT_CODES, MOST_POSTED, Reason, Verdict, colour_of, plain, trimmed

DAY = dt.date(2025, 6, 30)


def reason(colour: Any, code: str = "accuracy.below") -> Reason:
    return Reason(code, "accuracy", colour, "text", {"n": np.int64(3), "share": float("nan")})


def verdict(*colours: Any, **parts: Any) -> Verdict:
    values = {"window": {"days": 30}, "accuracy": {"accuracy": 0.91}, **parts}
    return Verdict(DAY, "3", "p1", "91 % are right.", [reason(one) for one in colours], **values)


@given(st.lists(st.sampled_from(COLOURS[:3]), max_size=5))
def test_the_worst_reason_wins(colours: list[Any]) -> None:
    found = colour_of([reason(one) for one in colours])
    assert found == next((one for one in COLOURS if one in colours), "green")


def test_only_a_verdict_without_any_reason_is_green() -> None:
    assert verdict().colour == "green"
    assert all(verdict(one).colour == one for one in COLOURS[:3])


@pytest.mark.parametrize(
    ("colours", "code"), [((), 0), (("yellow",), 0), (("red", "unknown"), 3), (("unknown", "yellow"), 4)]
)
def test_exit_codes(colours: tuple[Any, ...], code: int) -> None:
    assert verdict(*colours).exit_code == code


def test_no_colour_has_the_exit_code_of_bad_input() -> None:
    assert set(EXIT_CODES) == set(COLOURS)
    assert 2 not in EXIT_CODES.values()


def test_the_same_day_model_and_colour_have_one_key() -> None:
    assert verdict("red").key == verdict("red", accuracy={"accuracy": 0.5}).key == "monitor:2025-06-30:3:red"
    assert verdict("red").key != verdict().key


def test_the_table_is_json_without_surprises() -> None:
    blame = [{"column": "seller", "p_value": np.float64(0.01), "day": DAY, "products": ("a", "b")}]
    table = verdict("red", blame=blame, alarm={"capital": float("inf"), "late": np.float32(1)}).as_table()
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    assert table["reasons"][0]["figures"] == {"n": 3, "share": None}
    assert table["blame"][0]["day"] == "2025-06-30"
    assert table["alarm"] == {"capital": None, "late": 1.0}
    assert table["colour"] == "red"
    assert table["exit_code"] == 3


def test_plain_leaves_what_is_plain() -> None:
    value = {"a": [1, 2.5, "text", None, True], "b": {"c": []}}
    assert plain(value) == value
    assert plain(np.bool_(True)) is True


class TestTrimming:
    def size(self, table: dict[str, Any]) -> int:
        return len(json.dumps(table).encode())

    def test_a_small_one_stays_as_it_is(self) -> None:
        table = verdict("red").as_table()
        assert trimmed(table) == table

    def test_lists_lose_their_ends_first(self) -> None:
        gaps = [{"day": str(DAY), "code": "missing_day", "text": "x" * 90, "count": 0}] * 2000
        table = verdict("red", gaps=gaps, drift={"columns": [{"column": "seller"}]}).as_table()
        small = trimmed(table)
        assert self.size(small) <= MOST_POSTED < self.size(table)
        assert len(small["gaps"]) == 10
        assert small["drift"] == table["drift"]
        assert small["left_out"] == ["gaps after the first 10"]

    @pytest.mark.parametrize("part", ["drift", "loop", "expected", "alarm"])
    def test_then_whole_parts(self, part: str) -> None:
        table = verdict("red", **{part: {"text": "ü" * 40_000}}).as_table()
        small = trimmed(table)
        assert self.size(small) <= MOST_POSTED
        assert small[part] is None
        assert part in small["left_out"]

    def test_the_verdict_itself_always_stays(self) -> None:
        reasons = [Reason(f"data.{n}", "data", "yellow", "long " * 3000, {"n": "y" * 9000}) for n in range(40)]
        values = {"window": {}, "accuracy": {"accuracy": 0.91}}
        table = Verdict(DAY, "3", "p1", "summary", reasons, **values).as_table()
        small = trimmed(table)
        assert self.size(small) <= MOST_POSTED
        assert (small["colour"], small["summary"], small["accuracy"]) == ("yellow", "summary", {"accuracy": 0.91})
        assert len(small["reasons"]) == 10
        assert small["reasons"][0]["code"] == "data.0"
