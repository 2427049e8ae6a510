from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from desk.configuration import Configuration
from desk.inbox.intake import receive
from desk.inbox.models import Beat
from desk.inbox.scoring import score_waiting
from desk.inbox.standing import standing
from desk.inbox.worker import NAME
from desk.ledger.models import Waiting
from tests.desk.inbox.service import Service, product

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client_of: Callable[..., Client], configuration: Configuration) -> Client:
    """A business owner's browser."""
    return client_of("business")


def beat(**values: Any) -> None:
    now = timezone.now()
    told = {"host": "h", "pid": 1, "started_at": now, "beat_at": now, "answered_at": now} | values
    Beat.objects.update_or_create(name=NAME, defaults=told)


def text(client: Client, address: str = "/inbox/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_an_empty_inbox_says_that_no_worker_is_at_work(client: Client) -> None:
    page = text(client)
    assert "No worker is at work" in page
    assert "nothing waits" in page
    assert standing().service == "unknown"


def test_a_worker_that_has_not_been_heard_of_is_gone(client: Client) -> None:
    beat(beat_at=timezone.now() - timedelta(minutes=2))
    assert "The last one was heard of 2" in text(client)
    beat()
    assert "No worker is at work" not in text(client)
    assert standing().service == "up"


def test_a_service_that_is_down_is_said_with_what_waits(client: Client) -> None:
    receive([product(f"p{place}") for place in range(1000)], timezone.now())
    beat(error="http://x: no answer <script>", error_since=timezone.now() - timedelta(minutes=5))
    page = text(client)
    assert "The scoring service does not answer, for 5" in page
    assert "Products are stored and wait; nothing is lost" in page
    assert "no answer &lt;script&gt;" in page
    assert ">1,000</p>" in page
    assert standing().service == "down"


def test_refused_products_are_shown_with_their_reason_as_text(client: Client) -> None:
    receive([product("<i>id</i>", "bad <script>alert(1)</script>"), product("b")], timezone.now())
    score_waiting(Service().client())
    page = text(client)
    assert "title: title is bad" in page
    assert "bad &lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "<i>id" not in page


def test_refused_products_are_tried_again_from_the_page(client: Client, client_of: Callable[..., Client]) -> None:
    receive([product("a", "bad")], timezone.now())
    assert "Try refused ones again" not in text(client)
    score_waiting(Service().client())
    assert "Try refused ones again" in text(client)
    assert client_of("labeller").post("/inbox/again/").status_code == 403
    assert client_of("business", "strict", True).post("/inbox/again/").status_code == 403  # no value of the page
    assert client.get("/inbox/again/").status_code == 405
    assert Waiting.objects.get().refused
    told = client.post("/inbox/again/", follow=True).content.decode()
    assert "1 product goes to the service again" in told
    assert not Waiting.objects.get().refused
    assert "refused products tried again" in client_of("administrator").get("/log/").content.decode()


def test_what_is_tried_again_is_shown_with_its_error(client: Client) -> None:
    receive([product(f"p{place}") for place in range(5)], timezone.now())
    Waiting.objects.update(tries=2, last_error="failed (500)")
    page = text(client, "/inbox/now/")
    assert "Tried again" in page
    assert "failed (500)" in page


def test_the_numbers_of_the_day(client: Client) -> None:
    receive([product(f"p{place}", "unsure" if place < 10 else "Drill") for place in range(40)], timezone.now())
    score_waiting(Service().client())
    now = standing()
    assert {name: now.today[name] for name in ("products", "auto", "review")} == {
        "products": 40,
        "auto": 30,
        "review": 10,
    }
    assert (now.received, now.scored) == (8.0, 8.0)
    assert "30 (75.0 %)" in text(client)


def test_the_page_asks_as_much_whatever_the_inbox_holds(client: Client) -> None:
    counts = []
    for size in (30, 900):
        receive([product(f"{size}-{place}", "bad" if place % 2 else "Drill") for place in range(size)], timezone.now())
        score_waiting(Service().client())
        with CaptureQueriesContext(connection) as queries:
            text(client)
        counts.append(len(queries))
    assert counts[0] == counts[1]
