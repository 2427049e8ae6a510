"""The Evidently report, its metrics and the workspace, on a made catalogue."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitoring import judging, report, workspace
from monitoring.settings import Settings
from tests.monitoring import made

# Evidently's own imports are not free of deprecated ways.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

DAYS = 8
SETTINGS = Settings(window_days=DAYS, least_rows=24)
MOMENT = dt.datetime.combine(made.day_of(DAYS), dt.time(), dt.UTC)


def judged(folder: Path) -> judging.Judged:
    return judging.judge(folder, SETTINGS, reference=made.reference(), day=made.day_of(DAYS - 1), now=MOMENT)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> judging.Judged:
    folder = tmp_path_factory.mktemp("sound") / "data"
    return judged(made.catalogue(folder, days=DAYS, per_day=80, error=0.04))


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> judging.Judged:
    """Half of the automatic decisions are wrong, and titles are cut in the last days."""

    def cut(frame: Any, number: int) -> Any:
        return frame.assign(title=frame["title"].str[:6]) if number >= DAYS - 4 else frame

    folder = tmp_path_factory.mktemp("wrong") / "data"
    return judged(made.catalogue(folder, days=DAYS, per_day=80, error=0.5, change=cut))


@pytest.fixture(scope="module")
def snapshot(sound: judging.Judged) -> Any:
    return report.snapshot_of(sound)


def values(snapshot: Any) -> dict[str, float]:
    return {one["metric_name"]: one["value"] for one in snapshot.dict()["metrics"]}


def statuses(snapshot: Any) -> dict[str, str]:
    return {
        one["metric_config"]["params"].get("name")
        or one["metric_config"]["params"].get("column")
        or one["metric_config"]["params"].get("end"): one["status"].value
        for one in snapshot.dict()["tests"]
    }


class TestFigures:
    def test_are_those_of_the_verdict(self, sound: judging.Judged, snapshot: Any) -> None:
        found, accuracy = values(snapshot), sound.verdict.accuracy
        assert found["AuditedAccuracy(end=estimate)"] == pytest.approx(accuracy["accuracy"])
        assert found["AuditedAccuracy(end=low)"] == pytest.approx(accuracy["low"])
        assert found["AuditedAccuracy(end=high)"] == pytest.approx(accuracy["high"])
        assert found["MonitorFigure(name=target)"] == made.TARGET
        alarm = sound.verdict.alarm
        assert alarm is not None
        assert found["MonitorFigure(name=alarm)"] == pytest.approx(alarm["capital"] / alarm["goal"])

    def test_coverage_is_that_of_the_last_day(self, sound: judging.Judged, snapshot: Any) -> None:
        rows = sound.seen.rows
        last = rows[(rows["day"] == made.day_of(DAYS - 1)).to_numpy()]
        assert values(snapshot)["AutomaticShare()"] == pytest.approx((last["decision"] == "auto").mean())

    def test_each_column_has_the_level_that_evidently_measures(self, sound: judging.Judged, snapshot: Any) -> None:
        found = values(snapshot)
        for one in sound.seen.shifts.columns:
            if np.isfinite(one.level):
                assert found[f"ColumnShift(column={one.column})"] == pytest.approx(one.level, abs=1e-6), one.column

    def test_titles_are_there_too(self, snapshot: Any) -> None:
        assert 0.3 < values(snapshot)["MonitorFigure(name=text)"] < 0.7
        assert "ColumnShift(column=title_text)" in values(snapshot)


class TestTests:
    def test_all_pass_when_all_is_well(self, sound: judging.Judged, snapshot: Any) -> None:
        assert sound.verdict.colour == "green"
        assert set(statuses(snapshot).values()) == {"SUCCESS"}

    def test_an_alarm_fails_and_a_reading_warns(self, wrong: judging.Judged) -> None:
        found = statuses(report.snapshot_of(wrong))
        assert found["alarm"] == "FAIL"
        assert (found["estimate"], found["low"]) == ("WARNING", "WARNING")

    def test_a_shift_that_lasts_fails(self, wrong: judging.Judged) -> None:
        found = statuses(report.snapshot_of(wrong))
        assert found["lasting"] == "FAIL"
        assert found["title_length"] == "FAIL"


class TestPage:
    def test_asks_for_nothing_elsewhere(self, snapshot: Any, tmp_path: Path, page: Any) -> None:
        path = tmp_path / "evidently.html"
        path.write_text(snapshot.get_html_str(as_iframe=False))
        page.goto(path.as_uri())
        page.get_by_text("Audited accuracy of automatic decisions").first.wait_for(timeout=60_000)

    def test_distributions_are_in_percent(self, snapshot: Any) -> None:
        widgets = [one for one in snapshot._widgets if "Shift of seller" in str(one.title)]
        assert [trace["visible"] for trace in widgets[0].params["data"]] == [False, True, False, True]

    def test_has_a_title(self, snapshot: Any) -> None:
        text = report.page_of(snapshot, "Distributions on <day>")
        assert "<title>Distributions on &lt;day&gt;</title>" in text[:500]

    @pytest.mark.filterwarnings("error::RuntimeWarning")
    def test_a_column_without_any_value_is_no_warning(self, tmp_path: Path) -> None:
        """Products that the catalogue does not hold have no fields at all."""
        folder = made.catalogue(tmp_path / "data", days=DAYS, per_day=40, error=0.04)
        (folder / "products" / f"{made.day_of(DAYS - 1)}.parquet").unlink()
        assert values(report.snapshot_of(judged(folder)))


class TestWorkspace:
    def test_a_day_has_one_snapshot_however_often_it_is_added(self, snapshot: Any, tmp_path: Path) -> None:
        paths = {workspace.add_snapshot(snapshot, made.FIRST, tmp_path) for _ in range(2)}
        other = workspace.add_snapshot(snapshot, made.day_of(1), tmp_path)
        assert sorted(other.parent.iterdir()) == sorted({*paths, other})
        assert len(paths) == 1

    def test_days_between_keep_their_place_without_figures(self, snapshot: Any, tmp_path: Path) -> None:
        from evidently.ui.workspace import Workspace

        for number in (5, 2, 3):  # an earlier day may be judged later
            workspace.add_snapshot(snapshot, made.day_of(number), tmp_path)
        (project,) = Workspace(str(tmp_path)).list_projects()
        found = {}
        for run in Workspace(str(tmp_path)).list_runs(project.id):
            model = Workspace(str(tmp_path)).get_run(project.id, run)
            assert model is not None
            figures = [one.value for one in model.metric_results.values()]
            found[model.name] = (model.timestamp.date(), bool(np.isnan(figures).all()))
        gap = f"{made.day_of(4)}: not judged"
        assert found.pop(gap) == (made.day_of(4), True)
        assert len(found) == 1  # the three judged ones are the same snapshot here, and carry its name
        files = list((workspace.project_folder(tmp_path) / "snapshots").iterdir())
        assert len(files) == 4

    def test_a_day_that_is_judged_after_all_takes_its_place(self, snapshot: Any, tmp_path: Path) -> None:
        for number in (0, 2):
            workspace.add_snapshot(snapshot, made.day_of(number), tmp_path)
        path = workspace.add_snapshot(snapshot, made.day_of(1), tmp_path)
        assert "not judged" not in path.read_text()
        assert len(list(path.parent.iterdir())) == 3

    def test_single_figures_are_bars(self, snapshot: Any, tmp_path: Path) -> None:
        workspace.add_snapshot(snapshot, made.FIRST, tmp_path)
        panels = json.loads((workspace.project_folder(tmp_path) / "dashboard.json").read_text())["panels"]
        kinds = {one["title"]: one["plot_params"]["plot_type"] for one in panels}
        assert {title for title, kind in kinds.items() if kind == "line"} == {
            "Right among automatic decisions",
            "Columns of products and predictions",
        }

    def test_evidently_reads_it(self, sound: judging.Judged, snapshot: Any, tmp_path: Path) -> None:
        from evidently.ui.workspace import Workspace

        path = workspace.add_snapshot(snapshot, sound.verdict.day, tmp_path)
        (project,) = Workspace(str(tmp_path)).list_projects()
        (run,) = Workspace(str(tmp_path)).list_runs(project.id)
        assert (project.name, str(run)) == ("Aisle", path.stem)
        model = Workspace(str(tmp_path)).get_run(project.id, run)
        assert model is not None
        assert model.metadata["colour"] == "green"
        assert model.timestamp.date() == sound.verdict.day

    def test_each_panel_shows_a_metric_that_the_report_has(self, snapshot: Any) -> None:
        there = {re.sub(r"\(.*", "", name) for name in values(snapshot)}
        figures = {one.split("=")[1].rstrip(")") for one in values(snapshot) if one.startswith("MonitorFigure")}
        for panels in workspace.PANELS.values():
            for panel in panels:
                for _, metric, labels in panel["lines"]:
                    assert metric in there
                    assert labels.get("name", "target") in figures

    def test_a_parameter_of_no_metric_changes_from_day_to_day(
        self, sound: judging.Judged, wrong: judging.Judged, snapshot: Any
    ) -> None:
        """Else a line of the dashboard would end every day."""
        names = [set(values(one)) for one in (snapshot, report.snapshot_of(wrong))]
        assert names[0] == names[1]

    def test_the_panels_are_written_once(self, snapshot: Any, tmp_path: Path) -> None:
        workspace.add_snapshot(snapshot, made.FIRST, tmp_path)
        path = workspace.project_folder(tmp_path) / "dashboard.json"
        before = path.stat().st_mtime_ns
        workspace.add_snapshot(snapshot, made.day_of(1), tmp_path)
        assert path.stat().st_mtime_ns == before
        assert {one["title"] for one in json.loads(path.read_text())["tabs"]} == set(workspace.PANELS)


def test_nothing_judged_is_a_report_all_the_same(tmp_path: Path) -> None:
    folder = made.catalogue(tmp_path / "data", days=2, per_day=10, answered=False)
    settings = Settings(window_days=2, least_rows=500)
    found = judging.judge(folder, settings, reference=made.reference(), day=made.day_of(1), now=MOMENT)
    assert "MonitorFigure(name=target)" in values(report.snapshot_of(found))
