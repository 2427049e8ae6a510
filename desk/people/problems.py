"""Pages and JSON for requests that fail: never a trace, never what was sent."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

_TEXTS = {
    400: ("This request cannot be understood", "Go back and try again; if you followed a link, it is broken."),
    403: ("This is not for you", "Your role does not open this page."),
    404: ("Nothing is here", "The address is misspelt, or what it showed is somewhere else now."),
    500: ("Something went wrong on our side", "It was written to the log of the server. Trying again may help."),
}


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was not sent from a page of the desk, or after the log-in had changed."""
    text = "The page was open for too long, or your log-in changed. Go back, reload it, and send the form again."
    return _answer(request, 403, ("This form is too old", text))


def bad_request(request: HttpRequest, exception: object = None) -> HttpResponse:
    """400."""
    return _answer(request, 400)


def forbidden(request: HttpRequest, exception: object = None) -> HttpResponse:
    """403."""
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: object = None) -> HttpResponse:
    """404."""
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500; without the database, which may be what failed."""
    if request.path.startswith("/api/"):
        return JsonResponse({"error": _TEXTS[500][0].lower()}, status=500)
    return render(request, "people/broken.html", {"title": _TEXTS[500][0], "text": _TEXTS[500][1]}, status=500)


def _answer(request: HttpRequest, status: int, texts: tuple[str, str] | None = None) -> HttpResponse:
    title, text = texts or _TEXTS[status]
    if request.path.startswith("/api/"):
        return JsonResponse({"error": title.lower()}, status=status)
    return render(request, "people/problem.html", {"title": title, "text": text}, status=status)
