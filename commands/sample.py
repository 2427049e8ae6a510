"""`aisle sample`: a generated catalogue as hard as real offers, or further days of it."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from aisle.errors import ConfigurationError

_EPILOG = """\
examples:
  aisle sample --into data
  aisle sample --into /tmp/large --products 1000000 --categories 4000
  aisle sample --into data --stream --days 14 --plant cut_titles

The truth of every product goes to a file apart, which nothing but benchmarks and tests should read.
A stream needs the --categories, --branches, --sellers and --seed that the catalogue was made with."""

_DEFAULTS = {"products": 12_000, "categories": 200, "branches": 12, "sellers": 60, "days": 180, "seed": 0}
_STREAM_DAYS = 14


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = _EPILOG
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="the catalogue folder")
    parser.add_argument(
        "--truth", type=Path, default=Path("truth.parquet"), metavar="FILE", help="default: %(default)s"
    )
    for name, what in (
        ("products", "how many products"),
        ("categories", "leaves of the tree; beyond those written by hand the words are made up"),
        ("branches", "top-level categories"),
        ("sellers", "sellers, each with its own way to write"),
        ("seed", "the same seed gives the same bytes"),
    ):
        default = _DEFAULTS[name]
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{what} (default: {default:,})")
    parser.add_argument(
        "--days", type=int, metavar="N", help=f"days (default: {_DEFAULTS['days']}; {_STREAM_DAYS} for a stream)"
    )
    parser.add_argument("--replace", action="store_true", help="put the sample in the place of a catalogue")
    parser.add_argument("--stream", action="store_true", help="add dated products to the sample in DIR")
    parser.add_argument(
        "--plant",
        metavar="KIND",
        help="what a stream shows: quiet (default), new_seller, swapped_categories, cut_titles or new_kind",
    )
    parser.add_argument(
        "--per-day",
        type=int,
        metavar="N",
        help="products a day of a stream (default: as many as the last four weeks had)",
    )
    parser.add_argument("--start", metavar="DATE", help="first day of a stream (default: after the last one)")


def run(arguments: argparse.Namespace) -> None:
    """Write the sample, or its further days."""
    given = {name: getattr(arguments, name) for name in _DEFAULTS if getattr(arguments, name) is not None}
    if arguments.stream:
        _stream(arguments, given)
        return
    if any(one is not None for one in (arguments.plant, arguments.start, arguments.per_day)):
        raise ConfigurationError("--plant, --per-day and --start belong to a stream; add --stream, or leave them out")
    size = _DEFAULTS | given
    from tqdm import tqdm

    from aisle.catalogue.sample import write_sample

    with tqdm(total=size["products"], unit="product", unit_scale=True, leave=False, disable=None) as bar:
        write_sample(arguments.into, arguments.truth, **size, replace=arguments.replace, progress=bar.update)
    print(
        f"{arguments.into}: {size['products']:,} products of {size['sellers']} sellers, "
        f"{size['categories']} categories, {size['days']} days\n{arguments.truth}: their truth"
    )


def _stream(arguments: argparse.Namespace, given: dict[str, int]) -> None:
    if "products" in given or arguments.replace:
        raise ConfigurationError("--products and --replace do not go with --stream, which adds days of the usual size")
    from tqdm import tqdm

    from aisle.catalogue.sample.stream import write_stream

    size = {name: value for name, value in (_DEFAULTS | given).items() if name != "products"}
    days = given.get("days", _STREAM_DAYS)
    plant = arguments.plant or "quiet"
    with tqdm(unit="product", unit_scale=True, leave=False, disable=None) as bar:
        written = write_stream(
            arguments.into,
            arguments.truth,
            **(size | {"days": days}),
            plant=plant,
            per_day=arguments.per_day,
            start=_date(arguments.start),
            progress=bar.update,
        )
    print(f"{arguments.into}: {written[0]} to {written[-1]} added ({plant})\n{arguments.truth}: their truth")


def _date(text: str | None) -> datetime.date | None:
    try:
        return None if text is None else datetime.date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--start '{text}' is no date; write it as YYYY-MM-DD") from error
