"""`aisle audit`: draw audits, bring their answers back, report the accuracy, all over the tables of a catalogue."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.errors import ConfigurationError

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from aisle.audit.rates import Rates

EPILOG = """\
examples, once a day:
  aisle audit draw                                   draw yesterday's products, write the list for people
  aisle audit answers work/audits/2025-06-01.csv --labeller ann
  aisle audit second                                 the list for a second person
  aisle audit answers work/audits/second.csv --labeller ben
  aisle audit report --by branch

The draw needs a secret in AISLE_AUDIT_SECRET, the same one every day (`openssl rand -hex 32`). In a list,
people write yes, a category_id, or skip into the column answer. docs/audits.md tells more."""

RATES = Path("audit_rates.json")
LISTS = Path("work/audits")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and where."""
    parser.epilog = EPILOG
    parser.add_argument("what", choices=["draw", "second", "answers", "report"], help="which step")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="answers: the filled list")
    parser.add_argument("--into", type=Path, default=Path("data"), metavar="DIR", help="catalogue (default: data)")
    parser.add_argument(
        "--day", metavar="YYYY-MM-DD", help="draw: up to the end of which day, UTC (default: yesterday)"
    )
    parser.add_argument("--rates", type=Path, metavar="FILE", help=f"draw: rates (default: {RATES}, else 2 %% of all)")
    parser.add_argument("--list", type=Path, metavar="FILE", help=f"draw, second: the list (default: in {LISTS})")
    parser.add_argument("--ties", action="store_true", help="second: where two people differ, to be settled")
    parser.add_argument("--labeller", metavar="NAME", help="answers: who gave them")
    parser.add_argument("--adjudicated", action="store_true", help="answers: they settle the matter")
    parser.add_argument(
        "--by", choices=["day", "branch", "seller", "decision", "model_version"], help="report: a row for each"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="report: write the table as CSV, too")


def run(arguments: argparse.Namespace) -> int | None:
    """Take the step."""
    if (arguments.file is not None) != (arguments.what == "answers"):
        hint = "give the filled list" if arguments.what == "answers" else "FILE belongs to answers"
        raise ConfigurationError(f"aisle audit {arguments.what}: {hint}; see `aisle audit --help`")
    {"draw": _draw, "second": _second, "answers": _answers, "report": _report}[arguments.what](arguments)
    return None


def _draw(arguments: argparse.Namespace) -> None:
    import os

    from aisle.audit.answers import write_first_list
    from aisle.audit.draws import draw_day
    from aisle.audit.sampling import Secret

    secret = Secret.from_environment(os.environ)
    done = draw_day(arguments.into, _day(arguments.day), _rates(arguments.rates), secret)
    path = arguments.list or LISTS / f"{done.shard}.csv"
    waiting = write_first_list(arguments.into, done.shard, secret, path)
    drawn = f"{done.audits:,} of {done.products:,} products ({done.expected:,.1f} were to be expected)"
    if done.already:
        print(f"The draw of {done.shard} stands: {drawn}; nothing was drawn again")
    else:
        print(f"Drew {drawn} into {arguments.into}/draws/{done.shard}.parquet")
    print(f"{waiting:,} wait for an answer: {path}")


def _second(arguments: argparse.Namespace) -> None:
    import os

    from aisle.audit.answers import write_second_list
    from aisle.audit.sampling import Secret

    path = arguments.list or LISTS / ("ties.csv" if arguments.ties else "second.csv")
    waiting = write_second_list(arguments.into, Secret.from_environment(os.environ), path, ties=arguments.ties)
    what = "to be settled (bring them back with --adjudicated)" if arguments.ties else "for a second person"
    print(f"{waiting:,} audits {what}: {path}")


def _answers(arguments: argparse.Namespace) -> None:
    from aisle.audit.answers import bring_answers

    done = bring_answers(arguments.into, arguments.file, arguments.labeller, adjudicated=arguments.adjudicated)
    if done.shard is None:
        print(f"Nothing new in {arguments.file}: {done.known:,} answers are there already, {done.waiting:,} rows wait")
        return
    print(f"Brought {done.answered:,} answers and {done.skipped:,} skipped into labels/{done.shard}.parquet")
    print(f"{done.known:,} were there already, {done.waiting:,} rows still wait for an answer")


def _report(arguments: argparse.Namespace) -> None:
    from aisle.audit.lists import safe_cell
    from aisle.audit.verdicts import accuracy_by, with_states

    table = accuracy_by(with_states(arguments.into), arguments.by)
    print(_shown(table))
    if arguments.csv is not None:
        from aisle.files import write_text

        table["slice"] = table["slice"].map(safe_cell)
        write_text(arguments.csv, table.to_csv(index=False))
        print(f"\nwritten to {arguments.csv}")


def _shown(table: pd.DataFrame) -> str:
    """The report for a terminal."""
    head = ("", "of", "products", "audits", "right", "95 % interval", "if unanswered: worst", "pending", "answered")
    rows = [head]
    for row in table.to_dict("records"):
        known = row["answered"] > 0
        drawn = row["answered"] + row["skipped"] + row["open"]
        rows.append(
            (
                str(row["slice"]),
                str(row["of"]),
                f"{row['products']:,}",
                f"{drawn:,}",
                f"{100 * row['accuracy']:.1f} %" if known else "-",
                f"{100 * row['low']:.1f} to {100 * row['high']:.1f} %",
                f"{100 * row['worst_low']:.1f} to {100 * row['best_high']:.1f} %",
                f"{row['pending']:,}",
                f"{100 * row['response_rate']:.0f} %" if drawn else "-",
            )
        )
    widths = [max(len(one[place]) for one in rows) for place in range(len(head))]
    lines = [
        "  ".join(cell.ljust(size) if place < 2 else cell.rjust(size) for place, (cell, size) in cells).rstrip()
        for cells in (list(enumerate(zip(one, widths, strict=True))) for one in rows)
    ]
    notes = [
        "",
        "auto: decisions made automatically; all: the model's top category, over all products.",
        "An automatic decision counts as wrong once a second person confirms it; intervals hold either way.",
        "Skipped and open audits are left out, as if leaving did not depend on being right; worst: whatever they are.",
    ]
    return "\n".join([*lines, *notes])


def _day(text: str | None) -> dt.date:
    import datetime as dt

    if text is None:
        return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--day '{text}': write a date as 2025-06-01") from error


def _rates(path: Path | None) -> Rates:
    from aisle.audit.rates import Rates, read_rates

    if path is None and not RATES.exists():
        return Rates()
    return read_rates(path or RATES)
