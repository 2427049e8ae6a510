"""The worker: scores what waits and stores uploaded files, one process a desk.

    python -m desk.inbox.worker

It may be killed at any moment: what it had not committed, it does again. A second one waits until
the first one ends. While the service is down, products wait, and the pauses between tries grow.
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from aisle.client import Categorized, ServiceClient
from aisle.errors import AisleError, exit_code_of, one_line

NAME = "scoring"
IDLE = 0.2  # seconds between two looks at an empty inbox
BEAT_EVERY, PROBE_EVERY = 2.0, 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0  # the bounds between which the pauses double while the service is down
_LOCK = 0x61_69_73_6C_65  # of PostgreSQL: the number that says that a worker is at work


class Stopped(BaseException):
    """The process is asked to end while it waits for the service."""


class Alone:
    """That no other worker is at work: a lock of the database, or of a file beside SQLite's."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "worker.lock"
        self._file: IO[bytes] | None = None
        self._session: object = None

    def held(self) -> bool:
        """Whether this is the one; tries to become it. A connection that was lost has lost the lock."""
        if connection.vendor == "postgresql":
            connection.ensure_connection()
            if self._session is not connection.connection:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
                    if not cursor.fetchone()[0]:
                        return False
                self._session = connection.connection
            return True
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return False
            self._file = file
        return True

    def release(self) -> None:
        """Let another one work."""
        if self._file is not None:
            self._file.close()
            self._file = None
        elif self._session is not None:
            connection.close()
            self._session = None


class Worker:
    """Does what is to be done, until it is told to stop.

    Parameters
    ----------
    client : ServiceClient
    folder : Path
        Of the desk.
    """

    def __init__(self, client: ServiceClient, folder: Path) -> None:
        from desk.inbox.uploads import Storing

        self._client = client
        self._alone = Alone(folder)
        self._uploads = Storing()
        self._stop = threading.Event()
        self._asking = False
        self._failures = 0
        self._beaten = self._probed = 0.0
        self._standing: dict[str, Any] = {
            "host": socket.gethostname()[:200], "pid": os.getpid(), "started_at": timezone.now(),
            "answered_at": None, "error": "", "error_since": None, "next_try_at": None,
        }  # fmt: skip

    def stop(self, *_: object) -> None:
        """End soon: at once while waiting for the service, else when what runs is committed."""
        self._stop.set()
        if self._asking:
            raise Stopped

    def categorize(self, products: Sequence[Mapping[str, Any]], alternatives: int = 3) -> Categorized:
        """Ask the service; a wait that the end of the process interrupts."""
        self._asking = True
        try:
            if self._stop.is_set():
                raise Stopped
            return self._client.categorize(products, alternatives)
        finally:
            self._asking = False

    def ready(self) -> bool:
        """Whether the service answers now."""
        return self._client.ready()

    def run(self) -> None:
        """Work until `stop`."""
        try:
            while not self._stop.is_set():
                try:
                    busy = self._turn()
                except (DatabaseError, InterfaceError) as error:
                    say(f"the database failed ({one_line(error)}); trying again")
                    self._uploads.forget()
                    connection.close()
                    self._wait(1.0)
                    continue
                if not busy:
                    self._wait(IDLE)
        except Stopped:
            pass
        finally:
            self._alone.release()

    def _turn(self) -> bool:
        """One batch of each kind of work; whether there was any."""
        from desk.inbox.scoring import score_waiting

        if not self._alone.held():
            say("another worker is at work; waiting until it ends", once=True)
            self._wait(1.0)
            return True
        now = timezone.now()
        done = 0
        if self._standing["next_try_at"] is None or now >= self._standing["next_try_at"]:
            try:
                done = score_waiting(self)
                if done:
                    self._answered()
                else:
                    self._probe()
            except AisleError as error:
                self._failed(one_line(error))
        stored = self._uploads.step()
        self._beat()
        return bool(done or stored)

    def _answered(self) -> None:
        if self._failures:
            say("the service answers again")
        self._failures = 0
        changed = bool(self._standing["error"])
        self._standing |= {"answered_at": timezone.now(), "error": "", "error_since": None, "next_try_at": None}
        self._beat(now=changed)

    def _failed(self, error: str) -> None:
        """Pause for longer from try to try, each time for another time (Brooker 2015, jitter)."""
        self._failures += 1
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 20))
        pause = random.uniform(longest / 2, longest)
        if error != self._standing["error"]:
            say(error)
        moment = timezone.now()
        self._standing |= {
            "error": error[:500],
            "error_since": self._standing["error_since"] or moment,
            "next_try_at": moment + timedelta(seconds=pause),
        }
        self._beat(now=True)

    def _probe(self) -> None:
        """With nothing to score, look now and then whether the service is there, for the page."""
        moment = time.monotonic()
        if moment - self._probed < (1.0 if self._standing["error"] else PROBE_EVERY):
            return
        self._probed = moment
        if self._client.ready():
            self._answered()
        else:
            self._failed(f"{self._client.url}: does not answer; check that the service runs")

    def _beat(self, now: bool = False) -> None:
        """Say in the database how things stand."""
        from desk.inbox.models import Beat

        moment = time.monotonic()
        if now or moment - self._beaten >= BEAT_EVERY:
            self._beaten = moment
            Beat.objects.update_or_create(name=NAME, defaults=self._standing | {"beat_at": timezone.now()})

    def _wait(self, seconds: float) -> None:
        self._stop.wait(seconds)


_said: set[str] = set()


def say(text: str, once: bool = False) -> None:
    """A line for the log."""
    if once and text in _said:
        return
    _said.add(text)
    print(f"aisle worker: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Run the worker until SIGTERM or SIGINT."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "desk.settings")
    return exit_code_of(_run)


def _run() -> None:
    import django

    django.setup()
    from django.conf import settings

    given = settings.CONFIGURATION
    with ServiceClient(given.service_url, given.service_key or None, timeout=30.0, retries=2, patience=30.0) as client:
        worker = Worker(client, given.folder)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, worker.stop)
        say(f"at work for {client.url}")
        worker.run()


if __name__ == "__main__":
    sys.exit(main())
