"""The servers: started as processes of their own, waited for, stopped by the process that was started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aisle.errors import ModelError
from benchmarks.catalogues import PROJECT

READY_SECONDS = 120.0
# One thread for each server, whatever the library: they share two cores with those who ask.
_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "true",
}


@dataclass(frozen=True)
class Server:
    """A server that runs: its port, its process, and how long it took until it was ready."""

    port: int
    process: subprocess.Popen[bytes]
    seconds_to_ready: float


def free_port() -> int:
    """A port of the loopback that nobody has now."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


@contextlib.contextmanager
def running(
    command: list[str], port: int, health: str, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """The server for as long as the block lasts; its output goes to `log`.

    Raises
    ------
    ModelError
        When it ends, or is not ready in two minutes; the last line of its output is given.
    """
    start = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **_ENVIRONMENT, "PATH": _path(), "PYTHONPATH": str(PROJECT), **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while not _is_ready(port, health):
            if process.poll() is not None or time.perf_counter() - start > READY_SECONDS:
                last = (log.read_text(errors="replace").strip().splitlines() or ["no output"])[-1]
                raise ModelError(f"the server {' '.join(command[:4])} … did not come up: {last}")
            time.sleep(0.01)
        yield Server(port, process, time.perf_counter() - start)
    finally:
        stop(process)


def _path() -> str:
    """With our environment's commands first: MLflow starts `uvicorn` by its name."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def stop(process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
    """End a server and all it started."""
    for signal_number, patience in ((how, 15.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def _is_ready(port: int, health: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{health}", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def mlflow_served(model: Path, log: Path) -> contextlib.AbstractContextManager[Server]:
    """A model as MLflow serves it, one worker."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(model), "--env-manager", "local"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    return running(command, port, "/ping", log)


def fastapi_linear(folder: Path, log: Path) -> contextlib.AbstractContextManager[Server]:
    """The linear model in a FastAPI app with one route and nothing else."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.serving.bare_fastapi", str(folder), str(port)]
    return running(command, port, "/healthz", log)


def our_linear(folder: Path, taxonomy: Path, predictions: Path, log: Path) -> contextlib.AbstractContextManager[Server]:
    """The linear model behind our service."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.serving.our_linear", str(folder), str(taxonomy), str(port)]
    return running(command, port, "/readyz", log, {"AISLE_LOG_FOLDER": str(predictions)})


def our_bento(
    bento: Path, predictions: Path, log: Path, port: int | None = None
) -> contextlib.AbstractContextManager[Server]:
    """The Bento of the shipped model, as `aisle serve` runs it."""
    port = port or free_port()
    command = [sys.executable, "-m", "service.run", str(bento), "--port", str(port)]
    environment = {"AISLE_LOG_FOLDER": str(predictions), "BENTOML_HOME": str(predictions.parent / "empty")}
    return running(command, port, "/readyz", log, environment)


def model_folder(bento: Path) -> Path:
    """The folder of the packaged model inside an exported Bento."""
    (found,) = bento.glob("models/*/*/model.skops")
    return found.parent
