"""What tests of monitoring share: a decider for rehearsals, and a small model in a real registry."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from monitoring.rehearsal import Decider
from tests.monitoring import made, weeks


@pytest.fixture(scope="session")
def decider(catalogue: Path) -> Decider:
    """Who decides in rehearsals on the sample `catalogue`."""
    return made.decider(catalogue)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good weeks; only to be read."""
    return weeks.catalogue(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy of `sound` to spoil."""
    return Path(shutil.copytree(sound, tmp_path / "data"))


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a real registry of its own, one small version in it; shared, so only to be read."""
    from aisle.catalogue.tables import read_frame, write_frame
    from aisle.decision.evidence.frame import reference
    from aisle.decision.policy import read_policy
    from pipelines.registry import registering
    from tests.pipelines.small_graph import CANDIDATE, write_graph

    folder = write_graph(tmp_path_factory.mktemp("registered"))
    work = folder / "work"
    scores, held_out = (
        read_frame(work / path) for path in (f"scores/{CANDIDATE}/test.parquet", "prepared/test.parquet")
    )
    write_frame(reference(scores, held_out, read_policy(work / "policy.json")), work / "reference.parquet")
    with threadpool_limits(1), pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "AISLE_MODEL_NAME", "MLFLOW_EXPERIMENT_NAME"):
            patch.delenv(name, raising=False)
        registering.register(folder)
    return folder


@pytest.fixture
def registry(registered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `registered` as the current folder, without a champion; its artifacts stay where they are."""
    shutil.copy(registered / "mlflow.db", tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "AISLE_MODEL_NAME", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
