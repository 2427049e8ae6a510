"""`aisle desk`: the web application of business owners and labellers."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desk.supervisor import Child

_NO_OPTIONS = "\x00"  # no word begins so: what looks like an option is for whom the words are passed on to
EPILOG = """\
Without an action: starts the desk on this machine, the web server and the worker that scores what waits. The first
start makes a folder, secrets and a database, and prints the password of the user `demo` once. Settings come from the
environment (docs/desk.md).

  aisle desk                                        then open the address that it prints
  aisle desk load offers.csv --mapping mapping.yaml
  aisle desk export                                 closed days into data/
  aisle desk check                                  what is missing
  aisle desk manage administrator ann               Django's own commands, and this one"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where it listens, or which action."""
    parser.epilog = EPILOG
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8000, help="port to listen on, 0 for a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--processes",
        type=_count,
        default=1,
        help="web processes, more than one with PostgreSQL (default: %(default)s)",
    )
    parser.add_argument("--threads", type=_count, default=8, help="threads of each (default: %(default)s)")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="aisle desk")
    load = actions.add_parser("load", help="bring the products of a file in", allow_abbrev=False)
    load.add_argument("file", type=Path, metavar="FILE", help="CSV, JSON lines or Parquet")
    load.add_argument(
        "--mapping", type=Path, metavar="FILE", help="which column is what (YAML; default: columns named as in data/)"
    )
    actions.add_parser("check", help="say what the desk lacks; exit code 1 if anything")
    for name, about in (
        ("export", "write closed days out to data/"),
        ("manage", "Django's own commands, as in `manage migrate`"),
    ):
        passed_on = actions.add_parser(name, help=about, add_help=False, prefix_chars=_NO_OPTIONS)
        passed_on.add_argument("words", nargs="*", metavar="…")


def run(arguments: argparse.Namespace) -> int | None:
    """Start the desk, or do the action."""
    from desk import start

    action = {"load": _load, "export": _export, "check": _check, "manage": _manage}.get(arguments.action, _start)
    with start.usable_database():
        return action(arguments)


def _start(arguments: argparse.Namespace) -> int | None:
    from aisle.errors import ConfigurationError
    from desk import start
    from desk.supervisor import Supervisor

    configuration = start.set_up()
    if not configuration.production and arguments.host not in ("127.0.0.1", "localhost"):
        raise ConfigurationError(
            f"--host {arguments.host}: outside of production the desk listens on this machine alone; "
            "set AISLE_DESK_PRODUCTION (docs/desk.md says what that needs)"
        )
    if arguments.processes > 1 and not configuration.database_url:
        raise ConfigurationError("--processes above 1 needs PostgreSQL: name it in DATABASE_URL")
    with _listening(arguments.host, arguments.port) as listening:
        _ready(configuration.production)
        if not configuration.production and (password := start.make_demo()):
            print(f"log in as {start.DEMO} with the password {password} (shown this once; change it on the page)")
        print(f"the desk is at http://{arguments.host}:{listening.getsockname()[1]}/ (Ctrl-C ends it)", flush=True)
        Supervisor(_children(arguments, listening), os.environ).run()
    print("the desk has ended", flush=True)
    return 0


def _children(arguments: argparse.Namespace, listening: socket.socket) -> list[Child]:
    """The web server, which inherits the open port so that no request is refused between two starts, and the worker."""
    from desk.supervisor import Child

    web = [sys.executable, "-m", "gunicorn", "desk.wsgi:application", "--bind", f"fd://{listening.fileno()}"]
    web += [
        "--worker-class",
        "desk.supervisor.Threads",
        "--workers",
        str(arguments.processes),
        "--threads",
        str(arguments.threads),
    ]
    web += ["--timeout", "120", "--graceful-timeout", "20", "--keep-alive", "5", "--log-level", "warning"]
    web += ["--no-control-socket", "--name", "aisle-desk"]
    worker = [sys.executable, "-m", "desk.inbox.worker"]
    return [Child("web server", web, (listening.fileno(),)), Child("worker", worker)]


def _listening(host: str, port: int) -> socket.socket:
    from aisle.errors import ConfigurationError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ConfigurationError(
            f"port {port} of {host} cannot be opened ({why}); choose another one with --port"
        ) from error


def _load(arguments: argparse.Namespace) -> int | None:
    from desk import start

    _ready(start.set_up().production)
    from desk.inbox.files import load_file

    print(load_file(arguments.file, arguments.mapping).text())
    return 0


def _export(arguments: argparse.Namespace) -> int | None:
    from desk import start

    _ready(start.set_up().production)
    command = import_module("desk.export.command")
    parser = argparse.ArgumentParser(prog="aisle desk export")
    command.add_arguments(parser)
    code: int | None = command.run(parser.parse_args(arguments.words))
    return code


def _check(arguments: argparse.Namespace) -> int | None:
    from desk import start

    configuration = start.set_up()
    good = True
    for name, standing, fine in start.findings(configuration):
        print(f"{'ok     ' if fine else 'MISSING'} {name}: {standing}")
        good = good and fine
    return 0 if good else 1


def _manage(arguments: argparse.Namespace) -> int | None:
    from desk import start

    start.set_up()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["aisle desk manage", *arguments.words])
    return 0


def _ready(production: bool) -> None:
    """A local desk brings its database up to date by itself; in production a person does."""
    from aisle.errors import DataError
    from desk import start

    if not production:
        start.migrate()
    elif waiting := start.unapplied():
        raise DataError(f"{len(waiting)} changes of the database wait; run `aisle desk manage migrate` first")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"'{text}' is no port; give a number from 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 64):
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 to 64")
    return int(text)
