"""Many people at once: no task twice, no answer twice, whatever is tried at the same moment."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from desk.labelling import answers, queue
from desk.labelling.answers import AnswerRefused
from desk.ledger.models import Answer, Kind, Product, State, Status, Task
from desk.people.models import Person
from tests.desk.labelling.items import ask, claim_next, look_again, stands

pytestmark = pytest.mark.usefixtures("tree")
People = Callable[..., Person]
CATEGORIES = st.sampled_from(["drills", "saws", "puzzles", None])


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """What each of these gives, all begun at the same moment, each with a connection of its own."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [one.result() for one in [pool.submit(run, work) for work in works]]


@pytest.mark.django_db(transaction=True)
def test_people_at_once_get_different_tasks_and_answer_each_once(person: People) -> None:
    tasks = [ask() for _ in range(40)]
    people = [person("labeller", f"p{number}") for number in range(6)]

    def work(one: Person) -> list[int]:
        got: list[int] = []
        while given := queue.claim(one):
            got.append(given[0].pk)
            answers.give(given[0].pk, one, uuid4(), category_id="drills")
        return got

    given = [key for got in at_once([lambda one=one: work(one) for one in people]) for key in got]  # type: ignore[misc]
    assert Counter(given) == Counter(task.pk for task in tasks)
    assert Answer.objects.count() == 40


@pytest.mark.django_db(transaction=True)
def test_an_answer_sent_many_times_at_once_is_one(person: People) -> None:
    task, ada, uuid = ask(), person("labeller"), uuid4()
    queue.claim(ada)
    got = at_once([lambda: answers.give(task.pk, ada, uuid, category_id="saws").pk] * 5)
    assert len(set(got)) == Answer.objects.count() == 1
    look_again(task)
    assert len(set(at_once([lambda: answers.undo(ada, uuid).pk] * 5))) == 1


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_ran_out_goes_to_one_of_many(person: People) -> None:
    task = ask()
    people = [person("labeller", f"p{number}") for number in range(6)]
    queue.claim(person("labeller", "gone"))
    Task.objects.update(claimed_until=timezone.now() - dt.timedelta(seconds=1))
    got = at_once([lambda one=one: claim_next(one) for one in people])  # type: ignore[misc]
    assert [one for one in got if one] == [task]


class Desk(RuleBasedStateMachine):
    """Three people who claim, answer and take back, while claims run out."""

    people: tuple[Person, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        for model in (Answer, Task):
            model.objects.all()._raw_delete("default")
        self.given: list[tuple[Answer, dict[str, Any]]] = []

    # Few products, so that second looks and adjudications come to people soon.
    @precondition(lambda _: Task.objects.filter(state__in=[State.OPEN, State.CLAIMED]).count() < 2)
    @rule(
        decision=st.sampled_from(["auto", "review"]), audit=st.booleans(), blind=st.booleans(), double=st.booleans()
    )  # fmt: skip
    def product_comes(self, decision: str, audit: bool, blind: bool, double: bool) -> None:
        ask(decision, audit=audit or decision == "auto", blind=blind, double=double)

    @rule(who=st.integers(0, 2), count=st.integers(1, 3))
    def claim(self, who: int, count: int) -> None:
        me, now = self.people[who], timezone.now()
        before = {task.pk: task for task in Task.objects.all()}
        given = queue.claim(me, count)
        mine = [one.pk for one in before.values() if one.state == State.CLAIMED and one.claimed_by_id == me.pk]
        assert len(given) == len({task.pk for task in given})
        assert len(given) <= max(count, len(mine))
        for task in given:
            old = before[task.pk]
            run_out = old.claimed_until is not None and old.claimed_until < now
            assert old.pk in mine or old.state == State.OPEN or (old.state == State.CLAIMED and run_out)
            assert (task.state, task.claimed_by) == (State.CLAIMED, me)
            if task.kind in (Kind.CONFIRM, Kind.ADJUDICATE) and old.pk not in mine:
                assert not Answer.objects.filter(revision=task.revision_id, person=me).exists()

    @rule(who=st.integers(0, 2), category_id=CATEGORIES)
    def answer(self, who: int, category_id: str | None) -> None:
        me = self.people[who]
        task = Task.objects.filter(claimed_by=me, state=State.CLAIMED).order_by("id").first()
        if task is None:
            return
        before = dict(Product.objects.filter(pk=task.product_id).values().get())
        reason = "" if category_id else answers.SKIP_REASONS[0]
        given = answers.give(task.pk, me, uuid4(), category_id=category_id, skip_reason=reason)
        self.given.append((given, before))

    @precondition(lambda self: self.given)
    @rule()
    def take_back_the_last(self) -> None:
        given, before = self.given.pop()
        answers.undo(given.person, given.uuid)
        assert dict(Product.objects.filter(pk=given.product_id).values().get()) == before

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def take_back_any(self, data: st.DataObject) -> None:
        given, _ = data.draw(st.sampled_from(self.given))
        try:
            answers.undo(given.person, given.uuid)
        except AnswerRefused:
            return
        self.given = [(one, before) for one, before in self.given if one.product_id != given.product_id]

    @rule()
    def claims_run_out(self) -> None:
        Task.objects.filter(state=State.CLAIMED).update(claimed_until=timezone.now() - dt.timedelta(seconds=1))

    @invariant()
    def done_tasks_have_one_answer_each(self) -> None:
        standing = Answer.objects.filter(undone_by=None).exclude(status=Status.UNDONE)
        said = Counter(standing.values_list("task_id", flat=True))
        done = Task.objects.filter(state__in=[State.ANSWERED, State.SKIPPED]).values_list("pk", flat=True)
        assert said == Counter(done)

    @invariant()
    def people_look_at_different_things(self) -> None:
        standing = Answer.objects.filter(undone_by=None).exclude(status=Status.UNDONE)
        pairs = Counter(standing.values_list("revision_id", "person_id"))
        assert not [pair for pair, count in pairs.items() if count > 1]

    @invariant()
    def waiting_questions_follow_from_answers(self) -> None:
        for task in Task.objects.filter(kind__in=[Kind.CONFIRM, Kind.ADJUDICATE]).exclude(state=State.SUPERSEDED):
            assert task.first is not None
            assert task.first.state in (State.ANSWERED, State.SKIPPED)
            assert task.blind
        for task in Task.objects.filter(kind=Kind.REVIEW, state=State.ANSWERED):
            assert stands(task)[1] == "review"


@pytest.mark.django_db
def test_whatever_people_do_the_ledger_stays_whole(person: People) -> None:
    Desk.people = tuple(person("reviewer", name) for name in ("ada", "bob", "eve"))
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
