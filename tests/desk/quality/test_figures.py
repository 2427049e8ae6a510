from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from aisle.audit.agreement import Share, exact_share
from aisle.audit.estimates import Estimate, audit_sums, estimate
from desk.people.models import Person
from desk.quality import found, money
from desk.quality.catalogue import catalogue
from desk.quality.counts import Products
from desk.quality.figures import verdict
from desk.quality.look import look
from desk.quality.models import Terms
from desk.quality.pairs import pairs_of, people_right
from desk.quality.results import audits_of
from desk.quality.windows import window
from tests.desk.quality.ledger import answer, audits, product, task

People = Callable[..., Person]


def of(right: int, wrong: int) -> Estimate:
    return estimate(audit_sums([0] * right + [1] * wrong, [1.0] * (right + wrong), 1.0))


@pytest.mark.parametrize(
    ("right", "wrong", "target", "expected"),
    [(1000, 0, 0.93, "kept"), (10, 0, 0.93, "not known yet"), (80, 20, 0.93, "broken"), (0, 0, 0.93, "not known yet")],
)
def test_the_verdict_needs_the_whole_interval(right: int, wrong: int, target: float, expected: str) -> None:
    assert verdict(of(right, wrong), target) == expected


def test_the_whole_catalogue_is_both_parts_by_their_shares() -> None:
    whole = catalogue(Products(1000, 600), of(950, 50), exact_share(196, 200))
    assert whole.accuracy == pytest.approx(0.6 * 0.95 + 0.4 * 0.98)
    assert whole.low < 0.6 * 0.95 + 0.4 * 0.98 < whole.high
    assert whole.high - whole.low < 0.04
    assert whole.if_people_right == pytest.approx(0.6 * 0.95 + 0.4)


def test_a_part_without_evidence_leaves_the_whole_unknown() -> None:
    nobody = Share(math.nan, 0.0, 1.0, 0)
    whole = catalogue(Products(1000, 600), of(950, 50), nobody)
    assert not whole.known
    assert (whole.low, whole.high) == (0.0, 1.0)
    assert catalogue(Products(1000, 1000), of(950, 50), nobody).accuracy == pytest.approx(0.95)
    assert catalogue(Products(1000, 0), of(0, 0), exact_share(99, 100)).accuracy == pytest.approx(0.99)
    assert not catalogue(Products(0, 0), of(0, 0), nobody).known


def test_money_and_hours() -> None:
    terms = Terms(seconds_a_label=36, cost_of_error=10, cost_of_review=2)
    done = {"review": 400, "audit": 90, "confirm": 10}
    hours = money.work(Products(1000, 600), done, terms)
    assert (hours.saved, hours.spent, hours.audits) == pytest.approx((5.0, 5.0, 1.0))
    sums = money.money(Products(1000, 600), done, of(95, 5), terms)
    assert sums is not None
    assert sums.errors == pytest.approx(600 * 0.05 * 10)
    assert sums.errors_low < sums.errors < sums.errors_high
    assert sums.saved == pytest.approx(1000 * 2 - 500 * 2 - 300)
    assert money.money(Products(1000, 600), done, of(95, 5), Terms(cost_of_error=10)) is None


@pytest.mark.django_db
def test_slices_are_sorted_by_what_they_cost(person: People) -> None:
    zoe, max_ = person("labeller", "zoe"), person("labeller", "max")
    audits(zoe, 20, 1, max_, seller="small")
    audits(zoe, 20, 9, max_, seller="bad", chance=0.25)
    audits(zoe, 1, 0, max_, seller="new")
    sellers = look(window("30")).slices[1]
    assert [row.accuracy.name for row in sellers.rows] == ["bad", "small", "new"]
    assert [row.accuracy.found.wrong for row in sellers.rows] == [9, 1, 0]
    assert sellers.rows[2].accuracy.errors > 0  # one audit found right does not make a seller perfect


@pytest.mark.django_db
def test_worst_pairs_weigh_what_they_stand_for(person: People) -> None:
    zoe, max_ = person("labeller", "zoe"), person("labeller", "max")
    for name, top, chance in (("a", "drills", 0.5), ("b", "drills", 0.5), ("c", "puzzles", 0.1)):
        made = product(name, top, chance=chance)
        asked = task(made)
        answer(asked, zoe, "saws")
        answer(task(made, "confirm", asked), max_, "saws")
    pairs = found.worst_pairs(audits_of(window("30")))
    assert [(one.decided, one.right, one.audits, one.stands_for) for one in pairs] == [
        ("puzzles", "saws", 1, 10.0), ("drills", "saws", 2, 4.0),
    ]  # fmt: skip
    assert {one.title for one in pairs[1].examples} == {"a", "b"}
    assert [one.after for one in found.changes(audits_of(window("30")), 2)] == ["saws", "saws"]


@pytest.mark.django_db
def test_only_products_drawn_to_be_labelled_twice_tell_how_right_people_are(person: People) -> None:
    zoe, max_, judge = person("labeller", "zoe"), person("labeller", "max"), person("reviewer")
    for place, (first, second, final) in enumerate(
        [("saws", "saws", None), ("saws", "drills", "drills"), ("saws", "drills", "saws"), ("saws", "drills", None)]
    ):
        made = product(f"p{place}", auto=False, drawn=False, double=True)
        asked = task(made, "review")
        answer(asked, zoe, first)
        answer(task(made, "confirm", asked), max_, second)
        if final:
            answer(task(made, "adjudicate", asked), judge, final)
    disputed = product("audited")
    asked = task(disputed)
    answer(asked, zoe, "saws")
    answer(task(disputed, "confirm", asked), max_, "saws")
    assert len(pairs_of(window("30"))) == 5
    right = people_right(window("30"))
    assert (right.count, right.value) == (4, 0.75)  # the open dispute may end either way
    assert right.low < 0.5
