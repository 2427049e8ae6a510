from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError
from django.test import Client
from django.utils import timezone

from desk.ledger.models import Alarm, Event

pytestmark = pytest.mark.django_db
Clients = Callable[..., Client]
Bearer = Callable[..., dict[str, str]]
ALARM = {"key": "accuracy-2026-05-01", "colour": "red", "summary": "Accuracy fell", "verdict": {"accuracy": 0.88}}


def post(client: Client, headers: dict[str, str], **changes: Any) -> Any:
    return client.post("/api/alarms", {**ALARM, **changes}, content_type="application/json", headers=headers)


def test_an_alarm_sent_twice_is_one(client: Client, bearer: Bearer) -> None:
    headers = bearer("alarm")
    first, again = post(client, headers), post(client, headers)
    assert (first.status_code, first.json()) == (201, {"key": ALARM["key"], "new": True, "acknowledged": False})
    assert (again.status_code, again.json()["new"]) == (200, False)
    stored = Alarm.objects.get()
    assert (stored.colour, stored.summary, stored.verdict) == ("red", "Accuracy fell", {"accuracy": 0.88})


def test_a_key_belongs_to_one_alarm(client: Client, bearer: Bearer) -> None:
    headers = bearer("alarm")
    post(client, headers)
    other = post(client, headers, colour="green")
    assert other.status_code == 409
    assert "another alarm" in other.json()["error"]
    assert Alarm.objects.get().colour == "red"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"colour": "blue"}, 400),
        ({"key": ""}, 400),
        ({"key": "k" * 201}, 400),
        ({"summary": "s" * 1001}, 400),
        ({"summary": "zero \0"}, 400),
        ({"verdict": {"text": "zero \0"}}, 400),
        ({"verdict": [1]}, 400),
        ({"raised_at": "2026-05-01T10:00:00"}, 400),  # in which time zone?
        ({"raised_at": "2126-05-01T10:00:00Z"}, 400),
        ({"raised_at": "2024-05-01T10:00:00Z"}, 400),
        ({"raised_at": "0001-01-01T00:00:00+14:00"}, 400),  # a year before the first one of Python's
        ({"raised_at": "9999-12-31T23:59:59-14:00"}, 400),
        ({"more": 1}, 400),
        ({"verdict": {"text": "x" * 70_000}}, 413),
        ({"verdict": {"text": "x" * 200_000}}, 413),
    ],
)
def test_a_bad_alarm_is_refused_whole(client: Client, bearer: Bearer, changes: dict[str, Any], status: int) -> None:
    response = post(client, bearer("alarm"), **changes)
    assert response.status_code == status, response.content
    assert response.json()["error"]
    assert not Alarm.objects.exists()


def test_it_takes_the_scope(client: Client, bearer: Bearer, client_of: Clients) -> None:
    assert post(client, bearer("intake", "read", "answer", "brake")).status_code == 403
    assert post(client, {}).status_code == 401
    assert post(client_of("business"), {}).status_code == 403
    assert not Alarm.objects.exists()


def test_red_and_yellow_stand_on_every_page_of_those_who_can_act(client_of: Clients) -> None:
    for colour in ("red", "yellow", "green", "unknown"):
        Alarm.objects.create(key=colour, raised_at=timezone.now(), colour=colour, summary=f"It is {colour} <b>")
    for role in ("business", "reviewer"):
        page = client_of(role).get("/").content.decode()
        assert page.index("It is red &lt;b&gt;") < page.index("It is yellow")
        assert "It is green" not in page
        assert "It is unknown" not in page
    assert "It is red" not in client_of("labeller").get("/").content.decode()
    assert "It is red" not in Client().get("/log-in/").content.decode()


def test_alarms_that_cannot_be_read_are_no_silence(client_of: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    Alarm.objects.create(key="k", raised_at=timezone.now(), colour="red", summary="It is red")
    client = client_of("business")

    def failing(*_: Any, **__: Any) -> None:
        raise DataError("timestamp too small (before year 1)")

    monkeypatch.setattr("desk.quality.banner.Alarm.objects.filter", failing)
    page = client.get("/products/").content.decode()
    assert "the alarms cannot be read" in page
    assert "It is red" not in page
    assert "the alarms cannot be read" not in client_of("labeller").get("/label/").content.decode()


def test_a_flood_of_alarms_leaves_room_for_the_page(client_of: Clients) -> None:
    for place in range(9):
        Alarm.objects.create(key=f"{place}", raised_at=timezone.now(), colour="red", summary=f"alarm {place}")
    page = client_of("business").get("/").content.decode()
    assert page.count('class="alarm red"') == 3
    assert "(and 6 more)" in page


def test_a_person_acknowledges_with_a_reason(client_of: Clients) -> None:
    alarm = Alarm.objects.create(key="k", raised_at=timezone.now() - dt.timedelta(hours=1), colour="red", summary="Bad",
                                 verdict={"why": "<i>seller</i>"})  # fmt: skip
    client = client_of("business")
    address = f"/quality/alarms/{alarm.pk}/"
    page = client.get(address).content.decode()
    assert "&lt;i&gt;seller&lt;/i&gt;" in page
    assert client.post(address, {"reason": "  "}).status_code == 200
    alarm.refresh_from_db()
    assert alarm.acknowledged_at is None
    assert client.post(address, {"reason": "a new feed; brake set"}).status_code == 302
    alarm.refresh_from_db()
    assert alarm.acknowledged_by is not None
    assert (alarm.acknowledged_by.username, alarm.acknowledge_reason) == ("business", "a new feed; brake set")
    assert Event.objects.get(what="alarm acknowledged").detail == {"reason": "a new feed; brake set"}
    assert "Bad" not in client.get("/").content.decode()
    assert "a new feed; brake set" in client.get("/quality/alarms/").content.decode()


def test_who_comes_second_changes_nothing(client_of: Clients) -> None:
    alarm = Alarm.objects.create(key="k", raised_at=timezone.now(), colour="red", summary="Bad")
    address = f"/quality/alarms/{alarm.pk}/"
    client_of("business").post(address, {"reason": "mine"})
    client_of("reviewer").post(address, {"reason": "too late"})
    alarm.refresh_from_db()
    assert alarm.acknowledge_reason == "mine"
    assert Event.objects.filter(what="alarm acknowledged").count() == 1
    assert client_of("labeller").post(address, {"reason": "no"}).status_code == 403
