from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from desk.export.closing import run
from desk.history.correcting import correct
from desk.labelling import answers
from desk.ledger.models import Export, Kind, Product, Task
from desk.people.models import Person
from tests.desk.export.made import TODAY, bytes_of, export, labels, later, say
from tests.desk.labelling.items import adjudication, ask, look_again

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tree")]
People = Callable[..., Person]
DAY = dt.timedelta(days=1)


@pytest.fixture
def into(tree: Path) -> Path:
    return tree.parent


@pytest.fixture
def three(person: People) -> tuple[Person, Person, Person]:
    return person("labeller", "ann"), person("labeller", "bob"), person("reviewer", "eve")


def of_people(into: Path) -> list[dict[str, Any]]:
    return [row for row in labels(into) if row["origin"] != "model"]


def test_an_audit_a_review_and_a_decision(into: Path, three: tuple[Person, ...]) -> None:
    ann = three[0]
    shown = say(ask("auto", "drills", product_id="a"), ann, "drills")
    say(ask("auto", "drills", product_id="b", blind=True), ann, "drills")
    say(ask("review", "drills", audit=False, product_id="c"), ann, "saws")
    say(ask("review", "drills", audit=True, product_id="d"), ann, "plush")
    say(ask("auto", "drills", product_id="e"), ann, None)
    export(into)
    audit = {
        "product_id": "a", "revision": 1, "category_id": "drills", "origin": "audit", "status": "answered",
        "adjudicated": False, "labelled_at": shown.answered_at, "labeller": f"person-{ann.pk}",
        "suggested_category_id": "drills", "audit_probability": 0.1, "inclusion_probability": 0.1,
        "model_version": "3", "shard": f"{TODAY}-desk",
    }  # fmt: skip
    people = {row["product_id"]: row for row in of_people(into)}
    assert people["a"] == audit
    assert people["b"]["suggested_category_id"] is None
    assert (people["c"]["origin"], people["c"]["inclusion_probability"]) == ("review", 1.0)
    assert (people["d"]["origin"], people["d"]["inclusion_probability"]) == ("audit", 1.0)
    assert people["d"]["audit_probability"] == 0.1
    assert (people["e"]["status"], people["e"]["category_id"]) == ("skipped", None)
    machine = [row for row in labels(into) if row["origin"] == "model"]
    assert [row["product_id"] for row in machine] == ["a", "b", "e"]
    assert machine[0]["labeller"] is None
    assert machine[0]["inclusion_probability"] is None


def test_a_second_person_confirms_or_settles(into: Path, three: tuple[Person, ...]) -> None:
    ann, bob, eve = three
    confirmed, differs = ask("auto", "drills", product_id="a"), ask("auto", "drills", product_id="b")
    say(confirmed, ann, "saws")
    say(look_again(confirmed), bob, "saws")
    say(differs, ann, "saws")
    say(look_again(differs), bob, "drills")
    say(adjudication(differs), eve, "drills")
    export(into)
    told = [(row["product_id"], row["labeller"], row["category_id"], row["adjudicated"]) for row in of_people(into)]
    one, two, third = (f"person-{person.pk}" for person in three)
    assert told == [
        ("a", one, "saws", True), ("a", two, "saws", True), ("b", one, "saws", False), ("b", two, "drills", True),
        ("b", third, "drills", True),
    ]  # fmt: skip
    assert {row["origin"] for row in of_people(into)} == {"audit"}
    assert [row["suggested_category_id"] for row in of_people(into)] == ["drills", None, "drills", None, None]


def test_what_is_taken_back_and_test_items_are_no_labels(into: Path, three: tuple[Person, ...]) -> None:
    ann = three[0]
    task = ask("review", audit=False, product_id="a")
    answers.undo(ann, say(task, ann, "saws").uuid)
    known = ask("auto", product_id="b")
    Task.objects.filter(pk=known.pk).update(kind=Kind.TEST, expected_category_id="drills")
    say(Task.objects.get(pk=known.pk), ann, "saws")
    export(into)
    assert of_people(into) == []


def test_what_becomes_known_later_is_in_the_labels_of_its_day(into: Path, three: tuple[Person, ...]) -> None:
    ann, bob, eve = three
    task = ask("auto", "drills", product_id="a")
    late = ask("review", "drills", audit=False, product_id="b")
    say(task, ann, "saws")
    export(into, 2)
    first = {row["product_id"]: row for row in of_people(into)}
    assert not first["a"]["adjudicated"]
    say(look_again(task), bob, "saws", days=3)
    say(late, ann, "plush", days=4)
    export(into, 9)
    rows = [(row["product_id"], row["shard"], row["adjudicated"]) for row in of_people(into)]
    assert rows == [
        ("a", f"{TODAY}-desk", False), ("a", f"{TODAY + 3 * DAY}-desk", True), ("b", f"{TODAY + 4 * DAY}-desk", False)
    ]  # fmt: skip
    assert {row["revision"] for row in of_people(into)} == {1}
    with pytest.raises(answers.AnswerRefused, match="has been used already"):
        answers.undo(ann, next(one.uuid for one in task.answers.all()), now=later(0))
    assert eve.pk


def test_a_second_look_that_can_be_taken_back_settles_nothing_yet(into: Path, three: tuple[Person, ...]) -> None:
    ann, bob, eve = three
    task = ask("auto", "drills", product_id="a")
    say(task, ann, "saws")
    look = look_again(task)
    given = say(look, bob, "saws", days=3)
    run(into, now=given.answered_at + dt.timedelta(minutes=1))
    written = bytes_of(into)
    answers.undo(bob, given.uuid, now=given.answered_at + dt.timedelta(minutes=2))
    say(look, bob, "plush", days=3.01)
    say(adjudication(task), eve, "drills", days=3.02)
    export(into, 9)
    rows = [(row["labeller"], row["category_id"], row["adjudicated"]) for row in of_people(into)]
    one, two, third = (f"person-{person.pk}" for person in three)
    assert rows == [(one, "saws", False), (two, "plush", False), (third, "drills", True)]
    for name in written:
        (into / name).unlink()
    run(into, now=later(9))
    assert {name: content for name, content in bytes_of(into).items() if name in written} == written


def test_a_plan_of_before_gives_the_same_rows(into: Path, three: tuple[Person, ...]) -> None:
    """It knows nothing of answers that are not final yet: what it was written with stays."""
    ann, bob, _ = three
    task = ask("auto", "drills", product_id="a")
    say(task, ann, "saws")
    given = say(look_again(task), bob, "saws", days=3)
    run(into, now=given.answered_at + dt.timedelta(minutes=1))
    export_of_day = Export.objects.get(day=TODAY)
    del export_of_day.plan["final_before"]
    export_of_day.files = {name: facts for name, facts in export_of_day.files.items() if "labels" not in name}
    export_of_day.written_at = None
    export_of_day.save()
    for name in bytes_of(into):
        (into / name).unlink()
    run(into, now=later(3.5))
    assert [row["adjudicated"] for row in of_people(into) if row["shard"] == f"{TODAY}-desk"] == [True]


def test_a_correction_stands_whatever_is_said(into: Path, three: tuple[Person, ...]) -> None:
    ann, bob, eve = three
    task = ask("auto", "drills", product_id="a")
    say(task, ann, "saws")
    product = Product.objects.get(product_id="a")
    correct(eve, product.pk, "plush", "it is a toy", uuid4(), product.category_id)
    say(look_again(task), bob, "saws", days=0.001)
    export(into)
    rows = [(row["origin"], row["category_id"], row["adjudicated"]) for row in of_people(into)]
    assert rows == [("audit", "saws", True), ("correction", "plush", True), ("audit", "saws", False)]
    assert of_people(into)[1]["inclusion_probability"] is None


def test_a_queue_that_was_not_worked_to_the_end(into: Path, three: tuple[Person, ...]) -> None:
    """The answered stand for all of the day and band; when more is answered, those written before are written again."""
    ann = three[0]
    tasks = [ask("review", audit=False, product_id=f"r{place}") for place in range(8)]
    drawn = ask("review", audit=True, product_id="drawn")
    for task in (*tasks[:4], drawn):
        say(task, ann, "saws")
    export(into, 2)
    chances = {row["product_id"]: row["inclusion_probability"] for row in of_people(into)}
    assert set(chances.values()) == {0.1 + 0.9 * 0.5}
    assert run(into, now=later(2.01)).rows == {}
    for task in tasks[4:]:
        say(task, ann, "saws", days=3)
    export(into, 9)
    best: dict[str, float] = {}
    for row in of_people(into):
        best[row["product_id"]] = max(best.get(row["product_id"], 0), row["inclusion_probability"])
    assert len(best) == 9
    assert set(best.values()) == {1.0}
    assert sum(row["shard"] == f"{TODAY + 3 * DAY}-desk" for row in of_people(into)) == 4 + 5


def test_audits_that_showed_a_suggestion_are_kept_out_of_calibration_where_it_sways_people(
    into: Path, three: tuple[Person, ...]
) -> None:
    ann = three[0]
    for place in range(60):
        say(ask("auto", "drills", product_id=f"shown{place}"), ann, "drills")
    for place in range(30):
        say(ask("auto", "drills", product_id=f"blind{place}", blind=True), ann, "drills" if place % 2 else "saws")
    done = export(into)
    assert done.blind_only[0] == TODAY
    assert "only blind audits are for calibration" in done.text()
    for row in of_people(into):
        assert row["audit_probability"] == (0.1 if row["suggested_category_id"] is None else None)
        assert row["inclusion_probability"] == 0.1
