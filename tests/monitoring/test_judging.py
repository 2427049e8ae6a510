from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aisle.audit.loop import measuring
from aisle.catalogue.tables import read_table
from monitoring import judging
from monitoring.reasons import STEPS, reasons_of, steps_of
from monitoring.settings import Lasting, Settings
from tests.monitoring import made
from tests.monitoring.weeks import DAYS, SETTINGS, catalogue, judged


def codes(found: judging.Judged) -> set[str]:
    return {one.code for one in found.verdict.reasons}


def relabelled(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    """All predictions, changed."""
    for number in range(DAYS):
        made.edit(folder, "predictions", str(made.day_of(number)), change)
    return folder


class TestGreen:
    def test_good_weeks_are_green_and_known(self, sound: Path) -> None:
        found = judged(sound)
        assert codes(found) == set()
        assert (found.verdict.colour, found.verdict.exit_code) == ("green", 0)
        assert found.seen.accuracy.known
        assert found.verdict.blame == []
        assert "are right" in found.verdict.summary

    def test_the_same_rows_give_the_same_verdict(self, sound: Path) -> None:
        first, second = (json.dumps(judged(sound).verdict.as_table(), allow_nan=False) for _ in range(2))
        assert first == second


class TestNotKnown:
    def test_without_answers_nothing_is_green(self, folder: Path) -> None:
        found = judged(made.without(folder, "labels", range(DAYS)))
        assert found.verdict.colour == "unknown"
        assert found.verdict.exit_code == 4
        assert "accuracy.unknown" in codes(found)
        assert "no audit" in found.verdict.summary
        assert found.verdict.accuracy["audits_needed"] > 50
        assert found.verdict.accuracy["days_needed"] is None

    def test_few_answers_say_how_many_more_and_how_long(self, folder: Path) -> None:
        found = judged(made.without(folder, "labels", range(3, DAYS)), Settings(window_days=DAYS, tolerance=0.01))
        (reason,) = (one for one in found.verdict.reasons if one.code == "accuracy.unknown")
        assert found.verdict.colour == "unknown"
        assert reason.figures["audits_needed"] > 0
        assert reason.figures["days_needed"] > 0
        assert f"{reason.figures['audits_needed']:,} more answered audits" in reason.text

    def test_a_model_that_the_registry_does_not_know(self, folder: Path) -> None:
        """The version is the champion's number, yet the policy another's: nothing of it counts."""
        found = judged(relabelled(folder, lambda rows: rows.assign(policy_id="old")))
        assert found.verdict.exit_code == 4
        assert {"window.unknown_model", "accuracy.unknown"} <= codes(found)
        assert found.seen.accuracy.estimate.answered == 0

    def test_days_that_are_missing(self, folder: Path) -> None:
        found = judged(made.without(folder, "predictions", range(1, 10)))
        assert found.verdict.colour == "unknown"
        assert "window.missing_days" in codes(found)

    def test_a_few_missing_days_are_named_and_a_look(self, folder: Path) -> None:
        found = judged(made.without(folder, "predictions", range(4, 6)))
        assert found.verdict.colour == "yellow"
        assert codes(found) == {"window.missing_days"}
        assert "2 of 14 days have no predictions" in found.verdict.summary
        assert [one["code"] for one in found.verdict.gaps].count("missing_day") == 2
        assert (made.day_of(4), "missing_day") in found.pictured.gaps

    def test_one_missing_day_is_told_of_in_the_singular(self, folder: Path) -> None:
        found = judged(made.without(folder, "predictions", range(4, 5)))
        assert "1 of 14 days has no predictions" in found.verdict.summary
        assert found.verdict.reasons[0].text == "1 of 14 days has no predictions."

    def test_a_day_twice_with_another_content(self, folder: Path) -> None:
        name = str(made.day_of(8))
        there = folder / "predictions" / f"{name}.parquet"
        shutil.copy(there, there.with_name(f"{name}-again.parquet"))
        assert judged(folder).verdict.colour == "green"
        other = {"category_id": "toys-car", "branch_id": "toys", "confidence": 0.99}
        made.edit(folder, "predictions", f"{name}-again", lambda rows: rows.assign(**other))
        found = judged(folder)
        (reason,) = (one for one in found.verdict.reasons if one.colour == "unknown")
        assert (reason.code, found.verdict.exit_code) == ("window.contradicting", 4)
        assert reason.figures == {"predictions": 80, "gaps": 1}
        assert f"80 predictions both in predictions/{name}-again.parquet and {name}.parquet that" in reason.text
        assert "predictions contradict each other" in found.verdict.summary

    def test_days_before_the_first_prediction_ever_are_not_missing(self, sound: Path) -> None:
        found = judged(sound, Settings(window_days=60, least_rows=24))
        assert found.verdict.colour == "green"
        assert found.verdict.window["first"] == made.FIRST

    def test_a_feed_that_has_ended_is_not_green(self, sound: Path) -> None:
        later = dt.datetime.combine(made.day_of(DAYS + 10), dt.time(), dt.UTC)
        assert "window.stale" in codes(judged(sound, day=None, now=later))
        assert "window.stale" not in codes(judged(sound, now=later))
        assert "window.stale" not in codes(judged(sound, day=None, now=later - dt.timedelta(days=9)))

    def test_too_few_rows_a_day_to_judge_shifts(self, sound: Path) -> None:
        found = judged(sound, Settings(window_days=DAYS, least_rows=500))
        assert codes(found) == {"data.unknown"}
        assert found.verdict.colour == "unknown"


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> judging.Judged:
    """One of four automatic decisions is wrong."""
    return judged(catalogue(tmp_path_factory.mktemp("wrong"), error=0.25))


class TestRed:
    def test_an_error_above_the_promise_rings_the_alarm(self, wrong: judging.Judged) -> None:
        assert wrong.verdict.exit_code == 3
        assert wrong.verdict.reasons[0].code == "accuracy.alarm"
        assert "accuracy.below" not in codes(wrong)
        assert wrong.verdict.alarm is not None
        assert wrong.verdict.alarm["alarmed"]
        assert "the alarm rang at audit" in wrong.verdict.summary

    def test_days_before_trouble_was_mended_are_judged_no_more(self, tmp_path: Path) -> None:
        folder = catalogue(tmp_path, error=lambda number: 0.4 if number < 5 else 0.03)
        assert judged(folder).verdict.colour == "red"
        since = Settings(window_days=DAYS, least_rows=24, alarm_since=made.day_of(5))
        assert judged(folder, since).verdict.colour == "green"

    @pytest.mark.parametrize(
        ("by_origin", "step"),
        [
            ({"audit": 300, "import": 700}, "Go by the audits alone"),
            ({"audit": 300, "model": 700}, "Train on human labels only"),
            ({}, "If the champion was not trained on human labels only"),
        ],
    )
    def test_the_step_of_a_loop_fits_what_the_champion_was_trained_on(
        self, wrong: judging.Judged, by_origin: dict[str, int], step: str
    ) -> None:
        reference = made.reference(training={"by_origin": by_origin})
        labels = [measuring.training(reference.training), *wrong.seen.signs.signs]
        kept = tuple({one.name: one for one in reversed(labels)}.values())
        seen = dataclasses.replace(
            wrong.seen,
            signs=dataclasses.replace(wrong.seen.signs, signs=kept, colour="red", text="It feeds on itself."),
        )
        reasons = reasons_of(seen, SETTINGS, asked=True, today=made.day_of(DAYS))
        (reason,) = (one for one in reasons if one.code == "loop.signs")
        assert steps_of([reason])[0].startswith(step)

    def test_it_says_who_with_products_to_look_at(self, wrong: judging.Judged) -> None:
        (first, *_) = wrong.verdict.blame
        assert first["change"] == "errors"
        assert first["products"]
        assert {"product_id", "title", "category_id", "answered_category_id"} <= set(first["products"][0])
        assert first["products"][0]["category_id"] != first["products"][0]["answered_category_id"]

    def test_a_shift_that_lasts(self, tmp_path: Path) -> None:
        def cut(frame: pd.DataFrame, number: int) -> pd.DataFrame:
            return frame.assign(title=frame["title"].str[:6]) if number >= DAYS - 5 else frame

        found = judged(catalogue(tmp_path, change=cut))
        (reason,) = (one for one in found.verdict.reasons if one.code == "data.lasting")
        assert found.verdict.colour == "red"
        assert "title_length" in reason.figures["columns"]
        assert any(one["change"] == "title_length" for one in found.verdict.blame)

    def test_one_odd_day_is_a_look(self, tmp_path: Path) -> None:
        def cut(frame: pd.DataFrame, number: int) -> pd.DataFrame:
            return frame.assign(title=frame["title"].str[:6]) if number == DAYS - 2 else frame

        found = judged(catalogue(tmp_path, change=cut))
        assert found.verdict.colour == "yellow"
        assert "data.look" in codes(found)

    def test_three_of_five_may_be_one_of_one(self, tmp_path: Path) -> None:
        def cut(frame: pd.DataFrame, number: int) -> pd.DataFrame:
            return frame.assign(title=frame["title"].str[:6]) if number == DAYS - 1 else frame

        settings = Settings(window_days=DAYS, least_rows=24, lasting=Lasting(1, 1))
        assert judged(catalogue(tmp_path, change=cut), settings).verdict.colour == "red"


class TestOddRows:
    def test_a_single_class_of_answers_is_no_crash(self, folder: Path) -> None:
        one = {"category_id": "toys-car", "branch_id": "toys", "decision": "auto", "confidence": 0.9}
        found = judged(relabelled(folder, lambda rows: rows.assign(**one)))
        assert found.verdict.colour in ("red", "unknown")

    def test_all_under_review(self, folder: Path) -> None:
        found = judged(relabelled(folder, lambda rows: rows.assign(decision="review")))
        assert found.seen.watch is None
        assert found.verdict.alarm is None
        assert found.verdict.exit_code != 0

    def test_nobody_drew_audits(self, folder: Path) -> None:
        blank = {"audit_probability": np.nan, "audit_drawn": None, "blind": None}
        found = judged(relabelled(folder, lambda rows: rows.assign(**blank)))
        assert found.verdict.exit_code == 4
        assert "accuracy.unknown" in codes(found)

    def test_an_answer_before_its_prediction_is_a_gap_and_a_look(self, folder: Path) -> None:
        early = pd.Timedelta(days=3)
        name = str(made.day_of(5))
        made.edit(folder, "labels", name, lambda rows: rows.assign(labelled_at=rows["labelled_at"] - early))
        found = judged(folder)
        assert "window.gaps" in codes(found)
        assert found.verdict.colour != "green"

    def test_two_models_in_a_day_are_named(self, folder: Path) -> None:
        def half(rows: pd.DataFrame) -> pd.DataFrame:
            other = np.arange(len(rows)) % 2 == 0
            return rows.assign(model_version=np.where(other, "2", rows["model_version"]))

        made.edit(folder, "predictions", str(made.day_of(DAYS - 1)), half)
        found = judged(folder)
        assert "several_models" in {one["code"] for one in found.verdict.gaps}
        assert "window.unknown_model" in codes(found)

    def test_a_model_without_a_version_is_called_so(self, folder: Path) -> None:
        name = str(made.day_of(DAYS - 2))
        made.edit(folder, "predictions", name, lambda rows: rows.assign(model_version=None, policy_id=None))
        (reason,) = (one for one in judged(folder).verdict.reasons if one.code == "window.unknown_model")
        assert "(no version, no policy)" in reason.text
        assert (reason.figures["model_version"], reason.figures["policy_id"]) == (None, None)

    @pytest.mark.parametrize("days", [1, 3])
    def test_gaps_are_told_of_in_whole_sentences(self, folder: Path, days: int) -> None:
        later = pd.Timestamp("2099-01-01", tz="UTC")
        for number in range(5, 5 + days):
            made.edit(folder, "labels", str(made.day_of(number)), lambda rows: rows.assign(labelled_at=later))
        (reason,) = (one for one in judged(folder).verdict.reasons if one.code == "window.gaps")
        assert "?," not in reason.text
        told = "This could hide trouble." if days == 1 else "This and 2 more gaps could hide trouble."
        assert reason.text.endswith(f"is a clock wrong? {told}")

    def test_a_window_of_one_day(self, sound: Path) -> None:
        found = judged(sound, Settings(window_days=1, least_rows=24))
        assert found.verdict.colour != "green"


def test_every_reason_says_what_to_do() -> None:
    folder = Path(judging.__file__).parent
    text = "".join((folder / name).read_text() for name in ("reasons.py", "accuracy_reasons.py"))
    assert all(step.endswith(".") for step in STEPS.values())
    assert {"accuracy.alarm", "data.lasting", "loop.signs", "window.stale"} <= set(STEPS)
    assert all(f'"{code.split(".")[1]}"' in text or f'"{code}"' in text for code in STEPS)
    assert set(re.findall(r'Reason\("([a-z_.]+)"', text)) <= set(STEPS)


def test_the_made_catalogue_has_what_the_tests_assume(sound: Path) -> None:
    assert len(read_table(sound, "predictions")) == DAYS * 80
