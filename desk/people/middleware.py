"""Headers of every answer that the desk computes."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import add_never_cache_headers

_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def private(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Keep pages and answers out of caches, and devices away from pages."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        return response

    return answer
