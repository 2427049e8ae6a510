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
import logging
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING

from service.headers import (
    ANSWERED_WITH,
    check_json,
    declared_bytes,
    is_loopback,
    names_loopback,
    read_once,
    request_id_of,
    too_large,
)
from service.keys import Keys, bearer, keys_of
from service.problems import MEDIA_TYPE, Refused
from service.settings import MAX_BODY, PROBES, Settings
from service.static import PATHS as PAGE_PATHS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.schemas import ModelName

OPEN_PATHS = PROBES | PAGE_PATHS | {"/v1/health", "/docs.json"}
MOST_HELD = 128 * 2**20  # bytes of bodies that are read or worked on at one time
_ID, _KEY = "aisle.request_id", "aisle.key_name"  # in the scope
_KEPT = frozenset({b"allow", b"retry-after", b"www-authenticate"})
_log = logging.getLogger("aisle.requests")


class Shield:
    """Pure ASGI middleware around a service: headers on every answer, problems for errors, no trace of a defect.

    Parameters
    ----------
    app : ASGI app
    model : which one answers, for the problems of /v1; None where that is not known
    """

    def __init__(self, app: ASGIApp, model: ModelName | None = None) -> None:
        self.app, self._model = app, model

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever goes wrong behind."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(scope, send, self._model if scope["path"].startswith("/v1/") else None)
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

    `keys` are those of `settings`, where they have been read already; else raises `ConfigurationError` at the
    start when the file of API keys cannot be used.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, model: ModelName | None = None, keys: Keys | None = None
    ) -> None:
        super().__init__(app, model)
        self._keys = keys_of(settings) if keys is None else keys
        self._open = OPEN_PATHS | {"/metrics"} if settings.metrics_open else OPEN_PATHS
        self._seconds = settings.timeout_seconds
        self._held = 0  # bytes

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = read_once(scope["headers"])
        self._admit(scope, headers)
        declared = declared_bytes(headers)
        if scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        check_json(headers)
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
        elif not is_loopback((scope.get("server") or ("",))[0]):
            raise Refused(403, "no API key is configured, so the service answers on a loopback address only")
        elif not names_loopback(headers.get(b"host", b"localhost")):
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
                        raise too_large()
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

    def __init__(self, scope: Scope, send: Send, model: ModelName | None) -> None:
        self._send, self._model = send, model
        if _ID not in scope:
            scope[_ID] = request_id_of(scope["headers"])
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
            await refused.answer(self._model)(scope, receive, self.send)

    def _detail(self, status: int) -> str:
        if status == 500:
            return _defect(self.request_id)
        return HTTPStatus(status).description or "the service cannot answer this"

    async def _problem(self, refused: Refused) -> None:
        response = refused.answer(self._model)
        await self._start({"type": "http.response.start", "status": refused.status}, list(response.raw_headers))
        await self._send({"type": "http.response.body", "body": response.body, "more_body": False})

    async def _start(self, message: Message, headers: list[tuple[bytes, bytes]]) -> None:
        self._started = True
        there = {name for name, _ in headers}
        if b"x-request-id" not in there:  # else a shield further in has added all of it
            headers += [header for header in ANSWERED_WITH if header[0] not in there]
            headers.append((b"x-request-id", self.request_id.encode()))
            if self._unsure and message["status"] >= 400 and b"connection" not in there:
                headers.append((b"connection", b"close"))
        await self._send({**message, "headers": headers})


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
