"""Where the store is, what may be printed of it, and what is said when it does not answer. Needs no MLflow."""

from __future__ import annotations

import base64
import http.server
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aisle.errors import RegistryError
from pipelines.registry import connection
from pipelines.registry.presence import files_are_there, version_is_there

REGISTRATION = {"model_name": "aisle", "version": "3", "inputs_hash": "abc"}


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names = (
        "TRACKING_URI",
        "REGISTRY_URI",
        "TRACKING_USERNAME",
        "TRACKING_PASSWORD",
        "TRACKING_TOKEN",
        "EXPERIMENT_NAME",
    )
    for name in names:
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)
    monkeypatch.delenv("AISLE_MODEL_NAME", raising=False)
    monkeypatch.setattr(connection, "LOCK_SECONDS", 0.2)
    monkeypatch.setattr(connection, "REACH_SECONDS", 1.0)


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A store that another connection holds for itself."""
    path = tmp_path / "mlflow.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("CREATE TABLE model_versions (name)")
    holder.execute("BEGIN EXCLUSIVE")
    yield path
    holder.close()


class TestAddresses:
    def test_the_usual_store_lies_in_the_current_folder(self, tmp_path: Path) -> None:
        assert connection.tracking_uri() == f"sqlite:///{tmp_path}/mlflow.db"
        assert connection.registry_uri() == connection.tracking_uri()

    def test_a_relative_path_is_made_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs/store.db")
        assert connection.tracking_uri() == f"sqlite:///{tmp_path}/runs/store.db"

    def test_a_server_is_taken_as_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://tracking.example/team")
        assert connection.tracking_uri() == "https://tracking.example/team"

    @pytest.mark.parametrize(
        ("uri", "expected"),
        [
            ("https://ann:secret@tracking.example:5000/team", "https://tracking.example:5000/team"),
            ("postgresql://ann:s%40cret@db.example/mlflow?sslmode=on", "postgresql://db.example/mlflow"),
            ("sqlite:////srv/mlflow.db?key=secret", "sqlite:////srv/mlflow.db"),
        ],
    )
    def test_nothing_secret_is_shown(self, uri: str, expected: str) -> None:
        assert connection.shown(uri) == expected

    def test_the_name_of_the_model_can_be_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert connection.model_name() == "aisle"
        monkeypatch.setenv("AISLE_MODEL_NAME", "aisle-toys")
        assert connection.model_name() == "aisle-toys"


class TestOutOfReach:
    def test_a_locked_store_is_said_within_a_bounded_time(self, locked: Path) -> None:
        before = time.monotonic()
        with pytest.raises(RegistryError, match=r"mlflow\.db: locked by another process; wait until that ends"):
            connection.connect()
        assert time.monotonic() - before < 5

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "mlflow.db").write_text("these are my notes, not a database; " * 40)
        with pytest.raises(RegistryError, match="not an SQLite database; move it away"):
            connection.connect()
        assert (tmp_path / "mlflow.db").read_text().startswith("these are my notes")

    @pytest.mark.parametrize("uri", ["http://ann:secret@127.0.0.1:9/", "http://no-such-host.invalid:5000"])
    def test_a_server_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        before = time.monotonic()
        with pytest.raises(RegistryError, match=r"out of reach .*check that the server runs") as caught:
            connection.connect()
        assert time.monotonic() - before < 10
        assert "secret" not in str(caught.value)

    def test_a_server_that_accepts_and_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import socket

        with socket.create_server(("127.0.0.1", 0)) as silent:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
            with pytest.raises(RegistryError, match="out of reach"):
                connection.connect()

    def test_the_stage_ends_with_one_line_and_code_2(self, tmp_path: Path, root: Path) -> None:
        """As DVC calls it, with a store out of reach; nothing is left behind."""
        from tests.pipelines.small_graph import write_graph

        write_graph(tmp_path)
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.register"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(root), "MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("aisle: tracking store http://127.0.0.1:9: out of reach")
        assert not (tmp_path / "work" / "registration.json").exists()


class TestTranslated:
    def test_what_is_ours_passes_through(self) -> None:
        with pytest.raises(ZeroDivisionError), connection.translated():
            raise ZeroDivisionError

    def test_an_error_of_the_store_becomes_one_line(self) -> None:
        full = r"^tracking store sqlite:.*: the disk is full; free some space"
        with pytest.raises(RegistryError, match=full), connection.translated():
            raise sqlite3.OperationalError("database or disk is full")


def store_with(path: Path, inputs_hash: str, location: Path | str) -> None:
    """As much of MLflow's tables as presence reads; the contract test holds the real ones against it."""
    store = sqlite3.connect(path)
    store.execute("CREATE TABLE model_versions (name, version INTEGER, storage_location, source, current_stage)")
    store.execute("CREATE TABLE model_version_tags (name, version INTEGER, key, value)")
    store.execute("INSERT INTO model_versions VALUES ('aisle', 3, ?, 'models:/m-1', 'None')", (str(location),))
    store.execute("INSERT INTO model_version_tags VALUES ('aisle', 3, 'inputs_hash', ?)", (inputs_hash,))
    store.commit()
    store.close()


class TestPresenceInSqlite:
    def test_no_store_has_no_version_and_none_is_made(self, tmp_path: Path) -> None:
        assert not version_is_there(REGISTRATION)
        assert not list(tmp_path.iterdir())

    def test_a_store_without_tables_has_none(self, tmp_path: Path) -> None:
        sqlite3.connect(tmp_path / "mlflow.db").close()
        assert not version_is_there(REGISTRATION)

    @pytest.mark.parametrize(
        ("registration", "expected"),
        [
            (REGISTRATION, True),
            (REGISTRATION | {"version": "4"}, False),
            (REGISTRATION | {"model_name": "other"}, False),
            (REGISTRATION | {"inputs_hash": "of another machine's version 3"}, False),
        ],
        ids=["there", "no such version", "no such model", "another version of that number"],
    )
    def test_looks_at_name_number_and_inputs(
        self, tmp_path: Path, registration: dict[str, str], expected: bool
    ) -> None:
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "MLmodel").touch()
        store_with(tmp_path / "mlflow.db", "abc", (tmp_path / "model").as_uri())
        assert version_is_there(registration) is expected

    def test_a_version_without_files_is_lost(self, tmp_path: Path) -> None:
        store_with(tmp_path / "mlflow.db", "abc", (tmp_path / "gone").as_uri())
        assert not version_is_there(REGISTRATION)

    def test_a_deleted_version_is_lost(self, tmp_path: Path) -> None:
        store_with(tmp_path / "mlflow.db", "abc", "s3://bucket/model")
        assert version_is_there(REGISTRATION)
        with sqlite3.connect(tmp_path / "mlflow.db") as store:
            store.execute("UPDATE model_versions SET current_stage = 'Deleted_Internal'")
        store.close()
        assert not version_is_there(REGISTRATION)

    def test_a_locked_store_is_no_answer(self, locked: Path) -> None:
        with pytest.raises(RegistryError, match="locked by another process"):
            version_is_there(REGISTRATION)

    def test_files_elsewhere_are_believed(self) -> None:
        assert files_are_there("s3://bucket/model")
        assert files_are_there("mlflow-artifacts:/1/models/m-1/artifacts")

    def test_imports_no_mlflow(self, root: Path) -> None:
        program = (
            "import sys, pipelines.registry.presence; sys.exit('mlflow' in sys.modules or 'pandas' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0


class Registry(http.server.BaseHTTPRequestHandler):
    """Knows version 3 of aisle; asks for a password where `credentials` says so."""

    credentials: str | None = None

    def do_GET(self) -> None:
        if self.credentials and self.headers.get("Authorization") != self.credentials:
            self.send_error(401)
        elif self.path == "/team/api/2.0/mlflow/model-versions/get?name=aisle&version=3":
            body = json.dumps({"model_version": {"tags": [{"key": "inputs_hash", "value": "abc"}]}}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error(404)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{listening.server_port}/team"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{address}")
        yield address
        listening.shutdown()


class TestPresenceOnAServer:
    @pytest.mark.parametrize(
        ("changes", "expected"), [({}, True), ({"version": "4"}, False), ({"inputs_hash": "other"}, False)]
    )
    @pytest.mark.usefixtures("server")
    def test_asks_for_the_version(self, changes: dict[str, str], expected: bool) -> None:
        assert version_is_there(REGISTRATION | changes) is expected

    def test_sends_the_credentials_of_the_address(self, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Registry, "credentials", "Basic " + base64.b64encode(b"ann:s@cret").decode())
        with pytest.raises(RegistryError, match="refused the credentials"):
            version_is_there(REGISTRATION)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ann:s%40cret@{server}")
        assert version_is_there(REGISTRATION)

    @pytest.mark.usefixtures("server")
    def test_sends_a_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Registry, "credentials", "Bearer key")
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "key")
        assert version_is_there(REGISTRATION)

    def test_a_server_that_does_not_answer_is_no_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        with pytest.raises(RegistryError, match="out of reach"):
            version_is_there(REGISTRATION)
