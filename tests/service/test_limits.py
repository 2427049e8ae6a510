from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import limits
from service.keys import line_of
from service.limits import OPEN_PATHS, Guard, Shield
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
        (b"[::1].evil.example", 403),
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
    for headers in ([JSON], with_key(b"x"), with_key(b""), with_key(b"s", b"Basic")):
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


def answering(response: Response) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    return app


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    """Fails with a text of a product in its message, as a library may."""
    try:
        float("secret lego castle")
    except ValueError as error:
        raise RuntimeError(f"cannot answer for {error}") from error


def test_every_answer_carries_the_security_headers() -> None:
    refusals = [
        ask(Guard(echo, Settings()), server=OUTSIDE),
        ask(Guard(echo, WITH_KEYS)),
        ask(Guard(echo, Settings()), headers=[]),
        ask(Guard(broken, Settings())),
        ask(Shield(answering(PlainTextResponse("no", 404)))),
    ]
    assert [got.status for got in refusals] == [403, 401, 415, 500, 404]
    for got in [ask(Guard(echo, Settings())), *refusals]:
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["referrer-policy"] == "no-referrer"
        assert got.headers["cache-control"] == "no-store"
        assert got.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert len(got.headers["x-request-id"]) == 32


def test_what_the_service_says_itself_stands() -> None:
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'self'"}
    got = ask(Guard(answering(JSONResponse({}, headers=headers)), Settings()))
    assert (got.headers["cache-control"], got.headers["content-security-policy"]) == ("no-cache", "default-src 'self'")


@pytest.mark.parametrize("given_id", [b"abc-1.2_3", b"x" * 64])
def test_a_request_keeps_the_name_it_came_with(given_id: bytes) -> None:
    got = ask(Guard(echo, Settings()), headers=[JSON, (b"x-request-id", given_id)])
    assert got.headers["x-request-id"] == given_id.decode()


@given(st.binary())
def test_a_name_that_could_do_harm_is_replaced(given_id: bytes) -> None:
    told = ask(Guard(echo, Settings()), headers=[JSON, (b"x-request-id", given_id)]).headers["x-request-id"]
    assert told == given_id.decode("latin-1") or len(told) == 32
    assert told.replace(".", "").replace("_", "").replace("-", "").isalnum() or told == given_id.decode()


def test_a_defect_tells_its_place_to_the_log_and_nothing_to_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        got = ask(Guard(broken, WITH_KEYS), headers=with_key(b"s"))
    assert got.problem["status"] == 500
    assert got.headers["x-request-id"] in got.problem["detail"]
    assert got.headers["x-request-id"] in caplog.text
    assert "of shop" in caplog.text
    assert "RuntimeError at" in caplog.text
    assert "; from ValueError at" in caplog.text
    assert "test_limits.py" in caplog.text
    assert "secret" not in caplog.text
    assert b"test_limits" not in got.body
    assert caplog.text.count("\n") == 1


def test_a_path_cannot_write_lines_of_its_own_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    ask(Shield(broken), "/\n2026 ERROR forged" + "x" * 1000)
    assert caplog.text.count("\n") == 1
    assert len(caplog.text) < 2000


@pytest.mark.parametrize("status", [400, 404, 405, 418, 500, 503, 504])
def test_an_error_of_others_becomes_a_problem(status: int) -> None:
    kept = {"Allow": "GET", "Retry-After": "3", "X-Other": "no"}
    got = ask(Shield(answering(PlainTextResponse("Traceback: secret", status, headers=kept))))
    assert got.problem["detail"]
    assert b"secret" not in got.body
    assert int(got.headers["content-length"]) == len(got.body)
    assert (got.headers["allow"], got.headers["retry-after"], "x-other" in got.headers) == ("GET", "3", False)


def test_a_failure_after_the_answer_began_ends_it_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise ValueError("secret")

    with pytest.raises(AssertionError):  # the last message said that more would come
        ask(Shield(half))
    assert "ValueError at" in caplog.text


def test_a_shield_around_a_guard_says_everything_once() -> None:
    for app, status in ((echo, 200), (broken, 500)):
        got = ask(Shield(Guard(app, WITH_KEYS)), headers=[*with_key(b"s"), (b"x-request-id", b"one")])
        assert (got.status, got.headers["x-request-id"]) == (status, "one")


@pytest.mark.parametrize(("headers", "closes"), [([(b"expect", b"100-continue")], True), ([], False)])
def test_a_refusal_before_100_continue_ends_the_connection(headers: list[tuple[bytes, bytes]], closes: bool) -> None:
    assert ("connection" in ask(Guard(echo, WITH_KEYS), headers=[JSON, *headers]).headers) is closes
    accepted = ask(Guard(echo, WITH_KEYS), headers=[*with_key(b"s"), *headers])
    assert "connection" not in accepted.headers


def test_web_sockets_are_closed_and_the_lifespan_goes_through() -> None:
    sent: list[Message] = []
    seen: list[str] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    for kind in ("websocket", "lifespan"):
        asyncio.run(Guard(app, Settings())({"type": kind, "path": "/", "headers": []}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert seen == ["lifespan"]
