"""Closed days and the alarm over a small catalogue folder that is written by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aisle.audit.alarms.alarm import ErrorAlarm
from aisle.audit.alarms.closing import closed_audits
from aisle.audit.alarms.watching import check_state, read_state, watch, watch_folder, write_state
from aisle.audit.draws import schema
from aisle.catalogue.tables import write_shard
from aisle.errors import ConfigurationError, DataError

FIRST = dt.date(2025, 4, 1)
Answer = tuple[int, str]  # days after the draw, and right, wrong, settled wrong, settled right or skip


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def time(number: int) -> pd.Timestamp:
    return pd.Timestamp(day(number), tz="UTC") + pd.Timedelta(hours=9)


def predicted(name: str, on: int, **other: Any) -> dict[str, Any]:
    """An automatic decision, drawn."""
    return {
        "product_id": name,
        "predicted_at": time(on),
        "category_id": "tools",
        "branch_id": "tools",
        "confidence": 0.9,
        "threshold": 0.8,
        "decision": "auto",
        "audit_probability": 0.2,
        "audit_drawn": True,
        "blind": False,
        "model_version": "1",
        "policy_id": "p1",
    } | other


def answered(name: str, on: int, said: str, labeller: str = "ann") -> dict[str, Any]:
    return {
        "product_id": name,
        "category_id": None if said == "skip" else "tools" if said.endswith("right") else "toys",
        "origin": "audit",
        "status": "skipped" if said == "skip" else "answered",
        "adjudicated": said.startswith("settled"),
        "labelled_at": time(on),
        "labeller": labeller,
        "audit_probability": 0.2,
        "model_version": "1",
    }


def catalogue(folder: Path, predictions: list[dict[str, Any]], labels: list[dict[str, Any]]) -> Path:
    rows = pd.DataFrame(predictions)
    products = rows[["product_id"]].assign(revision=1, title="a drill", seller="s", received_at=rows["predicted_at"])
    for table, frame in (("products", products), ("predictions", rows), ("labels", pd.DataFrame(labels))):
        (folder / table).mkdir(parents=True, exist_ok=True)
        write_shard(frame, table, folder / table / f"{FIRST}.parquet")
    return folder


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    return lambda predictions, labels: catalogue(tmp_path / "data", predictions, labels)


def test_a_day_closes_once_all_is_settled_and_enters_after_those_before_it(made: Callable[..., Path]) -> None:
    folder = made(
        [predicted("a", 0), predicted("b", 1), predicted("c", 2)],
        [answered("b", 1, "right"), answered("a", 2, "right"), answered("c", 2, "skip")],
    )
    waiting = closed_audits(folder, as_of=day(1))
    assert (len(waiting.audits), waiting.closed_until, waiting.waiting) == (0, None, 2)
    closed = closed_audits(folder, as_of=day(2))
    assert closed.audits["product_id"].tolist() == ["a", "b"]
    assert (closed.closed_until, closed.waiting, closed.skipped) == (day(2), 0, 1)


def test_an_error_counts_once_a_second_person_confirms_it(made: Callable[..., Path]) -> None:
    folder = made(
        [predicted("a", 0), predicted("b", 0)],
        [answered("a", 0, "wrong"), answered("b", 0, "right"), answered("a", 2, "wrong", "ben")],
    )
    assert closed_audits(folder, as_of=day(1)).closed_until is None
    closed = closed_audits(folder, as_of=day(2))
    assert dict(zip(closed.audits["product_id"], closed.audits["error"], strict=True)) == {"a": True, "b": False}


def test_the_order_is_of_the_draw_and_knows_no_answer(made: Callable[..., Path]) -> None:
    names = [f"p{number}" for number in range(30)]
    predictions = [predicted(name, 0) for name in names]
    told = [answered(name, 0, "right") for name in names]
    other = [answered(name, 0, "settled wrong" if name < "p2" else "right") for name in names[::-1]]
    first = closed_audits(made(predictions, told)).audits["product_id"].tolist()
    second = closed_audits(made(predictions[::-1], other)).audits["product_id"].tolist()
    assert first == second
    assert first != sorted(first)


def test_only_drawn_automatic_decisions_of_one_version_and_policy_enter(made: Callable[..., Path]) -> None:
    predictions = [
        predicted("auto", 0),
        predicted("review", 0, decision="review"),
        predicted("not drawn", 0, audit_drawn=False, audit_probability=0.05),
        predicted("no draw", 0, audit_drawn=None, audit_probability=None),
        predicted("policy", 1, policy_id="p2"),
        predicted("version", 2, model_version="2", policy_id="p2"),
    ]
    folder = made(predictions, [answered(row["product_id"], 2, "right") for row in predictions])

    def names(**chosen: Any) -> list[str]:
        return closed_audits(folder, **chosen).audits["product_id"].tolist()

    assert names() == ["version"]
    assert names(model_version="1") == ["policy"]
    assert names(model_version="1", policy_id="p1") == ["auto"]
    assert names(as_of=day(1)) == []  # of the policy that was the newest then; its answer is still to come
    first = closed_audits(folder, model_version="1", policy_id="p1").audits
    assert first["smallest_probability"].tolist() == [0.05]
    with pytest.raises(DataError, match="has the model_version '3'"):
        names(model_version="3")


def test_draws_of_their_own_table_count_on_the_day_of_the_draw(made: Callable[..., Path]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = made(
        [predicted("a", 0, audit_probability=None, audit_drawn=None)],
        [answered("a", 6, "settled wrong")],
    )
    row = {"product_id": "a", "received_on": FIRST, "audit_probability": 0.3, "audit_drawn": True}
    draws = pa.Table.from_pylist([row | {"blind": False, "double": False}], schema=schema())
    (folder / "draws").mkdir()
    pq.write_table(draws, folder / "draws" / f"{day(5)}.parquet")
    audits = closed_audits(folder).audits
    assert audits["day"].dt.date.tolist() == [day(5)]
    assert audits["error"].tolist() == [True]


def test_what_is_missing_or_wrong_is_one_line(made: Callable[..., Path], tmp_path: Path) -> None:
    folder = made([predicted("a", 0, audit_probability=None, audit_drawn=None)], [answered("a", 0, "right")])
    with pytest.raises(DataError, match="begin with `aisle audit draw`"):
        closed_audits(folder)
    folder = made([predicted("a", 0)], [answered("a", 0, "right") | {"labelled_at": pd.NaT}])
    with pytest.raises(DataError, match="has no labelled_at"):
        closed_audits(folder)
    folder = made([predicted("a", 0)], [answered("a", 0, "right")])
    with pytest.raises(ConfigurationError, match="grace_days"):
        closed_audits(folder, grace_days=-1)
    with pytest.raises(ConfigurationError, match="settle_days"):
        closed_audits(folder, settle_days=-1)
    with pytest.raises(DataError, match="name the floor of the audit rates"):
        watch_folder(folder, 0.05, smallest_probability=0.5)
    with pytest.raises(DataError, match="the first run of the alarm writes it"):
        read_state(tmp_path / "none.json")
    (tmp_path / "other.json").write_text('{"format": 7}')
    with pytest.raises(DataError, match="not the state of an alarm"):
        read_state(tmp_path / "other.json")


def test_days_without_an_audit_are_an_alarm_that_knows_nothing(made: Callable[..., Path]) -> None:
    folder = made([predicted("a", 0, audit_drawn=False)], [answered("b", 0, "right")])
    found = watch_folder(folder, 0.05)
    assert (found.alarm.count, len(found.path), found.alarm_day) == (0, 0, None)


def test_a_clock_that_jumped_ahead_closes_nothing(made: Callable[..., Path]) -> None:
    today = (dt.datetime.now(dt.UTC).date() - FIRST).days
    folder = made([predicted("a", 0), predicted("b", today)], [answered("a", 20_000, "right")])
    assert closed_audits(folder).as_of == day(today - 1)
    assert closed_audits(folder, as_of=day(today + 5)).as_of == day(today - 1)


def test_a_day_that_is_not_over_is_not_read(made: Callable[..., Path]) -> None:
    folder = made([predicted("a", 0), predicted("b", 1)], [answered("a", 0, "right"), answered("b", 1, "right")])
    morning = closed_audits(folder, as_of=day(1), today=day(1))
    assert (morning.as_of, morning.closed_until) == (day(0), day(0))
    found = watch_folder(folder, 0.05, as_of=day(1), today=day(1))
    assert found.settings is not None
    assert found.settings.as_of == day(0)
    assert closed_audits(folder, as_of=day(1), today=day(2)).closed_until == day(1)


_SAID = st.sampled_from(["right", "right", "wrong", "settled wrong", "settled right", "skip"])
_ANSWERS = st.lists(st.tuples(st.integers(0, 9), _SAID), max_size=2)
_AUDITS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.1, 0.3, 1.0]), _ANSWERS), min_size=1, max_size=12)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_AUDITS, st.integers(5, 12))
def test_a_later_day_only_adds(made: Callable[..., Path], audits: list[Any], until: int) -> None:
    predictions, labels = [predicted("first", 0)], [answered("first", 0, "right")]
    for number, (on, probability, answers) in enumerate(audits):
        predictions.append(predicted(f"p{number}", on, audit_probability=probability))
        labels += [
            answered(f"p{number}", on + wait, said, who)
            for who, (wait, said) in zip(("ann", "ben"), answers, strict=False)
        ]
    folder = made(predictions, labels)
    early, late = (watch_folder(folder, 0.05, as_of=day(number), settle_days=8) for number in (until, 13))
    pd.testing.assert_frame_equal(early.path, late.path.head(len(early.path)))
    assert early.closed is not None
    assert late.closed is not None
    entered = early.closed.audits["product_id"].tolist()
    assert entered == late.closed.audits["product_id"].tolist()[: len(entered)]
    assert late.closed.waiting == 0


@pytest.fixture
def bad(made: Callable[..., Path]) -> Path:
    """Ten days of twenty audits; from the fifth day on every fourth decision is wrong."""
    predictions, labels = [], []
    for on in range(10):
        for number in range(20):
            name = f"p{on}-{number}"
            predictions.append(predicted(name, on, audit_probability=0.1 + 0.1 * (number % 3)))
            labels.append(answered(name, on, "settled wrong" if on >= 4 and number % 4 == 0 else "right"))
    return made(predictions, labels)


def test_the_alarm_of_a_folder_is_that_of_its_audits_one_by_one(bad: Path) -> None:
    found = watch_folder(bad, 0.05)
    assert found.closed is not None
    alarm = ErrorAlarm(0.05, 0.1)
    for row in found.closed.audits.itertuples():
        alarm.update(row.error, row.audit_probability)
    assert found.alarm.state() == alarm.state()
    assert found.alarm.alarmed
    at = found.closed.audits.iloc[(found.alarm.alarm_at or 0) - 1]
    assert found.alarm_day == at["day"].date()
    assert found.path["count"].tolist() == list(range(20, 201, 20))
    assert found.path["errors"].sum() == 30
    rung = found.path.set_index(found.path["day"].dt.date)["alarmed"]
    assert rung.tolist() == [one >= found.alarm_day for one in rung.index]


def test_an_alarm_may_begin_anew(bad: Path) -> None:
    found = watch_folder(bad, 0.05, since=day(8))
    assert found.alarm.count == 40
    assert found.settings is not None
    assert found.settings.since == day(8)


def test_a_watch_goes_on_with_the_days_to_come(bad: Path) -> None:
    whole = watch_folder(bad, 0.05)
    audits = whole.closed.audits if whole.closed else pd.DataFrame()
    days = audits["day"].dt.date < day(5)
    first = watch(audits[days], ErrorAlarm(0.05, 1.0))
    second = watch(audits[~days], ErrorAlarm.from_state(first.alarm.state()))
    assert second.alarm.state() == whole.alarm.state()
    both = pd.concat([first.path, second.path], ignore_index=True)
    pd.testing.assert_frame_equal(both, whole.path)


def test_the_same_labels_give_the_same_bytes_and_can_be_checked(bad: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    write_state(one, watch_folder(bad, 0.05, as_of=day(7), since=day(1)))
    write_state(other, watch_folder(bad, 0.05, as_of=day(7), since=day(1), model_version="1", policy_id="p1"))
    assert one.read_bytes() == other.read_bytes()
    found, alarm = read_state(one)
    assert (found.limit, found.since, found.as_of, alarm.count) == (0.05, day(1), day(7), 140)
    again = check_state(one, bad)
    assert again.alarm.state() == alarm.state()
    write_state(other, again)
    assert one.read_bytes() == other.read_bytes()


def test_changed_labels_are_noticed(bad: Path, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_state(path, watch_folder(bad, 0.05, as_of=day(7)))
    shard = bad / "labels" / f"{FIRST}.parquet"
    labels = pd.read_parquet(shard)
    late = pd.DataFrame([answered("p0-0", 9, "settled wrong", "cem")])
    write_shard(late.astype({"labelled_at": labels["labelled_at"].dtype}), "labels", bad / "labels" / "late.parquet")
    check_state(path, bad)  # only added to
    labels["category_id"] = np.where(labels["product_id"] == "p7-0", "tools", labels["category_id"])
    write_shard(labels, "labels", shard)
    with pytest.raises(DataError, match=r"differs in errors \(20 in the file, 19 from the labels\)"):
        check_state(path, bad)


def test_what_did_not_come_from_a_folder_cannot_be_stored(tmp_path: Path) -> None:
    audits = pd.DataFrame({"error": [True], "audit_probability": [0.5], "day": [pd.Timestamp(FIRST)]})
    with pytest.raises(ValueError, match="watch_folder"):
        write_state(tmp_path / "state.json", watch(audits, ErrorAlarm(0.05, 0.5)))


def test_a_state_changed_by_hand_is_refused(bad: Path, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_state(path, watch_folder(bad, 0.05))
    text = path.read_text()
    path.write_text(text.replace('"grace_days"', '"grace"'))
    with pytest.raises(DataError, match="write it again from the labels"):
        read_state(path)
    path.write_text(text.replace('"which"', '"what"'))
    with pytest.raises(DataError, match="replay it from the labels"):
        read_state(path)
