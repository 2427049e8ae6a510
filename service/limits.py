"""What every request must pass before anything reads it, and what every answer carries.

Who may ask: with keys configured, whoever sends one; without, only what arrives on a loopback
address and under its name (`Host`), so that no page of another site can reach it through a browser
(DNS rebinding). Probes, the try-it page and the description are open, /metrics when told so.
How much: a body of 5 MB, in the time of a request, as JSON in UTF-8, uncompressed; all bodies held
at once together 128 MB. What comes back: security headers and a request id, and for every error a
problem (RFC 9457), for a defect of ours one that tells nothing but the id to look for in the log.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import re
import traceback
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from service.keys import bearer, keys_of
from service.problems import MEDIA_TYPE, Refused
from service.settings import MAX_BODY, Settings
from service.static import PATHS as PAGE_PATHS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PROBES = frozenset({"/healthz", "/livez", "/readyz", "/v1/health"})
OPEN_PATHS = PROBES | PAGE_PATHS | {"/docs.json"}
MOST_HELD = 128 * 2**20  # bytes of bodies that are read or worked on at one time
_ID, _KEY = "aisle.request_id", "aisle.key_name"  # in the scope
_SAFE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::[0-9]*)?")
_KEPT = frozenset({b"allow", b"retry-after", b"www-authenticate"})
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_log = logging.getLogger("aisle.requests")


class Shield:
    """Pure ASGI middleware around a service: headers on every answer, problems for errors, no trace of a defect."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever goes wrong behind."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(scope, send)
        try:
            await self._pass(scope, receive, answer.send)
        except Refused as refused:
            await answer.refuse(scope, receive, refused)
        except ConnectionResetError:
            pass  # whoever asked is gone
        except Exception as error:
            who, told = scope.get(_KEY, "no key"), _without_text(error)
            _log.error("request %s of %s: %.80r: %s", answer.request_id, who, scope["path"], told)
            await answer.refuse(scope, receive, Refused(500, _defect(answer.request_id)))

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class Guard(Shield):
    """A shield that also refuses what may not ask, is too large, too slow, or no JSON.

    Raises `ConfigurationError` at the start when the file of API keys cannot be used.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(app)
        self._keys = keys_of(settings)
        self._open = OPEN_PATHS | {"/metrics"} if settings.metrics_open else OPEN_PATHS
        self._seconds = settings.timeout_seconds
        self._held = 0  # bytes

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        self._admit(scope, headers)
        declared = _declared(headers)
        if scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        _check_kind(headers)
        body = await self._read(receive, declared)
        try:
            await self.app(scope, _replay(body, receive), send)
        finally:
            self._held -= len(body)

    def _admit(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        if scope["path"] in self._open:
            return
        if self._keys.configured:
            key = bearer(scope["headers"])
            name = self._keys.name_of(key) if key else None
            if name is None:
                what = "this key is not known" if key else "a key is needed: `Authorization: Bearer KEY`"
                challenge = 'Bearer realm="aisle"' + (', error="invalid_token"' if key else "")
                raise Refused(401, what, headers={"WWW-Authenticate": challenge})
            scope[_KEY] = name
        elif not _loopback((scope.get("server") or ("",))[0]):
            raise Refused(403, "no API key is configured, so the service answers on a loopback address only")
        elif not _loopback_name(headers.get(b"host", b"localhost")):
            raise Refused(403, "without API keys the service answers to localhost or a loopback address only (Host)")

    async def _read(self, receive: Receive, declared: int) -> bytes:
        """The whole body; it counts among those held from here on."""
        if self._held + declared > MOST_HELD:
            raise Refused(503, "too many large requests at once; ask again in 1 s", headers={"Retry-After": "1"})
        pieces: list[bytes] = []
        held = 0
        try:
            async with asyncio.timeout(self._seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ConnectionResetError
                    pieces.append(message.get("body", b""))
                    more = message.get("more_body", False)
                    self._held += len(pieces[-1])
                    held += len(pieces[-1])
                    if held > MAX_BODY:
                        raise _too_large()
                    if self._held > MOST_HELD:
                        raise Refused(503, "too many large requests at once", headers={"Retry-After": "1"})
        except BaseException as error:
            self._held -= held
            if isinstance(error, TimeoutError):
                detail = f"the body did not arrive within {self._seconds:g} s"
                raise Refused(408, detail, headers={"Connection": "close"}) from None
            raise
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _Answer:
    """Sends an answer with the headers that all carry, and as a problem where it is an error."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        if _ID not in scope:
            scope[_ID] = _request_id(scope)
        self.request_id: str = scope[_ID]
        # One who waits for "100 Continue" may send the body after a refusal or not: the connection cannot go on.
        self._unsure = any(name == b"expect" for name, _ in scope["headers"])
        self._started = self._replaced = False

    async def send(self, message: Message) -> None:
        """Pass on what the service sends; an error that is no problem is made one."""
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if message["status"] >= 400 and (b"content-type", MEDIA_TYPE.encode()) not in headers:
                self._replaced = True
                kept = {name.decode(): value.decode("latin-1") for name, value in headers if name in _KEPT}
                await self._problem(Refused(message["status"], self._detail(message["status"]), headers=kept))
            else:
                await self._start(message, headers)
        elif not self._replaced:
            await self._send(message)

    async def refuse(self, scope: Scope, receive: Receive, refused: Refused) -> None:
        """Answer with a problem, unless an answer has begun: that one stays without its end."""
        if not self._started:
            self._replaced = False
            await refused.answer()(scope, receive, self.send)

    def _detail(self, status: int) -> str:
        if status == 500:
            return _defect(self.request_id)
        return HTTPStatus(status).description or "the service cannot answer this"

    async def _problem(self, refused: Refused) -> None:
        response = refused.answer()
        await self._start({"type": "http.response.start", "status": refused.status}, list(response.raw_headers))
        await self._send({"type": "http.response.body", "body": response.body, "more_body": False})

    async def _start(self, message: Message, headers: list[tuple[bytes, bytes]]) -> None:
        self._started = True
        there = {name for name, _ in headers}
        if b"x-request-id" not in there:  # else a shield further in has added all of it
            headers += [header for header in _HEADERS if header[0] not in there]
            headers.append((b"x-request-id", self.request_id.encode()))
            if self._unsure and message["status"] >= 400 and b"connection" not in there:
                headers.append((b"connection", b"close"))
        await self._send({**message, "headers": headers})


def _request_id(scope: Scope) -> str:
    """What the caller named the request, where that is harmless, else a new id."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            return bytes(value).decode()
    return os.urandom(16).hex()


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body in one piece, and then what comes after it."""
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def _declared(headers: dict[bytes, bytes]) -> int:
    """The bytes that the request says it has, 0 where it does not say; 413 where too many."""
    text = headers.get(b"content-length", b"0")
    if not text.isdigit():
        raise Refused(400, "Content-Length is not a number")
    if len(text) > 12 or int(text) > MAX_BODY:
        raise _too_large()
    return int(text)


def _too_large() -> Refused:
    return Refused(413, f"the body is larger than {MAX_BODY} bytes; send fewer products at once")


def _check_kind(headers: dict[bytes, bytes]) -> None:
    """415 unless the body is JSON, in UTF-8, and not compressed."""
    kind = headers.get(b"content-type", b"")
    if kind != b"application/json":  # the usual case needs no more
        media, *parameters = (part.strip().lower() for part in kind.split(b";"))
        charsets = {part[8:].strip(b'"') for part in parameters if part.startswith(b"charset=")}
        if media != b"application/json":
            raise Refused(415, "the body must be JSON: send `Content-Type: application/json`")
        if charsets - {b"utf-8", b"utf8"}:
            raise Refused(415, "the body must be in UTF-8; leave charset out, or send charset=utf-8")
    if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"", b"identity"):
        raise Refused(415, "a compressed body is not read; send it without Content-Encoding")


@lru_cache(maxsize=64)
def _loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _loopback_name(host: bytes) -> bool:
    """Whether a Host header, with or without a port, names this machine alone."""
    found = _HOST.fullmatch(host.decode("latin-1").strip().lower())
    return found is not None and (found[1] == "localhost" or _loopback(found[1].strip("[]")))


def _defect(request_id: str) -> str:
    return f"the service failed; its log tells more under request {request_id}"


def _without_text(error: BaseException) -> str:
    """Kinds and places of an error and its causes; its message may hold text of a product, so it is left out."""
    told: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(told) < 4:
        frames = traceback.extract_tb(seen.__traceback__)[-6:]
        places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
        told.append(f"{type(seen).__name__} at {places}")
        seen = seen.__cause__ or seen.__context__
    return "; from ".join(told)
