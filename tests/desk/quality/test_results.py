from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aisle.audit.estimates import OPEN, PENDING, RIGHT, SKIPPED, WRONG
from benchmarks.desk.filled import fill
from benchmarks.desk.flow import Shape
from desk.labelling.standing import audit_results
from desk.ledger.models import Tally
from desk.people.models import Person
from desk.quality import counts
from desk.quality.results import audits_of
from desk.quality.windows import window
from tests.desk.quality.ledger import answer, product, task, undo

pytestmark = pytest.mark.django_db
People = Callable[..., Person]


def state() -> int:
    found = audits_of(window("7"))
    assert len(found.rows) == 1
    return int(found.state[0])


def test_agreeing_is_right(person: People) -> None:
    answer(task(product("a")), person("labeller"), "drills")
    assert state() == RIGHT


def test_one_person_alone_makes_no_automatic_decision_wrong(person: People) -> None:
    answer(task(product("a")), person("labeller"), "saws")
    assert state() == PENDING


def test_two_people_make_it_wrong(person: People) -> None:
    asked = task(product("a"))
    answer(asked, person("labeller"), "saws")
    assert asked.prediction is not None
    answer(task(asked.prediction, "confirm", asked), person("labeller", "zoe"), "saws")
    assert state() == WRONG
    assert audits_of(window("7")).label(0) == "saws"


@pytest.mark.parametrize(("judged", "expected"), [("drills", RIGHT), ("saws", WRONG)])
def test_an_adjudication_settles(person: People, judged: str, expected: int) -> None:
    made = product("a")
    asked = task(made)
    answer(asked, person("labeller"), "saws")
    answer(task(made, "confirm", asked), person("labeller", "zoe"), "drills")
    assert state() == PENDING
    answer(task(made, "adjudicate", asked), person("reviewer"), judged)
    assert state() == expected


def test_under_review_the_answer_is_the_decision(person: People) -> None:
    answer(task(product("a", auto=False)), person("labeller"), "saws")
    assert state() == WRONG


def test_an_answer_taken_back_counts_nowhere(person: People) -> None:
    asked = task(product("a"))
    undo(answer(asked, person("labeller"), "saws"))
    assert state() == OPEN
    answer(asked, person("labeller"), "drills")
    assert state() == RIGHT


def test_who_cannot_say_skips(person: People) -> None:
    answer(task(product("a")), person("labeller"), None)
    assert state() == SKIPPED


def test_a_branch_that_was_decided_holds_its_categories(person: People, tree: Path) -> None:
    answer(task(product("a", "tools")), person("labeller"), "saws")
    assert state() == RIGHT


def test_the_window_ends_where_it_should(person: People) -> None:
    for days in (0, 3, 6, 7, 40):
        task(product(f"p{days}", days_ago=days))
    assert len(audits_of(window("7")).rows) == 3
    assert len(audits_of(window("30")).rows) == 4
    assert len(audits_of(window("all")).rows) == 5
    assert len(audits_of(window("nonsense")).rows) == 4


def test_the_least_chance_is_of_all_products_not_of_the_drawn_ones(person: People) -> None:
    answer(task(product("a", chance=0.5)), person("labeller"), "drills")
    product("b", chance=0.02, drawn=False)
    product("c", chance=0.01, drawn=False, days_ago=20)
    assert audits_of(window("7")).least == 0.02
    assert audits_of(window("30")).least == 0.01


def test_the_same_as_the_standing_of_each_audit() -> None:
    """The page reads audits in its own, quicker way; it must say what labels and exports say."""
    fill(Shape(products=1500, days=20, floor=0.3, unsure=0.6, people_err=0.15, skipped=0.1, accuracy=0.8, sellers=9))
    shown = window("30")
    mine, theirs = audits_of(shown), audit_results(shown.first, shown.last)
    assert len(theirs) > 400
    assert [row.task for row in mine.rows] == [one.task for one in theirs]
    assert [(said.first, said.second, said.adjudicated) for said in mine.said] == [
        (one.first, one.second, one.adjudicated) for one in theirs
    ]
    assert [mine.label(place) for place in range(len(theirs))] == [one.label for one in theirs]
    wrong = np.array([one.confirmed is True for one in theirs])
    automatic = mine.automatic
    assert ((mine.state == WRONG) == wrong)[automatic].all()
    assert wrong.sum() > 20


def test_products_are_counted_from_the_tally() -> None:
    made = fill(Shape(products=2000, days=20, sellers=9, versions=2))
    shown = window("all")
    days, slices = counts.by_day(shown), counts.by_slice(shown)
    flow = made.flow
    assert (
        sum(one.products for one in days.values())
        == len(flow.truth)
        == sum(Tally.objects.values_list("products", flat=True))
    )
    assert sum(one.auto for one in days.values()) == flow.auto.sum()
    for seller in range(3):
        mine = flow.seller == seller
        assert slices["seller"][f"seller {seller:03}"] == (mine.sum(), (mine & flow.auto).sum())
    for version in range(2):
        assert slices["model_version"][str(version + 1)].products == (flow.version == version).sum()
