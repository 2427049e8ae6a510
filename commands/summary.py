"""`aisle summary`: what the last run found, and what to do next."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from aisle.errors import RegistryError
from pipelines.summary import read_run, text

EPILOG = """\
Reads what the last run left in `work/` and `metrics.json`. When the registry does not hold the
model version that the run speaks of (another machine, a store that was deleted), it is registered
again first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say in the help where the figures come from; there is nothing to choose."""
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int | None:
    """Print the summary of the run in the current folder."""
    from pipelines.registry.presence import version_is_there

    last = read_run()
    if not version_is_there(last.registration):
        print("The registry lacks the version of this run; registering it again.", file=sys.stderr)
        register_again()
        last = read_run()
    print(text(last, called_as(Path(sys.executable), Path.cwd())))
    return 0


def called_as(python: Path, folder: Path) -> str:
    """How `aisle` is called from `folder`: by its path where the environment lies in there, else by name."""
    aisle = python.with_name("aisle")
    return str(aisle.relative_to(folder)) if aisle.is_relative_to(folder) else "aisle"


def register_again() -> None:
    """Run the stage `register` whatever DVC's cache says, so that `dvc.lock` knows the new version."""
    dvc = Path(sys.executable).with_name("dvc")
    done = subprocess.run([dvc, "repro", "--quiet", "--single-item", "--force", "register"], check=False)
    if done.returncode:
        raise RegistryError("the version could not be registered again; the line above says why")
