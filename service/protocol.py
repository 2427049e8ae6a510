"""HTTP on one connection: what may come before a request is known, and errors that only the parser sees.

httptools keeps whatever it is sent until a header ends, so that somebody without a key could fill the memory with
headers. Here all that is no body is counted, and errors of the parser are problems like all others.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.headers import ANSWERED_WITH, request_id_of
from service.problems import Refused

MOST_HEAD = 2**16  # bytes of request line and headers, trailers included
MOST_HEADERS = 100
MOST_CONNECTIONS = 2000  # beyond which a new one is not even read
CLOSE_SECONDS = 2.0  # for somebody to read why; then the connection ends whatever is unread
_TOO_MUCH = f"request line and headers are limited to {MOST_HEAD} bytes and {MOST_HEADERS} headers"
_NO_HTTP = "the request is not HTTP/1.1 as it should be: its method, address, headers or lengths"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a bound on what a connection sends before its request is known."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.headers = []  # there also for an error before a first request
        self._in_head = True  # whether what comes next is a request line or a header, rather than a body
        self._head = self._headers_read = 0  # bytes and headers of this request
        self._beside = 0  # bytes since a body last came or a request ended: of a line that has not ended
        self._moved = False  # whether the bytes just fed held any of a body, or the end of a request
        self._over = False  # whether a limit was passed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read what came; an answer and the end where it goes beyond what a request may have beside its body."""
        self._moved = False
        super().data_received(data)
        self._beside = 0 if self._moved else self._beside + len(data)
        if self._beside > MOST_HEAD and not self.transport.is_closing():
            self._over = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head = self._headers_read = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: that one is counted and dropped, for no proxy in front has looked at it."""
        self._headers_read += 1
        self._count(len(name) + len(value) + 4)
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request is known."""
        super().on_headers_complete()
        self._in_head = False

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has ended."""
        self._moved = self._in_head = True
        super().on_message_complete()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEAD or self._headers_read > MOST_HEADERS:
            self._over = True
            raise ValueError(_TOO_MUCH)  # ends the parser, which has uvicorn answer with 400: see below

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong where the one who asked cannot take it for another answer, and end the connection."""
        if self._may_answer():
            refused = Refused(431, _TOO_MUCH) if self._over else Refused(400, _NO_HTTP)
            self.transport.write(self._problem(refused))
        if self.cycle is not None:
            self.cycle.disconnected = True  # what still runs for this connection has nobody to answer
        self.transport.close()
        self.loop.call_later(CLOSE_SECONDS, self.transport.abort)

    def _may_answer(self) -> bool:
        """Whether no earlier request still waits for its answer, and this one has none."""
        last: Any = self.cycle  # None before the first request
        if last is None:
            return True
        if self._in_head:
            return bool(last.response_complete)
        return not self.pipeline and not last.response_started

    def _problem(self, refused: Refused) -> bytes:
        answer = refused.answer()
        headers = [*answer.raw_headers, *ANSWERED_WITH]
        headers.append((b"x-request-id", request_id_of(self.headers).encode()))
        headers += [*self.server_state.default_headers, (b"connection", b"close")]
        there: dict[bytes, bytes] = {}
        for name, value in headers:
            there.setdefault(name, value)
        lines = b"".join(b"%s: %s\r\n" % one for one in there.items())
        return STATUS_LINE[refused.status] + lines + b"\r\n" + bytes(answer.body)
