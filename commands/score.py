"""`aisle score`: an answer for every row of a file, by the champion or by a service."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from pipelines.scoring import Scorer, Summary

EPILOG = """\
IN and OUT are CSV, JSON lines or Parquet by their endings, text also with .gz. IN needs a column title;
product_id, revision, description, brand, seller_category, price, currency and seller are used where they
are there, or say with --mapping which columns they are. OUT has one row for each row of IN, in its order; a
row that cannot be scored has the reason in its column error, and the others are scored all the same.

Memory does not grow with the file. OUT appears when all of it is done; until then finished rows are kept
in .OUT.parts beside it, and the same command goes on from there after a kill.

  aisle score products.csv answers.csv
  aisle score products.jsonl.gz answers.parquet --url http://127.0.0.1:3000
  aisle score feed.csv answers.csv --mapping feed.yaml --model packaged/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to read and write, and who answers."""
    parser.epilog = EPILOG
    parser.add_argument("source", type=Path, metavar="IN", help="the products: .csv, .tsv, .jsonl, .parquet")
    parser.add_argument("output", type=Path, metavar="OUT", help="the answers: .csv, .tsv, .jsonl, .parquet")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--url", metavar="URL", help="ask the service there (default: the champion, in this process)")
    who.add_argument("--model", type=Path, metavar="FOLDER", help="a packaged or downloaded model")
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", help="holds the API key for --url (default: AISLE_API_KEY)"
    )
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="the YAML file of `aisle import` for such files")
    parser.add_argument(
        "--batch", type=int, default=2000, metavar="N", help="rows that are scored and kept at a time (default: 2000)"
    )


def run(arguments: argparse.Namespace) -> int | None:
    """Score, then say what came out."""
    from aisle.catalogue.importing import read_mapping
    from pipelines.scoring import check_paths, score_file

    check_paths(arguments.source, arguments.output)
    if arguments.key_file is not None and arguments.url is None:
        raise ConfigurationError("--key-file holds the key of a service; name the service with --url")
    mapping = None if arguments.mapping is None else read_mapping(arguments.mapping)
    with _scorer(arguments) as scorer, _Bars() as bars:
        summary = score_file(
            arguments.source,
            arguments.output,
            scorer,
            mapping=mapping,
            batch=arguments.batch,
            progress=bars.advance,
            say=bars.say,
        )
    if summary.bad:
        first = "; ".join(summary.first_errors) + ("; …" if summary.bad > len(summary.first_errors) else "")
        print(f"aisle: warning: {_rows(summary.bad)} could not be scored ({first})", file=sys.stderr)
    print(text(summary, scorer, arguments.output))
    return 0


def _scorer(arguments: argparse.Namespace) -> contextlib.AbstractContextManager[Scorer]:
    from pipelines.scoring import champion_scorer, folder_scorer, service_scorer

    if arguments.url is not None:
        return service_scorer(arguments.url, None if arguments.key_file is None else _key_in(arguments.key_file))
    return champion_scorer() if arguments.model is None else folder_scorer(arguments.model)


def _key_in(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").split()
    if len(lines) != 1:
        raise DataError(f"{path}: holds {len(lines)} words; a key file holds one, the API key")
    return lines[0]


def text(summary: Summary, scorer: Scorer, output: Path) -> str:
    """What came out, for people."""
    scored = summary.rows - summary.bad
    share = f", {100 * summary.automatic / scored:.1f} % of them automatically" if scored else ""
    lines = [
        f"Scored {_rows(scored)}{share}, by {scorer.identity.name} version {scorer.identity.version} "
        f"(policy {scorer.identity.policy_id})"
    ]
    if summary.earlier:
        lines.append(f"{_rows(summary.earlier)} had been scored by an earlier run")
    return "\n".join([*lines, f"Written: {output}"])


def _rows(n: int) -> str:
    return f"{n:,} row{'' if n == 1 else 's'}"


class _Bars:
    """A bar for each stage on a terminal, none in a log."""

    def __init__(self) -> None:
        self._stage = ""
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def advance(self, stage: str, more: int, total: int) -> None:
        """Move the bar of `stage`; the one of the stage before goes away."""
        from tqdm import tqdm

        if stage != self._stage:
            self._stack.close()
            self._stage = stage
            bytes_ = stage == "read"
            self._bar = self._stack.enter_context(
                # disable=None: no bar where standard error is no terminal
                tqdm(
                    total=total,
                    unit="B" if bytes_ else " rows",
                    unit_scale=bytes_,
                    desc=stage,
                    leave=False,
                    disable=None,
                )
            )
        self._bar.update(more)

    def say(self, line: str) -> None:
        """A line on standard error, above the bar."""
        from tqdm import tqdm

        tqdm.write(f"aisle: {line}", file=sys.stderr)
