"""The files of the try-it page: read once, served with an ETag, under a policy that lets nothing else in."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.headers import etag_of, names_etag

_FOLDER = Path(__file__).parent / "page"
_HTML, _CSS, _SCRIPT, _SVG = (
    "text/html; charset=utf-8",
    "text/css; charset=utf-8",
    "text/javascript; charset=utf-8",
    "image/svg+xml",
)
FILES = {
    "/": ("index.html", _HTML),
    "/page.css": ("page.css", _CSS),
    "/page.js": ("page.js", _SCRIPT),
    "/drawing.js": ("drawing.js", _SCRIPT),
    "/asking.js": ("asking.js", _SCRIPT),
    "/words.js": ("words.js", _SCRIPT),
    "/icon.svg": ("icon.svg", _SVG),
}
PATHS = frozenset(FILES)  # open to everybody: the page asks for a key itself, and holds nothing but the form
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def routes() -> list[Route]:
    """One route a file; what they serve was read when they were made.

    Raises
    ------
    FileNotFoundError
        When a file of the page was not packaged.
    """
    return [_route(path, (_FOLDER / name).read_bytes(), kind) for path, (name, kind) in FILES.items()]


def _route(path: str, content: bytes, kind: str) -> Route:
    tag = etag_of(content)
    headers = {
        "ETag": tag,
        "Cache-Control": "no-cache",  # kept by the browser, but asked about each time: a new Bento shows at once
        "Content-Security-Policy": CONTENT_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }

    async def serve(request: Request) -> Response:
        if names_etag(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        return Response(content, headers={**headers, "Content-Type": kind})

    return Route(path, serve, methods=["GET"])
