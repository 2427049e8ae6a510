from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from django.test import Client

from desk.people.models import Person
from desk.quality.labellers import Labeller, labellers
from desk.quality.windows import window
from tests.desk.quality.ledger import answer, product, task, undo

pytestmark = pytest.mark.django_db
People = Callable[..., Person]
Clients = Callable[..., Client]


def by_name() -> dict[str, Labeller]:
    rows, _ = labellers(window("30"))
    return {row.name: row for row in rows}


@pytest.mark.parametrize(
    ("role", "status"), [("labeller", 403), ("business", 403), ("reviewer", 200), ("administrator", 200)]
)
@pytest.mark.parametrize("address", ["/quality/people/", "/quality/people/csv/"])
def test_the_quality_of_people_is_for_reviewers(client_of: Clients, address: str, role: str, status: int) -> None:
    assert client_of(role).get(address).status_code == status


def test_nobody_is_shown_who_it_is_not_about(client_of: Clients, person: People) -> None:
    answer(task(product("a")), person("labeller", "zoe"), "drills")
    assert "zoe" in client_of("reviewer").get("/quality/people/").content.decode()
    assert "zoe" not in client_of("business").get("/quality/").content.decode()


def twice(name: str, one: Person, first: str, other: Person, second: str, judge: Person | None = None,
          final: str = "", double: bool = True) -> None:  # fmt: skip
    """A review that two people answer, and somebody adjudicates."""
    made = product(name, auto=False, drawn=False, double=double)
    asked = task(made, "review")
    answer(asked, one, first)
    answer(task(made, "confirm", asked), other, second)
    if judge is not None:
        answer(task(made, "adjudicate", asked), judge, final)


def test_errors_come_from_tests_and_from_products_labelled_twice(person: People) -> None:
    zoe, max_, judge = person("labeller", "zoe"), person("labeller", "max"), person("reviewer", "judge")
    twice("a", zoe, "saws", max_, "saws")
    twice("b", zoe, "saws", max_, "drills", judge, "drills")
    twice("c", zoe, "saws", max_, "drills")  # nobody has adjudicated: nothing is known
    twice("d", zoe, "saws", max_, "plush", judge, "saws", double=False)  # no random sample: a dispute, no error rate
    answer(task(product("t"), "test", expected_category_id="drills"), zoe, "drills")
    answer(task(product("u"), "test", expected_category_id="drills"), max_, "saws")
    people = by_name()
    assert (people["zoe"].wrong.count, people["zoe"].wrong.value) == (3, pytest.approx(1 / 3))
    assert (people["max"].wrong.count, people["max"].wrong.value) == (3, pytest.approx(1 / 3))
    assert people["zoe"].wrong.low < 0.1 < 0.8 < people["zoe"].wrong.high
    assert (people["zoe"].lost.count, people["zoe"].lost.value) == (2, 0.5)
    assert (people["max"].lost.count, people["max"].lost.value) == (2, 0.5)
    assert people["judge"].wrong.count == 0


def test_agreement_is_of_products_labelled_twice_at_random(person: People) -> None:
    zoe, max_ = person("labeller", "zoe"), person("labeller", "max")
    for place in range(8):
        twice(f"p{place}", zoe, "saws" if place % 2 else "drills", max_, "saws" if place % 2 else "drills")
    twice("x", zoe, "saws", max_, "drills")
    twice("y", zoe, "saws", max_, "drills", double=False)
    rows, everybody = labellers(window("30"))
    assert everybody.raw.count == 9
    assert everybody.raw.value == pytest.approx(8 / 9)
    assert 0.5 < everybody.kappa.value < 1
    assert {row.agreement.raw.count for row in rows} == {9}


def test_who_answers_faster_than_anybody_reads_is_marked(person: People) -> None:
    zoe, max_ = person("labeller", "zoe"), person("labeller", "max")
    for place in range(25):
        asked = task(product(f"p{place}"))
        answer(asked, zoe, "drills", seconds=0.4 if place < 5 else 6)
        answer(task(product(f"q{place}")), max_, "drills", seconds=0.4 if place < 1 else 3)
    people = by_name()
    assert people["zoe"].suspicious
    assert people["zoe"].fast.value == 0.2
    assert people["zoe"].seconds == pytest.approx(6, abs=0.01)
    assert not people["max"].suspicious


def test_skips_are_counted_and_what_was_taken_back_is_not(person: People) -> None:
    zoe = person("labeller", "zoe")
    for place in range(3):
        answer(task(product(f"p{place}")), zoe, "drills")
    answer(task(product("s")), zoe, None)
    undo(answer(task(product("u")), zoe, "saws"))
    one = by_name()["zoe"]
    assert (one.answers, one.skipped, one.skipped_share) == (3, 1, 0.25)


def test_the_file_holds_no_formula(client_of: Clients, person: People) -> None:
    answer(task(product("a")), person("labeller", "@cmd"), "drills")
    text = client_of("reviewer").get("/quality/people/csv/").content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["labeller"], row["answers"], row["kappa"]) == ("'@cmd", "1", "")
