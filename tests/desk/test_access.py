from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from aisle.errors import DataError
from desk import urls
from desk.configuration import Configuration
from desk.people import access
from desk.people.models import Person, Role, Scope
from tests.desk.conftest import change

pytestmark = pytest.mark.django_db
Make = Callable[..., Client]
Bearer = Callable[..., dict[str, str]]


class Body(msgspec.Struct, forbid_unknown_fields=True):
    text: str


@access.page(Role.LABELLER)
def for_labellers(request: HttpRequest) -> HttpResponse:
    return HttpResponse(access.person_of(request).username)


@access.page(Role.BUSINESS)
def for_business(request: HttpRequest) -> HttpResponse:
    return HttpResponse("business")


@access.page(Role.REVIEWER)
def for_reviewers(request: HttpRequest) -> HttpResponse:
    return HttpResponse("reviewers")


@access.page(Role.ADMINISTRATOR)
def for_administrators(request: HttpRequest) -> HttpResponse:
    return HttpResponse("administrators")


@access.api(Scope.INTAKE)
def intake(request: HttpRequest) -> object:
    return {"text": access.read_json(request, Body).text, "person": access.person_of(request).username}


@access.api(Scope.ANSWER, Scope.READ, methods=("GET",))
def failing(request: HttpRequest) -> object:
    raise DataError(f"{settings.CONFIGURATION.data}/x: the tree is\n not there in /work/data/taxonomy.csv or ~/a/b")


@access.api(Scope.ANSWER)
def answering(request: HttpRequest) -> object:
    return []


urlpatterns = [
    *urls.urlpatterns,
    path("t/labellers", for_labellers),
    path("t/business", for_business),
    path("t/reviewers", for_reviewers),
    path("t/administrators", for_administrators),
    path("api/t/intake", intake),
    path("api/t/failing", failing),
    path("api/t/answering", answering),
]
handler404 = urls.handler404


@pytest.fixture(autouse=True)
def _addresses() -> object:
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.mark.parametrize(
    ("role", "opens"),
    [
        (Role.LABELLER, {"labellers"}),
        (Role.BUSINESS, {"business"}),
        (Role.REVIEWER, {"labellers", "business", "reviewers"}),
        (Role.ADMINISTRATOR, {"labellers", "business", "reviewers", "administrators"}),
    ],
)
def test_a_role_opens_its_pages_and_no_others(client_of: Make, role: str, opens: set[str]) -> None:
    client = client_of(role)
    pages = ("labellers", "business", "reviewers", "administrators")
    assert {name for name in pages if client.get(f"/t/{name}").status_code == 200} == opens
    refused = next(name for name in (*pages, "labellers") if name not in opens) if len(opens) < 4 else None
    if refused:
        answer = client.get(f"/t/{refused}")
        assert answer.status_code == 403
        assert "not for your role" in answer.content.decode()


def test_strangers_and_people_who_left_are_sent_to_the_log_in(client: Client, client_of: Make) -> None:
    answer = client.get("/t/labellers?a=b")
    assert (answer.status_code, answer["Location"]) == (302, "/log-in/?next=/t/labellers%3Fa%3Db")
    gone = client_of("labeller")
    Person.objects.update(is_active=False)
    assert gone.get("/t/labellers").status_code == 302


def test_a_changed_role_counts_at_once(client_of: Make) -> None:
    client = client_of("administrator")
    assert client.get("/t/administrators").status_code == 200
    Person.objects.update(role=Role.LABELLER)
    assert client.get("/t/administrators").status_code == 403


def send(client: Client, body: object, **more: object) -> tuple[int, object]:
    answer = client.post("/api/t/intake", json.dumps(body), content_type="application/json", **more)  # type: ignore[arg-type]
    return answer.status_code, answer.json()


def test_a_token_with_the_scope_is_let_in_without_a_session(client: Client, bearer: Bearer) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert send(strict, {"text": "a"}, headers=bearer("intake")) == (200, {"text": "a", "person": "robot"})


def test_a_token_without_the_scope_is_refused(client: Client, bearer: Bearer) -> None:
    status, answer = send(client, {"text": "a"}, headers=bearer("read", "alarm"))
    assert status == 403
    assert answer == {"error": "the token has not the scope intake"}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic abc", "Bearer aisle_0000000000_" + "a" * 43])
def test_forged_tokens_are_refused_and_do_not_fall_back_on_the_session(client_of: Make, header: str) -> None:
    answer = client_of("administrator").post(
        "/api/t/intake", '{"text": "a"}', content_type="application/json", headers={"Authorization": header}
    )
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json() == {"error": "the token is unknown, has expired or was revoked"}


def test_a_session_needs_the_value_against_forged_requests(client_of: Make) -> None:
    client = client_of("business", csrf=True)
    status, answer = send(client, {"text": "a"})
    assert status == 403
    assert "does not come from a page of the desk" in str(answer)
    page = client.get("/").content.decode()
    value = page.split('name="csrf-token" content="')[1].split('"')[0]
    assert send(client, {"text": "a"}, headers={"X-CSRFToken": value})[0] == 200


def test_a_session_has_the_scopes_of_its_role(client_of: Make) -> None:
    assert send(client_of("labeller"), {"text": "a"})[0] == 403
    assert client_of("labeller").post("/api/t/answering").status_code == 200
    assert client_of("business").post("/api/t/answering").status_code == 403
    assert send(client_of("business"), {"text": "a"})[0] == 200
    assert client_of("reviewer").post("/api/t/answering").status_code == 200


def test_nobody_is_told_to_log_in(client: Client) -> None:
    status, answer = send(client, {"text": "a"})
    assert status == 401
    assert "Authorization: Bearer" in str(answer)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b" ", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b'{"text": "\xff"}', 400, "not JSON"),
        (b"[" * 100_000, 400, "got `array`"),
        (b'{"text": 1}', 400, "Expected `str`, got `int`"),
        (b"{}", 400, "missing required field `text`"),
        (b'{"text": "a", "more": 1}', 400, "unknown field `more`"),
        (b'{"text": "' + b"a" * 5 * 2**20 + b'"}', 413, "larger than"),
    ],
)
def test_bodies_are_read_strictly(client: Client, bearer: Bearer, body: bytes, status: int, says: str) -> None:
    answer = client.post("/api/t/intake", body, content_type="application/json", headers=bearer("intake"))
    assert answer.status_code == status
    assert says in answer.json()["error"]


def test_other_media_and_methods_are_refused(client: Client, bearer: Bearer) -> None:
    headers = bearer("intake")
    assert client.post("/api/t/intake", {"text": "a"}, headers=headers).status_code == 415
    answer = client.get("/api/t/intake", headers=headers)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_what_the_sender_did_not_cause_is_to_be_sent_again(
    client: Client, bearer: Bearer, configuration: Configuration
) -> None:
    change(configuration, data=Path("/srv/aisle data"))
    answer = client.get("/api/t/failing", headers=bearer("read"))
    text = "x: the tree is not there in taxonomy.csv or ~/a/b; try again later"
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json() == {"error": text}


def test_a_token_may_no_more_than_the_role_of_its_person(client: Client, bearer: Bearer) -> None:
    headers = bearer("intake", "answer")
    assert send(client, {"text": "a"}, headers=headers)[0] == 200
    Person.objects.update(role=Role.LABELLER)
    status, answer = send(client, {"text": "a"}, headers=headers)
    assert (status, answer) == (403, {"error": "the token is of a labeller, who may not do this (any more)"})
    assert client.post("/api/t/answering", headers=headers).status_code == 200
    Person.objects.update(role=Role.BUSINESS)
    assert client.post("/api/t/answering", headers=headers).status_code == 403


def test_an_unknown_address_of_the_api_answers_json(client: Client) -> None:
    answer = client.get("/api/t/nothing")
    assert (answer.status_code, answer.json()) == (404, {"error": "nothing is here"})


def test_every_address_is_guarded(client: Client) -> None:
    """A page that forgot its guard would answer a stranger with something else than the log-in."""
    from django.urls import get_resolver

    open_to_all = {"log-in", "log-out"}
    names = [name for name in get_resolver().reverse_dict if isinstance(name, str) and name not in open_to_all]
    assert {"home", "people", "products", "brakes"} <= set(names)
    for name in names:
        ((pattern, arguments),) = get_resolver().reverse_dict.getlist(name)[0][0][:1]
        example = {one: "00000000-0000-4000-8000-000000000000" if "uuid" in str(one) else 1 for one in arguments}
        address = "/" + pattern % example
        for answer in (client.get(address), client.post(address)):
            assert answer.status_code in (302, 401, 404, 405), (address, answer.status_code)
            if answer.status_code == 302:
                assert answer["Location"].startswith("/log-in/"), address
