"""Contradictions that are settled late: what waits, what is counted, and that waiting makes no false alarms."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.audit.alarms.closing import closed_audits
from aisle.audit.alarms.processes import FALSE_ALARM, alarm_times
from aisle.audit.alarms.settling import close_days, has_answer, states
from aisle.audit.alarms.watching import LATE_SHARE, check_state, watch_folder, write_state
from aisle.audit.estimates import PENDING, RIGHT, WRONG
from tests.aisle.audit.alarms.test_watching import answered, catalogue, day, predicted


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    return lambda predictions, labels: catalogue(tmp_path / "data", predictions, labels)


def test_after_the_grace_what_is_open_leaves_and_a_contradiction_is_waited_for(made: Callable[..., Path]) -> None:
    folder = made(
        [predicted(name, 0) for name in "abcd"] + [predicted("e", 1), predicted("f", 8)],
        [
            answered("a", 0, "wrong"),
            answered("b", 0, "right"),
            answered("e", 1, "right"),
            answered("c", 4, "right"),
            answered("a", 6, "settled wrong", "cem"),
            answered("d", 9, "settled wrong", "cem"),
        ],
    )
    within = closed_audits(folder, as_of=day(2))
    assert (within.closed_until, within.held, within.unsettled) == (None, None, 1)
    waits = closed_audits(folder, as_of=day(5))
    assert (waits.closed_until, waits.held_by, waits.behind, waits.waiting) == (None, day(0), 1, 5)
    assert waits.held is not None
    assert (waits.held.pending, waits.held.until) == (1, day(30))
    before, after = (closed_audits(folder, as_of=day(number)) for number in (6, 10))
    assert (before.held_by, before.behind, before.unsettled) == (None, 0, 0)
    assert dict(zip(before.audits["product_id"], before.audits["error"], strict=True)) == {
        "a": True,
        "b": False,
        "e": False,
    }
    assert (before.pending, before.open, before.late_answers, before.late_errors) == (0, 2, 1, 0)
    assert before.audits_now["product_id"].tolist() == [one for one in after.audits_now["product_id"] if one != "d"]
    pd.testing.assert_frame_equal(before.audits, after.audits)
    assert (after.open, after.late_answers, after.late_errors, after.answered_late) == (2, 2, 1, 2)
    assert dict(zip(after.audits_now["product_id"], after.audits_now["error"], strict=True)) == {
        "a": True,
        "b": False,
        "c": False,
        "d": True,
        "e": False,
    }


def test_after_the_longer_limit_a_contradiction_counts_as_no_error_and_it_is_said(made: Callable[..., Path]) -> None:
    folder = made(
        [predicted("a", 0), predicted("b", 0)],
        [answered("a", 0, "wrong"), answered("b", 0, "right"), answered("a", 9, "wrong", "ben")],
    )
    assert closed_audits(folder, as_of=day(6), settle_days=7).held_by == day(0)
    before, after = (closed_audits(folder, as_of=day(number), settle_days=7) for number in (7, 9))
    assert (before.closed_until, before.pending, before.audits_now["error"].sum()) == (day(0), 1, 0)
    assert before.accuracy_now.pending == 1
    assert before.accuracy_now.low < before.accuracy_now.if_pending_wrong == 0.5 < before.accuracy_now.high == 1
    pd.testing.assert_frame_equal(before.audits, after.audits)
    assert not after.audits["error"].any()
    assert (after.pending, after.late_errors, after.audits_now["error"].sum()) == (1, 1, 1)
    assert (after.late_answers, after.answered_late) == (1, 0)
    assert (after.accuracy_now.accuracy, after.accuracy_now.wrong) == (0.5, 1)
    assert after.accuracy_now.high < 1
    assert closed_audits(folder, as_of=day(9), grace_days=9, settle_days=0).audits["error"].sum() == 1


def test_answers_dated_before_their_prediction_are_left_out(made: Callable[..., Path]) -> None:
    early = answered("a", 0, "settled wrong") | {"labelled_at": pd.Timestamp(day(0), tz="UTC")}
    folder = made([predicted("a", 0), predicted("b", 0)], [early, answered("b", 0, "right")])
    found = closed_audits(folder, as_of=day(4))
    assert found.audits["product_id"].tolist() == ["b"]
    assert (found.early_answers, found.open, found.late_errors) == (1, 1, 0)


def slow(folder: Path, days: int, errors: float, lag: int, answer: int = 0) -> Path:
    """Twenty audits a day, answered `answer` days later; every contradiction is confirmed `lag` days after that."""
    predictions: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    every = round(1 / errors)
    for on in range(days):
        for number in range(20):
            name = f"p{on}-{number}"
            predictions.append(predicted(name, on, audit_probability=0.2 + 0.02 * (number % 3)))
            wrong = number % every == 0
            labels.append(answered(name, on + answer, "wrong" if wrong else "right"))
            if wrong:
                labels.append(answered(name, on + answer + lag, "wrong", "ben"))
    return catalogue(folder, predictions, labels)


def test_people_who_confirm_slowly_make_the_alarm_later_and_not_silent(tmp_path: Path) -> None:
    folder = slow(tmp_path / "data", 20, 0.25, 5)
    found = watch_folder(folder, 0.05, as_of=day(19))
    assert found.alarm.alarmed
    assert found.closed is not None
    assert (found.closed.closed_until, found.closed.pending, found.closed.late_errors) == (day(14), 0, 0)
    assert found.with_late_errors is None
    assert not found.alarmed_by_late_errors


def test_errors_confirmed_too_late_ring_an_alarm_of_their_own(tmp_path: Path) -> None:
    folder = slow(tmp_path / "data", 20, 0.25, 5)
    found = watch_folder(folder, 0.05, as_of=day(19), settle_days=3)
    assert not found.alarm.alarmed
    assert found.alarmed_by_late_errors
    assert found.closed is not None
    assert found.with_late_errors is not None
    assert found.with_late_errors.alarm.errors == found.closed.late_errors > 0
    assert found.closed.accuracy_now.high < 0.95
    early = watch_folder(folder, 0.05, as_of=day(4), settle_days=3)
    assert early.with_late_errors is None
    path = tmp_path / "state.json"
    write_state(path, found)
    again = check_state(path, folder)
    assert again.settings == found.settings
    assert again.settings is not None
    assert again.settings.settle_days == 3


@pytest.mark.parametrize("answer", [4, 5])
def test_a_team_that_answers_after_the_grace_rings_as_if_it_had_answered_in_time(tmp_path: Path, answer: int) -> None:
    """The alarm counts none of these audits; what is open until now stays out of the second run, too."""
    late = watch_folder(slow(tmp_path / "late", 20, 0.25, 0, answer), 0.05, as_of=day(19))
    in_time = watch_folder(
        slow(tmp_path / "in-time", 20, 0.25, 0), 0.05, as_of=day(19 - answer), false_alarm=LATE_SHARE * FALSE_ALARM
    )
    assert (late.alarm.count, late.alarm.alarmed) == (0, False)
    assert late.closed is not None
    assert (late.closed.open, late.closed.answered_late) == (20 * 17, 20 * (20 - answer))
    assert late.alarmed_by_late_errors
    assert late.with_late_errors is not None
    assert late.with_late_errors.alarm.errors == late.closed.late_errors
    assert late.with_late_errors.alarm.state() == in_time.alarm.state()
    pd.testing.assert_frame_equal(late.with_late_errors.path, in_time.path)
    assert late.with_late_errors.alarm_day == in_time.alarm_day


def stream(
    rng: np.random.Generator, runs: int, days: int, a_day: int, error: float, longest: int
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray[Any, Any]]:
    """Audits of many runs, each of days far from those of the others; errors are settled late, rights at once.

    What is contradicted falsely is cleared late, too; how late depends on the answer: errors take up to `longest` days.
    """
    many = runs * days * a_day
    run, on = np.repeat(np.arange(runs), days * a_day), np.tile(np.repeat(np.arange(days), a_day), runs)
    number = run * 80 + on
    wrong = rng.random(many) < error
    doubted = wrong | (rng.random(many) < 0.02)
    lag = np.where(wrong, rng.integers(0, longest + 1, many), rng.integers(0, 3, many))
    name = np.array([f"p{one}" for one in range(many)], dtype=object)
    audits = pd.DataFrame(
        {
            "product_id": name,
            "revision": 1,
            "category_id": "tools",
            "day": np.datetime64("2025-01-01", "s") + number * np.timedelta64(86_400, "s"),
        }
    )
    base = {"revision": 1, "status": "answered", "adjudicated": False, "category_id": "toys"}
    first = pd.DataFrame(
        {"product_id": name, "labeller": "ann"} | base | {"category_id": np.where(doubted, "toys", "tools")}
    )
    second = pd.DataFrame({"product_id": name[doubted], "labeller": "ben"} | base)
    second["adjudicated"] = True
    second["category_id"] = np.where(wrong[doubted], "toys", "tools")
    labels = pd.concat([first, second], ignore_index=True)
    places = np.concatenate([np.arange(many), np.flatnonzero(doubted)])
    waited = np.concatenate([np.zeros(many, dtype=np.int64), lag[doubted]])
    answered_on = audits["day"].to_numpy(dtype="datetime64[D]")[places] + waited * np.timedelta64(1, "D")
    return audits, labels, answered_on


@pytest.mark.parametrize(("longest", "settle_days"), [(20, 30), (20, 8)])
def test_false_alarm_stays_rare_when_errors_are_settled_later_than_rights(longest: int, settle_days: int) -> None:
    """At the limit itself. What is seen on any evening is a beginning of the whole, so the whole is tested."""
    runs, days, a_day, limit = 1_000, 30, 8, 0.1
    audits, labels, answered_on = stream(np.random.default_rng(1), runs, days, a_day, limit, longest)
    found = close_days(audits, labels, answered_on, np.datetime64("9999-01-01"), 3, settle_days)
    assert found.closed.all()
    errors = (found.state == WRONG).reshape(runs, -1)
    assert np.isin(found.state, (RIGHT, WRONG, PENDING)).all()
    assert (found.state == PENDING).any() == (settle_days < longest)
    if settle_days >= longest:
        assert errors.mean() == pytest.approx(limit, abs=0.01)  # none is lost, so nothing is safe by being blind
    rung = np.isfinite(alarm_times(errors, 0.5, limit, 0.5, horizon=days * a_day)).mean()
    assert rung <= 0.05


def test_false_alarm_of_the_errors_that_came_late_is_that_of_the_alarm() -> None:
    """Asked every day for the audits of closed days with what is confirmed until then, weights ten-fold unequal."""
    rng = np.random.default_rng(2)
    runs, days, a_day, limit = 800, 40, 10, 0.1
    shape = (runs, days * a_day)
    probability = np.where(rng.random(shape) < 0.5, 0.05, 0.5)
    wrong = rng.random(shape) < limit
    known_on = np.arange(days).repeat(a_day) + np.where(wrong, rng.integers(0, 30, shape), 0)
    rung = np.zeros(runs, dtype=bool)
    whole = np.isfinite(alarm_times(wrong, probability, limit, 0.05, horizon=days * a_day))
    for evening in range(9, days + 30, 10):
        seen = min(evening + 1, days) * a_day
        confirmed = (wrong & (known_on <= evening))[:, :seen]
        rung |= np.isfinite(alarm_times(confirmed, probability[:, :seen], limit, 0.05, horizon=days * a_day))
    assert rung.mean() <= 0.05
    assert (rung & ~whole).mean() <= 0.005


def rung_among(wrong: np.ndarray[Any, Any], chosen: np.ndarray[Any, Any], limit: float) -> np.ndarray[Any, Any]:
    """Whether the alarm rings in each run, shape (runs, n), over the chosen ones of its audits in their order."""
    first = np.argsort(~chosen, axis=1, kind="stable")
    times = alarm_times(
        np.take_along_axis(wrong, first, axis=1), 0.5, limit, 0.5, LATE_SHARE * FALSE_ALARM, wrong.shape[1]
    )
    return np.asarray(times <= chosen.sum(axis=1))


@pytest.mark.parametrize("evening", [14, 60])
def test_false_alarm_with_answers_that_came_late_keeps_its_level_on_any_evening(evening: int) -> None:
    """Half of the answers come up to 20 days late, right or wrong alike; and errors are confirmed later still."""
    runs, days, a_day, limit = 500, 30, 8, 0.1
    rng = np.random.default_rng(3)
    audits, labels, answered_on = stream(rng, runs, days, a_day, limit, 6)
    of_label = pd.Index(audits["product_id"]).get_indexer(labels["product_id"])
    wait = np.where(rng.random(len(audits)) < 0.5, rng.integers(4, 21, len(audits)), 0)
    answered_on = answered_on + wait[of_label] * np.timedelta64(1, "D")
    on = np.tile(np.repeat(np.arange(days), a_day), runs)
    asked_on = audits["day"].to_numpy(dtype="datetime64[D]") + (evening - on) * np.timedelta64(1, "D")
    known = labels[answered_on <= asked_on[of_label]]
    found = close_days(audits, known, answered_on[answered_on <= asked_on[of_label]], np.datetime64("9999-01-01"), 3, 3)
    now = states(audits, known)
    over = on <= evening - 3
    then, since = (over & has_answer(one) for one in (found.state, now))
    assert (~then & since).sum() > 0.15 * over.sum()
    assert (over & ~since).any() == (evening < days)
    rung = rung_among((now == WRONG).reshape(runs, -1), (then | since).reshape(runs, -1), limit)
    assert rung.mean() <= LATE_SHARE * FALSE_ALARM


@pytest.mark.parametrize(("soonest", "latest", "most"), [(5, 5, LATE_SHARE * FALSE_ALARM), (0, 20, FALSE_ALARM)])
def test_false_alarm_of_late_answers_asked_every_evening(soonest: int, latest: int, most: float) -> None:
    """At its own level where answers take equally long; below the alarm's where they are strewn over weeks."""
    rng = np.random.default_rng(4)
    runs, days, a_day, limit = 1_000, 40, 8, 0.1
    shape = (runs, days * a_day)
    wrong = rng.random(shape) < limit
    on = np.arange(days).repeat(a_day)
    answered_on = on + rng.integers(soonest, latest + 1, shape)
    rung = np.zeros(runs, dtype=bool)
    for evening in range(3, days + latest + 1, 2):
        rung |= rung_among(wrong, (answered_on <= evening) & (on <= evening - 3), limit)
    assert rung.mean() <= most


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.booleans()), min_size=1, max_size=10), st.data())
def test_who_enters_does_not_depend_on_what_was_said(audits: list[tuple[int, int, bool]], data: st.DataObject) -> None:
    """Only on when the first answer came."""
    names = [f"p{number}" for number in range(len(audits))]
    first = np.datetime64("2025-01-01", "D")
    on = first + np.array([one for one, _, _ in audits]) * np.timedelta64(1, "D")
    frame = pd.DataFrame(
        {"product_id": names, "revision": 1, "category_id": "tools", "day": on.astype("datetime64[s]")}
    )
    answered_on = on + np.array([wait for _, wait, _ in audits]) * np.timedelta64(1, "D")

    def entered(said: list[bool]) -> list[bool]:
        labels = pd.DataFrame({"product_id": names, "revision": 1, "labeller": "ann", "status": "answered"})
        labels = labels.assign(adjudicated=False, category_id=np.where(said, "toys", "tools"))
        found = close_days(frame, labels, answered_on, first + np.timedelta64(60, "D"), 3, 8)
        assert found.closed.all()
        return np.isin(found.state, (RIGHT, WRONG, PENDING)).tolist()

    other = [data.draw(st.booleans()) for _ in audits]
    assert entered([said for _, _, said in audits]) == entered(other)


def test_without_an_audit_nothing_is_closed_or_held() -> None:
    empty = pd.DataFrame({"product_id": [], "revision": [], "category_id": [], "day": []}).astype(
        {"product_id": object, "day": "datetime64[s]"}
    )
    nothing = close_days(empty, empty, np.array([], dtype="datetime64[D]"), np.datetime64(dt.date(2025, 1, 1)))
    assert (nothing.state.size, nothing.closed.size, nothing.held) == (0, 0, None)
