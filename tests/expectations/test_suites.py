"""Every rule of every suite: kept by a sound catalogue, broken by one that is wrong in that point."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aisle.errors import ConfigurationError
from expectations.catalogue import TABLES
from expectations.suites import SUITES, read_suite
from expectations.validation import validate_table

Frame = pd.DataFrame
LATER = pd.Timestamp("2025-06-01 00:06", tz="UTC")  # six minutes after `now`; five are tolerated


def setting(column: str, value: Any, *rows: int) -> Callable[[Frame], Frame]:
    """The frame with `value` in the given rows (all rows without any)."""

    def change(frame: Frame) -> Frame:
        values = frame[column].astype(object).tolist()
        for row in rows or range(len(values)):
            values[row] = value
        kind = frame[column].dtype if str(frame[column].dtype).startswith(("datetime", "Int")) else None
        return frame.assign(**{column: pd.Series(values, index=frame.index, dtype=kind)})

    return change


def both(*changes: Callable[[Frame], Frame]) -> Callable[[Frame], Frame]:
    def change(frame: Frame) -> Frame:
        for one in changes:
            frame = one(frame)
        return frame

    return change


def none(frame: Frame) -> Frame:
    return frame.iloc[:0]


def twice(row: int) -> Callable[[Frame], Frame]:
    return lambda frame: pd.concat([frame, frame.iloc[[row]]])


def hurried(frame: Frame) -> Frame:
    """61 labels of one person within a minute, and 60 of another."""
    row = frame.iloc[[1]]
    start = pd.Timestamp("2025-05-04", tz="UTC")
    eve = [
        row.assign(product_id=f"e{i}", labeller="eve", labelled_at=start + pd.Timedelta(i * 0.98, "s"))
        for i in range(61)
    ]
    ada = [row.assign(product_id=f"a{i}", labeller="ada", labelled_at=start + pd.Timedelta(i, "s")) for i in range(60)]
    return pd.concat([frame, *eve, *ada])


def contradicted(frame: Frame) -> Frame:
    """A second answer to p2 (contradicts), p1 (agrees) and p3 (contradicts, but adjudicated)."""
    second = frame.iloc[[1, 2, 3]].assign(
        category_id=["drills", "saws", "tents"], labeller="zoe", adjudicated=[False, False, True]
    )
    return pd.concat([frame, second])


# table, rule → how to break it, and how many rows then break it (0: the rule is about the whole table)
BROKEN: dict[tuple[str, str], tuple[Callable[[Frame], Frame], int]] = {
    ("taxonomy", "tree-not-empty"): (lambda frame: frame.iloc[:1], 0),
    ("taxonomy", "category-has-id"): (setting("category_id", "", 4), 1),
    ("taxonomy", "category-once"): (twice(2), 2),
    ("taxonomy", "parent-known"): (setting("parent_id", "garden", 4), 1),
    ("taxonomy", "no-cycle"): (setting("parent_id", "drills", 0), 2),
    ("taxonomy", "category-has-name"): (both(setting("name", "", 4), setting("name", "<br>", 3)), 2),
    ("taxonomy", "siblings-differ"): (setting("name", "Drills", 3), 2),
    ("products", "some-products"): (none, 0),
    ("products", "product-has-id"): (setting("product_id", None, 2), 1),
    ("products", "product-id-not-blank"): (setting("product_id", " ", 2), 1),
    ("products", "revision-from-1"): (setting("revision", 0, 2), 1),
    ("products", "revision-once"): (twice(2), 2),
    ("products", "title-says-something"): (
        both(setting("title", None, 0), setting("title", " ", 1), setting("title", "<p>&nbsp;</p>", 2)),
        3,
    ),
    ("products", "title-has-words"): (both(setting("title", "`", 0), setting("title", "… – _", 1)), 2),
    ("products", "title-plain"): (both(setting("title", "Saw<br/>", 0), setting("title", "Drill &amp; bits", 1)), 2),
    ("products", "title-not-too-long"): (setting("title", "x" * 501, 0), 1),
    ("products", "price-in-range"): (both(setting("price", -0.01, 0), setting("price", float("inf"), 1)), 2),
    ("products", "currency-code"): (both(setting("currency", "€", 0), setting("currency", "eur", 1)), 2),
    ("products", "price-has-currency"): (setting("currency", None), 5),
    ("products", "received-in-the-past"): (setting("received_at", LATER, 0), 1),
    ("products", "split-known"): (setting("split", "validation", 2), 1),
    ("products", "group-one-split"): (setting("split", "train", 0), 2),
    ("products", "product-one-split"): (both(setting("product_id", "p2", 3), setting("revision", 2, 3)), 2),
    ("products", "product-one-seller"): (both(twice(2), setting("seller", "s2", 2)), 2),
    ("labels", "some-labels"): (none, 0),
    ("labels", "two-categories"): (setting("category_id", "drills"), 0),
    ("labels", "product-known"): (setting("latest_revision", None, 2), 1),
    ("labels", "revision-received"): (both(setting("revision", 2, 3), setting("revision", 2, 4)), 1),
    ("labels", "revision-from-1"): (setting("revision", 0, 2), 1),
    ("labels", "status-known"): (setting("status", "maybe", 2), 1),
    ("labels", "answer-has-category"): (setting("category_id", None, 2), 1),
    ("labels", "category-is-leaf"): (both(setting("category_id", "tools", 0), setting("category_id", "garden", 1)), 2),
    ("labels", "origin-there"): (setting("origin", None, 2), 1),
    ("labels", "origin-known"): (setting("origin", "guess", 2), 1),
    ("labels", "audit-probability-in-range"): (
        both(setting("audit_probability", 0.0, 1), setting("audit_probability", 1.01, 2)),
        2,
    ),
    ("labels", "inclusion-probability-in-range"): (setting("inclusion_probability", 0.0, 2), 1),
    ("labels", "audit-has-probability"): (setting("audit_probability", None), 2),
    ("labels", "inclusion-at-least-audit"): (setting("inclusion_probability", 0.05, 1), 1),
    ("labels", "labelled-in-the-past"): (setting("labelled_at", LATER, 2), 1),
    ("labels", "calm-pace"): (hurried, 61),
    ("labels", "answers-agree"): (contradicted, 2),
    ("labels", "label-once"): (twice(0), 2),
    ("labels", "skipped-without-category"): (setting("category_id", "saws", 4), 1),
    ("predictions", "product-known"): (setting("latest_revision", None, 2), 1),
    ("predictions", "revision-received"): (setting("revision", 2, 2), 1),
    ("predictions", "revision-from-1"): (setting("revision", 0, 2), 1),
    ("predictions", "decision-known"): (setting("decision", "maybe", 2), 1),
    ("predictions", "decision-there"): (setting("decision", None, 2), 1),
    ("predictions", "confidence-there"): (setting("confidence", None, 2), 1),
    ("predictions", "confidence-in-range"): (both(setting("confidence", -0.1, 1), setting("confidence", 1.1, 2)), 2),
    ("predictions", "threshold-in-range"): (setting("threshold", 1.1, 1), 1),
    ("predictions", "auto-above-threshold"): (both(setting("confidence", 0.89, 0), setting("decision", "auto", 2)), 2),
    ("predictions", "audit-probability-in-range"): (setting("audit_probability", 0.0, 2), 1),
    ("predictions", "drawn-has-probability"): (setting("audit_probability", None), 1),
    ("predictions", "predicted-in-the-past"): (setting("predicted_at", LATER, 2), 1),
    ("predictions", "category-there"): (setting("category_id", None, 2), 1),
    ("predictions", "category-is-leaf"): (setting("category_id", "tools", 2), 1),
    ("predictions", "model-version-there"): (setting("model_version", None, 2), 1),
    ("predictions", "prediction-once"): (twice(2), 2),
}
RULES = {(table, rule.name): rule for table in TABLES for rule in read_suite(SUITES / f"{table}.json")}


def test_every_rule_is_broken_below() -> None:
    assert set(BROKEN) == set(RULES)


@pytest.mark.parametrize("table", TABLES)
def test_a_sound_table_keeps_every_rule(table: str, sound: dict[str, Frame], parameters: dict[str, Any]) -> None:
    result = validate_table(table, sound[table], parameters)
    assert [one.name for one in result.expectations if not one.success] == []
    assert result.evaluated == len(json.loads((SUITES / f"{table}.json").read_text())["expectations"])


@pytest.mark.parametrize(("table", "rule"), BROKEN)
def test_each_rule_names_the_rows_that_break_it(
    table: str, rule: str, tmp_path: Path, sound: dict[str, Frame], parameters: dict[str, Any]
) -> None:
    change, expected = BROKEN[table, rule]
    alone = tmp_path / "suite.json"  # the rule without its neighbours: every expectation costs some 10 ms
    alone.write_text(json.dumps({"expectations": [dict(RULES[table, rule].configuration)]}))
    result = validate_table(table, change(sound[table]), parameters, suite=alone)
    (found,) = result.expectations
    assert not found.success
    assert found.unexpected == expected
    assert len(found.examples) == min(expected, 20)
    assert result.broken(RULES[table, rule].level) == [found]


def test_the_future_begins_five_minutes_from_now(
    sound: dict[str, Frame], parameters: dict[str, Any], now: datetime.datetime
) -> None:
    tolerated = setting("labelled_at", pd.Timestamp(now) + pd.Timedelta(minutes=5), 2)(sound["labels"])
    assert validate_table("labels", tolerated, parameters).broken("error") == []


def test_examples_are_the_first_rows_by_id_and_stay_few(sound: dict[str, Frame], parameters: dict[str, Any]) -> None:
    one = sound["products"].iloc[[0]].assign(group_id=None, price=-1.0, title="x" * 600)
    many = pd.concat([one.assign(product_id=f"p{number:03}") for number in reversed(range(50))])
    result = validate_table("products", many, parameters)
    (found,) = (one for one in result.expectations if one.name == "price-in-range")
    assert found.unexpected == 50
    assert [row["product_id"] for row in found.examples] == [f"p{number:03}" for number in range(20)]
    assert found.examples[0] == {"product_id": "p000", "revision": 1, "price": -1.0, "shard": "2025-05-01"}
    (long,) = (one for one in result.expectations if one.name == "title-not-too-long")
    assert len(long.examples[0]["title"]) == 120


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda suite: suite.update(expectations=[]), "holds no expectation"),
        (lambda suite: suite["expectations"][0].pop("description"), "expectation 1 lacks description"),
        (lambda suite: suite["expectations"][0].pop("meta"), "expectation 1 lacks meta.rule"),
        (lambda suite: suite["expectations"][0].update(severity="high"), "severity must be critical"),
        (lambda suite: suite["expectations"].append(suite["expectations"][0]), "tree-not-empty stands there twice"),
        (lambda suite: suite["expectations"][0].update(type="expect_the_best"), "expect_the_best not found"),
        (lambda suite: suite["expectations"][0]["kwargs"].update(min_rows=2), "does not fit"),
        (lambda suite: suite["expectations"][2]["kwargs"].update(column="colour"), "cannot be evaluated"),
    ],
)
def test_a_broken_suite_is_refused(
    change: Callable[[dict[str, Any]], None],
    said: str,
    tmp_path: Path,
    sound: dict[str, Frame],
    parameters: dict[str, Any],
) -> None:
    suite = json.loads((SUITES / "taxonomy.json").read_text())
    change(suite)
    path = tmp_path / "taxonomy.json"
    path.write_text(json.dumps(suite))
    with pytest.raises(ConfigurationError, match=said) as caught:
        validate_table("taxonomy", sound["taxonomy"], parameters, suite=path)
    assert str(path) in str(caught.value)


def test_a_suite_that_evaluates_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, sound: dict[str, Frame], parameters: dict[str, Any]
) -> None:
    """Great Expectations passes a suite from which it dropped everything; we do not."""
    from expectations.validation import great_expectations

    gx = great_expectations()
    empty = gx.ExpectationSuite
    monkeypatch.setattr(gx, "ExpectationSuite", lambda name, expectations: empty(name=name))
    with pytest.raises(ConfigurationError, match=r"7 of 7 expectations were not evaluated \(tree-not-empty, "):
        validate_table("taxonomy", sound["taxonomy"], parameters)


def test_a_suite_that_evaluates_all_but_one_fails(
    monkeypatch: pytest.MonkeyPatch, sound: dict[str, Frame], parameters: dict[str, Any]
) -> None:
    from expectations.validation import great_expectations

    gx = great_expectations()
    whole = gx.ExpectationSuite
    monkeypatch.setattr(
        gx, "ExpectationSuite", lambda name, expectations: whole(name=name, expectations=expectations[1:])
    )
    with pytest.raises(ConfigurationError, match=r"1 of 7 expectations were not evaluated \(tree-not-empty\)"):
        validate_table("taxonomy", sound["taxonomy"], parameters)


def test_an_audit_that_showed_a_suggestion_may_lack_its_probability(
    sound: dict[str, Frame], parameters: dict[str, Any]
) -> None:
    lacking = setting("audit_probability", None, 1)(sound["labels"])
    assert [one.name for one in validate_table("labels", lacking, parameters).broken("error")] == [
        "audit-has-probability"
    ]
    shown = setting("suggested_category_id", "drills", 1)(lacking)
    assert validate_table("labels", shown, parameters).broken("error") == []
