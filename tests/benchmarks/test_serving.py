"""The load that the serving benchmark makes, against a server whose answers are known."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks.serving.load import Asked, ask, request

_SLOW_SECONDS = 0.02


class _Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies: list[bytes]

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))  # type: ignore[attr-defined]
        if self.path == "/slow":
            time.sleep(_SLOW_SECONDS)
        self.send_response(500 if self.path == "/broken" else 200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        else:
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as made:
        made.daemon_threads = True
        made.bodies = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def asked_of(server: http.server.ThreadingHTTPServer, path: str, **how: float) -> Asked:
    port = server.server_address[1]
    requests = [request(path, body, port) for body in (b"[1]", b"[22]", b"[333]")]
    return ask(port, requests, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/plain", "/chunked"])
def test_as_many_as_asked_for_in_their_order(server: http.server.ThreadingHTTPServer, path: str) -> None:
    asked = asked_of(server, path, most=7, connections=1)
    assert len(asked.seconds) == 7
    assert asked.failed == 0
    assert server.bodies == [b"[1]", b"[22]", b"[333]", b"[1]", b"[22]", b"[333]", b"[1]"]  # type: ignore[attr-defined]
    assert asked.rate == pytest.approx(7 / asked.elapsed)


def test_what_fails_is_no_answer(server: http.server.ThreadingHTTPServer) -> None:
    asked = asked_of(server, "/broken", most=5, connections=2)
    assert (len(asked.seconds), asked.failed, asked.rate) == (0, 5, 0.0)


def test_a_server_that_falls_behind_is_not_spared_the_waiting(server: http.server.ThreadingHTTPServer) -> None:
    """One connection to a server of at most 50 answers a second, asked 200 times a second: the wait grows."""
    asked = asked_of(server, "/slow", most=20, connections=1, pace=200)
    assert asked.seconds[-1] > 19 * (_SLOW_SECONDS - 1 / 200) * 0.9
    assert asked.quantile(1.0) > 5 * asked.seconds[0]


def test_a_steady_pace_is_kept(server: http.server.ThreadingHTTPServer) -> None:
    asked = asked_of(server, "/plain", seconds=1.0, connections=4, pace=50)
    assert 45 <= len(asked.seconds) <= 50
