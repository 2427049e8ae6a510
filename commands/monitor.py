"""`aisle monitor`: green or red, how sure, and who is to blame."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.errors import EXIT_BAD_INPUT, AisleError, ConfigurationError, one_line
from commands.days import day_of
from monitoring.printing import printable

if TYPE_CHECKING:
    from monitoring.judging import Judged
    from monitoring.posting import Desk
    from monitoring.settings import Settings

EPILOG = """\
examples:
  aisle monitor                      the days up to the last prediction
  aisle monitor --day 2025-06-29     the days up to that one
  aisle monitor --window 90

Reads predictions and labels of the catalogue against the held-out frame of the champion in the registry.
Writes index.html, evidently.html, verdict.json and alarm.json into work/monitoring/YYYY-MM-DD, and a snapshot for
`make dashboard`. With AISLE_DESK_URL and AISLE_DESK_TOKEN the desk is told; never of days of `aisle rehearse`.

--day leaves out later predictions. The champion is today's, and answers that came later count in the accuracy, at the
day of their prediction; only the alarm counts answers up to that day.

exit codes:
  0  green, or yellow: worth a look
  2  something to mend
  3  red: an alarm
  4  not yet known: too few audits, or too many days missing"""


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
        "--reports",
        type=Path,
        metavar="DIR",
        help="where reports go (default: work/monitoring; of rehearsed days: beside them)",
    )
    parser.add_argument("--no-desk", action="store_true", help="tell no desk, whatever the environment says")


def run(arguments: argparse.Namespace) -> int | None:
    """Judge, write, say, tell; the exit code is the verdict's.

    What one of these cannot do keeps the others from nothing: a full disk must not silence an alarm.
    """
    from monitoring.copying import is_rehearsed
    from monitoring.judging import judge
    from monitoring.posting import desk_of
    from monitoring.settings import read_settings
    from monitoring.writing import reports_of

    settings = _settings(read_settings(arguments.settings), arguments.window)
    reports = reports_of(arguments.into, arguments.reports)
    rehearsed = is_rehearsed(arguments.into)
    desk = None if arguments.no_desk or rehearsed else desk_of()  # what is set by half is said before the work
    judged = judge(arguments.into, settings, day=day_of(arguments.day, "--day"))
    troubles = Troubles()
    folder = None
    with troubles.kept():
        folder = _write(judged, arguments.into, reports)
    with troubles.kept():
        print(_text(judged, folder), flush=True)
        if rehearsed:
            print("Rehearsed days: no desk is told of them.", flush=True)
    if desk is not None:
        with troubles.kept():
            _act(judged, arguments.into, settings, desk, reports, troubles)
    return troubles.exit_code(judged.verdict.exit_code)


class Troubles:
    """What went wrong on the way, to be said at the end: the verdict stands, whoever knows it."""

    def __init__(self) -> None:
        self._found: list[Exception] = []

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Go on after an error in the block."""
        try:
            yield
        except BrokenPipeError:  # the reader of our output went away: no trouble, but nothing more can be said there
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - stays open until the process ends
        except Exception as error:
            self._found.append(error)

    def exit_code(self, verdict: int) -> int:
        """Say what went wrong, a line each; the verdict's exit code, else 2. A defect of ours is raised at last."""
        for error in self._found:
            print(f"aisle: {printable(one_line(error))}", file=sys.stderr)
        defect = next((one for one in self._found if not isinstance(one, (AisleError, OSError))), None)
        if defect is not None:
            raise defect
        return verdict or (EXIT_BAD_INPUT if self._found else 0)


def _act(judged: Judged, catalogue: Path, settings: Settings, desk: Desk, reports: Path, troubles: Troubles) -> None:
    """Tell the desk and brake it, a line each."""
    from monitoring.acting import act
    from monitoring.remembering import Acted

    acted = Acted(reports)
    with desk:
        for line in act(judged, catalogue, settings, desk, acted):
            with troubles.kept():
                print(printable(line), flush=True)
    if acted.trouble is not None:
        print(f"aisle: {printable(acted.trouble)}", file=sys.stderr)


def _settings(settings: Settings, window: int | None) -> Settings:
    from monitoring.settings import MOST_WINDOW_DAYS

    if window is None:
        return settings
    if not 1 <= window <= MOST_WINDOW_DAYS:
        raise ConfigurationError(f"--window {window}: a window has 1 to {MOST_WINDOW_DAYS} days")
    return dataclasses.replace(settings, window_days=window)


def _write(judged: Judged, catalogue: Path, reports: Path) -> Path:
    from monitoring.workspace import add_snapshot
    from monitoring.writing import write

    folder, snapshot = write(judged, catalogue, reports)
    add_snapshot(snapshot, judged.verdict.day, reports / "workspace")
    return folder


def _text(judged: Judged, folder: Path | None) -> str:
    """A few lines for people; nothing that others wrote can do more than be read."""
    from monitoring.words import beyond, colour, slice_

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
    if verdict.alarm and beyond(verdict.alarm):
        lines.append(f"  alarm       {beyond(verdict.alarm)}")
    lines += ["", *(f"Next: {step}" for step in verdict.next_steps[:2])]
    lines += [f"Page: {folder / 'index.html'}"] if folder is not None else []
    return "\n".join(_kept_in_place(one) for one in lines)


def _kept_in_place(line: str) -> str:
    """A line made printable, with the spaces that stand before its words as they are."""
    return line if line.isprintable() else line[: len(line) - len(line.lstrip(" "))] + printable(line)
