"""The server is killed while products come in: what the prediction log holds, against what was answered."""

from __future__ import annotations

import collections
import http.client
import json
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks.results import Result
from benchmarks.serving.servers import Server, stop

_LOST_SECONDS = 1.0  # what a kill may take with it
_LEAST_ANSWERED = 1000  # products; fewer prove nothing
_BATCHES = (1, 1, 3, 20, 200)


class Feed(threading.Thread):
    """Sends products with ids of their own, and keeps what was answered, and when."""

    def __init__(self, port: int, products: Sequence[dict[str, Any]], name: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.port, self.products, self.prefix = port, products, name
        self.random = random.Random(seed)
        self.answered: dict[str, float] = {}
        self.ended = threading.Event()

    def run(self) -> None:
        """Until `ended` is set, or the server is gone."""
        connection, number = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10), 0
        while not self.ended.is_set():
            size = self.random.choice(_BATCHES)
            batch = [
                {
                    **self.products[(number + place) % len(self.products)],
                    "product_id": f"{self.prefix}-{number + place}",
                }
                for place in range(size)
            ]
            number += size
            try:
                connection.request(
                    "POST", "/v1/categorize", json.dumps({"products": batch}), {"Content-Type": "application/json"}
                )
                answer = connection.getresponse()
                body = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError):
                return
            if answer.status == 200:
                now = time.monotonic()
                self.answered |= dict.fromkeys(body["product_id"], now)


def killed_rows(
    serve: Callable[[int], AbstractContextManager[Server]],
    products: Sequence[dict[str, Any]],
    log_folder: Path,
    collect: Callable[[], Sequence[str]],
    kills: int,
) -> list[Result]:
    """Kill the server `kills` times under load; `collect` gives the product ids of all rows collected."""
    answered: dict[str, float] = {}
    may_be_lost: set[str] = set()
    seconds = random.Random(0)
    for round_number in range(kills + 1):
        with serve(round_number) as server:
            feeds = [Feed(server.port, products, f"{round_number}-{feed}", feed) for feed in range(3)]
            for feed in feeds:
                feed.start()
            time.sleep(seconds.uniform(1.2, 4.0))
            if round_number < kills:
                killed_at = time.monotonic()
                stop(server.process, signal.SIGKILL)
            else:  # the last one ends in peace, and then nothing may be lost
                for feed in feeds:
                    feed.ended.set()
                killed_at = float("inf")
            for feed in feeds:
                feed.join()
                answered |= feed.answered
                may_be_lost |= {one for one, at in feed.answered.items() if at > killed_at - _LOST_SECONDS}
    half_written = sum(1 for _ in half_lines(log_folder))
    logged = collections.Counter(collect())
    return counted(set(answered), may_be_lost, logged, half_written, kills)


def counted(
    answered: Set[str], may_be_lost: Set[str], logged: Mapping[str, int], half_written: int, kills: int
) -> list[Result]:
    """The rows: products `answered`, those that a kill may take with it, and how often each was `logged`."""
    doubled = sum(many - 1 for many in logged.values())
    missing = [one for one in answered if one not in logged]
    lost = sum(1 for one in missing if one not in may_be_lost)
    return [
        Result("killed.answered", f"products answered, the server killed {kills} times", len(answered), "rows",
               f"≥ {_LEAST_ANSWERED}"),
        Result("killed.doubled", "logged rows doubled", doubled, "rows"),
        Result("killed.half_written", "half-written rows inside log files", half_written, "rows"),
        Result("killed.lost", "answered rows lost beyond the last second", lost, "rows"),
        Result("killed.lost_at_all", "answered rows lost, the last second before a kill included",
               len(missing), "rows"),
        Result("killed.rows_wrong", "rows doubled, half-written, or lost beyond the last second",
               doubled + half_written + lost, "rows", "≤ 0"),
    ]  # fmt: skip


def half_lines(folder: Path) -> Iterator[str]:
    """Lines of log files that are no JSON object."""
    for path in sorted(folder.glob("predictions-*")):
        for line in path.read_bytes().splitlines():
            if not _is_object(line):
                yield f"{path.name}: {line[:80]!r}"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
