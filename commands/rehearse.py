"""`aisle rehearse`: days with a planted change, decided by the champion and audited by made-up people."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.errors import ConfigurationError

if TYPE_CHECKING:
    from monitoring.rehearsal import Rehearsed

EPILOG = """\
examples:
  aisle rehearse --plant cut_titles
  aisle rehearse --plant new_seller --quiet-days 30 --per-day 300
  aisle rehearse --days 30 --into work/quiet

Takes a copy of a sample catalogue to DIR and adds days to it: products with or without a change, what the
champion of the registry decides, the audits that are drawn, and what people answer, who err in 2 % and skip 3 %
of the audits. The catalogue itself stays as it is. The same arguments give the same days."""

_INTO = Path("work/rehearsal")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    parser.add_argument("--days", type=int, default=14, metavar="N", help="days with the change (default: %(default)s)")
    parser.add_argument(
        "--plant",
        default="quiet",
        metavar="KIND",
        help="quiet (default), new_seller, swapped_categories, cut_titles or new_kind",
    )
    parser.add_argument(
        "--quiet-days", type=int, default=14, metavar="N", help="days before it without a change (default: %(default)s)"
    )
    parser.add_argument(
        "--per-day", type=int, metavar="N", help="products a day (default: as many as there were lately)"
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=0.15,
        metavar="R",
        help="audits, as a share of all products (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the draw and of what people do (default: %(default)s)"
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        default=Path("data"),
        metavar="DIR",
        help="the sample (default: %(default)s)",
    )
    parser.add_argument("--into", type=Path, default=_INTO, metavar="DIR", help="where it goes (default: %(default)s)")
    parser.add_argument("--replace", action="store_true", help="put it in the place of an earlier rehearsal")


def run(arguments: argparse.Namespace) -> None:
    """Rehearse, then say what the days hold."""
    from tqdm import tqdm

    from aisle.catalogue.tables import require_catalogue
    from monitoring.copying import check_place
    from monitoring.rehearsal import RATES, champion_decider, rehearse_apart

    if arguments.seed < 0:
        raise ConfigurationError(f"--seed {arguments.seed} is too few; 0 is the least")
    if not 0 < arguments.rate <= 1:
        raise ConfigurationError(f"--rate {arguments.rate:g} is no share; give a number above 0, and 1 at most")
    check_place(require_catalogue(arguments.source), arguments.into, replace=arguments.replace)
    decider = champion_decider()
    with tqdm(unit="product", unit_scale=True, leave=False, disable=None) as bar:
        done = rehearse_apart(
            arguments.source,
            arguments.into,
            replace=arguments.replace,
            days=arguments.days,
            plant=arguments.plant,
            per_day=arguments.per_day,
            quiet_days=arguments.quiet_days,
            seed=arguments.seed,
            rates=dataclasses.replace(RATES, floor=arguments.rate),
            decider=decider,
            progress=bar.update,
        )
    print(text(done, decider.version, decider.policy.policy_id))


def text(done: Rehearsed, version: str, policy_id: str) -> str:
    """What the days hold, for people."""
    lines = [
        f"Rehearsed into {done.folder}: decided by version {version} (policy {policy_id})",
        "",
        f"{'days':<18}  {'shown':<18} {'products':>8} {'automatic':>10} {'of them right':>14} {'audits':>7}",
    ]
    for kind, rows in done.days.groupby("plant", sort=False):
        total = rows[["products", "automatic", "right", "audits"]].sum()
        right = f"{100 * total['right'] / total['automatic']:.1f} %" if total["automatic"] else "–"
        lines.append(
            f"{rows['day'].min()} – {rows['day'].max():%m-%d}  {kind!s:<18} {total['products']:>8,} "
            f"{100 * total['automatic'] / total['products']:>8.1f} % {right:>14} {total['audits']:>7,}"
        )
    last = done.days["day"].max()
    return "\n".join(
        [
            *lines,
            "",
            f"Right in truth, which no monitor knows: {done.truth}",
            f"Look at them: aisle monitor --into {shlex.quote(str(done.folder))} --day {last}",
        ]
    )
