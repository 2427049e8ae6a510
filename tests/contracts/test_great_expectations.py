"""What we rely on in Great Expectations, and what we had to work around."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

import pandas as pd
import pytest

from expectations.validation import great_expectations, validate_table

NULL_TITLES = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "title"}}


@pytest.fixture(scope="module")
def gx() -> Any:
    return great_expectations()


def batch(gx: Any, frame: pd.DataFrame) -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas(name="table").add_dataframe_asset(name="table")
    return asset.add_batch_definition_whole_dataframe(name="table").get_batch({"dataframe": frame})


def test_an_unknown_expectation_is_dropped_and_the_suite_passes(gx: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The false green, for which we build expectations one by one and count what was evaluated."""
    with caplog.at_level(logging.CRITICAL):
        suite = gx.ExpectationSuite(name="s", expectations=[{"type": "expect_the_best", "kwargs": {}}])
    result = batch(gx, pd.DataFrame({"title": [None]})).validate(suite)
    assert result.success
    assert result.statistics["evaluated_expectations"] == 0


def test_severity_description_and_notes_are_kept(gx: Any) -> None:
    configuration = {**NULL_TITLES, "severity": "warning", "description": "d", "notes": "n", "meta": {"rule": "r"}}
    (expectation,) = gx.ExpectationSuite(name="s", expectations=[configuration]).expectations
    assert (expectation.severity.value, expectation.description, expectation.notes) == ("warning", "d", "n")
    assert expectation.meta == {"rule": "r"}


def test_rows_are_named_by_position_also_under_a_condition(gx: Any) -> None:
    condition = {"type": "comparison", "column": {"name": "kind"}, "operator": "IN", "parameter": ["a", "b"]}
    configuration = {"type": NULL_TITLES["type"], "kwargs": {"column": "title", "row_condition": condition}}
    frame = pd.DataFrame({"title": [None, "x", None, None], "kind": ["c", "a", "b", "a"]})
    suite = gx.ExpectationSuite(name="s", expectations=[configuration])
    (result,) = batch(gx, frame).validate(suite, result_format={"result_format": "COMPLETE"}).results
    assert result.result["unexpected_index_list"] == [2, 3]


def test_a_condition_on_a_column_of_booleans_and_nulls_picks_the_true_rows(gx: Any) -> None:
    condition = {"type": "comparison", "column": {"name": "drawn"}, "operator": "==", "parameter": True}
    configuration = {"type": NULL_TITLES["type"], "kwargs": {"column": "title", "row_condition": condition}}
    frame = pd.DataFrame({"title": [None, None, None], "drawn": pd.Series([True, None, False], dtype=object)})
    suite = gx.ExpectationSuite(name="s", expectations=[configuration])
    (result,) = batch(gx, frame).validate(suite, result_format={"result_format": "COMPLETE"}).results
    assert result.result["unexpected_index_list"] == [0]


def test_an_expectation_that_raises_does_not_pass(gx: Any) -> None:
    configuration = {"type": NULL_TITLES["type"], "kwargs": {"column": "colour"}}
    suite = gx.ExpectationSuite(name="s", expectations=[configuration])
    (result,) = batch(gx, pd.DataFrame({"title": ["x"]})).validate(suite).results
    assert not result.success
    assert [one["raised_exception"] for one in result.exception_info.values()] == [True]


def test_our_own_expectations_are_registered(gx: Any) -> None:
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    assert {
        "expect_column_values_to_be_leaves",
        "expect_column_values_to_say_something",
        "expect_parents_to_be_known",
        "expect_tree_without_cycles",
        "expect_one_value_a_group",
        "expect_labellers_to_keep_a_calm_pace",
        "expect_answers_to_agree",
        "expect_automatic_decisions_to_be_confident",
    } <= set(list_registered_expectation_implementations())


def test_validation_is_silent_and_calls_nobody(
    gx: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    called: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: called.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **_: called.append(arguments) or [])
    frame = pd.DataFrame(
        {"category_id": ["a", "b"], "parent_id": [None, None], "name": ["A", "B"], "row": [2, 3]}, dtype=object
    )
    assert validate_table("taxonomy", frame, {}).evaluated == 7
    assert called == []
    assert os.environ["GX_ANALYTICS_ENABLED"] == "False"
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
