"""`aisle monitor`: green or red, how sure, and who is to blame."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.errors import AisleError, ConfigurationError, one_line

if TYPE_CHECKING:
    import datetime as dt

    from monitoring.judging import Judged
    from monitoring.settings import Settings

EPILOG = """\
examples:
  aisle monitor                      the days up to the last prediction
  aisle monitor --day 2025-06-29     as it was on that day
  aisle monitor --window 90

Reads predictions and labels of the catalogue against the held-out frame of the champion in the registry.
Writes index.html, evidently.html, verdict.json and alarm.json into work/monitoring/YYYY-MM-DD, and a snapshot for
`make dashboard`. With AISLE_DESK_URL and AISLE_DESK_TOKEN the desk is told.

exit codes:
  0  green, or yellow: worth a look
  2  something to mend
  3  red: an alarm
  4  not yet known: too few audits, or too many days missing"""

REPORTS = Path("work/monitoring")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which days, of which catalogue."""
    parser.epilog = EPILOG
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--day", metavar="YYYY-MM-DD", help="the last day judged, UTC (default: of the last prediction)")
    which.add_argument("--window", type=int, metavar="N", help="how many days (default: of the settings, 30)")
    parser.add_argument("--into", type=Path, default=Path("data"), metavar="DIR", help="catalogue (default: data)")
    parser.add_argument(
        "--settings", type=Path, metavar="FILE", help="how to judge (default: monitoring/settings.yaml as shipped)"
    )
    parser.add_argument(
        "--reports", type=Path, default=REPORTS, metavar="DIR", help=f"where reports go (default: {REPORTS})"
    )
    parser.add_argument("--no-desk", action="store_true", help="tell no desk, whatever the environment says")


def run(arguments: argparse.Namespace) -> int | None:
    """Judge, write, tell; the exit code is the verdict's."""
    from monitoring.judging import judge
    from monitoring.posting import desk_of
    from monitoring.settings import read_settings

    settings = _settings(read_settings(arguments.settings), arguments.window)
    desk = None if arguments.no_desk else desk_of()  # before the work: what is set by half is said at once
    judged = judge(arguments.into, settings, day=_day(arguments.day))
    folder = _write(judged, arguments.into, arguments.reports)
    print(_text(judged, folder))
    code = judged.verdict.exit_code
    if desk is not None:
        from monitoring.acting import act

        try:
            with desk:
                for line in act(judged, arguments.into, settings, desk):
                    print(line)
        except AisleError as error:  # the verdict stands, whether the desk knows it or not
            print(f"aisle: {one_line(error)}", file=sys.stderr)
            return code or 2
    return code


def _settings(settings: Settings, window: int | None) -> Settings:
    if window is None:
        return settings
    if window < 1:
        raise ConfigurationError(f"--window {window}: a window has at least one day")
    return dataclasses.replace(settings, window_days=window)


def _day(text: str | None) -> dt.date | None:
    import datetime as dt

    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--day '{text}' is no day; write YYYY-MM-DD") from error


def _write(judged: Judged, catalogue: Path, reports: Path) -> Path:
    from monitoring.workspace import add_snapshot
    from monitoring.writing import write

    folder, snapshot = write(judged, catalogue, reports)
    add_snapshot(snapshot, judged.verdict.day, reports / "workspace")
    return folder


def _text(judged: Judged, folder: Path) -> str:
    """A few lines for people."""
    from monitoring.words import colour, slice_

    verdict = judged.verdict
    window = verdict.window
    lines = [
        colour(verdict.colour),
        f"  {verdict.summary}",
        "",
        f"  days        {window['first']} to {window['last']}, {window['days_with_predictions']} of {window['days']} "
        f"with predictions ({window['predictions']:,})",
        f"  champion    version {verdict.model_version}, policy {verdict.policy_id}",
    ]
    for number, one in enumerate(verdict.reasons[:6]):
        lines.append(f"  {'reasons   ' if number == 0 else '          '}  {one.colour}: {one.text} [{one.code}]")
    for number, blamed in enumerate(verdict.blame[:3]):
        share = f"{100 * blamed['share_explained']:.0f} %"
        lines.append(f"  {'to blame  ' if number == 0 else '          '}  {slice_(blamed, {})} ({share})")
    if verdict.gaps:
        lines.append(f"  gaps        {len(verdict.gaps)}: see the page")
    lines += ["", *(f"Next: {step}" for step in verdict.next_steps[:2]), f"Page: {folder / 'index.html'}"]
    return "\n".join(lines)
