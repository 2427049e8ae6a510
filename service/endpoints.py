"""The routes, thin: read the body, have it answered here or by the worker, send JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from service.headers import etag_of, names_etag
from service.parsing import Request, read_request
from service.problems import Refused, method_not_allowed, not_found
from service.schemas import CategorizeRequest, ExplainRequest, Health, LogState, ProbabilitiesRequest

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.answering import Answer
    from service.engine import Engine
    from service.metrics import Metrics
    from service.prediction_log import PredictionLog
    from service.worker import Worker

_Made: TypeAlias = tuple[bytes, Callable[[], None]]  # an answer, encoded, and what to do once it is delivered
T = TypeVar("T", CategorizeRequest, ProbabilitiesRequest, ExplainRequest)
FEW_PRODUCTS = 4  # are answered on the event loop: a few milliseconds, less than a change of threads may cost
SMALL_BODY = 2**15  # bytes; a larger body is not even parsed there
_JSON = b"application/json"
_ENCODER = msgspec.json.Encoder()


class Post(Generic[T]):
    """A POST of products, as an ASGI app.

    Parameters
    ----------
    kind : of the request
    answer : makes its answer; called on the event loop for a few products, else by the worker
    worker : Worker
    metrics : count the products of requests that are refused
    few : most products for the event loop
    """

    def __init__(
        self,
        kind: type[T],
        answer: Callable[[Request[T]], Answer],
        worker: Worker,
        metrics: Metrics,
        few: int = FEW_PRODUCTS,
    ) -> None:
        self._kind: type[T] = kind
        self._answer: Callable[[Request[T]], Answer] = answer
        self._worker, self._metrics, self._few = worker, metrics, few

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; `Refused` where it cannot be."""
        body = await _whole_body(receive)
        try:
            content, delivered = await self._made(body, receive)
        except Refused as refused:
            self._metrics.refused(refused.errors)
            raise
        delivered()  # in time, and somebody waits for it: who has an answer finds it logged
        headers = [(b"content-type", _JSON), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _made(self, body: bytes, receive: Receive) -> _Made:
        if len(body) > SMALL_BODY:
            return await self._worked(partial(self._parsed_and_encoded, body), receive)
        request = read_request(body, self._kind)
        if len(request.content.products) <= self._few:
            return self._encoded(request)
        return await self._worked(partial(self._encoded, request), receive)

    async def _worked(self, work: Callable[[], _Made], receive: Receive) -> _Made:
        """What the worker makes; `ConnectionResetError` where the client leaves before, and then nothing is kept."""
        working, leaving = asyncio.ensure_future(self._worker.run(work)), asyncio.ensure_future(receive())
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not leaving.done():
                return working.result()
            raise ConnectionResetError
        finally:
            leaving.cancel()
            if not working.cancel() and not working.cancelled():
                working.exception()  # else asyncio would print it as one that nobody has looked at

    def _parsed_and_encoded(self, body: bytes) -> _Made:
        return self._encoded(read_request(body, self._kind))

    def _encoded(self, request: Request[T]) -> _Made:
        answer = self._answer(request)
        return _ENCODER.encode(answer.content), answer.delivered


async def _whole_body(receive: Receive) -> bytes:
    """The body, whose size was limited before."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    return body


def constant(path: str, content: bytes) -> Route:
    """A route to JSON that stays as it is while the service runs, with an ETag."""
    tag = etag_of(content)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Content-Type": _JSON.decode()}

    async def serve(request: HttpRequest) -> Response:
        if names_etag(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")})
        return Response(content, headers=headers)

    return Route(path, serve, methods=["GET"])


def health(engine: Engine, log: PredictionLog | None) -> Route:
    """Whether the service answers, and how its log does."""

    async def serve(_: HttpRequest) -> Response:
        state = LogState(**log.state()) if log is not None else None
        return Response(_ENCODER.encode(Health(True, engine.name, state)), media_type=_JSON.decode())

    return Route("/v1/health", serve, methods=["GET"])


def exposition(metrics: Metrics) -> Route:
    """What Prometheus reads."""

    async def serve(request: HttpRequest) -> Response:
        content, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": content_type})

    return Route("/metrics", serve, methods=["GET"])


def everything_else(routes: Sequence[Route]) -> Route:
    """The last route: a path that is not there, or not with that method; OPTIONS says which are."""
    allowed = {route.path: sorted({*(route.methods or ()), "OPTIONS"}) for route in routes}

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        methods = allowed.get(scope["path"])
        if methods is None:
            raise not_found()
        if scope["method"] != "OPTIONS":
            raise method_not_allowed(methods)
        await Response(status_code=204, headers={"Allow": ", ".join(methods)})(scope, receive, send)

    return Route("/{path:path}", _Asgi(serve))


class _Asgi:
    """Starlette takes a function for one of requests; an object is an ASGI app."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class Counting:
    """The outermost layer: counts every answer by its path and status, and its time."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        self._app, self._metrics, self._paths = app, metrics, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and look at what comes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def seen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            path = scope["path"] if scope["path"] in self._paths else "other"
            if status:
                self._metrics.answered(path, status, time.perf_counter() - begun)
