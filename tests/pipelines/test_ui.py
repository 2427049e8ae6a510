from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aisle.errors import ConfigurationError, RegistryError, exit_code_of
from pipelines import ui


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on while the test runs."""
    with socket.socket() as listener:
        listener.bind((ui.HOST, 0))
        listener.listen()
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_no_port_is_refused(port: int) -> None:
    with pytest.raises(ConfigurationError, match=f"port {port}: a port lies between"):
        ui.free_port(port)


def test_a_port_in_use_is_refused_when_asked_for(taken: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"port {taken}: in use; .* `make ui PORT={taken + 1}`"):
        ui.free_port(taken)


def test_another_port_is_taken_when_the_usual_one_is_in_use(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui, "USUAL_PORT", taken)
    port = ui.free_port(None)
    assert port != taken
    assert ui.free_port(port) == port


def test_serves_the_local_store_to_this_machine_alone(
    taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(ui, "serve", started.append)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////tmp/store.db")
    monkeypatch.setattr(ui, "USUAL_PORT", taken)
    monkeypatch.setattr(sys, "argv", ["ui"])
    ui.main()
    (command,) = started
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--backend-store-uri") + 1] == "sqlite:////tmp/store.db"
    assert f"http://127.0.0.1:{command[command.index('--port') + 1]}" in capsys.readouterr().out


SERVER = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"])
child.wait()
"""


def test_an_interruption_ends_the_server_and_its_workers(root: Path) -> None:
    code = "import sys; from pipelines.ui import serve; serve([sys.executable, '-c', sys.argv[1]])"
    command = [sys.executable, "-c", code, SERVER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=root, stdout=pipe, stderr=pipe, text=True) as serving:
        assert serving.stdout is not None
        try:
            assert serving.stdout.readline() == "up\n"
            serving.send_signal(signal.SIGINT)
            out, err = serving.communicate(timeout=20)  # waits until the last worker has closed its end
        finally:
            serving.kill()
    assert (serving.returncode, out.strip(), err) == (0, "MLflow has ended.", "")


def test_a_server_that_fails_is_an_error() -> None:
    with pytest.raises(RegistryError, match="ended with an error"):
        ui.serve([sys.executable, "-c", "raise SystemExit(3)"])


def test_the_server_starts_no_jobs_and_reports_to_nobody() -> None:
    code = f"import os; raise SystemExit(any(os.environ[name] != value for name, value in {ui.QUIET}.items()))"
    ui.serve([sys.executable, "-c", code])


def test_a_store_on_a_server_has_its_own_pages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://user:secret@tracking.example/")
    monkeypatch.setattr(sys, "argv", ["ui"])
    assert exit_code_of(ui.main) == 0
    told = capsys.readouterr().out
    assert "https://tracking.example" in told
    assert "secret" not in told
