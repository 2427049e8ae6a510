"""What strangers can do to a connection before anything of a request is known, on a real port."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.service.stub_bento import Served, write_stub

FREE = ("--port", "0")
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def bento(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stub(tmp_path_factory.mktemp("bento") / "stub")


@pytest.fixture(scope="module")
def served(bento: Path) -> Iterator[Served]:
    with Served(str(bento), *FREE) as process:
        yield process


@contextlib.contextmanager
def connected(served: Served, receive_bytes: int | None = None) -> Iterator[socket.socket]:
    host, port = served.url.removeprefix("http://").split(":")
    with socket.socket() as connection:
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(20)
        connection.connect((host, int(port)))
        yield connection


def to_the_end(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    pieces = []
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(2**20):
            pieces.append(piece)
    return b"".join(pieces)


def told(answer: bytes) -> tuple[int, dict[str, str], Any]:
    """Status, headers and content of the one answer of a connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert int(headers["content-length"]) == len(body)
    return int(first.split()[1]), headers, json.loads(body)


def refused(served: Served, sent: bytes) -> tuple[int, str]:
    """Status and detail of the answer to `sent`, a problem with all that answers carry, after which it is over."""
    with connected(served) as connection:
        connection.sendall(sent)
        status, headers, problem = told(to_the_end(connection))
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["x-request-id"]
    assert (problem["status"], problem["type"]) == (status, "about:blank")
    return status, problem["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        GET + b"X-One: 1\r\n" * 120 + b"\r\n",
        GET + b"X-One: " + b"x" * 70_000 + b"\r\n\r\n",
        GET + (b"X-One: " + b"x" * 1000 + b"\r\n") * 80 + b"\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["many", "long", "together", "url"],
)
def test_too_many_or_too_long_headers_are_431(served: Served, sent: bytes) -> None:
    assert refused(served, sent) == (431, "request line and headers are limited to 65536 bytes and 100 headers")


def test_what_a_client_usually_sends_is_within_the_limits(served: Served) -> None:
    headers = {f"X-{number}": "x" * 500 for number in range(90)}
    with httpx.Client(base_url=served.url, headers=headers) as client:
        for _ in range(3):  # each request counts for itself
            assert client.get("/livez").status_code == 200
            body = client.post("/score", content=b" " * 2**20, headers={"content-type": "application/json"})
            assert body.json() == {"bytes": 2**20}


@pytest.mark.parametrize(
    "endless",
    [
        [GET, *[(b"X-One: " + b"x" * 1000 + b"\r\n") * 1000] * 25],
        [GET + b"X-One: ", *[b"x" * 2**20] * 25],
        [b"GET /", *[b"x" * 2**20] * 25],
        [b"POST /score HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-One: ",
         *[b"x" * 2**20] * 25],
        [b"POST /score HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n",
         *[b"X-One: 1\r\n" * 100_000] * 25],
    ],
    ids=["lines", "line", "url", "trailer", "trailers"],
)  # fmt: skip
def test_headers_without_end_do_not_fill_the_memory(served: Served, endless: list[bytes]) -> None:
    process = psutil.Process(served.process.pid)
    before = process.memory_info().rss
    with connected(served) as connection, contextlib.suppress(ConnectionError):
        for piece in endless:
            connection.sendall(piece)
        raise AssertionError("all of it was taken")
    assert process.memory_info().rss - before < 8 * 2**20


def test_a_trailer_is_no_header(served: Served) -> None:
    """What comes behind the body cannot say what a proxy in front has taken out of the headers."""
    sent = (
        b"POST /score HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"2\r\n{}\r\n0\r\nContent-Type: application/json\r\n\r\n"
    )
    with connected(served) as connection:
        connection.sendall(sent)
        assert told(to_the_end(connection))[0] == 415


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"FETCH /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"hello\r\n\r\n",
    ],
    ids=["both lengths", "two lengths", "method", "path", "no http"],
)
def test_what_is_no_http_is_a_problem(served: Served, sent: bytes) -> None:
    status, detail = refused(served, sent)
    assert status == 400
    assert "HTTP" in detail


def test_a_request_keeps_its_name_where_it_was_read(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(GET + b"X-Request-ID: mine\r\nContent-Length: x\r\n\r\n")
        status, headers, _ = told(to_the_end(connection))
    assert (status, headers["x-request-id"]) == (400, "mine")


def test_an_answer_is_never_taken_for_that_of_an_earlier_request(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(b"GET /slow?seconds=0.3 HTTP/1.1\r\nHost: localhost\r\n\r\nhello\r\n\r\n")
        assert to_the_end(connection) == b""


def test_more_connections_than_are_served_are_told_so(bento: Path) -> None:
    change = "from service import protocol; server.BUSY_CONNECTIONS, protocol.MOST_CONNECTIONS = 3, 5"
    with Served(str(bento), *FREE, change=change) as served, contextlib.ExitStack() as held:
        for _ in range(3):
            held.enter_context(connected(served))
        with httpx.Client(base_url=served.url) as client:
            busy = client.get("/slow?seconds=0")
            assert (busy.status_code, busy.headers["content-type"]) == (503, "application/problem+json")
            assert (busy.headers["retry-after"], busy.headers["connection"]) == ("1", "close")
            assert client.get("/livez").status_code == 200  # alive, though busy
        for _ in range(2):
            held.enter_context(connected(served))
        with pytest.raises(httpx.TransportError):
            httpx.get(served.url + "/livez")
        held.close()
        time.sleep(0.2)
        assert httpx.get(served.url + "/slow?seconds=0").status_code == 200


LARGE = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_an_answer_that_nobody_reads_is_given_up(bento: Path) -> None:
    with Served(str(bento), *FREE, change="server.KEEP_ALIVE_SECONDS = 1") as served:
        process = psutil.Process(served.process.pid)
        with connected(served, 4096) as unread, connected(served, 4096) as slow:
            for connection in (unread, slow):
                connection.sendall(LARGE)
            assert slow.recv(2**16)
            begun = time.monotonic()
            while len(process.net_connections()) > 2 and time.monotonic() - begun < 15:
                assert slow.recv(2**12)  # slowly, but it reads
                time.sleep(0.1)
            assert 2 < time.monotonic() - begun < 8
            assert slow.recv(2**16)


def test_an_answer_that_nobody_reads_does_not_hold_up_the_end(bento: Path) -> None:
    change = "server.UNREAD_SECONDS = 0.5"
    with Served(str(bento), *FREE, change=change) as served, connected(served, 4096) as unread:
        unread.sendall(LARGE * 2)
        time.sleep(0.3)
        code, seconds, said = served.stop(signal.SIGTERM)
    assert (code, said) == (0, "")
    assert seconds < 5


def test_an_answer_that_is_being_read_is_finished_at_the_end(bento: Path) -> None:
    with Served(str(bento), *FREE, change="server.UNREAD_SECONDS = 1") as served:
        with connected(served) as slow:
            slow.sendall(LARGE)
            received = slow.recv(2**16)
            os.kill(served.process.pid, signal.SIGTERM)
            begun = time.monotonic()
            while piece := slow.recv(2**20):
                received += piece
                time.sleep(0.3 if time.monotonic() - begun < 3 else 0)
        assert served.process.wait(10) == 0
    assert len(received.partition(b"\r\n\r\n")[2]) == 32 * 2**20
