"""Asking a server as fast as it answers, or at a steady pace, from one process."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Asked:
    """What a round of requests found; `seconds` are latencies in the order of the answers."""

    elapsed: float = 0.0
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.elapsed if self.elapsed else 0.0

    def quantile(self, share: float) -> float:
        """The latency, in seconds, that this share of the requests kept within."""
        return float(np.quantile(self.seconds, share)) if self.seconds else float("nan")


def request(path: str, body: bytes, port: int) -> bytes:
    """A POST of JSON, ready to be sent again and again over one connection."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def ask(
    port: int,
    requests: Sequence[bytes],
    seconds: float = math.inf,
    connections: int = 2,
    pace: float | None = None,
    most: float = math.inf,
) -> Asked:
    """Send `requests`, again from the first after the last, for `seconds`, or until `most` were sent.

    `pace`: requests a second over all connections; without it each connection asks as soon as it
    was answered. With it, a request counts from the moment it was due, so that a server that
    stops for a while is not spared the requests that would have come.
    """
    return asyncio.run(_ask(port, requests, seconds, connections, pace, most))


async def _ask(
    port: int, requests: Sequence[bytes], seconds: float, connections: int, pace: float | None, most: float
) -> Asked:
    found, taken = Asked(), itertools.count()
    start = time.perf_counter()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while True:
                number = next(taken)
                due = start + number / pace if pace else time.perf_counter()
                if number >= most or max(due, time.perf_counter()) - start >= seconds:
                    return
                if (wait := due - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                writer.write(requests[number % len(requests)])
                if await _answered(reader):
                    found.seconds.append(time.perf_counter() - due)
                else:
                    found.failed += 1
        finally:
            writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    found.elapsed = time.perf_counter() - start
    return found


async def _answered(reader: asyncio.StreamReader) -> bool:
    """Read one answer to its end; whether its status was 200."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = head[9:12]
    length = head.find(b"content-length:")
    if length >= 0:
        await reader.readexactly(int(head[length + 15 : head.index(b"\r", length)]))
    else:  # chunked
        while int((await reader.readline()).split(b";")[0], 16):
            await reader.readuntil(b"\r\n")
        await reader.readline()
    return status == b"200"
