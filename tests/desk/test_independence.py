"""Whoever may still be asked about a product does not see beforehand what others said of it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from desk.history import listing
from desk.history import pages as history_pages
from desk.history.correcting import correct
from desk.ledger.models import Correction, Kind, Product, State, Task
from desk.people.models import Person
from tests.desk.labelling.items import adjudication, ask, look_again, say, stands

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tree")]
People = Callable[..., Person]
Clients = Callable[..., Client]


def pages(client: Client, task: Task) -> str:
    """The product's page and its row of the list, without the category tree's own names in the search field."""
    addresses = (f"/products/{task.product_id}/", "/products/")
    return "".join(client.get(address).content.decode() for address in addresses)


def hidden(text: str) -> bool:
    assert ("hidden from you until it is answered" in text) == ("hidden: you may be asked" in text)
    return "hidden from you until it is answered" in text


def tells(text: str) -> bool:
    return bool(re.search("[Dd]rills|[Ss]aws|[Pp]uzzles|[Pp]lush", text))


@pytest.mark.parametrize("role", ["reviewer", "administrator"])
@pytest.mark.parametrize("decision", ["auto", "review"])
def test_an_open_task_hides_what_was_said(client_of: Clients, person: People, role: str, decision: str) -> None:
    ada = person("labeller", "ada")
    task, client = ask(decision, title="A thing"), client_of(role)
    text = pages(client, task)
    assert hidden(text)
    assert not tells(text)
    assert "A thing" in text
    say(task, ada, "drills")
    text = pages(client, task)
    assert not hidden(text)
    assert tells(text)


def test_a_second_look_and_an_adjudication_hide_it_too(client_of: Clients, person: People) -> None:
    ada, bob, eve, zoe = (person(role, name) for role, name in (
        ("labeller", "ada"), ("labeller", "bob"), ("reviewer", "eve"), ("reviewer", "zoe")))  # fmt: skip
    task = ask(title="A thing")
    say(task, eve, "saws", note="adas note")
    assert hidden(pages(client_of("reviewer", "zoe"), task))
    assert not hidden(pages(client_of("reviewer", "eve"), task))  # she is asked no more
    say(look_again(task), ada, "puzzles")
    text = pages(client_of("reviewer", "zoe"), task)
    assert hidden(text)
    assert not tells(text)
    for word in ("ada", "adas note", "Second look", "Adjudication", "Audit"):
        assert not re.search(rf"\b{word}\b", text.split("<main")[1]), word
    say(adjudication(task), zoe, "saws")
    assert not hidden(pages(client_of("reviewer", "zoe"), task))
    assert bob.pk


def test_who_cannot_label_sees_all(client_of: Clients) -> None:
    text = pages(client_of("business"), ask())
    assert not hidden(text)
    assert tells(text)


def test_a_test_item_hides_its_product_from_who_holds_it(client_of: Clients, person: People) -> None:
    task, eve = ask(), person("reviewer", "eve")
    Task.objects.filter(pk=task.pk).update(
        kind=Kind.TEST, expected_category_id="saws", state=State.CLAIMED, claimed_by=eve
    )
    assert hidden(pages(client_of("reviewer", "eve"), task))
    assert not hidden(pages(client_of("reviewer", "zoe"), task))


def told(client: Client, task: Task, **headers: dict[str, str]) -> dict[str, Any]:
    """What the API says of the task's product."""
    said = client.get(f"/api/products/{task.product.product_id}", **headers).json()
    assert isinstance(said, dict)
    return said


SAID = ("state", "category_id", "branch_id", "source", "settled_at")


def test_the_api_tells_no_more_than_the_page(client_of: Clients, person: People, bearer: Callable[..., Any]) -> None:
    ada, eve = person("labeller", "ada"), person("reviewer", "eve")
    task = ask("review", double=True, title="A thing")
    say(task, ada, "saws")
    for answer in (told(client_of("reviewer", "eve"), task), told(Client(), task, headers=bearer("read", of=eve))):
        assert answer["hidden"] is True
        assert [answer[name] for name in SAID] == [None] * len(SAID)
        assert (answer["product_id"], answer["revision"]) == (task.product.product_id, 1)
    bo = person("business", "bo")
    for answer in (told(client_of("business", "bo"), task), told(Client(), task, headers=bearer("read", of=bo))):
        assert answer["hidden"] is False
        assert (answer["category_id"], answer["source"]) == stands(task)
        assert answer["state"] in ("review", "settled")
    say(look_again(task), eve, "saws")
    assert told(client_of("reviewer", "eve"), task)["category_id"] == "saws"


def test_a_list_by_source_leaves_out_what_is_hidden(client_of: Clients, person: People) -> None:
    task, answered = ask(title="A thing"), ask(title="Another thing")
    say(answered, person("labeller", "ada"), "drills")
    for query in ("source=auto", "source=auto&q=thing", f"source=auto&q={task.product.product_id}", "source=none"):
        page = client_of("reviewer").get(f"/products/?{query}").content.decode()
        assert "A thing" not in page, query
        assert "are left out" in page
    assert "Another thing" in client_of("reviewer").get("/products/?source=auto").content.decode()
    page = client_of("reviewer").get("/products/").content.decode()
    assert "A thing" in page
    assert page.split("<tbody>")[1].count("decided automatically") == 1
    page = client_of("business").get("/products/?source=auto").content.decode()
    assert "A thing" in page
    assert "are left out" not in page


def test_a_list_by_source_goes_on_behind_a_page_that_is_hidden(
    client_of: Clients, person: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "A_PAGE", 2)
    seen = ask(title="Seen")
    say(seen, person("labeller", "ada"), "drills")
    for _ in range(5):
        ask(title="Hidden one")
    page = client_of("reviewer").get("/products/?source=auto").content.decode()
    assert ">Seen<" in page
    assert "Hidden one" not in page
    monkeypatch.setattr(history_pages, "_MOST_PAGES", 2)
    page = client_of("reviewer").get("/products/?source=auto").content.decode()
    further = re.search(r'rel="next" href="([^"]*)"', page)
    assert further is not None
    assert ">Seen<" in client_of("reviewer").get("/products/" + html.unescape(further.group(1))).content.decode()


def test_a_correction_is_still_possible(client_of: Clients, person: People) -> None:
    task, client = ask(), client_of("reviewer")
    address = f"/products/{task.product_id}/"
    mark = re.search('name="before" value="([^"]*)"', client.get(address).content.decode())
    assert mark is not None
    assert "drills" not in mark.group(1)
    given = {"uuid": str(uuid4()), "before": mark.group(1), "other": "plush", "reason": "fur"}
    assert client.post(address, given).status_code == 302
    assert stands(task) == ("plush", "correction")
    product = Product.objects.get()
    correct(person("business"), product.pk, "saws", "teeth", uuid4(), "plush")
    late = client.post(address, {**given, "uuid": str(uuid4())})
    assert "somebody changed" in late.content.decode().lower()
    assert Correction.objects.count() == 2
