"""What could hide trouble is never green, and what hides nothing is no alarm."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monitoring import judging
from monitoring.verdict import Reason
from tests.monitoring import made
from tests.monitoring.weeks import DAYS, SETTINGS, catalogue, judged

DAY = pd.Timedelta(days=1)
OTHER = ("5", "of-another")


def reasons(found: judging.Judged) -> dict[str, Reason]:
    return {one.code: one for one in found.verdict.reasons}


def changed(folder: Path, table: str, days: range, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    for number in days:
        made.edit(folder, table, str(made.day_of(number)), change)
    return folder


def unsettled(labels: pd.DataFrame) -> pd.DataFrame:
    """Nobody looks a second time."""
    return labels[~labels["adjudicated"].to_numpy(dtype=bool)]


def settled_later(days: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(labels: pd.DataFrame) -> pd.DataFrame:
        late = labels["adjudicated"].astype(bool)
        return labels.assign(labelled_at=labels["labelled_at"].where(~late, labels["labelled_at"] + days * DAY))

    return change


def answered_later(days: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda labels: labels.assign(labelled_at=labels["labelled_at"] + days * DAY)


class TestBelow:
    """The whole interval lies below the promise, and the alarm is silent: one that asks for very much."""

    settings = dataclasses.replace(SETTINGS, false_alarm=1e-30)

    @pytest.mark.parametrize("tolerance", [0.05, 0.3])
    def test_is_said_plainly_and_is_no_chance(self, tmp_path: Path, tolerance: float) -> None:
        found = judged(catalogue(tmp_path, error=0.25), dataclasses.replace(self.settings, tolerance=tolerance))
        reason = reasons(found)["accuracy.below"]
        assert reason.figures["high"] < made.TARGET
        assert found.seen.accuracy.known == (tolerance == 0.3)
        assert (reason.colour, found.verdict.exit_code) == ("unknown", 4)
        assert "Audits say that the accuracy of automatic decisions lies below the 90 % promised" in reason.text
        assert f"{100 * reason.figures['high']:.1f} %" in reason.text
        assert "has not confirmed it yet: it has counted" in reason.text
        assert "hold automation back" in reason.text
        assert "chance" not in reason.text
        assert "accuracy.unknown" not in reasons(found)
        assert not found.verdict.brakeable

    def test_says_that_answers_came_too_late_for_the_alarm(self, tmp_path: Path) -> None:
        folder = changed(catalogue(tmp_path, error=0.4), "labels", range(DAYS), answered_later(5))
        reason = reasons(judged(folder, self.settings))["accuracy.below"]
        assert reason.colour == "unknown"
        assert f"{reason.figures['answered_late']:,} audits were answered too late for it" in reason.text
        assert "or raise grace_days" in reason.text

    def test_where_the_promise_lies_within_the_interval_it_may_be_chance(self, tmp_path: Path) -> None:
        found = judged(catalogue(tmp_path, error=0.12), dataclasses.replace(self.settings, tolerance=0.2))
        reason = reasons(found)["accuracy.below"]
        assert reason.figures["accuracy"] < made.TARGET <= reason.figures["high"]
        assert (reason.colour, found.verdict.exit_code) == ("yellow", 0)
        assert "may be chance" in reason.text


class TestContradictions:
    def test_that_nobody_settles_are_not_green(self, tmp_path: Path) -> None:
        folder = changed(catalogue(tmp_path, error=0.12), "labels", range(DAYS), unsettled)
        found = judged(folder, dataclasses.replace(SETTINGS, tolerance=0.2))
        reason = reasons(found)["accuracy.pending"]
        assert found.verdict.exit_code == 4
        assert reason.figures["pending"] > 10
        assert reason.figures["if_pending_wrong"] < made.TARGET
        assert f"{reason.figures['pending']} contradictions wait" in reason.text
        assert " to 100.0 % of automatic decisions are right" in found.verdict.summary

    def test_that_cannot_break_the_promise_are_green(self, sound: Path, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(sound, tmp_path / "data"))
        found = judged(changed(folder, "labels", range(DAYS - 1, DAYS), unsettled))
        assert found.verdict.colour == "green"

    def test_that_hold_the_alarm_are_named(self, folder: Path) -> None:
        changed(folder, "labels", range(DAYS - 6, DAYS - 5), unsettled)
        reason = reasons(judged(folder))["accuracy.pending"]
        assert reason.colour == "yellow"
        assert f"has not gone beyond {made.day_of(DAYS - 6)}" in reason.text

    @pytest.mark.parametrize("late", [5, 9])
    def test_that_are_settled_late_are_red_all_the_same(self, tmp_path: Path, late: int) -> None:
        """By the alarm, or where even `settle_days` are over by the errors that came too late for it."""
        folder = changed(catalogue(tmp_path, error=0.4), "labels", range(DAYS), settled_later(late))
        found = judged(folder)
        assert found.verdict.exit_code == 3
        assert found.verdict.brakeable
        assert {"accuracy.alarm", "accuracy.late_errors"} & set(reasons(found))
        assert "accuracy.below" not in reasons(found)

    def test_late_errors_alone_may_be_brakeable(self, tmp_path: Path) -> None:
        folder = changed(catalogue(tmp_path, error=0.4), "labels", range(DAYS), settled_later(5))
        found = judged(folder, dataclasses.replace(SETTINGS, settle_days=3))
        assert reasons(found)["accuracy.late_errors"].colour == "red"
        assert "accuracy.alarm" not in reasons(found)
        assert found.verdict.brakeable
        assert found.verdict.alarm is not None
        assert found.verdict.alarm["alarmed_by_late_errors"]
        assert not found.verdict.alarm["alarmed"]

    @pytest.mark.parametrize("late", [4, 5])
    def test_of_a_team_that_answers_after_the_grace_are_red_all_the_same(self, tmp_path: Path, late: int) -> None:
        folder = changed(catalogue(tmp_path, error=0.4), "labels", range(DAYS), answered_later(late))
        found = judged(folder)
        assert found.verdict.exit_code == 3
        assert found.verdict.brakeable
        reason = reasons(found)["accuracy.late_errors"]
        assert reason.colour == "red"
        assert "had no answer until then" in reason.text
        assert not {"accuracy.alarm", "accuracy.unknown", "accuracy.below"} & set(reasons(found))

    def test_one_that_nobody_settles_does_not_hide_an_alarm(self, tmp_path: Path) -> None:
        folder = changed(catalogue(tmp_path, error=0.3), "labels", range(1), unsettled)
        found = judged(folder, dataclasses.replace(SETTINGS, settle_days=60))
        assert reasons(found)["accuracy.late_errors"].colour == "red"
        assert found.verdict.brakeable


class TestAudits:
    def test_that_are_answered_no_more(self, folder: Path) -> None:
        found = judged(made.without(folder, "labels", range(4, DAYS)), dataclasses.replace(SETTINGS, tolerance=0.2))
        reason = reasons(found)["accuracy.stale"]
        assert found.verdict.exit_code == 4
        assert reason.figures["days"] == 10
        assert "have no answer" in reason.text

    def test_that_are_drawn_no_more(self, folder: Path) -> None:
        made.without(folder, "labels", range(4, DAYS))
        blank = {"audit_probability": np.nan, "audit_drawn": None, "blind": None}
        changed(folder, "predictions", range(4, DAYS), lambda rows: rows.assign(**blank))
        found = reasons(judged(folder, dataclasses.replace(SETTINGS, tolerance=0.2)))
        assert "none was drawn" in found["accuracy.stale"].text
        assert "without an audit draw" in found["window.gaps"].text

    @pytest.mark.parametrize("stored", [1e-9, 1.0])
    def test_whose_draws_contradict_their_probability(self, folder: Path, stored: float) -> None:
        changed(folder, "predictions", range(DAYS), lambda rows: rows.assign(audit_probability=stored))
        found = judged(folder)
        assert reasons(found)["accuracy.draws"].colour == "unknown"
        assert found.verdict.exit_code == 4


def by_another(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(model_version=OTHER[0], policy_id=OTHER[1])


class TestOtherModels:
    reference = made.reference(known_models=made.KNOWN | {OTHER})

    def test_a_known_one_that_decides_the_newest_days(self, folder: Path) -> None:
        found = judged(changed(folder, "predictions", range(DAYS - 2, DAYS), by_another), reference=self.reference)
        assert found.verdict.exit_code == 4
        assert "decided none of the newest" in reasons(found)["window.other_model"].text

    @pytest.mark.parametrize(("others", "colour"), [(0.7, "unknown"), (0.2, "yellow"), (0.0, None)])
    def test_a_known_one_that_decides_beside_the_champion(
        self, folder: Path, others: float, colour: str | None
    ) -> None:
        def some(rows: pd.DataFrame) -> pd.DataFrame:
            return pd.concat([by_another(rows.head(round(others * len(rows)))), rows.tail(-round(others * len(rows)))])

        found = reasons(judged(changed(folder, "predictions", range(1, DAYS), some), reference=self.reference))
        assert (found["window.other_model"].colour if "window.other_model" in found else None) == colour

    def test_before_the_champion_are_the_past(self, folder: Path) -> None:
        settings = dataclasses.replace(SETTINGS, tolerance=0.2)
        for known in (self.reference, made.reference()):
            changed(folder, "predictions", range(8), by_another)
            found = judged(folder, settings, reference=known)
            assert found.verdict.colour == "green"

    def test_unknown_ones_count_from_where_the_champion_began(self, folder: Path) -> None:
        """Four of the last five days: less than half of the window."""
        changed(folder, "predictions", range(9), lambda rows: rows.assign(model_version="0", policy_id="old"))
        changed(folder, "predictions", range(10, DAYS), lambda rows: pd.concat([by_another(rows[:60]), rows[60:]]))
        assert reasons(judged(folder))["window.unknown_model"].colour == "unknown"


class TestDays:
    def test_one_wrong_clock_moves_no_window(self, folder: Path) -> None:
        def one_later(rows: pd.DataFrame) -> pd.DataFrame:
            later = pd.Timestamp("2099-01-01", tz="UTC")
            return rows.assign(predicted_at=rows["predicted_at"].where(np.arange(len(rows)) > 0, later))

        changed(folder, "predictions", range(DAYS - 1, DAYS), one_later)
        now = dt.datetime.combine(made.day_of(DAYS), dt.time(9), dt.UTC)
        found = judged(folder, day=None, now=now)
        assert found.verdict.day == made.day_of(DAYS - 1)
        assert "2099-01-01" in reasons(found)["window.gaps"].text

    def test_a_day_that_is_asked_for_without_predictions_around_it(self, folder: Path) -> None:
        made.without(folder, "predictions", range(DAYS - 2, DAYS))
        found = judged(folder)
        assert reasons(found)["window.stale"].figures == {"last": str(made.day_of(DAYS - 3)), "days": 2}
        assert found.verdict.exit_code == 4

    def test_a_day_that_is_not_over_closes_nothing(self, sound: Path) -> None:
        """The alarm takes no audit that later ones of the same day could still go before."""
        for hour in (1, 23):
            now = dt.datetime.combine(made.day_of(DAYS - 1), dt.time(hour), dt.UTC)
            found = judged(sound, now=now).verdict.alarm
            assert found is not None
            assert found["closed_until"] == made.day_of(DAYS - 2)

    def test_the_first_day_of_all_is_watched_tomorrow(self, tmp_path: Path) -> None:
        folder = made.catalogue(tmp_path / "data", days=1, per_day=80)
        now = dt.datetime.combine(made.FIRST, dt.time(20), dt.UTC)
        found = judged(folder, day=made.FIRST, now=now)
        assert found.verdict.alarm is None
        assert found.verdict.exit_code == 4

    def test_the_clock_is_in_no_text(self, folder: Path) -> None:
        changed(folder, "labels", range(3, 4), lambda rows: rows.assign(labelled_at=rows["labelled_at"] + 40 * DAY))
        first, second = (dt.datetime.combine(made.day_of(DAYS), dt.time(9, minute), dt.UTC) for minute in (1, 2))
        texts = [json.dumps(judged(folder, now=now).verdict.as_table()) for now in (first, second)]
        assert "later than now" in texts[0]
        assert texts[0] == texts[1]


class TestBrakes:
    def test_automation_held_back_is_no_shift(self, folder: Path) -> None:
        changed(folder, "predictions", range(DAYS - 5, DAYS), lambda rows: rows.assign(decision="review"))
        found = judged(folder)
        assert "predictions.lasting" not in reasons(found)
        assert reasons(found)["predictions.held"].figures["share"] == 1.0
        assert found.verdict.colour == "yellow"

    def test_an_alarm_that_rang_stays_though_the_window_has_no_automatic_decision(self, tmp_path: Path) -> None:
        folder = catalogue(tmp_path, error=0.4)
        changed(folder, "predictions", range(DAYS - 5, DAYS), lambda rows: rows.assign(decision="review"))
        found = judged(folder, dataclasses.replace(SETTINGS, window_days=5))
        assert found.verdict.reasons[0].code == "accuracy.alarm"
        assert "No audit of automatic decisions of these days" in found.verdict.reasons[0].text


def test_small_shifts_that_last_are_told_by_days_together(tmp_path: Path) -> None:
    def somewhat_cut(frame: pd.DataFrame, number: int) -> pd.DataFrame:
        shorter = frame["title"].where(np.arange(len(frame)) % 3 == 0, frame["title"].str[3:])
        return frame.assign(title=shorter) if number >= DAYS - 5 else frame

    found = judged(made.catalogue(tmp_path / "data", days=DAYS, per_day=60, error=0.04, change=somewhat_cut))
    (title,) = (one for one in found.seen.shifts.columns if one.column == "title_length")
    assert (title.state, title.together) == ("alarm", True)
    assert "taken together" in reasons(found)["data.lasting"].text
