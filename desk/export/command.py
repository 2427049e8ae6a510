"""`aisle desk export`: closed days into the catalogue folder."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

EPILOG = """\
A day is closed when it is over (UTC) and its reviews had one more day to be answered. Each day is written
once; what becomes known later is in the labels of the day on which it became known. May be killed and
run again, by hand or every night.

  aisle desk export
  aisle desk export --early                 on one machine, to try the desk: today as well
  aisle desk export --upto 2026-03-01 --into data"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Up to which day, and where to."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = "Write closed days out to the catalogue folder."
    parser.epilog = EPILOG
    parser.add_argument(
        "--upto", type=_day, metavar="DAY", help="the last day, as 2026-03-01 (default: the day before yesterday, UTC)"
    )
    parser.add_argument(
        "--early",
        action="store_true",
        help="close today now, but for answers of the last quarter of an hour; the rest of today goes out later. "
        "To try the desk, not in production: answers of today cannot be taken back any more",
    )
    parser.add_argument("--into", type=Path, metavar="DIR", help="the catalogue folder (default: that of AISLE_DATA)")


def run(arguments: argparse.Namespace) -> int | None:
    """Export, then say what came out."""
    from django.conf import settings

    from aisle.errors import ConfigurationError
    from desk.export.closing import run as export

    production: bool = settings.CONFIGURATION.production
    if arguments.early and production:
        raise ConfigurationError(
            "--early is for a desk that somebody tries; in production a day is closed when it is over"
        )
    into: Path = arguments.into or settings.CONFIGURATION.data
    done = export(into, arguments.upto, early=arguments.early)
    done.may_early = not production
    print(done.text())
    return 0


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no day; write it as 2026-03-01") from None
