"""`aisle serve`: serve a packaged champion on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.bento.store import Bento

EPILOG = """\
Serves the newest Bento of the champion; without one, the newest Bento there is, with a warning. The Bento's own code
and model answer, not those of the checkout. Settings come from the environment (docs/platform.md).

  aisle serve
  aisle serve --port 8000 aisle:3-5fd2a1c09b7e      one of the store
  aisle serve unpacked/                             one that was written by `aisle package --output unpacked`"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which Bento, and where it listens."""
    parser.epilog = EPILOG
    parser.add_argument("bento", metavar="BENTO", nargs="?", help="a tag of the store, or the folder of a Bento")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=3000, help="port to listen on, 0 for a free one (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int | None:
    """Become the server: this process is replaced by it."""
    from pipelines.bento import store

    home = store.home()
    bento = _named(arguments.bento, home) if arguments.bento else _newest(home)
    print(
        f"serving {bento.tag} (version {bento.labels.get('model_version')} of {bento.labels.get('model_name')})",
        flush=True,
    )
    environment = {
        **os.environ,
        "BENTOML_HOME": str(bento.models.parent if bento.models.parent != bento.path else home),
        "BENTOML_DO_NOT_TRACK": "true",
        "PYTHONPATH": str(bento.path / "src"),
    }
    words = [sys.executable, "-P", "-m", "service.run", str(bento.path)]
    words += ["--host", arguments.host, "--port", str(arguments.port)]
    os.execve(sys.executable, words, environment)


def _named(name: str, home: Path) -> Bento:
    from aisle.errors import DataError
    from pipelines.bento import store

    if Path(name).is_dir():
        return store.read_bento(Path(name).absolute())
    if name.endswith(store.FILE_SUFFIX):
        raise DataError(f"{name}: a Bento in one file; unpack it first, as in: mkdir bento && tar xf {name} -C bento")
    there = store.bentos(home)
    version = name.removeprefix(f"{store.NAME}:")
    for bento in there:
        if bento.tag == f"{store.NAME}:{version}":
            return bento
    known = ", ".join(bento.tag for bento in there[:5]) or "none"
    raise DataError(f"{name}: neither a folder nor a Bento of the store {home}, which holds {known}")


def _newest(home: Path) -> Bento:
    """The newest Bento of the champion, else the newest one, with a warning that says what is served instead."""
    from aisle.errors import DataError, RegistryError, one_line
    from pipelines.bento import store
    from pipelines.bento.champion import champion

    there = store.bentos(home)
    if not there:
        raise DataError(f"{home}: no Bento yet; `aisle package` builds one from the champion")
    newest = there[0]
    try:
        now = champion()
    except RegistryError as error:
        print(f"aisle: mind that the registry does not say who is champion ({one_line(error)})", file=sys.stderr)
        return newest
    if now is None:
        print(f"aisle: mind that nobody is champion now; serving the newest Bento, {newest.tag}", file=sys.stderr)
        return newest
    for bento in there:
        if (bento.labels.get("model_version"), bento.labels.get("run_id")) == now:
            return bento
    print(
        f"aisle: mind that the champion is version {now[0]} now, which is not packaged; serving {newest.tag}; "
        "`aisle package` packages the champion",
        file=sys.stderr,
    )
    return newest


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"'{text}' is no port; give a number from 0 to 65535")
    return int(text)
