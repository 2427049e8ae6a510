from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from desk.labelling import known_items, queue
from desk.ledger.models import Kind, State, Task
from desk.people.models import Person
from tests.desk.labelling.items import adjudication, ask, claim_next, look_again, say

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tree")]
People = Callable[..., Person]


def keys(tasks: list[Task]) -> list[int]:
    return [task.pk for task in tasks]


def run_out(*tasks: Task) -> None:
    Task.objects.filter(pk__in=keys(list(tasks))).update(claimed_until=timezone.now() - dt.timedelta(seconds=1))


def test_the_order_is_by_priority_then_by_age(person: People) -> None:
    review = ask("review", audit=False)
    audit, other = ask(), ask()
    first = ask("review")
    assert keys(queue.claim(person("labeller"), 4)) == keys([first, audit, other, review])


def test_a_claim_is_one_persons_alone_and_comes_again(person: People) -> None:
    ada, bob = person("labeller", "ada"), person("labeller", "bob")
    tasks = [ask() for _ in range(5)]
    assert keys(queue.claim(ada)) == keys(tasks[:2])
    assert keys(queue.claim(bob)) == keys(tasks[2:4])
    assert keys(queue.claim(ada)) == keys(tasks[:2])
    mine = claim_next(ada)
    assert mine == tasks[0]
    assert mine.claimed_until is not None
    left = mine.claimed_until - timezone.now()
    assert dt.timedelta(minutes=9) < left <= queue.EXPIRY


def test_a_claim_that_ran_out_is_for_everybody_again(person: People) -> None:
    ada, bob = person("labeller", "ada"), person("labeller", "bob")
    task = ask()
    assert claim_next(ada) == task
    assert claim_next(bob) is None
    run_out(task)
    assert claim_next(bob) == task
    assert claim_next(ada) is None


def test_ones_own_claim_that_ran_out_is_still_ones_own_while_nobody_took_it(person: People) -> None:
    ada = person("labeller")
    task = ask()
    queue.claim(ada)
    run_out(task)
    assert claim_next(ada) == task


def test_nobody_looks_again_at_an_own_answer(person: People) -> None:
    ada, bob, eve = (person("reviewer", name) for name in ("ada", "bob", "eve"))
    audit = ask()
    say(audit, ada, "saws")
    assert claim_next(ada) is None
    look = look_again(audit)
    assert claim_next(bob) == look
    say(look, bob, "puzzles")
    assert claim_next(ada) is None
    assert claim_next(bob) is None
    assert claim_next(eve) == adjudication(audit)


def test_only_reviewers_adjudicate(person: People) -> None:
    audit = ask()
    say(audit, person("labeller", "ada"), "saws")
    say(look_again(audit), person("labeller", "bob"), "puzzles")
    assert claim_next(person("labeller", "eve"), [queue.ADJUDICATE]) is None
    assert queue.waiting(person("labeller", "eve")) == 0
    assert queue.waiting(person("reviewer")) == 1
    task = claim_next(person("reviewer"), [queue.ADJUDICATE])
    assert task is not None
    assert task.kind == Kind.ADJUDICATE


def test_only_the_questions_that_are_asked_for(person: People) -> None:
    audit, disputed = ask(), ask()
    say(disputed, person("labeller", "ada"), "saws")
    say(look_again(disputed), person("labeller", "bob"), "puzzles")
    eve = person("reviewer")
    assert claim_next(eve, [queue.LABEL]) == audit
    assert claim_next(eve, [queue.ADJUDICATE]) == adjudication(disputed)
    assert queue.claim(person("business")) == []


def test_nobody_holds_more_than_twenty(person: People) -> None:
    for _ in range(queue.MOST + 5):
        ask()
    disputed = ask()
    say(disputed, person("labeller", "ada"), "saws")
    say(look_again(disputed), person("labeller", "bob"), "puzzles")
    eve = person("reviewer")
    for questions in ([queue.LABEL], [queue.ADJUDICATE], None, [queue.LABEL, queue.ADJUDICATE]):
        queue.claim(eve, queue.MOST, questions)
        assert Task.objects.filter(claimed_by=eve, state=State.CLAIMED).count() == queue.MOST
    assert adjudication(disputed).state == State.OPEN


@pytest.mark.parametrize("count", [0, 21])
def test_a_claim_has_a_size(person: People, count: int) -> None:
    with pytest.raises(ValueError, match="1 to 20"):
        queue.claim(person("labeller"), count)


def test_what_was_superseded_is_not_given(person: People) -> None:
    Task.objects.filter(pk=ask().pk).update(state=State.SUPERSEDED)
    assert queue.claim(person("labeller")) == []


def test_a_test_item_takes_the_place_of_another_and_looks_like_an_audit(
    person: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_items, "SHARE", 1.0)
    monkeypatch.setattr(known_items, "FEWEST", 1)
    ada, bob, eve = (person("labeller", name) for name in ("ada", "bob", "eve"))
    known = ask()
    say(known, ada, "saws")
    say(look_again(known), bob, "saws")
    tasks = [ask(), ask()]
    assert {task.kind for task in queue.claim(ada)} == {"audit"}  # who has seen the product gets no test of it
    Task.objects.filter(state=State.CLAIMED).update(state=State.OPEN, claimed_by=None)
    given = queue.claim(eve)
    (test,) = [task for task in given if task.kind == Kind.TEST]
    assert (test.product_id, test.expected_category_id, test.priority) == (known.product_id, "saws", tasks[0].priority)
    assert len(given) == 2
    assert keys(queue.claim(eve)) == keys(given)  # after a reload it stands where it stood
    say(test, eve, "drills")
    assert not Task.objects.filter(first=test).exists()


@pytest.mark.parametrize("role", ["labeller", "reviewer"])
def test_the_first_tasks_are_found_without_sorting_all_that_wait(person: People, role: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL chooses by its statistics")
    person("labeller", "ada")
    person("reviewer", "eve")
    with CaptureQueriesContext(connection) as caught:
        queue.claim(person(role))
    (claim,) = [one["sql"] for one in caught.captured_queries if "INDEXED BY" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {claim}")
        plan = " ".join(str(row[3]) for row in cursor.fetchall())
    assert "USING INDEX task_queue" in plan
    assert "ledger_answer_revision_id" in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan
