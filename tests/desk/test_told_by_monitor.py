"""The monitor's client against the desk itself: what it sends is what the desk takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.test import Client

from desk.ledger.models import Alarm, Brake
from monitoring.posting import Desk
from monitoring.verdict import Reason, Verdict

pytestmark = pytest.mark.django_db

REASON = Reason("accuracy.alarm", "accuracy", "red", "The error is above what 93 % allows.", {"answered": 361})


def verdict(**parts: Any) -> dict[str, Any]:
    values = {"window": {"days": 30}, "accuracy": {"accuracy": 0.81}, **parts}
    return Verdict(dt.date(2025, 7, 27), "1", "p1", "81 % are right.", [REASON], **values).as_table()


@pytest.fixture
def told(bearer: Callable[..., dict[str, str]]) -> Desk:
    """The desk, reached without a port."""
    headers = bearer("alarm", "brake")

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == headers["Authorization"]
        kind = request.headers["Content-Type"]
        found = Client().post(request.url.path, request.content, content_type=kind, headers=headers)
        return httpx.Response(found.status_code, content=found.content)

    token = headers["Authorization"].removeprefix("Bearer ")
    return Desk("http://127.0.0.1", token, transport=httpx.MockTransport(answer))


def test_a_verdict_is_one_alarm_however_often_and_with_whatever_figures(told: Desk) -> None:
    assert told.tell(verdict())
    assert not told.tell(verdict())
    assert not told.tell(verdict(accuracy={"accuracy": 0.8}))
    alarm = Alarm.objects.get()
    assert (alarm.colour, alarm.summary) == ("red", "81 % are right.")
    assert alarm.verdict["reasons"][0]["code"] == "accuracy.alarm"


def test_the_longest_verdict_fits(told: Desk) -> None:
    gaps = [{"day": "2025-07-01", "code": "other_day", "text": "ü" * 100, "count": 1}] * 3000
    assert told.tell(verdict(gaps=gaps))
    assert Alarm.objects.get().verdict["left_out"] == ["gaps after the first 10"]


def test_a_brake_names_its_alarm_and_holds_once(told: Desk) -> None:
    told.tell(verdict())
    held = told.brake("all", "tighten", "why", confidence=0.97, alarm=verdict()["key"])
    assert held == "all products: only from confidence 0.97 on"
    assert told.brake("all", "tighten", "again", confidence=0.97, alarm=verdict()["key"]) is None
    brake = Brake.objects.get()
    assert brake.alarm == Alarm.objects.get()
    assert brake.reason == "why"


def test_a_brake_without_the_alarm_being_told(told: Desk) -> None:
    assert told.brake("all", "stop", "why", alarm="monitor:2025-07-27:1:red") == "all products: stopped"
    assert Brake.objects.get().alarm is None
