"""Lines of the prediction log."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalogue.predictions import by_day, line_of, read_log, table_of
from aisle.catalogue.tables import PREDICTIONS
from aisle.errors import DataError
from tests.aisle.catalogue.prediction_logs import line, write

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
shares = st.floats(0, 1)
rows = st.fixed_dictionaries(
    {
        "product_id": texts,
        "revision": st.integers(1, 2**31 - 1),
        "predicted_at": st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2999, 12, 31)).map(  # noqa: DTZ001 - in UTC below
            lambda time: time.replace(tzinfo=dt.UTC)
        ),
        "category_id": texts,
        "branch_id": texts,
        "confidence": shares,
        "threshold": st.none() | shares,
        "decision": st.sampled_from(["auto", "review"]),
        "audit_probability": st.none() | shares,
        "audit_drawn": st.none() | st.booleans(),
        "blind": st.none() | st.booleans(),
        "model_version": texts,
        "policy_id": texts,
        "bento_tag": st.none() | texts,
    }
)


def as_text(row: dict[str, Any], ascii_only: bool = False) -> bytes:
    time = row["predicted_at"].isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps({**row, "predicted_at": time}, ensure_ascii=ascii_only).encode()


@given(rows, st.booleans())
def test_a_line_comes_back_as_the_row_it_was(row: dict[str, Any], ascii_only: bool) -> None:
    table = table_of([line_of(as_text(row, ascii_only))])
    assert table.schema == PREDICTIONS
    assert table.to_pylist() == [row]


@given(rows, st.data())
def test_no_beginning_of_a_line_is_a_line(row: dict[str, Any], data: st.DataObject) -> None:
    text = as_text(row)
    with pytest.raises(ValueError, match=r"\S"):
        line_of(text[: data.draw(st.integers(0, len(text) - 1))])


@given(
    st.binary() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(lambda one: json.dumps(one).encode())
)
def test_anything_else_is_refused_and_nothing_breaks(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        line_of(text)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"product_id": ""}, "product_id"),
        ({"product_id": None}, "product_id"),
        ({"product_id": 7}, "product_id"),
        ({"revision": 0}, "revision"),
        ({"revision": 2**31}, "revision"),
        ({"revision": "1"}, "revision"),
        ({"predicted_at": "2025-06-29T10:00:00"}, "predicted_at"),
        ({"predicted_at": "2025-06-31T10:00:00Z"}, "datetime"),
        ({"predicted_at": "0001-06-29T10:00:00Z"}, "predicted_at is 1"),
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": None}, "confidence"),
        ({"decision": "maybe"}, "decision"),
        ({"category_id": None}, "category_id"),
        ({"model_version": None}, "model_version"),
        ({"audit_drawn": "yes"}, "audit_drawn"),
    ],
)
def test_a_wrong_field_is_named_with_file_and_line(fields: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = write(tmp_path, 1, [line("a"), line("b", **fields), line("c")])
    with pytest.raises(DataError) as refused:
        read_log(path)
    assert str(refused.value).startswith(f"{path}: line 2: is no prediction (")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_product_that_was_logged_is_passed_over(tmp_path: Path) -> None:
    log = read_log(write(tmp_path, 1, [line("a", product={"title": "x"}, more=1)]))
    assert log.rows.column_names == PREDICTIONS.names
    assert log.rows["revision"].to_pylist() == [2]


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path, cut: int) -> None:
    log = read_log(write(tmp_path, 1, [line("a"), line("b")[:cut]]))
    assert (log.rows["product_id"].to_pylist(), log.truncated) == (["a"], True)


def test_a_last_line_that_lacks_nothing_but_its_end_counts(tmp_path: Path) -> None:
    log = read_log(write(tmp_path, 1, [line("a"), line("b").rstrip()]))
    assert (log.rows["product_id"].to_pylist(), log.truncated) == (["a", "b"], False)


@pytest.mark.parametrize("content", ["\n", "{}\n", "null\n", "\0\0\0\n"])
def test_a_whole_line_that_is_none_is_an_error_also_at_the_end(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match="line 2: is no prediction"):
        read_log(write(tmp_path, 1, [line("a"), content]))


def test_an_empty_file_holds_no_row(tmp_path: Path) -> None:
    log = read_log(write(tmp_path, 1, []))
    assert (len(log.rows), log.truncated) == (0, False)
    assert by_day(log.rows) == {}


def test_more_rows_than_are_held_as_objects_at_once(tmp_path: Path) -> None:
    log = read_log(write(tmp_path, 1, [line(str(number)) for number in range(20_001)]))
    assert log.rows["product_id"].to_pylist() == [str(number) for number in range(20_001)]


def test_days_are_those_of_utc_and_rows_go_by_time() -> None:
    times = ["2025-06-30T01:30:00+02:00", "2025-06-29T22:00:00Z", "2025-06-30T00:00:00Z", "2025-06-29T22:00:00Z"]
    lines = [line_of(line(str(number), predicted_at=time).encode()) for number, time in enumerate(times)]
    days = by_day(table_of(lines))
    assert {str(day): some["product_id"].to_pylist() for day, some in days.items()} == {
        "2025-06-29": ["1", "3", "0"],
        "2025-06-30": ["2"],
    }
    assert all(isinstance(some, pa.Table) and some.column_names == PREDICTIONS.names for some in days.values())
