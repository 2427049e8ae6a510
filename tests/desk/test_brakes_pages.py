from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from aisle.errors import DataError
from desk.history import braking
from desk.ledger.models import Alarm, Brake, Event
from desk.people.models import Person
from tests.desk import made_products as made

pytestmark = pytest.mark.django_db
Make = Callable[..., Client]
People = Callable[..., Person]


def test_a_business_owner_sets_a_brake_and_releases_it(client_of: Make, tree: Path) -> None:
    client = client_of("business")
    given = {"scope": "branch", "branch": "tools", "kind": "tighten", "confidence": "0.97", "reason": "odd drills"}
    assert client.post("/brakes/", given).status_code == 302
    brake = Brake.objects.get()
    assert (brake.scope, brake.value, brake.confidence, brake.set_by.username) == ("branch", "tools", 0.97, "business")
    page = client.get("/brakes/").content.decode()
    assert "Branch Tools: only from confidence 0.97 on" in page
    assert client.post(f"/brakes/{brake.pk}/release/", {"reason": ""}).status_code == 302
    brake.refresh_from_db()
    assert brake.released_at is None
    client.post(f"/brakes/{brake.pk}/release/", {"reason": "drills are fine"})
    brake.refresh_from_db()
    assert (brake.release_reason, brake.released_by and brake.released_by.username) == ("drills are fine", "business")
    assert "Past brakes" in client.get("/brakes/").content.decode()
    assert list(Event.objects.order_by("id").values_list("what", flat=True)) == ["brake set", "brake released"]


def test_labellers_neither_see_nor_set_nor_release(client_of: Make, person: People) -> None:
    brake = braking.set_brake(person("business"), "all", "", "stop", None, "trial")
    client = client_of("labeller")
    assert client.get("/brakes/").status_code == 403
    assert client.post("/brakes/", {"scope": "all", "kind": "stop", "reason": "x"}).status_code == 403
    assert client.post(f"/brakes/{brake.pk}/release/", {"reason": "x"}).status_code == 403
    assert Brake.objects.get().released_at is None


@pytest.mark.parametrize(
    ("scope", "value", "kind", "confidence", "reason", "says"),
    [
        ("all", "tools", "stop", None, "x", "has no value"),
        ("branch", "", "stop", None, "x", "has no value"),
        ("branch", "drills", "stop", None, "x", "is no branch"),
        ("seller", "nobody", "stop", None, "x", "no product of a seller"),
        ("planet", "x", "stop", None, "x", "is no scope"),
        ("all", "", "loosen", None, "x", "is no kind"),
        ("all", "", "stop", 0.5, "x", "a stop has no confidence"),
        ("all", "", "tighten", None, "x", "needs a confidence"),
        ("all", "", "tighten", float("nan"), "x", "needs a confidence"),
        ("all", "", "tighten", 0.0, "x", "needs a confidence"),
        ("all", "", "tighten", 1.5, "x", "needs a confidence"),
        ("all", "", "stop", None, " ", "give a reason"),
    ],
)
def test_what_makes_no_sense_is_refused(
    person: People, tree: Path, scope: str, value: str, kind: str, confidence: float | None, reason: str, says: str
) -> None:
    with pytest.raises(DataError, match=says):
        braking.set_brake(person("business"), scope, value, kind, confidence, reason)
    assert not Brake.objects.exists()
    assert not Event.objects.exists()


def test_a_brake_that_holds_already_is_not_set_twice(person: People) -> None:
    made.make_product("a:1", seller="toy-house")
    braking.set_brake(person("business"), "seller", "toy-house", "tighten", 0.9, "x")
    with pytest.raises(DataError, match="holds already"):
        braking.set_brake(person("reviewer"), "seller", " toy-house ", "tighten", 0.9, "y")
    braking.set_brake(person("reviewer"), "seller", "toy-house", "tighten", 0.95, "y")
    assert Brake.objects.count() == 2


def test_a_brake_is_released_once(person: People) -> None:
    brake = braking.set_brake(person("business"), "all", "", "stop", None, "x")
    braking.release(person("business"), brake.pk, "over")
    with pytest.raises(DataError, match="released already"):
        braking.release(person("reviewer"), brake.pk, "again")
    assert Brake.objects.get().release_reason == "over"


def test_a_released_brake_can_be_set_anew(person: People) -> None:
    brake = braking.set_brake(person("business"), "all", "", "stop", None, "x")
    braking.release(person("business"), brake.pk, "over")
    assert braking.set_brake(person("business"), "all", "", "stop", None, "x").pk != brake.pk


def send(headers: dict[str, str], **body: object) -> tuple[int, dict[str, object]]:
    answer = Client().post("/api/brakes", json.dumps(body), content_type="application/json", headers=headers)
    return answer.status_code, answer.json()


def test_a_program_sets_a_brake_for_an_alarm_but_cannot_release(bearer: Callable[..., dict[str, str]]) -> None:
    alarm = Alarm.objects.create(key="k1", raised_at=timezone.now(), colour="red", summary="too many errors")
    headers = bearer("brake")
    given = {"scope": "all", "kind": "stop", "reason": "red alarm", "alarm": "k1"}
    status, answer = send(headers, **given)
    assert (status, answer["holds"]) == (200, "all products: stopped")
    assert Brake.objects.get().alarm == alarm
    assert send(headers, **given)[0] == 409
    assert send(headers, **{**given, "alarm": "k2"})[0] == 404
    assert send(headers, **{**given, "kind": "loosen"})[0] == 400
    assert send(headers, **given, released_at="now")[0] == 400
    assert send(bearer("intake", "read", "alarm"), **given)[0] == 403
    released = Client().post(f"/brakes/{Brake.objects.get().pk}/release/", {"reason": "x"}, headers=headers)
    assert released["Location"].startswith("/log-in/")
    assert Brake.objects.get().released_at is None


def test_reasons_are_shown_as_text(client_of: Make, person: People) -> None:
    braking.set_brake(person("business"), "all", "", "stop", None, "<script>alert(1)</script>")
    page = client_of("business").get("/brakes/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("field", ["reason", "value", "alarm"])
def test_a_zero_character_is_refused(bearer: Callable[..., dict[str, str]], tree: Path, field: str) -> None:
    given = {"scope": "seller", "value": "toy-house", "kind": "stop", "reason": "x", field: "a\x00b"}
    status, answer = send(bearer("brake"), **given)
    assert (status, "a character that no text has" in str(answer["error"])) == (400, True)
    assert not Brake.objects.exists()


def test_a_release_without_a_good_reason_changes_nothing(person: People) -> None:
    brake = braking.set_brake(person("business"), "all", "", "stop", None, "x")
    with pytest.raises(DataError, match="a character that no text has"):
        braking.release(person("business"), brake.pk, "a\0b")
    assert Brake.objects.get().released_at is None


def test_without_a_tree_a_brake_of_a_branch_is_to_be_sent_again(
    bearer: Callable[..., dict[str, str]], tree: Path
) -> None:
    tree.unlink()
    status, answer = send(bearer("brake"), scope="branch", value="toys", kind="stop", reason="x")
    assert (status, "taxonomy.csv" in str(answer["error"]), str(tree) in str(answer["error"])) == (503, True, False)
    assert send(bearer("brake"), scope="all", kind="stop", reason="x")[0] == 200
