"""`aisle promote`: make a registered model version the champion."""

from __future__ import annotations

import argparse
import sys

EPILOG = """\
The champion is what goes live: packaging and monitoring follow that alias. The version's tags say who
promoted it, when, why and instead of which version; the model's own page keeps the whole history.
Setting the alias in MLflow's pages does the same. To go back, promote the version before.

  aisle promote latest --by ann --reason "2 points more coverage, same accuracy"
  aisle promote 3 --by ann --reason "back: version 4 confuses toys and tools" """


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which version, who decides, and why."""
    parser.epilog = EPILOG
    parser.add_argument("version", metavar="VERSION", help="a version number, or latest")
    parser.add_argument("--by", metavar="NAME", required=True, help="who decides")
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for the history")
    parser.add_argument("--override", action="store_true", help="promote although the gate failed")


def run(arguments: argparse.Namespace) -> int | None:
    """Promote the version and say what it replaced."""
    from pipelines.registry import connection, versions

    done = versions.promote(
        connection.connect(), arguments.version, arguments.by, arguments.reason, override=arguments.override
    )
    name = connection.model_name()
    for warning in done.warnings:
        print(f"aisle: mind that {warning}", file=sys.stderr)
    if done.already:
        print(f"{name} version {done.version} is the champion already; nothing was changed")
    elif done.replaced:
        print(f"{name} version {done.version} is the champion now, instead of version {done.replaced}")
    else:
        print(f"{name} version {done.version} is the champion now, the first one")
    return 0
