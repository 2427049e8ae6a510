"""Which page and which part of the API answers to which address."""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

_LOG = logging.getLogger(__name__)
# The list under that name in that module answers below that address.
_PARTS = (
    ("", "desk.people.urls", "urlpatterns"),
    ("inbox/", "desk.inbox.urls", "urlpatterns"),
    ("label/", "desk.labelling.urls", "urlpatterns"),
    ("quality/", "desk.quality.urls", "urlpatterns"),
    ("export/", "desk.export.urls", "urlpatterns"),
    ("products/", "desk.history.urls", "urlpatterns"),
    ("brakes/", "desk.history.urls", "brake_urlpatterns"),
    ("api/", "desk.people.urls", "api_urlpatterns"),
    ("api/", "desk.inbox.urls", "api_urlpatterns"),
    ("api/", "desk.labelling.urls", "api_urlpatterns"),
    ("api/", "desk.quality.urls", "api_urlpatterns"),
    ("api/", "desk.export.urls", "api_urlpatterns"),
    ("api/", "desk.history.urls", "api_urlpatterns"),
)


def _patterns() -> list[URLPattern | URLResolver]:
    found: list[URLPattern | URLResolver] = []
    for address, name, attribute in _PARTS:
        if find_spec(name.rpartition(".")[0]) is None or find_spec(name) is None:
            continue
        try:
            patterns = getattr(import_module(name), attribute, None)
        except ImportError as error:
            if not (error.name or "").startswith("desk."):
                raise
            _LOG.error("%s is left out, it is not complete: %s", name, error)
            continue
        if patterns:
            found.append(path(address, include(patterns)))
    return found


urlpatterns = _patterns()
handler400 = "desk.people.problems.bad_request"
handler403 = "desk.people.problems.forbidden"
handler404 = "desk.people.problems.not_found"
handler500 = "desk.people.problems.server_error"
