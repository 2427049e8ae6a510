"""`aisle import`: bring a labelled catalogue in by a mapping of columns."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aisle.catalogue.importing import ImportSummary

EPILOG = """\
The mapping is a small YAML file: which column is the id, the title, the category, and so on.
Two worked ones lie in examples/, and docs/data.md explains all of it.

The folder is changed in one step at the end: after an error or a kill it is as it was before, and
the same command works again. --append makes a new shard: products that are there already get a
new revision where their text changed, and are passed over where not, so a file can be sent again.

example:
  aisle import examples/wdc-gpc.yaml ../shared/data/wdc_gpc/*.jsonl.gz --into data --replace"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The mapping, the files, the folder, and what to do with a catalogue that is there."""
    parser.epilog = EPILOG
    parser.add_argument("mapping", type=Path, metavar="MAPPING", help="the YAML file that names the columns")
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="CSV, JSON lines or Parquet, each plain or gzip"
    )
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="the catalogue folder, such as data")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--append", action="store_true", help="add to the catalogue that is there")
    existing.add_argument("--replace", action="store_true", help="put the new catalogue in the place of the old one")
    parser.add_argument(
        "--day",
        type=_day,
        metavar="YYYY-MM-DD",
        help="the day that the new shard's name begins with (default: today, UTC)",
    )


def run(arguments: argparse.Namespace) -> int | None:
    """Import, then say what came in and what to type next."""
    from tqdm import tqdm

    from aisle.catalogue.importing import import_files, read_mapping

    size = sum(path.stat().st_size for path in arguments.files if path.is_file())
    # disable=None: no bar where standard error is no terminal
    with tqdm(total=size, unit="B", unit_scale=True, desc="import", leave=False, disable=None) as bar:

        def advance(more: int) -> None:
            bar.update(more)

        summary = import_files(
            read_mapping(arguments.mapping),
            arguments.files,
            arguments.into,
            mode="append" if arguments.append else "replace" if arguments.replace else "new",
            day=arguments.day,
            on_bytes=advance,
        )
    for warning in summary.warnings:
        print(f"aisle: warning: {warning}", file=sys.stderr)
    print(text(summary, arguments.into))
    return 0


def text(summary: ImportSummary, into: Path) -> str:
    """What came in, for people."""
    from aisle.catalogue.importing.mapping import ROLES

    if summary.shard is None:
        return f"Nothing new: all {summary.rows:,} products of the files stand in {into} already, and their labels too."
    products = f"{summary.rows:,}"
    if summary.revised or summary.unchanged:
        products = f"{summary.new:,} new, {summary.revised:,} revised, {summary.unchanged:,} unchanged"
    added = f", {summary.new_categories:,} of them new" if summary.new_categories != summary.categories else ""
    roles = [f"{role} {summary.splits[role]:,}" for role in ROLES if role in summary.splits]
    lines = [
        ("products", products),
        ("labels", f"{summary.labels:,}"),
        ("categories", f"{summary.categories:,} ({summary.branches:,} branches, {summary.leaves:,} leaves){added}"),
        ("sellers", f"{summary.sellers:,}" if summary.sellers else "not given"),
        ("splits", ", ".join(roles) or "drawn later, by product group"),
        ("warnings", f"{len(summary.warnings):,}, above" if summary.warnings else "none"),
    ]
    table = "\n".join(f"  {name:<12}{value}" for name, value in lines)
    return f"Imported into {into}, shard {summary.shard}\n{table}\n\nNext: {_next(into)}"


def _next(into: Path) -> str:
    if into.resolve() == Path("data").resolve():
        return "dvc add data && dvc repro"
    return "to learn from it, import it --into data, then dvc add data && dvc repro"


def _day(written: str) -> dt.date:
    try:
        return dt.date.fromisoformat(written)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{written}' is no day; write YYYY-MM-DD") from None
