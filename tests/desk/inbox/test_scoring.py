from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aisle.audit.rates import Rates, write_rates
from aisle.errors import ConfigurationError, DataError, ServiceUnavailable
from desk.configuration import Configuration
from desk.inbox import scoring
from desk.inbox.intake import receive
from desk.inbox.scoring import score_waiting, try_refused_again
from desk.labelling import showing
from desk.ledger.models import Event, Prediction, Product, Revision, Tally, Task, Waiting
from desk.people.models import Person
from tests.desk.inbox.service import Service, product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rates(configuration: Configuration) -> None:
    """No audit but where a test asks for it: the floor is a chance that never comes."""
    write_rates(Rates(floor=1e-9), configuration.folder / "audit-rates.json")


def take(*products: dict[str, Any]) -> None:
    receive(products, timezone.now())


def due() -> None:
    """Hours later: the pauses are over, in their order."""
    Waiting.objects.update(next_try_at=F("next_try_at") - dt.timedelta(hours=2))


def drain(service: Service) -> int:
    client, done = service.client(), 0
    for _ in range(200):
        due()
        try:
            more = score_waiting(client)
        except ServiceUnavailable:
            continue
        done += more
        if not more:
            return done
    raise AssertionError("it never ends")


def test_what_the_service_says_is_stored_whole() -> None:
    take(product("a", seller="s"))
    assert score_waiting(Service().client()) == 1
    one = Prediction.objects.get()
    assert (one.product.product_id, one.revision.number, one.category_id, one.branch_id) == ("a", 1, "drills", "tools")
    assert (one.confidence, one.branch_confidence, one.threshold) == (0.97, 0.99, 0.9)
    assert (one.decision, one.service_decision, one.decided_id, one.reason) == ("auto", "auto", "drills", "confident")
    assert (one.model_version, one.policy_id, one.bento_tag) == ("3", "p1", "aisle:3")
    assert one.alternatives == [["drills", 0.8], ["saws", 0.1]]
    assert not Waiting.objects.exists()
    tally = Tally.objects.get()
    assert (tally.day, tally.branch_id, tally.seller, tally.decision) == (one.predicted_at.date(), "tools", "s", "auto")
    assert (tally.products, tally.drawn, tally.confidence_sum) == (1, 0, 0.97)


def many_alternatives(request: httpx.Request) -> httpx.Response:
    """As many as are asked for; the first is the suggestion, as the service has it."""
    sent = json.loads(request.content)
    names = ["drills", "saws", "puzzles", "plush", "dolls", "kites", "robots"][: sent["alternatives"]]
    count = len(sent["products"])
    offered = {"category_id": [names] * count, "probability": [[0.1] * len(names)] * count}
    return httpx.Response(200, json={**Service().answer(sent["products"]), "alternatives": offered})


def test_five_others_are_left_beside_the_suggestion(tree: Path, client_of: Callable[..., Client]) -> None:
    tree.write_text(tree.read_text() + "dolls,toys,Dolls\nkites,toys,Kites\nrobots,toys,Robots\n")
    take(product("a"), product("b", "unsure"))
    score_waiting(Service(many_alternatives).client())
    others = ["saws", "puzzles", "plush", "dolls", "kites"]
    asked = showing.task(Task.objects.get(product__product_id="b"))
    assert asked["suggestion"]["category_id"] == "drills"
    assert [one["category_id"] for one in asked["alternatives"]] == others
    page = client_of("business").get(f"/products/{Product.objects.get(product_id='a').pk}/").content.decode()
    assert re.findall('name="choice" value="([^"]*)"', page) == others


def test_the_service_gets_the_product_as_it_came() -> None:
    sent = product(
        "a", "Drill", description="For wood", brand="Bo", seller_category="Tools", price=3.5, currency="EUR", seller="s"
    )
    take(sent, product("b"))
    service = Service()
    score_waiting(service.client())
    assert service.asked == [[{**sent, "revision": 1}, {**product("b"), "revision": 1}]]


def test_the_tally_adds_up() -> None:
    for batch in range(3):
        take(
            *(
                product(f"{batch}-{place}", "unsure" if place % 3 else "Drill", seller=f"s{place % 2}")
                for place in range(9)
            )
        )
        score_waiting(Service().client(), 4)
    drain(Service())
    assert sum(Tally.objects.values_list("products", flat=True)) == Prediction.objects.count() == 27
    assert {(one.seller, one.decision): one.products for one in Tally.objects.all()} == {
        ("s0", "auto"): 6, ("s1", "auto"): 3, ("s0", "review"): 9, ("s1", "review"): 9,
    }  # fmt: skip


def test_a_refused_product_is_marked_with_its_reason_and_never_sent_again() -> None:
    take(product("a"), product("b", "bad title"), product("c"))
    service = Service()
    assert drain(service) == 3
    row = Waiting.objects.get()
    assert (row.revision.product.product_id, row.refused, row.last_error) == ("b", True, "title: title is bad")
    assert len(service.asked) == 1
    take(product("b", "Good title"))
    assert drain(service) == 1
    assert not Waiting.objects.exists()


PROXY = "<html><h1>400 The plain HTTP request was sent to HTTPS port</h1></html>"


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, text=PROXY),
        httpx.Response(400, json={"detail": "no"}),
        httpx.Response(403, text="blocked"),
        httpx.Response(408, text="too slow"),
        httpx.Response(413, text="too large"),
        httpx.Response(422, json={"detail": "no"}),
        httpx.Response(422, json={"errors": [{"place": place, "code": "no", "detail": "no"} for place in range(40)]}),
        httpx.Response(431, text="headers"),
        httpx.Response(413, json={"title": "Too Large", "status": 413, "detail": "the body is larger than 5 MiB"}),
    ],
    ids=lambda one: f"{one.status_code} {one.text[:20]}" if isinstance(one, httpx.Response) else str(one),
)
def test_an_answer_that_names_no_product_refuses_none(answer: httpx.Response, up: bool) -> None:
    take(*(product(f"p{place}") for place in range(40)))
    service = Service(*[answer] * 4)
    client = service.client()
    client.ready = lambda: up  # type: ignore[method-assign]
    for _ in range(4):
        due()
        with pytest.raises((ServiceUnavailable, DataError)):
            score_waiting(client)
    assert len(service.asked) == 4, "one request a try"
    assert not Waiting.objects.filter(refused=True).exists()
    assert Waiting.objects.filter(tries__gt=0).exists() is up
    assert drain(service) == 40


def test_a_problem_that_names_every_product_refuses_them() -> None:
    take(product("a", "bad"), product("b", "bad"))
    errors = [{"place": place, "field": "title", "code": "blank", "detail": "title is bad"} for place in range(2)]
    told = {"title": "Unprocessable", "status": 422, "detail": "no product is good", "errors": errors}
    service = Service(httpx.Response(422, json=told))
    assert score_waiting(service.client()) == 2
    assert Waiting.objects.filter(refused=True, last_error="title: title is bad").count() == 2


def test_a_proxy_that_takes_less_than_a_batch_gets_smaller_ones() -> None:
    class Narrow(Service):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            if len(request.content) > 2000:
                return httpx.Response(413, text="<html>413 Request Entity Too Large</html>")
            return super().__call__(request)

    take(*(product(f"p{place}") for place in range(300)))
    assert drain(Narrow()) == 300
    assert not Waiting.objects.exists()


def test_refused_products_are_tried_again_when_somebody_says_so(person: Callable[..., Person]) -> None:
    take(product("a", "bad title"), product("b", "bad too"), product("c"))
    service = Service()
    assert drain(service) == 3
    assert try_refused_again(person("business")) == 2
    assert set(Waiting.objects.values_list("refused", "tries", "last_error")) == {(False, 0, "")}
    event = Event.objects.get()
    assert (event.what, event.about, event.person) == (
        "refused products tried again", "2 products", person("business"),
    )  # fmt: skip
    service.queue.append(httpx.Response(200, json=Service().answer([product("a"), product("b")])))  # it bears them now
    assert drain(service) == 2
    assert Prediction.objects.count() == 3
    assert try_refused_again(person("business")) == 0
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("connection refused"),
        httpx.ReadTimeout("too slow"),
        httpx.Response(500, json={"detail": "failed"}),
        httpx.Response(503, json={"detail": "busy"}, headers={"Retry-After": "30"}),
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, json={"model": {}}),
        httpx.Response(200, json=[]),
        httpx.Response(404, text="nothing here"),
        httpx.Response(401, json={"detail": "no key"}),
    ],
    ids=str,
)
def test_a_service_that_fails_loses_nothing(failure: Any) -> None:
    take(*(product(f"p{place}") for place in range(5)))
    service = Service(failure)
    with pytest.raises((ServiceUnavailable, ConfigurationError)):
        score_waiting(service.client())
    assert Waiting.objects.filter(refused=False).count() == 5
    assert not Prediction.objects.exists()
    assert drain(service) == 5
    assert Prediction.objects.count() == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("confidence", "high"), ("confidence", 1.5), ("confidence", True), ("category_id", 7), ("category_id", ""),
        ("category_id", "x" * 201), ("branch_id", None), ("decision", "maybe"), ("decided_id", None), ("threshold", -1),
        ("alternatives", {"category_id": [["a"]], "probability": [[]]}), ("category_id", "a\0b"),
    ],
)  # fmt: skip
def test_an_answer_that_no_service_gives_is_not_stored(name: str, value: Any) -> None:
    take(product("a"))
    service = Service()
    garbage = service.answer([product("a")])
    garbage[name] = value if isinstance(value, dict) else [value]
    service.queue.append(httpx.Response(200, json=garbage))
    with pytest.raises(ServiceUnavailable, match="what no scoring service answers"):
        score_waiting(service.client())
    assert not Prediction.objects.exists()
    assert drain(service) == 1


def test_products_of_a_failed_batch_wait_longer_each_time_and_each_for_its_own_time() -> None:
    take(*(product(f"p{place}") for place in range(20)))
    service = Service(*(httpx.Response(500) for _ in range(3)))
    pauses = []
    for _ in range(3):
        due()
        before = timezone.now()
        with pytest.raises(ServiceUnavailable):
            score_waiting(service.client())
        later = [one.next_try_at - before for one in Waiting.objects.filter(tries__gt=0, next_try_at__gt=before)]
        pauses.append(later)
    assert len(set(pauses[0])) > 10
    assert min(pauses[0]) >= dt.timedelta(seconds=0.5)
    assert max(pauses[2]) > max(pauses[0])
    assert Waiting.objects.filter(last_error__contains="500").count() == 20


def test_a_service_that_is_down_costs_the_products_no_try() -> None:
    take(product("a"))
    service = Service(up=False)
    with pytest.raises(ServiceUnavailable):
        score_waiting(service.client())
    row = Waiting.objects.get()
    assert (row.tries, row.last_error) == (0, "")
    service.up = True
    assert score_waiting(service.client()) == 1  # at once


def test_a_product_that_the_service_cannot_bear_does_not_hold_up_the_others() -> None:
    take(*(product(f"p{place}", "poison" if place == 70 else "Drill") for place in range(300)))
    service = Service()
    client = service.client()
    for _ in range(40):
        due()
        try:
            score_waiting(client)
        except ServiceUnavailable:
            continue
    assert Prediction.objects.count() == 299
    row = Waiting.objects.get()
    assert (row.revision.title, row.refused) == ("poison", False)
    assert max(len(one) for one in service.asked) == 300


def test_another_model_in_the_middle_is_recorded_of_each_prediction() -> None:
    take(*(product(f"p{place}") for place in range(6)))
    service = Service()
    client = service.client()
    score_waiting(client, 3)
    service.version = "4"
    score_waiting(client, 3)
    assert sorted(Prediction.objects.values_list("model_version", flat=True)) == ["3"] * 3 + ["4"] * 3
    assert {one.model_version: one.products for one in Tally.objects.all()} == {"3": 3, "4": 3}


def test_a_revision_that_came_while_the_service_was_asked_is_scored_in_its_place() -> None:
    take(product("a", "Drill"), product("b"))
    service = Service()

    def meanwhile(request: httpx.Request) -> httpx.Response:
        take(product("a", "Drill 18V"))
        return httpx.Response(200, json=service.answer([product("a"), product("b")]))

    service.queue.append(meanwhile)
    assert score_waiting(service.client()) == 1
    assert Prediction.objects.get().product.product_id == "b"
    assert drain(service) == 1
    assert Prediction.objects.get(product__product_id="a").revision.title == "Drill 18V"


def test_all_of_a_batch_is_stored_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    take(*(product(f"p{place}", "unsure") for place in range(5)))

    def fails(*_: object) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patched:
        patched.setattr(scoring, "add_up", fails)
        with pytest.raises(RuntimeError, match="killed here"):
            score_waiting(Service().client())
    assert not Prediction.objects.exists()
    assert not Task.objects.exists()
    assert Product.objects.filter(audit_probability=None).count() == 5
    assert drain(Service()) == 5
    assert Task.objects.count() == 5


def test_few_queries_a_batch_whatever_its_size() -> None:
    counts = []
    for size in (5, 40):
        take(*(product(f"{size}-{place}", "unsure" if place % 3 else "Drill") for place in range(size)))
        with CaptureQueriesContext(connection) as queries:
            assert score_waiting(Service().client()) == size
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14


def test_every_product_that_came_is_predicted_once() -> None:
    take(*(product(f"p{place}") for place in range(30)))
    take(*(product(f"p{place}", "changed") for place in range(0, 30, 3)))
    drain(Service())
    latest = Revision.objects.filter(number=F("product__revision"))
    assert set(Prediction.objects.values_list("revision_id", flat=True)) == set(latest.values_list("pk", flat=True))
    assert Prediction.objects.count() == 30


def test_what_waits_again_though_it_is_predicted_is_let_go() -> None:
    take(product("a"), product("b"))
    assert drain(Service()) == 2
    Waiting.objects.create(revision=Revision.objects.get(product__product_id="a"), next_try_at=timezone.now())
    assert drain(Service()) == 1
    assert Prediction.objects.count() == 2
    assert sum(Tally.objects.values_list("products", flat=True)) == 2
    assert not Waiting.objects.exists()
