"""What we rely on in MLflow: the next version must still do this."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from aisle.catalogue.columns import PRODUCT_FIELDS
from pipelines.registry import connection, packaging, registering, versions
from pipelines.registry.presence import version_is_there
from tests.pipelines.small_graph import CANDIDATE, products, write_graph

ANSWER = [
    "category_id",
    "branch_id",
    "confidence",
    "branch_confidence",
    "decision",
    "threshold",
    "decided_id",
    "start_branch_id",
]

# SQLAlchemy finds fault with MLflow's own queries.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder with a registered version; it is the current one as long as the module runs."""
    folder = write_graph(tmp_path_factory.mktemp("registered"))
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.chdir(folder)
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "AISLE_MODEL_NAME", "MLFLOW_EXPERIMENT_NAME"):
            patch.delenv(name, raising=False)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield folder, registering.register(folder)


@pytest.fixture(scope="module")
def model(registered: tuple[Path, dict[str, Any]]) -> Any:
    import mlflow

    connection.connect()
    return mlflow.pyfunc.load_model("models:/aisle@challenger")


def files_of(folder: Path) -> packaging.ModelFiles:
    work = folder / "work"
    skops = work / "candidates" / CANDIDATE / "model.skops"
    return packaging.ModelFiles(skops, work / "policy.json", folder / "data" / "taxonomy.csv")


class TestTheLoadedModel:
    def test_answers_bit_for_bit_as_its_files(self, registered: tuple[Path, dict[str, Any]], model: Any) -> None:
        rows = products(50, 7, "new")
        found, expected = (
            model.predict(packaging.inputs_of(rows)),
            packaging.direct_answers(files_of(registered[0]), rows),
        )
        pd.testing.assert_frame_equal(found, expected, check_exact=True)

    def test_has_the_signature(self, model: Any) -> None:
        schema = model.metadata.signature
        assert [one.name for one in schema.inputs.inputs if one.required] == ["title"]
        assert schema.inputs.input_names() == list(PRODUCT_FIELDS)
        assert schema.outputs.input_names() == ANSWER

    @pytest.mark.parametrize(("title", "said"), [(None, "missing"), (float("nan"), "missing"), ("  ", "empty")])
    def test_refuses_a_product_without_a_title(self, model: Any, title: object, said: str) -> None:
        """MLflow's own schema lets nulls in required columns pass."""
        from mlflow.exceptions import MlflowException

        with pytest.raises(MlflowException, match=f"row 1: title is {said}; every product needs one"):
            model.predict(pd.DataFrame({"title": ["Garden hose", title]}, dtype=object))

    def test_refuses_rows_without_the_column(self, model: Any) -> None:
        from mlflow.exceptions import MlflowException

        with pytest.raises(MlflowException, match="title"):
            model.predict(pd.DataFrame({"name": ["Garden hose"]}))

    def test_needs_nothing_but_titles(self, model: Any) -> None:
        found = model.predict(pd.DataFrame({"title": ["hose water reel", "toy car racing"]}))
        assert found["category_id"].tolist() == ["garden-hose", "toys-car"]
        assert found["branch_id"].tolist() == ["garden", "toys"]
        assert set(found["decision"]) <= {"auto", "review"}
        assert found["threshold"].tolist() == [0.6, 0.6]

    def test_takes_nulls_where_it_may(self, model: Any) -> None:
        rows = {
            "title": ["hose water reel"] * 2,
            "brand": [None, "Acme"],
            "price": [5.0, None],
            "currency": [None, None],
        }
        assert model.predict(pd.DataFrame(rows)).shape == (2, len(ANSWER))

    def test_refuses_prices_of_another_type(self, model: Any) -> None:
        """So a caller with whole prices makes them floats first, as `inputs_of` does."""
        from mlflow.exceptions import MlflowException

        rows = pd.DataFrame({"title": ["hose water reel"], "price": [5]})
        with pytest.raises(MlflowException, match="price"):
            model.predict(rows)
        assert len(model.predict(packaging.inputs_of(rows))) == 1

    def test_answers_nothing_with_nothing(self, model: Any) -> None:
        assert model.predict(pd.DataFrame({"title": pd.Series([], dtype=object)})).empty

    def test_keeps_the_order_of_its_rows(self, model: Any) -> None:
        rows = packaging.inputs_of(products(20, 8, "new"))
        forth, back = model.predict(rows), model.predict(rows.iloc[::-1])
        assert back["category_id"].tolist() == forth["category_id"].tolist()[::-1]

    def test_pins_what_it_needs_and_names_no_index(self, registered: tuple[Path, dict[str, Any]]) -> None:
        (needed,) = (registered[0] / "mlartifacts" / "models").rglob("requirements.txt")
        lines = needed.read_text().split()
        assert lines == packaging.requirements()
        assert all("==" in line for line in lines)
        assert not [line for line in lines if line.startswith("-") or "://" in line]

    def test_loads_without_the_checkout(self, registered: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
        """In a process that cannot import this project, the model brings its own code."""
        (stored,) = (registered[0] / "mlartifacts" / "models").glob("*/artifacts")
        program = (
            "import sys, mlflow, pandas; model = mlflow.pyfunc.load_model(sys.argv[1]); "
            "said = model.predict(pandas.DataFrame({'title': ['hose water reel']})); "
            "import aisle; print(said['category_id'][0], aisle.__file__)"
        )
        command = [sys.executable, "-I", "-c", program, str(stored)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        category, code = done.stdout.split()
        assert category == "garden-hose"
        assert Path(code).is_relative_to(stored)

    def test_another_process_gives_the_same_answers(self, registered: tuple[Path, dict[str, Any]]) -> None:
        rows = products(50, 7, "new")
        (stored,) = (registered[0] / "mlartifacts" / "models").glob("*/artifacts")
        found = packaging.answers_apart(stored, rows)
        expected = packaging.direct_answers(files_of(registered[0]), rows)
        assert found["confidence"].to_numpy().tobytes() == expected["confidence"].to_numpy().tobytes()
        assert found["decision"].tolist() == expected["decision"].tolist()


class TestTheRegistry:
    def test_presence_reads_the_real_tables(self, registered: tuple[Path, dict[str, Any]]) -> None:
        assert version_is_there(registered[1])
        assert not version_is_there(registered[1] | {"inputs_hash": "other"})

    def test_an_alias_set_in_the_pages_is_the_champion(self, registered: tuple[Path, dict[str, Any]]) -> None:
        """They call what this calls."""
        client = connection.connect()
        assert versions.champion(client) is None
        client.set_registered_model_alias("aisle", "champion", "1")
        found = versions.champion(client)
        assert found is not None
        assert str(found.version) == "1"
        client.delete_registered_model_alias("aisle", "champion")

    def test_a_digest_of_dvc_fits(self) -> None:
        from mlflow.utils.validation import MAX_DATASET_DIGEST_SIZE

        assert len("0" * 32 + ".dir") <= MAX_DATASET_DIGEST_SIZE

    def test_connecting_leaves_the_environment_alone(self, registered: tuple[Path, dict[str, Any]]) -> None:
        connection.connect()
        assert "MLFLOW_TRACKING_URI" not in os.environ
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.slow
def test_two_first_uses_at_once(tmp_path: Path, root: Path) -> None:
    """MLflow alone fails with "table already exists"."""
    program = "from pipelines.registry import connection as c; print(c.experiment_id(c.connect()))"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-c", program]
    started = [
        subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=250)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert said[0] == said[1] != ""


@pytest.mark.slow
def test_a_kill_while_the_tables_are_made_leaves_nothing_half_made(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow alone can neither use nor mend such a store."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    program = "from pipelines.registry import connection; connection.connect()"
    process = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(root)})
    part = tmp_path / "mlflow.db.part"
    while not (part.exists() and part.stat().st_size):
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.2)
    process.kill()
    process.wait()
    assert not (tmp_path / "mlflow.db").exists()
    assert connection.experiment_id(connection.connect()) == "1"
    assert not part.exists()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A tracking server of its own, as a team would run it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    store, kept = f"sqlite:///{tmp_path}/server.db", str(tmp_path / "server-artifacts")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--artifacts-destination", kept]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, **quiet}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(240):
            assert process.poll() is None
            try:
                urllib.request.urlopen(f"{address}/health", timeout=1).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.slow
def test_a_server_is_served_as_well_as_a_file(
    registered: tuple[Path, dict[str, Any]], server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Register, look, promote and register again, all over HTTP."""
    folder, _ = registered
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    said = registering.register(folder)
    assert (said["version"], said["created"], said["tracking_uri"]) == ("1", True, server)
    assert version_is_there(said)
    assert not version_is_there(said | {"version": "2"})
    client = connection.connect()
    assert versions.promote(client, "latest", "ann", "the first").version == "1"
    assert registering.register(folder)["created"] is False
    with packaging.downloaded(client, "aisle", "1") as model:
        assert json.loads((model / "artifacts" / "policy.json").read_text())["threshold"] == 0.6
        found = packaging.answers_apart(model, products(20, 7, "new"))
    assert np.isfinite(found["confidence"]).all()
