from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import limits
from service.keys import line_of
from service.limits import OPEN_PATHS, Guard
from service.settings import MAX_BODY, Settings

JSON = (b"content-type", b"application/json")
LOCAL = ("127.0.0.1", 3000)
OUTSIDE = ("10.1.2.3", 3000)
WITH_KEYS = Settings(api_keys=(line_of("shop", "s"), line_of("desk", "d")))
CATEGORIZE = "/v1/categorize"


class Got(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        told: dict[str, Any] = json.loads(self.body)
        assert told["status"] == self.status
        return told


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Says how many bytes came, in how many messages."""
    sizes = []
    more = scope["method"] == "POST"
    while more:
        message = await receive()
        sizes.append(len(message["body"]))
        more = message.get("more_body", False)
    await JSONResponse({"sizes": sizes})(scope, receive, send)


async def asked(
    app: ASGIApp,
    path: str = CATEGORIZE,
    method: str = "POST",
    headers: Sequence[tuple[bytes, bytes]] = (JSON,),
    body: Sequence[bytes | float] = (b"{}",),
    server: tuple[str, int] | None = LOCAL,
) -> Got:
    """One request; a number among the pieces of the body is a pause in seconds, at the end the caller leaves."""
    messages: list[Message] = []
    pieces = list(body)
    last = sum(isinstance(piece, bytes) for piece in pieces)
    given_so_far = 0

    async def receive() -> Message:
        nonlocal given_so_far
        while pieces:
            piece = pieces.pop(0)
            if isinstance(piece, bytes):
                given_so_far += 1
                return {"type": "http.request", "body": piece, "more_body": given_so_far < last or bool(pieces)}
            await asyncio.sleep(piece)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers), "server": server}
    await app(scope, receive, send)
    if not messages:
        return Got(0, {}, b"")
    start, *rest = messages
    assert not rest[-1].get("more_body", False)
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    assert len(told) == len(start["headers"]), "a header stands twice"
    return Got(start["status"], told, b"".join(message["body"] for message in rest))


def ask(app: ASGIApp, *words: Any, **more: Any) -> Got:
    return asyncio.run(asked(app, *words, **more))


def with_key(key: bytes, scheme: bytes = b"Bearer") -> list[tuple[bytes, bytes]]:
    return [JSON, (b"authorization", scheme + b" " + key)]


@pytest.mark.parametrize("server", [LOCAL, ("127.8.9.1", 1), ("::1", 1), ("::ffff:127.0.0.1", 1)])
def test_without_keys_this_machine_may_ask(server: tuple[str, int]) -> None:
    assert ask(Guard(echo, Settings()), server=server).status == 200


@pytest.mark.parametrize("server", [OUTSIDE, ("::ffff:10.0.0.1", 1), ("fe80::1%eth0", 1), ("/run/socket", 0), None])
def test_without_keys_nobody_else_may(server: tuple[str, int] | None) -> None:
    got = ask(Guard(echo, Settings()), server=server)
    assert got.status == 403
    assert "loopback" in got.problem["detail"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"localhost", 200),
        (b"LocalHost:3000", 200),
        (b"127.0.0.1:3000", 200),
        (b"[::1]:3000", 200),
        (b"evil.example", 403),
        (b"evil.example:3000", 403),
        (b"localhost.evil.example", 403),
        (b"127.0.0.1.evil.example", 403),
        (b"[::1].evil.example", 200),  # no name that a browser could resolve
        (b"", 403),
        (b"\xff", 403),
    ],
)
def test_without_keys_no_page_of_another_site_gets_in_by_a_name_of_its_own(host: bytes, status: int) -> None:
    assert ask(Guard(echo, Settings()), headers=[JSON, (b"host", host)]).status == status


@pytest.mark.parametrize("server", [LOCAL, OUTSIDE])
def test_with_keys_everybody_needs_one(server: tuple[str, int]) -> None:
    guard = Guard(echo, WITH_KEYS)
    assert ask(guard, headers=with_key(b"s"), server=server).status == 200
    assert ask(guard, headers=with_key(b"d", b"bearer"), server=server).status == 200
    for headers in ([JSON], with_key(b"x"), with_key(b""), with_key(b"s", b"Basic"), with_key(b"s") + with_key(b"d")):
        got = ask(guard, headers=headers, server=server)
        assert got.status == 401
        assert got.headers["www-authenticate"].startswith('Bearer realm="aisle"')
        assert got.problem["title"] == "Unauthorized"


def test_with_keys_the_name_of_the_host_does_not_matter() -> None:
    assert ask(Guard(echo, WITH_KEYS), headers=[*with_key(b"s"), (b"host", b"aisle.example")]).status == 200


@pytest.mark.parametrize("settings", [Settings(), WITH_KEYS])
def test_probes_page_and_description_are_open(settings: Settings) -> None:
    guard = Guard(echo, settings)
    assert {"/", "/docs.json", "/livez", "/readyz", "/healthz", "/v1/health", "/page.js", "/icon.svg"} <= OPEN_PATHS
    for path in OPEN_PATHS:
        assert ask(guard, path, "GET", [], [], OUTSIDE).status == 200, path
    for path in ("/metrics", "/v1/model", "/v1/categories", "/v1/health/", "//", "/PAGE.JS", "/livez/../v1/model"):
        assert ask(guard, path, "GET", [], [], OUTSIDE).status in (401, 403), path


def test_metrics_are_open_when_told_so() -> None:
    guard = Guard(echo, Settings(metrics_open=True))
    assert ask(guard, "/metrics", "GET", [], [], OUTSIDE).status == 200


def test_nobody_without_a_key_makes_the_service_read_a_body() -> None:
    def receive() -> Any:
        raise AssertionError("was read")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": CATEGORIZE, "headers": [JSON], "server": OUTSIDE}
    asyncio.run(Guard(echo, WITH_KEYS)(scope, receive, send))
    assert sent[0]["status"] == 401


def test_a_body_comes_through_whole_and_in_one_piece() -> None:
    got = ask(Guard(echo, Settings()), body=[b"a" * MAX_BODY])
    assert json.loads(got.body) == {"sizes": [MAX_BODY]}
    got = ask(Guard(echo, Settings()), body=[b"ab", b"", b"cd" * 10])
    assert json.loads(got.body) == {"sizes": [22]}


@pytest.mark.parametrize("length", [b"5242881", b"99999999999999999999999999"])
def test_a_body_that_says_it_is_too_large_is_not_read(length: bytes) -> None:
    got = ask(Guard(echo, Settings()), headers=[JSON, (b"content-length", length)], body=[])
    assert (got.status, got.problem["detail"][:36]) == (413, "the body is larger than 5242880 byte")


def test_a_body_that_does_not_say_so_is_read_up_to_the_limit() -> None:
    pieces = [b"a" * 2**20] * 5
    assert ask(Guard(echo, Settings()), body=pieces).status == 200
    assert ask(Guard(echo, Settings()), body=[*pieces, b"a", b"never"]).status == 413


@pytest.mark.parametrize("length", [b"", b"-1", b"abc", b"1.5", b"\xb2"])
def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    assert ask(Guard(echo, Settings()), headers=[JSON, (b"content-length", length)]).status == 400


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    guard = Guard(echo, Settings(timeout_seconds=0.05))
    got = ask(guard, body=[b"{", 5.0, b"}"])
    assert got.status == 408
    assert got.headers["connection"] == "close"
    assert "within 0.05 s" in got.problem["detail"]
    assert ask(guard, body=[b"{", 0.001, b"}"]).status == 200


def test_who_leaves_while_sending_gets_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(Guard(echo, Settings()), body=[b"{", 0.0]).status == 0
    assert not caplog.text


def test_all_bodies_together_are_bounded_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_HELD", 25)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.05)
        await echo(scope, receive, send)

    guard = Guard(slow, Settings(timeout_seconds=5))

    async def many() -> list[Got]:
        return await asyncio.gather(*(asked(guard, body=[b"a" * 5, b"b" * 5]) for _ in range(4)))

    for _ in range(3):
        got = asyncio.run(many())
        assert sorted(one.status for one in got) == [200, 200, 503, 503]
        assert {one.headers.get("retry-after") for one in got} == {None, "1"}
    assert ask(guard, headers=[JSON, (b"content-length", b"26")], body=[b""]).status == 503
    assert ask(guard, body=[b"a" * 25]).status == 200


@pytest.mark.parametrize(
    "kind",
    [
        b"application/json; charset=utf-8",
        b'Application/JSON;charset="UTF-8"',
        b"application/json;",
        b"application/json",
    ],
)
def test_json_in_utf_8_is_read(kind: bytes) -> None:
    assert ask(Guard(echo, Settings()), headers=[(b"content-type", kind)]).status == 200


@pytest.mark.parametrize(
    "kind",
    [
        b"",
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"application/json; charset=latin-1",
        b"text/json",
        b"\xff",
    ],
)
def test_anything_else_is_415(kind: bytes) -> None:
    assert ask(Guard(echo, Settings()), headers=[(b"content-type", kind)]).status == 415
    assert ask(Guard(echo, Settings()), headers=[]).status == 415


@pytest.mark.parametrize(("encoding", "status"), [(b"gzip", 415), (b"br, gzip", 415), (b"identity", 200)])
def test_a_compressed_body_is_415(encoding: bytes, status: int) -> None:
    assert ask(Guard(echo, Settings()), headers=[JSON, (b"content-encoding", encoding)]).status == status
