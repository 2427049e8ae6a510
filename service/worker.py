"""One thread for the long work, so that the event loop stays free and two batches never share the cores."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from service.problems import overloaded

R = TypeVar("R")
_LONGEST_WAIT = 60  # seconds that somebody is told to wait, at most


class Worker:
    """Runs what takes long, one after the other.

    Parameters
    ----------
    max_waiting : int
        Works that may wait beside the one that runs; further ones are refused.
    timeout_seconds : float
        After which a caller is refused. A work that waits is then dropped; one that runs goes on to its end.
    """

    def __init__(self, max_waiting: int, timeout_seconds: float) -> None:
        self._most, self._timeout_seconds = max_waiting + 1, timeout_seconds
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aisle-model")
        self._lock = threading.Lock()
        self._unfinished = 0
        self._usual_seconds = 0.2  # of one work, a moving mean

    @property
    def unfinished(self) -> int:
        """Works that run or wait."""
        return self._unfinished

    async def run(self, work: Callable[[], R]) -> R:
        """What `work` returns or raises.

        Raises
        ------
        Refused
            503 where too many wait, or it takes too long; it says when to ask again.
        """
        if self._unfinished >= self._most:
            raise overloaded("too many batches wait for the model", self._retry_seconds())
        with self._lock:
            self._unfinished += 1
        future = self._thread.submit(self._timed, work)
        future.add_done_callback(self._finished)  # not that of the event loop, which a timeout ends too early
        try:
            async with asyncio.timeout(self._timeout_seconds) as limit:
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if not limit.expired():
                raise
            detail = f"the answer took longer than {self._timeout_seconds:g} s"
            raise overloaded(detail, self._retry_seconds()) from None

    def _timed(self, work: Callable[[], R]) -> R:
        begun = time.perf_counter()
        try:
            return work()
        finally:
            self._usual_seconds += 0.2 * (time.perf_counter() - begun - self._usual_seconds)

    def _finished(self, _: object) -> None:
        with self._lock:
            self._unfinished -= 1

    def _retry_seconds(self) -> int:
        return min(max(1, math.ceil(self._unfinished * self._usual_seconds)), _LONGEST_WAIT)
