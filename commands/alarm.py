"""`aisle alarm`: what a person does after an alarm: tell the desk, tighten it, stop it; or check the alarm's file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisle.errors import ConfigurationError, DataError
from commands.days import day_of
from monitoring.copying import is_rehearsed
from monitoring.printing import printable

if TYPE_CHECKING:
    from monitoring.after import Brake, Scope

EPILOG = """\
examples:
  aisle alarm tell                                             the last verdict, once more
  aisle alarm tighten                                          to what the audits of 14 days certify
  aisle alarm tighten --confidence 0.97 --reason "feed changed"
  aisle alarm stop --scope seller --value toolbarn --reason "titles are cut"
  aisle alarm check                                            replay the alarm's file from the labels

A brake turns automatic decisions into review from the next product on; people release it at the desk.
The desk is the one of AISLE_DESK_URL, with a token in AISLE_DESK_TOKEN (scopes alarm, brake)."""

_BRAKES = ("tighten", "stop")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, to whom, and why."""
    parser.epilog = EPILOG
    parser.add_argument("what", choices=["tell", "tighten", "stop", "check"], help="what to do")
    parser.add_argument("--scope", choices=["all", "branch", "seller"], default="all", help="what the brake holds")
    parser.add_argument("--value", metavar="ID", default="", help="which branch (its id) or seller")
    parser.add_argument(
        "--confidence", type=float, metavar="C", help="tighten: from which confidence on (default: as audits certify)"
    )
    parser.add_argument("--reason", metavar="TEXT", help="for the history (default: the last verdict)")
    parser.add_argument("--day", metavar="YYYY-MM-DD", help="of which verdict (default: the last one)")
    parser.add_argument("--into", type=Path, default=Path("data"), metavar="DIR", help="catalogue (default: data)")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="as for `aisle monitor`")
    parser.add_argument(
        "--reports",
        type=Path,
        metavar="DIR",
        help="where verdicts are (default: work/monitoring; of rehearsed days: beside them)",
    )


def run(arguments: argparse.Namespace) -> int | None:
    """Do it, and say what holds now."""
    if arguments.what not in _BRAKES:
        given = [name for name in ("value", "confidence", "reason") if getattr(arguments, name)]
        given += ["scope"] if arguments.scope != "all" else []
        if given:
            raise ConfigurationError(f"aisle alarm {arguments.what}: --{given[0]} belongs to tighten and stop")
    if arguments.what != "check" and is_rehearsed(arguments.into):
        raise DataError(f"{arguments.into}: its days are rehearsed, and no desk is told or braked for made-up days")
    {"tell": _tell, "tighten": _tighten, "stop": _stop, "check": _check}[arguments.what](arguments)
    return None


def _tell(arguments: argparse.Namespace) -> None:
    from monitoring.posting import known_desk

    verdict = _verdict(arguments)
    with known_desk() as desk:
        new = desk.tell(verdict)
    print(
        printable(
            f"The desk at {desk.url} {'is told' if new else 'knew it'}: {verdict['colour']}, {verdict['summary']}"
        )
    )


def _stop(arguments: argparse.Namespace) -> None:
    from monitoring.after import Brake

    if arguments.confidence is not None:
        raise ConfigurationError("aisle alarm stop: a stop has no --confidence; use tighten")
    scope, value = _reach(arguments)
    why, alarm = _why(arguments)
    _set(Brake(scope, value, "stop", None, why), alarm)


def _tighten(arguments: argparse.Namespace) -> None:
    from monitoring.after import Brake, certified_confidence, tightened
    from monitoring.posting import known_desk
    from monitoring.reference import read_reference
    from monitoring.settings import read_settings
    from monitoring.window import last_day

    scope, value = _reach(arguments)
    if arguments.confidence is not None and not 0 < arguments.confidence <= 1:
        raise ConfigurationError(f"--confidence {arguments.confidence:g}: it lies above 0 and up to 1, as 0.97")
    day = day_of(arguments.day, "--day")
    why, alarm = _why(arguments)
    if arguments.confidence is not None:
        _set(Brake(scope, value, "tighten", arguments.confidence, why), alarm)
        return
    settings, reference = read_settings(arguments.settings), read_reference()
    known_desk()  # what lacks is said before the work
    last = day or last_day(arguments.into)
    found = certified_confidence(arguments.into, reference, last, settings.brake_days, scope, value)
    brake = tightened(found, reference, scope, value, why)
    evidence = f"{found.wrong} of {found.audits} audits of {found.days} days were wrong"
    if brake is None:
        print(f"Nothing to tighten: these audits certify the threshold that holds ({evidence}).")
        return
    print(f"By the last audits ({evidence}):")
    _set(brake, alarm)


def _check(arguments: argparse.Namespace) -> None:
    from aisle.audit.alarms.watching import check_state

    path = _folder(arguments) / "alarm.json"
    if not path.is_file():
        raise DataError(f"{path}: not there; `aisle monitor` writes it where automatic decisions have a draw")
    alarm = check_state(path, arguments.into).alarm
    state = f"rang at audit {alarm.alarm_at:,}" if alarm.alarm_at is not None else "is silent"
    print(f"{path}: replayed from the labels of {arguments.into}, it {state} after {alarm.count:,} audits, as it says.")


def _set(brake: Brake, alarm: str | None) -> None:
    from monitoring.acting import set_brake
    from monitoring.posting import known_desk

    with known_desk() as desk:
        print(printable(set_brake(desk, brake, alarm)[0]))


def _reach(arguments: argparse.Namespace) -> tuple[Scope, str]:
    value = str(arguments.value).strip()
    if (arguments.scope == "all") != (not value):
        hint = "leave it out" if arguments.scope == "all" else f"name the {arguments.scope}"
        raise ConfigurationError(f"--scope {arguments.scope} and --value '{value}' do not go together; {hint}")
    scope: Scope = arguments.scope
    return scope, value


def _why(arguments: argparse.Namespace) -> tuple[str, str | None]:
    """The reason, and the key of the alarm: those of the last verdict, where no reason is given."""
    if arguments.reason:
        return str(arguments.reason), None
    verdict = _verdict(arguments)
    return f"{verdict['colour']} on {verdict['day']}: {verdict['summary']}"[:700], str(verdict["key"])


def _verdict(arguments: argparse.Namespace) -> dict[str, Any]:
    from aisle.files import read_json
    from monitoring.writing import REHEARSED

    path = _folder(arguments) / "verdict.json"
    content = read_json(path)
    if not isinstance(content, dict) or not {"key", "colour", "summary", "day"} <= set(content):
        raise DataError(f"{path}: not a verdict of `aisle monitor`; run it again")
    if content.get(REHEARSED):
        raise DataError(f"{path}: of rehearsed days, and no desk is told or braked for made-up days")
    return content


def _folder(arguments: argparse.Namespace) -> Path:
    """The folder of the day's verdict, by default the last one's."""
    from monitoring.writing import reports_of

    reports = reports_of(arguments.into, arguments.reports)
    days = sorted(one.parent.name for one in reports.glob("[0-9]*-*-*/verdict.json"))
    if arguments.day:
        days = [one for one in days if one == arguments.day]
    if not days:
        of = f" of {arguments.day}" if arguments.day else ""
        raise DataError(f"{reports}: there is no verdict{of}; run `aisle monitor` first")
    return reports / days[-1]
