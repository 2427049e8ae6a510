"""`aisle predictions`: collect the prediction log of services into the catalogue."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.errors import EXIT_BAD_INPUT

if TYPE_CHECKING:
    from aisle.catalogue.collecting import Collected

EPILOG = """\
LOG_FOLDER is the folder that AISLE_LOG_FOLDER of the service names. Files that a running service still
writes are left alone; those of a service that was killed are closed first. Each row comes into the
catalogue once, and goes into a shard of its day, also when this command is killed and run again. Files
that are collected go to LOG_FOLDER/collected. A file with a line that is no prediction stays, and is named.

  aisle predictions logs
  aisle predictions logs --into data --delete"""
_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the log is, where it goes, and what becomes of its files."""
    parser.epilog = EPILOG
    parser.add_argument("logs", type=Path, metavar="LOG_FOLDER", help="the folder of the prediction log")
    parser.add_argument(
        "--into", type=Path, default=Path("data"), metavar="DIR", help="the catalogue folder (default: data)"
    )
    parser.add_argument("--delete", action="store_true", help="delete files that are collected")
    parser.add_argument("--dry-run", action="store_true", help="change nothing, and say what would be done")


def run(arguments: argparse.Namespace) -> int | None:
    """Collect, then say what came in."""
    from tqdm import tqdm

    from aisle.catalogue.collecting import collect

    size = sum(path.stat().st_size for path in arguments.logs.glob("predictions-*") if path.is_file())
    # disable=None: no bar where standard error is no terminal
    with tqdm(total=size, unit="B", unit_scale=True, desc="predictions", leave=False, disable=None) as bar:

        def advance(more: int) -> None:
            bar.update(more)

        done = collect(
            arguments.logs, arguments.into, delete=arguments.delete, dry_run=arguments.dry_run, on_bytes=advance
        )
    for name in done.truncated:
        print(f"aisle: warning: {name}: its last line was cut off, and is left out", file=sys.stderr)
    for line in done.refused:
        print(f"aisle: {line}", file=sys.stderr)
    print(text(done, arguments.into, arguments.dry_run))
    return EXIT_BAD_INPUT if done.refused else 0


def text(done: Collected, into: Path, dry_run: bool) -> str:
    """What was collected, for people."""
    parts = []
    if done.resumed:
        parts.append(f"An interrupted collection {'would be' if dry_run else 'was'} completed first.")
    if not done.files:
        parts.append("Nothing to collect.")
    else:
        days = f" of {_count(len(done.rows), 'day')}" if done.rows else ""
        does = "Would collect" if dry_run else "Collected"
        rows = _count(sum(done.rows.values()), "prediction")
        parts.append(f"{does} {rows}{days} from {_count(done.files, 'file')}.")
    width = max((len(f"{rows:,}") for rows in done.rows.values()), default=0)
    days_shown = sorted(done.rows.items())
    parts += [f"  {day}  {rows:>{width},}" for day, rows in days_shown[:_SHOWN]]
    if len(days_shown) > _SHOWN:
        parts.append(f"  … and {_count(len(days_shown) - _SHOWN, 'more day')}, up to {days_shown[-1][0]}")
    if done.shards and not dry_run:
        parts.append(f"Written: {_count(len(done.shards), 'shard')} in {into / 'predictions'}")
    if done.open_files:
        parts.append(f"Left alone: {_count(done.open_files, 'file')} that a service still writes.")
    if done.shards and not dry_run and into.resolve() == Path("data").resolve():
        parts.append("\nNext: dvc add data")
    return "\n".join(parts)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
