from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from desk.inbox.intake import Receipt, receive
from desk.inbox.scoring import score_waiting
from desk.ledger.models import Prediction, Product, Revision, Waiting
from tests.desk.inbox.service import Service, product

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*runs: Callable[[], object]) -> list[object]:
    """What each returns, all of them begun at the same moment in threads with connections of their own."""
    gate = threading.Barrier(len(runs))
    results: list[object] = [None] * len(runs)

    def run(place: int) -> None:
        try:
            gate.wait(10)
            results[place] = runs[place]()
        except BaseException as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(runs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def test_two_feeds_with_the_same_new_products_make_each_once() -> None:
    for round_ in range(5):
        names = [f"{round_}-{place}" for place in range(60)]
        results = at_once(
            *(
                lambda order=order: receive([product(name) for name in order], timezone.now())
                for order in (names, names[::-1], names[30:] + names[:30])
            )
        )
        receipts = [one for one in results if isinstance(one, Receipt)]
        assert sum(one.counts()["stored"] for one in receipts) == 60
        assert sum(one.counts()["known"] for one in receipts) == 120
    assert Product.objects.count() == Revision.objects.count() == Waiting.objects.count() == 300


def test_two_feeds_with_other_texts_of_the_same_products_make_two_revisions() -> None:
    names = [f"p{place}" for place in range(40)]
    at_once(
        lambda: receive([product(name, "One") for name in names], timezone.now()),
        lambda: receive([product(name, "Two") for name in names[::-1]], timezone.now()),
    )
    assert Product.objects.filter(revision=2).count() == 40
    assert Revision.objects.count() == 80
    assert Waiting.objects.count() == 40
    assert not Waiting.objects.exclude(revision__number=2).exists()


def test_feeds_and_the_worker_at_once() -> None:
    receive([product(f"p{place}", "unsure") for place in range(50)], timezone.now())

    def feed() -> None:
        for number in range(5):
            receive([product(f"p{place}", f"unsure {number}") for place in range(50)], timezone.now())

    def work() -> None:
        client = Service().client()
        for _ in range(10):
            score_waiting(client, 20)

    at_once(feed, work)
    while score_waiting(Service().client()):
        pass
    assert not Waiting.objects.exists()
    assert Product.objects.filter(revision=6).count() == 50
    assert Prediction.objects.filter(revision__number=6).count() == 50
    for row in Product.objects.all():
        states = dict(row.tasks.values_list("revision__number", "state"))
        assert [number for number, state in states.items() if state == "open"] == [6]
