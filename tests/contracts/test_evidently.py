"""What we rely on in Evidently: the next version must still do this."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

DAY = dt.datetime(2025, 6, 30)  # noqa: DTZ001 - Evidently's own times have no zone


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    rows = [
        pd.DataFrame({"length": rng.normal(mean, 1, 300), "seller": rng.choice(["a", "b"], 300, p=(p, 1 - p))})
        for mean, p in ((0.5, 0.7), (0, 0.5))
    ]
    return rows[0], rows[1]


@pytest.fixture(scope="module")
def snapshot(data: tuple[pd.DataFrame, pd.DataFrame]) -> Any:
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift
    from evidently.tests import gte, lte

    from monitoring.metrics.recorded import FIGURES, MonitorFigure

    definition = DataDefinition(numerical_columns=["length"], categorical_columns=["seller"])
    figures = pd.DataFrame({"name": ["target", "loop", "lasting"], "value": [0.9, 2.0, 0.0], "text": "x"})
    metrics = [
        MonitorFigure(name="target", tests=[gte(0.8)]),
        MonitorFigure(name="loop", tests=[lte(0)]),
        MonitorFigure(name="lasting", tests=[gte(1, is_critical=False)]),
        ValueDrift(column="length", method="wasserstein", threshold=0.3),
        ValueDrift(column="seller", method="jensenshannon", threshold=0.1),
    ]
    current, reference = (Dataset.from_pandas(one, data_definition=definition) for one in data)
    more = {FIGURES: Dataset.from_pandas(figures, data_definition=DataDefinition())}
    return Report(metrics).run(current, reference, additional_data=more, timestamp=DAY, metadata={"day": "2025-06-30"})


class TestASnapshot:
    def test_lists_metrics_with_name_config_and_value(self, snapshot: Any) -> None:
        first = snapshot.dict()["metrics"][0]
        assert set(first) == {"id", "metric_name", "config", "value"}
        assert (first["metric_name"], first["value"]) == ("MonitorFigure(name=target)", 0.9)
        assert first["config"]["type"] == "evidently:metric_v2:MonitorFigure"

    def test_says_of_tests_by_an_enumeration_how_they_ended(self, snapshot: Any) -> None:
        from evidently.legacy.tests.base_test import TestStatus

        found = [one["status"] for one in snapshot.dict()["tests"]]
        assert found == [TestStatus.SUCCESS, TestStatus.FAIL, TestStatus.WARNING]
        assert [one.value for one in found] == ["SUCCESS", "FAIL", "WARNING"]

    def test_can_be_written_and_read_again(self, snapshot: Any) -> None:
        from evidently.core.report import Snapshot
        from evidently.legacy.utils import NumpyEncoder

        text = json.dumps(snapshot.dump_dict(), cls=NumpyEncoder)
        again = Snapshot.loads(text)
        assert again.dict()["metrics"] == snapshot.dict()["metrics"]
        assert snapshot.to_snapshot_model().timestamp == DAY

    def test_its_page_is_one_file(self, snapshot: Any) -> None:
        page = snapshot.get_html_str(as_iframe=False)
        assert 10**6 < len(page) < 10**7
        assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="?https?:', page)

    def test_parameters_are_labels_of_a_line_but_tests_are_not(self, snapshot: Any) -> None:
        result = next(iter(snapshot.metric_results.values()))
        assert set(result.metric_value_location.metric.params) - {"type", "tests"} == {"name"}


class TestDrift:
    def test_wasserstein_is_in_deviations_of_the_reference(self, data: Any, snapshot: Any) -> None:
        from scipy.stats import wasserstein_distance

        current, reference = data
        expected = wasserstein_distance(reference["length"], current["length"]) / np.std(reference["length"])
        assert snapshot.dict()["metrics"][3]["value"] == pytest.approx(expected)

    def test_jensenshannon_is_a_distance(self, data: Any, snapshot: Any) -> None:
        from scipy.spatial.distance import jensenshannon

        shares = [one["seller"].value_counts(normalize=True).sort_index() for one in data]
        assert snapshot.dict()["metrics"][4]["value"] == pytest.approx(jensenshannon(*shares))

    def test_a_distribution_has_pairs_of_counts_and_shares(self, data: Any) -> None:
        from evidently import DataDefinition, Dataset
        from evidently.metrics.column_statistics import distribution

        definition = DataDefinition(categorical_columns=["seller"], numerical_columns=["length"])
        current, reference = (Dataset.from_pandas(one, data_definition=definition) for one in data)
        for name in ("seller", "length"):
            (widget,) = distribution("title", current.column(name), reference.column(name))
            assert [trace["visible"] for trace in widget.params["data"]] == [True, False, True, False]
            assert [one["label"] for one in widget.params["layout"]["updatemenus"][0]["buttons"]] == ["abs", "perc"]


class TestAWorkspace:
    def test_is_folders_of_json(self, snapshot: Any, tmp_path: Path) -> None:
        from evidently.sdk.models import ProjectModel
        from evidently.ui.workspace import Workspace

        project = Workspace.create(str(tmp_path)).add_project(ProjectModel(name="p"))
        Workspace(str(tmp_path)).add_run(project.id, snapshot)
        (path,) = (tmp_path / str(project.id) / "snapshots").glob("*.json")
        assert set(json.loads(path.read_text())) >= {"metric_results", "top_level_metrics", "timestamp", "metadata"}
        assert (tmp_path / str(project.id) / "metadata.json").exists()

    def test_ours_gives_its_lines_to_the_dashboard(self, snapshot: Any, tmp_path: Path) -> None:
        """As the pages of `evidently ui` ask for them; a metric that is named with its module would give none."""
        import asyncio

        from evidently.ui.service.base import SeriesFilter
        from evidently.ui.service.storage.local import InMemoryDataStorage

        from monitoring import workspace

        for number in range(3):
            snapshot._timestamp = DAY + dt.timedelta(days=number)
            workspace.add_snapshot(snapshot, snapshot._timestamp.date(), tmp_path)
        panels = json.loads((workspace.project_folder(tmp_path) / "dashboard.json").read_text())["panels"]
        target = next(
            line for panel in panels for line in panel["values"] if line["metric_labels"] == {"name": "target"}
        )
        wanted = SeriesFilter(metric=target["metric"], metric_labels=target["metric_labels"], tags=[], metadata={})
        storage = InMemoryDataStorage(str(tmp_path))
        (project,) = storage.state.projects
        found = asyncio.run(storage.get_data_series(project, [wanted], None, None))
        assert [one.values for one in found.series] == [[0.9, 0.9, 0.9]]
        snapshot._timestamp = DAY


def test_nothing_is_told_to_its_makers(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable that `aisle` and the Makefile set; it is looked at whenever something would be sent."""
    from evidently.telemetry import event_logger

    from commands.main import TELEMETRY_OFF

    monkeypatch.delenv("ITERATIVE_DO_NOT_TRACK", raising=False)
    monkeypatch.setenv("DO_NOT_TRACK", TELEMETRY_OFF["DO_NOT_TRACK"])
    assert not event_logger.is_enabled()


def test_the_dashboard_is_started_by_one_command() -> None:
    program = Path(sys.executable).with_name("evidently")
    done = subprocess.run([program, "ui", "--help"], check=True, capture_output=True, text=True)
    for option in ("--workspace", "--host", "--port", "--secret"):
        assert option in done.stdout
