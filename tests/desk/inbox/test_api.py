from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from desk.configuration import Configuration
from desk.inbox.scoring import score_waiting
from desk.ledger.models import Product, Waiting
from desk.people.models import Person
from tests.desk.inbox.service import Service, product

pytestmark = pytest.mark.django_db
Bearer = Callable[..., dict[str, str]]


def post(headers: dict[str, str], content: Any) -> Any:
    return Client().post("/api/products", content, content_type="application/json", headers=headers)


def test_products_come_in_by_columns(bearer: Bearer) -> None:
    key = bearer("intake")
    sent = {"products": [product("a"), product("b", ""), product("a", "Other", revision=1)]}
    answer = post(key, sent)
    assert answer.status_code == 200
    content = answer.json()
    assert content["outcome"] == ["stored", "refused", "refused"]
    assert content["product_id"] == ["a", "b", "a"]
    assert content["revision"] == [1, None, None]
    assert {name: content[name] for name in ("stored", "changed", "known", "late", "refused")} == {
        "stored": 1, "changed": 0, "known": 0, "late": 0, "refused": 2,
    }  # fmt: skip
    assert [one["place"] for one in content["errors"]] == [1, 2]
    assert content["errors"][0]["field"] == "title"
    assert post(key, {"products": [product("a")]}).json()["outcome"] == ["known"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({"products": []}, 400),
        ({"products": [product(f"p{place}") for place in range(1001)]}, 400),
        ({"products": [{"title": "x"}]}, 400),
        ({"products": ["x"]}, 400),
        ({"products": "x"}, 400),
        ({}, 400),
        ({"products": [product("a")], "more": 1}, 400),
        ("[", 400),
        ('{"products": [{"product_id": "a", "title": "' + "x" * 6_000_000 + '"}]}', 413),
    ],
)
def test_what_cannot_be_taken_changes_nothing(bearer: Bearer, content: Any, status: int) -> None:
    answer = post(bearer("intake"), content)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert not Product.objects.exists()


def test_half_a_character_is_refused_for_its_place(bearer: Bearer) -> None:
    body = '{"products": [{"product_id": "a", "title": "x\\ud800"}, {"product_id": "b", "title": "\\u0000"}]}'
    answer = post(bearer("intake"), body)
    assert answer.status_code == 400
    assert not Product.objects.exists()


@pytest.mark.parametrize("scope", ["read", "answer", "alarm", "brake"])
def test_another_scope_may_not_send(bearer: Bearer, scope: str) -> None:
    assert post(bearer(scope), {"products": [product("a")]}).status_code == 403
    assert post({"Authorization": "Bearer x"}, {"products": [product("a")]}).status_code == 401
    assert not Product.objects.exists()


def test_a_labeller_may_neither_send_nor_see(client_of: Callable[..., Client]) -> None:
    client = client_of("labeller")
    body = json.dumps({"products": [product("a")]})
    assert client.post("/api/products", body, content_type="application/json").status_code == 403
    assert client.get("/api/products/a").status_code == 403


def test_a_page_may_send_with_the_value_that_pages_have(client_of: Callable[..., Client]) -> None:
    client = client_of("business", csrf=True)
    body = json.dumps({"products": [product("a")]})
    assert client.post("/api/products", body, content_type="application/json").status_code == 403
    assert not Product.objects.exists()


def test_where_a_product_stands(bearer: Bearer, person: Callable[..., Person], configuration: Configuration) -> None:
    key = bearer("intake")
    read = bearer("read", of=person("business"))
    names = {"auto": "Drill", "asked": "unsure", "bad/one": "bad"}
    post(key, {"products": [product(name, title) for name, title in names.items()]})

    def stands(name: str) -> Any:
        return Client().get(f"/api/products/{name}", headers=read).json()

    assert {stands(name)["state"] for name in names} == {"waiting"}
    score_waiting(Service().client())
    assert (stands("auto")["state"], stands("auto")["category_id"], stands("auto")["source"]) == (
        "settled",
        "drills",
        "auto",
    )
    assert (stands("asked")["state"], stands("asked")["category_id"]) == ("review", None)
    assert (stands("bad/one")["state"], stands("bad/one")["error"]) == ("refused", "title: title is bad")
    assert Client().get("/api/products/nobody", headers=read).status_code == 404
    assert not {"audit_drawn", "audit_probability", "blind"} & set(stands("auto"))


def test_sent_again_after_an_answer_that_was_lost(bearer: Bearer) -> None:
    key = bearer("intake")
    feed = {"products": [product(f"p{place}") for place in range(100)]}
    post(key, feed)
    assert post(key, feed).json()["known"] == 100
    assert Waiting.objects.filter(next_try_at__lte=timezone.now()).count() == 100


def test_an_id_with_a_zero_character_is_of_nobody(client: Client, bearer: Callable[..., dict[str, str]]) -> None:
    assert client.get("/api/products/a%00b", headers=bearer("read")).status_code == 404
