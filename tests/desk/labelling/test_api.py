from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from aisle.errors import DataError
from desk.labelling import search, showing, tickets
from desk.labelling.tickets import ticket
from desk.ledger.models import Answer, Kind, Task
from desk.people.models import Person
from tests.desk.labelling.items import ask, look_again, say, stands

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tree")]
Clients = Callable[..., Client]
Bearer = Callable[..., dict[str, str]]


def post(client: Client, path: str, body: Any, **more: Any) -> HttpResponse:
    answer: HttpResponse = client.post(f"/api/{path}", body, content_type="application/json", **more)
    return answer


def claim(client: Client, **body: Any) -> list[dict[str, Any]]:
    answer = post(client, "tasks/claim", body)
    assert answer.status_code == 200, answer.content
    tasks: list[dict[str, Any]] = answer.json()["tasks"]  # type: ignore[attr-defined]
    return tasks


def shape(value: Any) -> Any:
    return {name: shape(one) for name, one in value.items()} if isinstance(value, dict) else None


def test_a_program_claims_answers_and_takes_back(client: Client, bearer: Bearer, person: Callable[..., Person]) -> None:
    task = ask("review", audit=False, title="A drill", brand="Bosch", price=9.5, currency="EUR")
    robot = person("labeller", "robot")
    headers = bearer("answer", of=robot)
    got = post(client, "tasks/claim", {}, headers=headers).json()  # type: ignore[attr-defined]
    (shown,) = got["tasks"]
    assert (shown["task_id"], shown["kind"], shown["product_id"]) == (ticket(task.pk), "label", task.product.product_id)
    assert shown["product"]["brand"] == "Bosch"
    assert shown["suggestion"] == {"category_id": "drills", "name": "Drills", "path": ["Tools", "Drills"]}
    assert [one["category_id"] for one in shown["alternatives"]] == ["saws", "puzzles", "plush"]
    assert (got["waiting"], got["today"], got["recent"]) == (1, {"answered": 0, "skipped": 0}, [])
    uuid = str(uuid4())
    body = {"task_id": ticket(task.pk), "uuid": uuid, "category_id": "saws", "seconds": 2.5, "next": 2}
    for _ in range(2):
        receipt = post(client, "answers", body, headers=headers)
        assert receipt.status_code == 200
        told = receipt.json()  # type: ignore[attr-defined]
        assert (told["uuid"], told["tasks"], told["today"]["answered"]) == (uuid, [], 1)
        assert [one["category_id"] for one in told["recent"]] == ["saws"]
    assert Answer.objects.count() == 1
    assert stands(task) == ("saws", "review")
    for _ in range(2):
        back = post(client, "answers/undo", {"uuid": uuid}, headers=headers)
        assert back.json()["task"]["task_id"] == ticket(task.pk)  # type: ignore[attr-defined]
    assert stands(task) == (None, "none")


@pytest.mark.parametrize("kind", ["blind", "confirm", "test"])
def test_nothing_of_a_blind_task_depends_on_what_the_model_or_others_said(
    client_of: Clients, person: Callable[..., Person], kind: str
) -> None:
    bodies = []
    for category_id in ("plush", "saws"):
        Task.objects.update(state="superseded")
        task = ask(category_id=category_id, blind=True, title="Same", product_id=f"p-{category_id}")
        if kind == "confirm":
            say(task, person("labeller", "ada"), "puzzles")
            task = look_again(task)
        elif kind == "test":
            Task.objects.filter(pk=task.pk).update(kind=Kind.TEST, expected_category_id="saws")
        (shown,) = claim(client_of("labeller", f"bob-{category_id}"))
        assert shown["task_id"] == ticket(task.pk)
        for name in ("task_id", "product_id", "claimed_until"):
            del shown[name]
        bodies.append(shown)
    assert bodies[0] == bodies[1]
    assert (bodies[0]["suggestion"], bodies[0]["alternatives"], bodies[0]["answers"]) == (None, [], [])
    assert bodies[0]["kind"] == "label"


def test_a_blind_task_has_the_shape_of_any_other(client_of: Clients) -> None:
    ask(title="Seen")
    ask(blind=True, title="Blind")
    seen, blind = claim(client_of("labeller"))
    assert blind["product"]["title"] == "Blind"
    assert shape(seen) | {"suggestion": None} == shape(blind)


def test_a_blind_task_asks_as_much_of_the_database(client_of: Clients) -> None:
    counts = []
    for blind in (False, True):
        Task.objects.update(state="superseded")
        ask(blind=blind)
        client = client_of("labeller", f"ada{blind}")
        with CaptureQueriesContext(connection) as caught:
            claim(client)
        counts.append(len(caught))
    assert counts[0] == counts[1]


def test_a_receipt_says_the_same_whatever_follows(client_of: Clients) -> None:
    agrees, contradicts = ask(), ask()
    client = client_of("labeller")
    claim(client)
    told = []
    for task, category_id in ((agrees, "drills"), (contradicts, "saws")):
        body = {"task_id": ticket(task.pk), "uuid": str(uuid4()), "category_id": category_id, "next": 2}
        told.append(post(client, "answers", body).json())  # type: ignore[attr-defined]
    assert shape(told[0]) == shape(told[1])
    assert told[1]["waiting"] == 0  # who answered does not learn that somebody else is asked now
    assert told[1]["tasks"] == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("tasks/claim", {"count": 0}, 400),
        ("tasks/claim", {"count": 21}, 400),
        ("tasks/claim", {"kinds": ["nothing"]}, 400),
        *(("tasks/claim", {"kinds": [kind]}, 400) for kind in ("audit", "review", "confirm", "test")),
        ("tasks/claim", {"person": 1}, 400),
        ("answers", {"task_id": ticket(999999), "uuid": str(uuid4()), "category_id": "saws"}, 404),
        ("answers", {"task_id": "1", "uuid": str(uuid4()), "category_id": "saws"}, 404),
        ("answers", {"task_id": 1, "uuid": str(uuid4()), "category_id": "saws"}, 400),
        ("answers", {"task_id": ticket(1), "uuid": "1", "category_id": "saws"}, 400),
        ("answers", {"task_id": ticket(1), "uuid": str(uuid4()), "category_id": "tools"}, 400),
        ("answers", {"task_id": ticket(1), "uuid": str(uuid4()), "category_id": "saws", "labeller": "eve"}, 400),
        ("answers/undo", {"uuid": str(uuid4())}, 404),
    ],
)
def test_what_is_wrong_is_refused_with_a_sentence(client_of: Clients, path: str, body: Any, status: int) -> None:
    answer = post(client_of("labeller"), path, body)
    assert answer.status_code == status
    assert len(answer.json()["error"]) > 10  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["tasks/claim", "answers", "answers/undo"])
def test_only_people_who_label_may(client: Client, client_of: Clients, bearer: Bearer, path: str) -> None:
    assert post(client, path, {}).status_code == 401
    assert post(client_of("business"), path, {}).status_code == 403
    assert post(client, path, {}, headers=bearer("read")).status_code == 403
    assert post(client_of("labeller", "eve", csrf=True), path, {}).status_code == 403
    assert client_of("labeller").get(f"/api/{path}").status_code == 405


def test_one_person_cannot_take_back_anothers_answer(client_of: Clients, person: Callable[..., Person]) -> None:
    answer = say(ask(), person("labeller", "ada"), "drills")
    refused = post(client_of("administrator"), "answers/undo", {"uuid": str(answer.uuid)})
    assert refused.status_code == 404


def test_categories_are_found_and_listed(client_of: Clients) -> None:
    search.forget()
    client = client_of("labeller")
    found = client.get("/api/categories/search", {"q": "tols sa", "limit": "3"}).json()["categories"]
    assert found == [{"category_id": "saws", "name": "Saws", "path": ["Tools", "Saws"]}]
    listed = client.get("/api/categories").json()["categories"]
    assert listed[0] == {"category_id": "toys", "parent_id": None, "name": "Toys"}
    assert len(listed) == 6
    for limit in ("0", "51", "x", "-1"):
        assert client.get("/api/categories/search", {"q": "a", "limit": limit}).status_code == 400


def test_without_a_tree_the_reason_is_said(client_of: Clients, tree: Any) -> None:
    tree.unlink()
    answer = client_of("labeller").get("/api/categories")
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("taxonomy.csv: not there")
    assert str(tree.parent) not in answer.content.decode()


def test_while_the_tree_is_away_nothing_is_refused_for_good(client_of: Clients, tree: Any) -> None:
    """`dvc checkout` takes it away for a moment: what was answered then is sent again, and stored."""
    task = ask("review", audit=False)
    client = client_of("labeller")
    claim(client)
    body = {"task_id": ticket(task.pk), "uuid": str(uuid4()), "category_id": "saws", "next": 2}
    kept = tree.read_text()
    tree.unlink()
    refused = post(client, "answers", body)
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert not Answer.objects.exists()
    tree.write_text(kept)
    assert post(client, "answers", body).status_code == 200
    assert stands(task) == ("saws", "review")


@pytest.mark.parametrize("failure", [DataError("/srv/data/taxonomy.csv: not there"), DatabaseError("gone")])
def test_a_stored_answer_has_its_receipt_whatever_the_next_claim_does(
    client_of: Clients, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    task = ask()
    client = client_of("labeller")
    claim(client)
    monkeypatch.setattr(showing, "desk_of", lambda *_: (_ for _ in ()).throw(failure))
    uuid = str(uuid4())
    answer = post(client, "answers", {"task_id": ticket(task.pk), "uuid": uuid, "category_id": "drills", "next": 2})
    told = answer.json()  # type: ignore[attr-defined]
    assert (answer.status_code, told["uuid"], told["task_id"]) == (200, uuid, ticket(task.pk))
    assert "tasks" not in told
    assert Answer.objects.count() == 1


def test_a_name_of_a_task_says_nothing_of_its_number() -> None:
    names = [ticket(number) for number in range(1, 400)]
    assert [tickets.number(name) for name in names] == list(range(1, 400))
    assert len(set(names)) == len(names)
    ups = sum(left < right for left, right in itertools.pairwise(names))
    assert 0.4 < ups / len(names) < 0.6  # no order of theirs is that of the numbers
    for name in ("", "1", "g" * 16, "0" * 17, names[0].upper() + "x"):
        assert tickets.number(name) is None


def test_own_answers_and_nobody_elses(client_of: Clients, person: Callable[..., Person]) -> None:
    ada, bob = person("labeller", "ada"), person("labeller", "bob")
    task = ask(title="<b>Thing</b>")
    say(task, ada, "saws", note="adas note")
    say(look_again(task), bob, "puzzles", note="bobs note")
    text = client_of("labeller", "ada").get("/label/mine/").content.decode()
    assert "&lt;b&gt;Thing&lt;/b&gt;" in text
    assert "Tools › Saws" in text
    assert "adas note" in text
    for word in ("bobs note", "Puzzles", "Drills", "bob"):
        assert word not in text


def test_own_answers_are_taken_back_from_the_list(client_of: Clients, person: Callable[..., Person]) -> None:
    ada = person("labeller", "ada")
    mine, other = say(ask(), ada, "drills"), say(ask(), person("labeller", "bob"), "drills")
    client = client_of("labeller", "ada")
    text = client.post(f"/label/mine/{mine.uuid}/undo/", follow=True).content.decode()
    assert "taken back" in text
    assert "You gave no such answer." in client.post(f"/label/mine/{other.uuid}/undo/", follow=True).content.decode()
    assert client.get(f"/label/mine/{mine.uuid}/undo/").status_code == 405
    assert client_of("business").get("/label/mine/").status_code == 403
    assert client_of("business").get("/label/").status_code == 403


def test_the_list_has_pages(client_of: Clients, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.labelling.views.A_PAGE", 2)
    ada = person("labeller", "ada")
    said = [say(ask(title=f"Thing {number}"), ada, "drills") for number in range(3)]
    client = client_of("labeller", "ada")
    assert f"?before={said[1].pk}" in client.get("/label/mine/").content.decode()
    last = client.get("/label/mine/", {"before": str(said[1].pk)}).content.decode()
    assert "Thing 0" in last
    assert "Thing 1" not in last
