"""Runs the processes of a desk side by side: starts again what died, stops all together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before a process that died is started again; they double
STEADY = 60.0  # seconds: one that lived as long starts anew with the first pause
PATIENCE = 25.0  # seconds for what runs to end well, before it is killed
_LOOK_EVERY = 0.1


@dataclass
class Child:
    """One process, started as often as it dies.

    Attributes
    ----------
    name : str
        For people, as `web server`.
    words : sequence of str
        Program and arguments.
    files : tuple of int
        Open files that it inherits.
    """

    name: str
    words: Sequence[str]
    files: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    again_at: float = field(default=0.0)


class Supervisor:
    """Keeps `children` running until `stop` is called or a signal comes.

    Parameters
    ----------
    children : sequence of Child
    environment : mapping
        Of all of them.
    say : callable
        Where lines for people go.
    """

    def __init__(
        self, children: Sequence[Child], environment: Mapping[str, str], say: Callable[[str], None] | None = None
    ) -> None:
        self._children = children
        self._environment = dict(environment)
        self._say = say or _to_standard_error
        self._stop = threading.Event()
        self._at_once = threading.Event()

    def stop(self, number: int = 0, _: object = None) -> None:
        """End all of them when what runs in them is done; at once for a Ctrl-C after that."""
        if number == signal.SIGINT and self._stop.is_set():
            self._at_once.set()
        self._stop.set()

    def run(self) -> None:
        """Start all, and return when all have ended after a `stop`."""
        with _signals(self.stop):
            try:
                while not self._stop.is_set():
                    for child in self._children:
                        self._tend(child)
                    self._stop.wait(_LOOK_EVERY)
            finally:
                self._end()

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.again_at:
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            return
        child.process = None
        child.pause = FIRST_PAUSE if now - child.started >= STEADY else child.pause
        child.again_at = now + child.pause
        self._say(f"the {child.name} {_how(code)}; it is started again in {child.pause:g} s")
        child.pause = min(2 * child.pause, LONGEST_PAUSE)

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            child.words,
            env=self._environment,
            pass_fds=child.files,
            start_new_session=True,  # Ctrl-C at the terminal reaches this process alone, which ends the others in order
            preexec_fn=_end_with_parent,  # no thread runs here that could hold a lock
        )

    def _end(self) -> None:
        alive = [
            child.process for child in self._children if child.process is not None and child.process.poll() is None
        ]
        if alive:
            self._say("ending when what runs is done … (Ctrl-C again: at once)")
        for process in alive:
            process.terminate()
        until = time.monotonic() + PATIENCE
        while any(one.poll() is None for one in alive) and time.monotonic() < until and not self._at_once.is_set():
            time.sleep(_LOOK_EVERY / 2)  # a signal is handled in between
        for child in self._children:
            if child.process is not None and child.process.poll() is None:
                why = "is killed" if self._at_once.is_set() else f"did not end within {PATIENCE:g} s and is killed"
                self._say(f"the {child.name} {why}")
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()


class Threads(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker with threads; asked to end, it waits for requests that run, not for idle connections.

    Every open browser holds one, and gunicorn (26) would wait for it as long as for a request.
    """

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to end."""
        super().handle_exit(sig, frame)
        if hasattr(self, "method_queue"):
            self.method_queue.defer(self._close_idle)

    def _close_idle(self) -> None:
        for idle in (self.keepalived_conns, self.pending_conns):
            while idle:
                connection = idle.popleft()
                with contextlib.suppress(OSError, KeyError, ValueError):
                    self.poller.unregister(connection.sock)
                self.nr_conns -= 1
                connection.close()


@contextlib.contextmanager
def _signals(stop: Callable[..., None]) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_with_parent() -> None:
    """Where the system can (Linux): when the parent is killed, the child is told to end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _to_standard_error(text: str) -> None:
    print(f"aisle desk: {text}", file=sys.stderr, flush=True)
