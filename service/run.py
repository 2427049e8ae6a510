"""One process that serves a Bento: `python -m service.run [BENTO_FOLDER] --host HOST --port PORT`.

Loads the Bento as a worker of `bentoml serve` does, but without a supervisor over it: what cannot
start says why in one line and ends with exit code 2, and whoever runs the process decides about the
next try. Nothing is written but the prediction log, so a read-only file system and an empty home do.
SIGTERM and SIGINT finish the requests that run, for up to 15 seconds, close the log, and end with 0.
"""

from __future__ import annotations

import argparse
import errno
import ipaddress
import logging
import os
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from aisle.errors import EXIT_BAD_INPUT, AisleError, ConfigurationError, DataError, ModelError, exit_code_of, one_line

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from service.settings import Settings

WITHOUT_BENTO = "service.bento:Aisle"  # our own code, with the model of AISLE_MODEL_FOLDER
_PATHS = ("AISLE_API_KEYS_FILE", "AISLE_LOG_FOLDER", "AISLE_MODEL_FOLDER")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_BAD_INPUT, f"aisle: {message}; see `python -m service.run --help`\n")


def main(words: Sequence[str] | None = None) -> int:
    """Serve until a signal says to end; returns the exit code, 0 then, 2 where it could not start."""
    chosen = list(sys.argv[1:] if words is None else words)
    return exit_code_of(lambda: _serve(chosen))


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = _Parser(prog="python -m service.run", description="Serves a Bento of Aisle in this process.")
    parser.add_argument(
        "bento",
        metavar="BENTO_FOLDER",
        nargs="?",
        help="an unpacked Bento (default: the one that this code is part of)",
    )
    parser.add_argument("--host", type=_address, default="127.0.0.1", help="address (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=3000, help="port, 0 for a free one (default: %(default)s)")
    return parser.parse_args(words)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no address; give one such as 127.0.0.1 (this machine alone) or 0.0.0.0 (all)"
        ) from None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"'{text}' is no port; give a number from 0 to 65535")
    return int(text)


def _serve(words: list[str]) -> int:
    arguments = _arguments(words)
    for name in _PATHS:  # loading a Bento changes the current folder
        if os.environ.get(name, "").strip():
            os.environ[name] = str(Path(os.environ[name].strip()).absolute())
    folder = _folder(arguments.bento)
    if folder is not None:
        _become_its_code(folder, arguments)
    settings = _settings(arguments.host)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    _log_to_stderr()
    _choose_temporary_folder(settings.log_folder)
    place = bind(arguments.host, arguments.port)
    from service.server import Process

    try:
        app, name = load(folder)
        Process(app, name).run([place])
    except AisleError:
        raise
    except Exception as error:
        raise _reason(error, folder, arguments) from error
    return 0


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


def _folder(given: str | None) -> Path | None:
    """The folder of the Bento to serve; None where a bare model is to be served with our own code."""
    if given is None:
        own = Path(__file__).resolve().parents[2]
        if (own / "bento.yaml").is_file():
            return own
        if os.environ.get("AISLE_MODEL_FOLDER"):
            return None
        raise ConfigurationError("no Bento is named; give the folder of one, which `aisle package` builds")
    folder = Path(given).absolute()
    if not (folder / "bento.yaml").is_file():
        there = "a file, which has to be unpacked first" if folder.is_file() else "no Bento (no bento.yaml in it)"
        raise DataError(f"{folder}: {there if folder.exists() else 'no such folder'}; `aisle package` builds a Bento")
    return folder


def _become_its_code(folder: Path, arguments: argparse.Namespace) -> None:
    """Start again with the Bento's own code, in this same process, should it be other code than this."""
    source = folder / "src"
    theirs = source / "service" / "run.py"
    if not theirs.is_file() or theirs.resolve() == Path(__file__).resolve():
        return
    search = os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH")]))
    words = [sys.executable, "-P", "-m", "service.run", str(folder)]
    words += ["--host", arguments.host, "--port", str(arguments.port)]
    sys.stdout.flush()
    os.execve(sys.executable, words, {**os.environ, "PYTHONPATH": search})


def _settings(host: str) -> Settings:
    """The settings, once it is sure that they let the service listen on `host` and log where it should."""
    from service.keys import keys_of
    from service.settings import Settings

    settings = Settings.from_environment(os.environ)
    if not (keys_of(settings).configured or ipaddress.ip_address(host).is_loopback):
        raise ConfigurationError(
            f"--host {host} lets other machines in, and no API key is configured; make one with `aisle key NAME` "
            "and put it into AISLE_API_KEYS or the file of AISLE_API_KEYS_FILE"
        )
    if settings.log_folder is not None:
        _check_log_folder(settings.log_folder)
    return settings


def _check_log_folder(folder: Path) -> None:
    """A log that cannot be written at the start is a mistake to mend; later the service goes on without."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):  # a full disk is no mistake of who configured it
            raise ConfigurationError(f"AISLE_LOG_FOLDER: {one_line(error)}") from error
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"AISLE_LOG_FOLDER: {folder}: cannot be written by user {os.geteuid()}; check who owns it"
        )


def _choose_temporary_folder(log_folder: Path | None) -> None:
    """BentoML makes one empty temporary folder; where everything is read-only but the log folder, there."""
    for folder in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm", log_folder):
        if folder and os.access(folder, os.W_OK | os.X_OK):
            tempfile.tempdir = str(folder)
            return


def bind(host: str, port: int) -> socket.socket:
    """A socket at the address that does not listen yet; `ConfigurationError` where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # The protocol is named since asyncio sends at once (TCP_NODELAY) only where it is: 40 ms an answer.
        place = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::":
            place.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # all addresses means those of IPv4 too
        place.bind((host, port))
    except OSError as error:
        raise _no_place(error, host, port) from error
    return place


def _no_place(error: OSError, host: str, port: int) -> ConfigurationError:
    reasons = {
        errno.EADDRINUSE: f"port {port} is taken; stop what listens there, or give another --port",
        errno.EACCES: f"port {port} may not be used by user {os.geteuid()}; give a --port from 1024 on",
        errno.EADDRNOTAVAIL: f"{host} is no address of this machine; give another --host",
        errno.EAFNOSUPPORT: f"this machine has no addresses such as {host}; give another --host",
    }
    return ConfigurationError(reasons.get(error.errno or 0, f"cannot listen on {host} port {port}: {error.strerror}"))


def load(folder: Path | None) -> tuple[ASGIApp, str]:
    """The app of the Bento in `folder` and its tag, as BentoML's worker makes it; the model comes with the lifespan."""
    os.environ["BENTOML_DO_NOT_TRACK"] = "true"
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # one process counts in memory
    from bentoml._internal.configuration.containers import BentoMLContainer
    from bentoml._internal.context import server_context
    from bentoml._internal.service.loader import load as load_service

    logging.getLogger("bentoml").setLevel(logging.CRITICAL)  # it would print the trace of what fails to start
    home = os.environ.get("BENTOML_HOME")
    own = folder / "models" if folder is not None else None
    if own is not None and (own.is_dir() or not home):
        BentoMLContainer.model_store_dir.set(str(own))  # otherwise it would make folders below the home
    elif home:
        BentoMLContainer.model_store_dir.set(str(Path(home) / "models"))
    BentoMLContainer.development_mode.set(False)
    server_context.worker_index = 1
    service: Any = load_service(str(folder) if folder is not None else WITHOUT_BENTO, standalone_load=True)
    server_context.service_type = "entry_service"
    server_context.service_name = service.name
    server_context.bento_name = service.bento.tag.name if service.bento else service.name
    server_context.bento_version = (service.bento and service.bento.tag.version) or "not available"
    return service.to_asgi(is_main=True), str(service.bento.tag) if service.bento else service.name


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("aisle").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # until it is ready: see `load`


def _reason(error: Exception, folder: Path | None, arguments: argparse.Namespace) -> AisleError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return _no_place(error, arguments.host, arguments.port)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} at {frame.filename}:{frame.lineno}"
    return ModelError(
        f"{folder or WITHOUT_BENTO}: cannot be served: {one_line(error)} ({where}); "
        "unpack the Bento again, or build it again with `aisle package`"
    )


if __name__ == "__main__":
    sys.exit(main())
