"""uvicorn around one app, in this process: when it is ready, what it bounds, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import logging
import signal
import socket
import sys
import termios
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import uvicorn

from service.limits import Shield
from service.problems import Refused
from service.settings import PROBES

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEEP_ALIVE_SECONDS = 75  # longer than load balancers keep idle connections, so that they close them, not we
SWITCH_SECONDS = 0.0005  # between threads: a batch in the worker must not hold up the event loop for the usual 5 ms
UNREAD_SECONDS = 3.0  # at the end, for somebody who has not read a byte of an answer
BUSY_CONNECTIONS = 1000  # beyond which all but probes are answered with 503
GRACE_SECONDS = 15  # with the flush of the log below the 30 s after which Kubernetes kills

_log = logging.getLogger("aisle.server")


class Process(uvicorn.Server):
    """Serves `app` behind a `Shield` until SIGTERM or SIGINT.

    Parameters
    ----------
    app : ASGI app with a lifespan
        Its start may raise anything; `run` raises the same.
    name : str
        What the line that says "ready" calls it.
    """

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._name = name
        self._failure: BaseException | None = None
        self._idle: dict[Any, tuple[Any, float]] = {}
        self._unread = Unread()
        config = uvicorn.Config(
            self._watched(_Gate(app, self)),
            http=_protocol(),
            lifespan="on",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, say that it is ready, serve, finish what runs, end."""
        sys.setswitchinterval(SWITCH_SECONDS)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)  # uvicorn repeats a signal at its end; here it ends nothing more
        try:
            super().run(sockets)
        except SystemExit:
            if self._failure is None:
                raise
        if self._failure is not None and self.started:
            _log.error("something failed at the end: %s", type(self._failure).__name__)
        elif self._failure is not None:
            raise self._failure

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening once the app has started, and say so."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # the model stays as it is: no later collection need walk through it
        for name in ("bentoml", "uvicorn.error"):
            logging.getLogger(name).setLevel(logging.ERROR)
        if self.should_exit:
            return
        host, port = (sockets or [])[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        print(f"{self._name} is ready at http://{shown}:{port} (Ctrl+C stops it)", flush=True)

    async def on_tick(self, counter: int) -> bool:
        """Once a second also close connections that have sent no whole request for too long."""
        if counter % 10 == 0:
            self._close_stalled(time.monotonic())
        return await super().on_tick(counter)

    def _close_stalled(self, now: float) -> None:
        """uvicorn waits for ever for headers that come byte by byte, what follows an early answer, and readers."""
        self._unread.abort(self.server_state.connections, now, KEEP_ALIVE_SECONDS + 1)
        idle = {}
        for connection in self.server_state.connections:
            cycle: Any = getattr(connection, "cycle", None)
            if cycle is None or cycle.response_complete:
                known, since = self._idle.get(connection, (cycle, now))
                idle[connection] = (cycle, since if known is cycle else now)
        for connection, (_, since) in idle.items():
            if now - since > KEEP_ALIVE_SECONDS + 1:
                connection.transport.close()
        self._idle = idle

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what runs; an answer that nobody reads does not hold up the end."""
        giving_up = asyncio.create_task(self._give_up_unread())
        try:
            await super().shutdown(sockets)
        finally:
            giving_up.cancel()

    async def _give_up_unread(self) -> None:
        unread = Unread()
        while True:
            unread.abort(self.server_state.connections, time.monotonic(), UNREAD_SECONDS)
            await asyncio.sleep(UNREAD_SECONDS / 10)

    def _watched(self, app: ASGIApp) -> ASGIApp:
        """`app`, whose failed start is kept for `run` instead of being printed with its trace."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "lifespan":
                await app(scope, receive, send)
                return

            async def quiet(message: Message) -> None:
                await send({"type": message["type"]})

            try:
                await app(scope, receive, quiet)
            except Exception as error:
                self._failure = error
                raise

        return watched


class Unread:
    """Ends connections whose client has stopped reading its answer; to be asked regularly."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[int, float]] = {}  # bytes that wait to be read, since when they are not fewer

    def abort(self, connections: Iterable[Any], now: float, seconds: float) -> None:
        """End those where nothing was read for `seconds`: closing alone would wait until all is."""
        known = {}
        for connection in list(connections):
            size = _unread_bytes(connection.transport)
            if not size:
                continue
            before, since = self._known.get(connection, (size, now))
            known[connection] = (size, since if size >= before else now)
            if now - known[connection][1] > seconds:
                connection.transport.abort()
        self._known = known


def _unread_bytes(transport: Any) -> int:
    """What waits here and, then, in the kernel: only after megabytes were read does it take more from here."""
    size: int = transport.get_write_buffer_size()
    if size:
        with contextlib.suppress(OSError):
            waiting = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
            size += int.from_bytes(waiting, sys.byteorder)
    return size


class _Gate(Shield):
    """The outermost shield: refuses all but probes where there are too many connections."""

    def __init__(self, app: ASGIApp, process: Process) -> None:
        super().__init__(app)
        self._process = process

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self._process.server_state.connections) > BUSY_CONNECTIONS and scope["path"] not in PROBES:
            headers = {"Retry-After": "1", "Connection": "close"}
            raise Refused(503, "too many connections at once; ask again in 1 s", headers=headers)
        await self.app(scope, receive, send)


def _protocol() -> type[asyncio.Protocol] | Literal["h11"]:
    """HTTP with bounds of our own; without httptools that of h11, which has some."""
    try:
        from service.protocol import BoundedProtocol
    except ImportError:
        return "h11"
    return BoundedProtocol
