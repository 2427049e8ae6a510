"""Who may do what: pages by role, the API by token or by session.

    @page(Role.BUSINESS)                    a page for business owners (reviewers and administrators too)
    @api(Scope.INTAKE)                      POST only, for a token with that scope or a person whose role allows it
    @api(Scope.READ, methods=("GET",))

In both cases `person_of(request)` is the person. A view of the API returns an `HttpResponse`, or a
value that becomes JSON; `ApiError(status, text)` becomes `{"error": text}`. Any other `AisleError` is not the
sender's doing, such as a category tree that is not there for a moment: 503, so that it is sent again.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.request import UnreadablePostError
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render

from aisle.errors import AisleError, one_line
from desk.people import tokens
from desk.people.models import Person, Role
from desk.people.reach import ROLES, scopes_of

MAX_BODY = 5 * 2**20  # bytes of a JSON body
VARY_ON_KEY = "Authorization, Cookie"
_FOLDERS = re.compile(r"(?<![\w.~])/(?:[^\s/:'\"]+/)+")
_log = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]
T = TypeVar("T")


class ApiError(Exception):
    """A request of the API that is refused: a status of 400 to 499 and a sentence for its sender."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


def allowed(person: Person, *roles: str) -> bool:
    """Whether `person` may do what is for `roles`; without roles, everybody with a log-in may."""
    return person.is_active and (not roles or any(person.role in ROLES[role] for role in roles))


def allowed_scope(person: Person, scope: str) -> bool:
    """Whether the role of `person` carries `scope`."""
    return person.is_active and scope in scopes_of(person.role)


def person_of(request: HttpRequest) -> Person:
    """The person who asks, of a page or of the API; `PermissionError` outside of both."""
    person = getattr(request, "person", None)
    if not isinstance(person, Person):
        raise PermissionError("the view is neither a page nor part of the API, so nobody is known")
    return person


def page(*roles: str) -> Callable[[View], View]:
    """A page for people with one of `roles`: others get a page that says so (403), strangers the log-in."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
            person = request.user
            if not isinstance(person, Person) or not person.is_active:
                return redirect_to_login(request.get_full_path())
            if not allowed(person, *roles):
                names = [Role(role).label.lower() for role in roles]
                return render(request, "people/forbidden.html", {"roles": names}, status=403)
            request.person = person  # type: ignore[attr-defined]
            return view(request, *arguments, **named)

        return guarded

    return decorate


def api(*scopes: str, methods: tuple[str, ...] = ("POST",)) -> Callable[[Callable[..., Any]], View]:
    """A part of the API for tokens with one of `scopes`, and for people in a session whose role has one."""

    def decorate(view: Callable[..., Any]) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
            try:
                if request.method not in methods:
                    response = _error(405, f"this address takes {' and '.join(methods)}")
                    response["Allow"] = ", ".join(methods)
                    return response
                request.person = _who(request, scopes)  # type: ignore[attr-defined]
                answer = view(request, *arguments, **named)
            except ApiError as error:
                return _error(error.status, error.text)
            except RequestDataTooBig:
                return _error(413, f"the body is larger than {MAX_BODY} bytes; send less at a time")
            except UnreadablePostError:
                return _error(400, "the body ended too early")
            except AisleError as error:
                return _failing(request, error)
            return answer if isinstance(answer, HttpResponseBase) else JsonResponse(answer, safe=False)

        guarded.csrf_exempt = True  # type: ignore[attr-defined]  # sessions are checked in _who
        return guarded

    return decorate


def read_json(request: HttpRequest, kind: type[T]) -> T:
    """The body as `kind`, strictly: unknown fields and wrong types are refused with 400, a large body with 413.

    `kind` is a `msgspec.Struct` declared with `forbid_unknown_fields=True`, or a plain type.
    """
    media = request.content_type
    if media != "application/json":
        raise ApiError(415, f"the body is '{media or 'of no type'}'; send application/json")
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > MAX_BODY:
        raise ApiError(413, f"the body is larger than {MAX_BODY} bytes; send less at a time")
    body = request.body
    if len(body) > MAX_BODY:
        raise ApiError(413, f"the body is larger than {MAX_BODY} bytes; send less at a time")
    try:
        return msgspec.json.decode(body, type=kind, strict=True)
    except msgspec.ValidationError as error:
        raise ApiError(400, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, f"the body is not JSON ({one_line(error)})") from error


def _who(request: HttpRequest, scopes: tuple[str, ...]) -> Person:
    header = request.headers.get("Authorization")
    if header is not None:
        return _bearer(header, scopes)
    person = request.user
    if not isinstance(person, Person) or not person.is_active:
        raise ApiError(401, "log in, or send a token as `Authorization: Bearer TOKEN`")
    _check_csrf(request)
    if not any(allowed_scope(person, scope) for scope in scopes):
        raise ApiError(403, f"a {person.get_role_display().lower()} may not do this")
    return person


def _bearer(header: str, scopes: tuple[str, ...]) -> Person:
    scheme, _, key = header.partition(" ")
    token = tokens.find(key.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise ApiError(401, "the token is unknown, has expired or was revoked")
    given = set(scopes) & set(token.scopes)
    if not given:
        raise ApiError(403, f"the token has not the scope {' or '.join(scopes)}")
    if not any(allowed_scope(token.person, scope) for scope in given):
        role = token.person.get_role_display().lower()
        raise ApiError(403, f"the token is of a {role}, who may not do this (any more)")
    return token.person


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        raise ApiError(403, f"the request does not come from a page of the desk ({reason.rstrip('.')})")


def _check_csrf(request: HttpRequest) -> None:
    check = _CsrfCheck(cast("Callable[[HttpRequest], HttpResponse]", HttpResponse))
    check.process_request(request)
    check.process_view(request, HttpResponse, (), {})


def _failing(request: HttpRequest, error: AisleError) -> JsonResponse:
    """The folders of this machine are for its log alone."""
    line = one_line(error)
    _log.error("%s %s: %s", request.method, request.path, line)
    for folder in (settings.CONFIGURATION.data, settings.CONFIGURATION.folder):
        line = line.replace(f"{folder}/", "")
    response = _error(503, f"{_FOLDERS.sub('', line)[:300]}; try again later")
    response["Retry-After"] = "5"
    return response


def _error(status: int, text: str) -> JsonResponse:
    response = JsonResponse({"error": text}, status=status)
    if status == 401:
        response["WWW-Authenticate"] = f'Bearer realm="{getattr(settings, "REALM", "aisle desk")}"'
    return response
