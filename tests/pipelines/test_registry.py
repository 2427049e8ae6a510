"""Registering with the real MLflow on a temporary SQLite store, in the order in which a team would."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from aisle.errors import ModelError
from pipelines.registry import connection, packaging, registering, versions
from pipelines.registry.presence import version_is_there
from tests.pipelines.small_graph import CANDIDATE, edit_json, write_graph

# SQLAlchemy finds fault with MLflow's own queries.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Many threads for a few rows make a busy machine wait."""
    with threadpool_limits(1), pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "AISLE_MODEL_NAME", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder whose graph run was registered, and what was said of it. Tests leave it as it is."""
    folder = write_graph(tmp_path_factory.mktemp("first"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        registration = registering.register(folder)
    return folder, registration


@pytest.fixture
def again(
    first: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, dict[str, Any]]:
    """A copy of `first` with a store of its own, as the current folder."""
    folder, registration = first
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path, registration


def client() -> Any:
    return connection.connect()


def other_model(folder: Path, **changes: Any) -> None:
    """The graph ran again and made another model."""
    write_graph(folder, seed=5, **changes)


class TestFirstRegistration:
    def test_says_what_was_registered(self, first: tuple[Path, dict[str, Any]]) -> None:
        folder, said = first
        assert said["tracking_uri"] == f"sqlite:///{folder}/mlflow.db"
        assert (said["model_name"], said["version"], said["alias"], said["created"]) == (
            "aisle",
            "1",
            "challenger",
            True,
        )
        assert said["gate"]["result"] == "no_champion"
        assert said["gate"]["champion"] is None
        assert json.dumps(said)

    def test_artifacts_lie_beside_the_store(self, first: tuple[Path, dict[str, Any]]) -> None:
        folder, said = first
        kept = folder / "mlartifacts" / said["run_id"] / "artifacts"
        expected = {"report.html", "policy.json", "reference.parquet", "metrics.json", "model_card.md"}
        assert expected <= {path.name for path in kept.iterdir()}
        assert {path.name for path in (kept / "evidence").iterdir()} == {"curve.png", "evidence.json"}
        assert (kept / "validation" / "page.html").is_file()
        assert not (folder / "mlruns").exists()

    def test_the_version_carries_alias_tags_and_card(
        self, first: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, said = first
        monkeypatch.chdir(folder)
        version = client().get_model_version_by_alias("aisle", "challenger")
        assert str(version.version) == said["version"]
        assert version.description.startswith("Certified: at least 90 %")
        wanted = {
            "data_version": "0" * 32 + ".dir",
            "git_commit": "none",
            "certified": "true",
            "threshold": "0.6",
            "gate": "no_champion",
            "inputs_hash": said["inputs_hash"],
            "policy_id": said["policy_id"],
        }
        assert wanted.items() <= version.tags.items()

    def test_the_run_has_parameters_metrics_data_and_a_child_a_candidate(
        self, first: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, said = first
        monkeypatch.chdir(folder)
        asked = client()
        run = asked.get_run(said["run_id"])
        assert run.info.status == "FINISHED"
        assert run.data.params["policy.target_accuracy"] == "0.9"
        assert run.data.metrics["coverage_at_95"] == 0.8
        assert "certified" not in run.data.metrics
        (data,) = run.inputs.dataset_inputs
        assert data.dataset.digest == "0" * 32 + ".dir"
        wanted = f"tags.`mlflow.parentRunId` = '{said['run_id']}'"
        (child,) = asked.search_runs([run.info.experiment_id], wanted)
        assert child.info.run_name == CANDIDATE
        assert child.data.metrics["fit_seconds"] == 1.5
        assert child.data.metrics["peak_mb"] == 200.0
        curve = asked.get_metric_history(child.info.run_id, "accuracy_at_coverage")
        assert sorted((point.step, point.value) for point in curve) == [(0, 1.0), (25, 0.99), (50, 0.97), (100, 0.9)]

    def test_nothing_is_pickled(self, first: tuple[Path, dict[str, Any]]) -> None:
        names = [path.name for path in (first[0] / "mlartifacts").rglob("*") if path.is_file()]
        assert "model.skops" in names
        assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib", ".cloudpickle"))]


class TestRegisteringAgain:
    def test_same_inputs_make_no_second_version(self, again: tuple[Path, dict[str, Any]]) -> None:
        folder, said = again
        assert registering.register(folder) == said | {
            "created": False,
            "tracking_uri": f"sqlite:///{folder}/mlflow.db",
        }
        assert [one.version for one in client().search_model_versions("name = 'aisle'")] == [1]

    def test_a_missing_alias_comes_back(self, again: tuple[Path, dict[str, Any]]) -> None:
        client().delete_registered_model_alias("aisle", "challenger")
        assert registering.register(again[0])["created"] is False
        assert client().get_model_version_by_alias("aisle", "challenger").version == 1

    def test_a_version_that_was_deleted_is_made_again(self, again: tuple[Path, dict[str, Any]]) -> None:
        folder, said = again
        client().delete_model_version("aisle", "1")
        assert not version_is_there(said)
        made = registering.register(folder)
        assert made["created"] is True
        assert version_is_there(made)

    def test_a_store_that_lacks_it_gets_it(
        self, first: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, said = first
        monkeypatch.chdir(folder)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other/mlflow.db")
        assert not version_is_there(said)
        made = registering.register(folder)
        assert made["created"] is True
        assert made["tracking_uri"] == f"sqlite:///{tmp_path}/other/mlflow.db"
        assert (tmp_path / "other" / "mlartifacts").is_dir()
        assert version_is_there(made)

    def test_lost_files_are_a_lost_version(
        self, again: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, said = again
        monkeypatch.setattr("pipelines.registry.presence.files_are_there", lambda location: False)
        monkeypatch.setattr("pipelines.registry.versions.files_are_there", lambda location: False)
        assert not version_is_there(said)
        assert registering.register(folder)["version"] == "2"

    def test_a_run_killed_before_its_version_is_closed_and_done_again(
        self, again: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What a kill leaves: a RUNNING parent with a finished child, no version."""
        folder, _ = again
        other_model(folder)
        made = {}

        def killed(client: Any, run_id: str, *_: Any) -> None:
            made["run_id"] = run_id
            raise SystemExit("killed")

        with monkeypatch.context() as patch:
            patch.setattr(versions, "create", killed)
            with pytest.raises(SystemExit):
                registering.register(folder)
        client().update_run(made["run_id"], status="RUNNING")
        done = registering.register(folder)
        assert (done["version"], done["created"]) == ("2", True)
        assert done["run_id"] != made["run_id"]
        assert client().get_run(made["run_id"]).info.status == "KILLED"

    def test_a_version_killed_before_its_alias_gets_it(
        self, again: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, _ = again
        other_model(folder)

        def killed(*_: Any) -> None:
            raise SystemExit("killed")

        with monkeypatch.context() as patch:
            patch.setattr(versions, "challenge", killed)
            with pytest.raises(SystemExit):
                registering.register(folder)
        found = client().get_model_version("aisle", "2")
        client().update_run(found.run_id, status="RUNNING")
        done = registering.register(folder)
        assert (done["version"], done["created"]) == ("2", False)
        assert client().get_model_version_by_alias("aisle", "challenger").version == 2
        assert client().get_run(found.run_id).info.status == "FINISHED"

    def test_a_model_that_answers_otherwise_after_logging_is_not_registered(
        self, again: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, _ = again
        other_model(folder)
        direct = packaging.direct_answers

        def a_hair_off(*arguments: Any) -> Any:
            return direct(*arguments).assign(confidence=lambda said: said["confidence"] * (1 - 1e-15))

        monkeypatch.setattr(packaging, "direct_answers", a_hair_off)
        with pytest.raises(ModelError, match="row 0, column confidence"):
            registering.register(folder)
        assert [one.version for one in client().search_model_versions("name = 'aisle'")] == [1]

    def test_a_deleted_experiment_is_restored(self, again: tuple[Path, dict[str, Any]]) -> None:
        folder, _ = again
        asked = client()
        asked.delete_experiment(asked.get_experiment_by_name("aisle").experiment_id)
        registering.register(folder)
        assert asked.get_experiment_by_name("aisle").lifecycle_stage == "active"

    def test_the_card_counts_how_often_the_calibration_rows_were_used(self, again: tuple[Path, dict[str, Any]]) -> None:
        folder, _ = again
        other_model(folder, threshold=0.7)
        said = registering.register(folder)
        described = [client().get_model_version("aisle", number).description for number in ("1", "2")]
        assert "1 threshold was chosen on these calibration rows so far" in described[0]
        assert "2 thresholds were chosen on these calibration rows so far" in described[1]
        assert said["calibration"]["uses"] == 2
        assert said["calibration"]["youngest"] == "2025-03-01"

    def test_another_model_of_the_same_policy_is_no_further_use(self, again: tuple[Path, dict[str, Any]]) -> None:
        """Whoever changes what has no part in the threshold has not looked at the rows again."""
        folder, _ = again
        with (folder / "params.yaml").open("a") as parameters:
            parameters.write("gate: {coverage_margin: 0.05}\n")
        said = registering.register(folder)
        assert said["created"]
        assert said["calibration"]["uses"] == 1


class TestGate:
    def test_a_worse_challenger_fails(self, again: tuple[Path, dict[str, Any]]) -> None:
        folder, _ = again
        versions.promote(client(), "1", "ann", "first")
        other_model(folder, threshold=0.999)
        said = registering.register(folder)
        assert said["gate"]["result"] == "failed"
        assert any("coverage" in reason and "worse by more than" in reason for reason in said["gate"]["reasons"])
        assert client().get_model_version("aisle", said["version"]).tags["gate"] == "failed"

    def test_is_asked_again_when_the_champion_changed_since(self, again: tuple[Path, dict[str, Any]]) -> None:
        folder, _ = again
        other_model(folder)
        assert registering.register(folder)["gate"]["result"] == "no_champion"
        versions.promote(client(), "1", "ann", "first")
        said = registering.register(folder)
        assert (said["created"], said["gate"]["champion"]) == (False, "1")
        assert said["gate"]["result"] in ("passed", "undecided")
        assert any("accuracy over all products" in reason for reason in said["gate"]["reasons"])
        found = client().get_model_version("aisle", "2")
        assert found.tags["gate_champion"] == "1"
        assert "against champion version 1" in found.description

    def test_a_champion_is_not_compared_with_itself(self, again: tuple[Path, dict[str, Any]]) -> None:
        folder, _ = again
        versions.promote(client(), "1", "ann", "first")
        assert registering.register(folder)["gate"]["result"] == "no_champion"

    def test_a_champion_that_cannot_be_loaded_leaves_it_undecided(
        self, again: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, _ = again
        versions.promote(client(), "1", "ann", "first")
        other_model(folder)

        def broken(*_: Any) -> None:
            raise ModelError("it is damaged")

        monkeypatch.setattr(packaging, "answers_apart", broken)
        said = registering.register(folder)["gate"]
        assert said["result"] == "undecided"
        assert "version 1, could not be asked: it is damaged" in said["reasons"][-1]


class TestInputsHash:
    @pytest.mark.parametrize("file", ["params.yaml", "data/taxonomy.csv"])
    def test_changes_with_every_input(self, first: tuple[Path, dict[str, Any]], tmp_path: Path, file: str) -> None:
        from pipelines.registry.graph import read_graph

        folder, said = first
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
        addition = {"params.yaml": "gate: {accuracy_margin: 0.02}\n", "data/taxonomy.csv": "new,,New\n"}[file]
        with (tmp_path / file).open("a") as target:
            target.write(addition)
        assert read_graph(folder).inputs_hash == said["inputs_hash"]
        assert read_graph(tmp_path).inputs_hash != said["inputs_hash"]

    def test_changes_with_the_data(self, first: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
        from pipelines.registry.graph import read_graph

        shutil.copytree(first[0], tmp_path, dirs_exist_ok=True)
        edit_json(tmp_path / "metrics.json", data_version="1" * 32 + ".dir")
        assert read_graph(tmp_path).inputs_hash != first[1]["inputs_hash"]
