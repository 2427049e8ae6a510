"""The `aisle` command line: finds the command, imports that one module, runs it.

Each command is a module of this room with `add_arguments(parser)` and `run(arguments)`. Nothing
of it is imported before the command is chosen, so that `aisle --help` answers at once.

Exit codes: 0 done; 1 the command ran and its answer is no (a check that failed); 2 something to
mend, said in one line; 130 interrupted. Anything else is a defect and comes with a traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from aisle.errors import EXIT_BAD_INPUT, ConfigurationError, exit_code_of

COMMANDS: dict[str, tuple[str, str]] = {
    "sample": ("commands.sample", "make a sample catalogue of any size, or a stream of dated products"),
    "import": ("commands.import_", "bring a labelled catalogue in from CSV, JSON lines or Parquet files"),
    "explain": ("commands.explain", "say why a product is put where it is: words, labelled products like it, doubts"),
    "plan": ("commands.plan", "say how many audits it takes for which promise at which coverage"),
    "report": ("commands.report", "write the evidence of the last run as one HTML page"),
    "promote": ("commands.promote", "make a registered model version the champion"),
    "package": ("commands.package", "build the champion as a Bento: one artefact that answers as the registry's model"),
    "serve": ("commands.serve", "serve the Bento of the champion on this machine"),
    "key": ("commands.key", "make a key for programs that ask the service"),
    "score": ("commands.score", "categorise the products of a file, with the champion or through a service"),
    "predictions": ("commands.predictions", "collect the prediction logs of services into the catalogue"),
    "desk": ("commands.desk", "start the desk, where people answer, or load, export and check"),
    "audit": ("commands.audit", "draw audits, bring answers back, report how accurate decisions really are"),
    "rehearse": ("commands.rehearse", "make up days with a planted change, to see what monitoring makes of them"),
    "monitor": ("commands.monitor", "say green or red, how sure, and which shop or category is to blame"),
    "alarm": ("commands.alarm", "after an alarm: tell the desk, tighten or stop it; or check the alarm"),
    "replay": ("commands.replay", "replay the feedback loop on a labelled catalogue, as one page"),
    "summary": ("commands.summary", "say in a few lines what the last run found and what to do next"),
}

# Tools that would report their use to their makers are told not to, whoever starts the command.
TELEMETRY_OFF = {
    "BENTOML_DO_NOT_TRACK": "true",
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "true",
    "GX_ANALYTICS_ENABLED": "False",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

_EXIT_CODES = """\
exit codes:
  0    done
  1    the command ran, and its answer is no (a check that failed)
  2    something to mend: one line on standard error says what, where, and how
  130  interrupted; the same command goes on from there"""


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, as all errors here."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where to look, and leave with the exit code of bad input."""
        self.exit(EXIT_BAD_INPUT, f"aisle: {message}; see `{self.prog} --help`\n")


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that `words` (by default the process's arguments) name; return its exit code."""
    os.environ.update(TELEMETRY_OFF)
    chosen = list(sys.argv[1:] if words is None else words)
    return exit_code_of(lambda: _dispatch(chosen))


def _dispatch(words: list[str]) -> int | None:
    parser = _overview()
    if not words:
        parser.print_help()
        return 0
    if words[0].startswith("-"):
        parser.parse_args(words)  # --help and --version leave here; anything else is an error
        return 0
    name, *rest = words
    if name not in COMMANDS:
        from aisle.config import suggest

        raise ConfigurationError(f"'{name}' is not a command{suggest(name, COMMANDS)}")
    module_name, summary = COMMANDS[name]
    module = importlib.import_module(module_name)
    command_parser = OneLineParser(
        prog=f"aisle {name}",
        description=f"{summary[0].upper()}{summary[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(command_parser)
    code: int | None = module.run(command_parser.parse_args(rest))
    return code


def _overview() -> argparse.ArgumentParser:
    width = max(len(name) for name in COMMANDS)
    lines = "\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items())
    parser = OneLineParser(
        prog="aisle",
        usage="aisle [--help | --version] COMMAND …",
        description=(
            "Puts incoming products into their category: automatically where the promised\n"
            "accuracy can be kept, by people where it cannot."
        ),
        epilog=f"commands (`aisle COMMAND --help` tells more):\n{lines}\n\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, help="show the version and leave")
    return parser


class _Version(argparse.Action):
    """Looks the version up only when asked: it costs a scan of what is installed."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:  # noqa: A002 - argparse's name
        super().__init__(option_strings, dest=argparse.SUPPRESS, default=argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"aisle {version('aisle')}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
