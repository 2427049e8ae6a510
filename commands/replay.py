"""`aisle replay`: the feedback loop on a labelled catalogue, regime beside regime, as one page."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisle.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from aisle.audit.replay.settings import ReplaySettings

EPILOG = """\
examples:
  aisle replay data --truth truth.parquet
  aisle replay catalogue --regime everything,representative --seeds 1
  aisle replay catalogue --target 0.95 --audit-share 0.05 --into work/replay-95

CATALOGUE is a folder as `aisle import` writes it. Its products come in order of time (shop after shop where
it has no dates), a round at a time; a model decides, people answer, the model learns. Official test rows are
never used. DIR then holds rounds.jsonl, settings.json and the page, replay.html.

Interrupted, the same command goes on with the regime and seed that it stopped in; with other settings, name
another DIR."""

PAGE = "replay.html"
_NUMBERS = ("rounds", "target", "cap", "audit_share", "start", "round_size", "candidate", "review_order")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is replayed, how often, and where the page goes."""
    parser.epilog = EPILOG
    parser.add_argument("catalogue", type=Path, metavar="CATALOGUE", help="a folder with labelled products")
    parser.add_argument(
        "--regime",
        action="append",
        metavar="NAME",
        help="everything, human, mixed, audited or representative; several with commas or by repeating (default: all)",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="at most (default: 12, or as many as there are)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="repetitions (default: %(default)s)")
    parser.add_argument("--target", type=float, metavar="A", help="accuracy asked for (default: 0.92)")
    parser.add_argument("--candidate", metavar="NAME", help="what is trained (default: linear_title)")
    parser.add_argument("--cap", type=int, metavar="N", help="answers of people a round (default: 300)")
    parser.add_argument("--audit-share", type=float, metavar="S", help="of all products (default: 0.1)")
    parser.add_argument("--certainty-weights", action="store_true", help="labels weigh by how sure they are")
    parser.add_argument("--active-audits", action="store_true", help="audit more where the model is unsure")
    parser.add_argument(
        "--review-order", metavar="ORDER", help="least_sure (default), or queue: people review as products came"
    )
    parser.add_argument("--start", type=int, metavar="N", help="labels to begin with (default: 1000)")
    parser.add_argument("--round-size", type=int, metavar="N", help="products a round (default: 1000)")
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="Parquet with the right categories (default: the catalogue's labels)"
    )
    parser.add_argument("--into", type=Path, default=Path("work/replay"), metavar="DIR", help="(default: work/replay)")


def settings_of(arguments: argparse.Namespace) -> ReplaySettings:
    """The settings that `arguments` name; `ConfigurationError` for what cannot be replayed."""
    from aisle.audit.replay.settings import ReplaySettings
    from aisle.config import suggest
    from aisle.model.candidates import CANDIDATES

    if not 1 <= arguments.seeds <= 100:
        raise ConfigurationError(f"--seeds {arguments.seeds} must lie between 1 and 100")
    given: dict[str, Any] = {name: value for name in _NUMBERS if (value := getattr(arguments, name)) is not None}
    if given.get("candidate", "linear_title") not in CANDIDATES:
        raise ConfigurationError(f"--candidate '{given['candidate']}' is none{suggest(given['candidate'], CANDIDATES)}")
    if arguments.regime is not None:
        given["regimes"] = tuple(name.strip() for one in arguments.regime for name in one.split(",") if name.strip())
    return ReplaySettings(
        **given,
        seeds=tuple(range(arguments.seeds)),
        certainty_weights=arguments.certainty_weights,
        active_audits=arguments.active_audits,
    )


def run(arguments: argparse.Namespace) -> int | None:
    """Replay what is not there yet, write the page, print the last rounds."""
    from tqdm import tqdm

    from aisle.audit.replay.order import read_known
    from aisle.audit.replay.running import replay, rounds_of
    from monitoring.replay_page.table import table

    settings = settings_of(arguments)
    known = read_known(arguments.catalogue, arguments.truth)
    settings = _fitting(settings, rounds_of(known, settings), given=arguments.rounds is not None)
    kept = _kept(arguments.into, settings)
    if kept:
        print(_goes_on(kept, settings), file=sys.stderr)

    def advance(done: int, _: int, what: str) -> None:
        bar.set_description(what, refresh=False)
        bar.update(done - bar.n)

    try:
        # disable=None: no bar where standard error is no terminal
        with tqdm(total=settings.steps, initial=kept, unit="round", leave=False, disable=None) as bar:
            rounds = replay(known, settings, arguments.into, advance)
    except KeyboardInterrupt:
        page = _write_page(arguments, settings)
        kept = _kept(arguments.into, settings)
        print(f"stopped; {kept} of {settings.steps} rounds are kept, and shown in {page}", file=sys.stderr)
        raise
    print(f"{table(rounds)}\n\nPage: {_write_page(arguments, settings)}")
    return 0


def _fitting(settings: ReplaySettings, fit: int, *, given: bool) -> ReplaySettings:
    """`settings` with as many rounds as there are products for; fewer than a user asked for are an error."""
    if fit >= settings.rounds:
        return settings
    if given:
        raise DataError(
            f"--rounds {settings.rounds}: the labelled products last for {fit} of {settings.round_size:,} after a "
            f"start of {settings.start:,}; give --rounds {fit}, or lower --round-size or --start"
        )
    return dataclasses.replace(settings, rounds=fit)


def _kept(into: Path, settings: ReplaySettings) -> int:
    """Rounds in a folder that are not played again: those of regimes and seeds that are whole."""
    from aisle.audit.replay.results import SETTINGS, read_rounds
    from aisle.audit.replay.running import read_settings

    if not (into / SETTINGS).exists() or read_settings(into) != settings:
        return 0  # nothing is there, or something else, which the replay will refuse
    return len(read_rounds(into)) // settings.rounds * settings.rounds


def _goes_on(kept: int, settings: ReplaySettings) -> str:
    if kept == settings.steps:
        return "all rounds are there already; the page is drawn again"
    seed, regime = divmod(kept // settings.rounds, len(settings.regimes))
    return (
        f"goes on from round 1 of regime {settings.regimes[regime]}, seed {settings.seeds[seed]} "
        f"({kept} of {settings.steps} rounds are there)"
    )


def _write_page(arguments: argparse.Namespace, settings: ReplaySettings) -> Path:
    """Write the page of what there is; returns its path."""
    from aisle.audit.replay.results import read_rounds
    from monitoring.replay_page.page import write_page

    page: Path = arguments.into / PAGE
    write_page(page, read_rounds(arguments.into), settings, str(arguments.catalogue))
    return page
