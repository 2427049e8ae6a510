"""`make dashboard`: Evidently's pages on what monitoring found, day by day, for this machine alone."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from aisle.errors import ConfigurationError, DataError, exit_code_of
from monitoring.workspace import WORKSPACE, days_judged, project_folder
from pipelines.ui import HOST, QUIET, free_port

USUAL_PORT = 8001


def main() -> None:
    """Say the address and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="make dashboard", description=__doc__)
    parser.add_argument("--port", type=int, help=f"port to listen on (default: {USUAL_PORT} if free, else any)")
    parser.add_argument("--workspace", type=Path, default=WORKSPACE, help=f"what to show (default: {WORKSPACE})")
    arguments = parser.parse_args()
    days = days_judged(arguments.workspace)
    if not days:
        raise DataError(f"{arguments.workspace}: no day is there yet; `aisle monitor` adds one each time it runs")
    port = chosen_port(arguments.port)
    shown = f"http://{HOST}:{port}/projects/{project_folder(arguments.workspace).name}"
    print(f"{days} {'day' if days == 1 else 'days'}: {shown} in about ten seconds; Ctrl-C ends it.", flush=True)
    program = str(Path(sys.executable).with_name("evidently"))
    command = [program, "ui", "--workspace", str(arguments.workspace), "--host", HOST, "--port", str(port)]
    os.execve(program, command, {**os.environ, **QUIET})  # the server gets our signals itself


def chosen_port(asked: int | None) -> int:
    """The port asked for, or the usual one, or any that is free; `ConfigurationError` for one that is taken."""
    try:
        return free_port(USUAL_PORT if asked is None else asked)
    except ConfigurationError as error:
        if asked is not None:
            raise ConfigurationError(str(error).replace("make ui", "make dashboard")) from error
        return free_port(None)


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
