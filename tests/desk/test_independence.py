"""Whoever may still be asked about a product does not see beforehand what others said of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

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
