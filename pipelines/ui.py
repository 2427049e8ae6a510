"""`make ui`: MLflow's pages on the local store, for this machine alone."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence

from aisle.errors import ConfigurationError, RegistryError, exit_code_of
from pipelines.registry.connection import shown, tracking_uri

HOST = "127.0.0.1"
USUAL_PORT = 5000

# Without these MLflow starts a job runner and several workers of 240 MB each, and reports its use.
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def main() -> None:
    """Say the address and serve until interrupted; a store on a server has its own pages."""
    parser = argparse.ArgumentParser(prog="make ui", description=__doc__)
    parser.add_argument("--port", type=int, help=f"port to listen on (default: {USUAL_PORT} if free, else any)")
    port = parser.parse_args().port
    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        print(f"The tracking store is a server; its pages are at {shown(uri)}")
        return
    port = free_port(port)
    print(f"MLflow comes up at http://{HOST}:{port} in about ten seconds; Ctrl-C ends it.", flush=True)
    serve(server_command(uri, port))


def serve(command: Sequence[str]) -> None:
    """Run a server until it ends or we are told to end, then end all of its processes.

    In a session of its own: the terminal's Ctrl-C would reach each of its processes, and each would
    answer with a traceback.

    Raises
    ------
    RegistryError
        When the server ends by itself with an error.
    """
    endings = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {ending: signal.signal(ending, signal.default_int_handler) for ending in endings}
    server = subprocess.Popen(command, env=os.environ | QUIET, start_new_session=True)
    try:
        if server.wait():
            raise RegistryError("MLflow's server ended with an error; the lines above say why")
    except KeyboardInterrupt:
        print("\nMLflow has ended.")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()
        for ending, handler in before.items():
            signal.signal(ending, handler)


def server_command(uri: str, port: int) -> list[str]:
    """The command that serves the store at `uri`, to this machine alone, with one worker."""
    return ["mlflow", "server", "--backend-store-uri", uri, "--host", HOST, "--port", str(port), "--workers", "1"]


def free_port(asked: int | None) -> int:
    """The port asked for, or the usual one, or any that is free.

    Raises
    ------
    ConfigurationError
        When the port that was asked for is no port or somebody else listens on it.
    """
    if asked is not None:
        if not 0 < asked < 65536:
            raise ConfigurationError(f"port {asked}: a port lies between 1 and 65535")
        if not _is_free(asked):
            raise ConfigurationError(f"port {asked}: in use; choose another, as in `make ui PORT={asked + 1}`")
        return asked
    if _is_free(USUAL_PORT):
        return USUAL_PORT
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
        return True


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
