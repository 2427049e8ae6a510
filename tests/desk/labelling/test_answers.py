from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from desk.labelling import answers, queue
from desk.labelling.answers import AnswerRefused
from desk.ledger.models import Answer, Export, Kind, Product, Source, State, Status, Task
from desk.people.models import Person
from tests.desk.labelling.items import adjudication, ask, claim_next, later, look_again, revise, say, stands

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tree")]
People = Callable[..., Person]


@pytest.fixture
def people(person: People) -> tuple[Person, Person, Person]:
    return person("labeller", "ada"), person("labeller", "bob"), person("reviewer", "eve")


Three = tuple[Person, Person, Person]


def kinds() -> list[str]:
    return list(Task.objects.exclude(state=State.SUPERSEDED).order_by("id").values_list("kind", flat=True))


def test_an_answer_is_stored_with_what_was_shown_and_how_long_it_took(people: Three) -> None:
    task = ask()
    answer = say(task, people[0], "drills", seconds=1.5, note="  easy ")
    task.refresh_from_db()
    assert (task.state, task.done_at) == (State.ANSWERED, answer.answered_at)
    assert (answer.suggested_category_id, answer.note) == ("drills", "easy")
    assert answer.shown_at == answer.answered_at - dt.timedelta(seconds=1.5)


@pytest.mark.parametrize("seconds", [None, 60.0, -1.0])
def test_nobody_looked_at_a_task_for_longer_than_it_was_theirs(people: Three, seconds: float | None) -> None:
    task = ask()
    queue.claim(people[0])
    held = Task.objects.get().claimed_at
    assert held is not None
    answer = answers.give(
        task.pk, people[0], uuid4(), category_id="drills", seconds=seconds, now=held + dt.timedelta(seconds=0.4)
    )
    assert answer.shown_at == held


def test_a_blind_answer_was_shown_nothing(people: Three) -> None:
    assert say(ask(blind=True), people[0], "drills").suggested_category_id is None


def test_the_same_uuid_is_one_answer(people: Three) -> None:
    task = ask("review", audit=False)
    answer = say(task, people[0], "saws")
    again = answers.give(task.pk, people[0], answer.uuid, category_id="saws")
    assert again == answer
    assert Answer.objects.count() == 1
    with pytest.raises(AnswerRefused, match="belongs to another answer"):
        answers.give(task.pk, people[1], answer.uuid, category_id="saws")


@pytest.mark.parametrize(
    ("said", "asked"), [("drills", ["audit"]), ("saws", ["audit"]), ("plush", ["audit", "confirm"])]
)
def test_an_audit_of_a_branch_is_contradicted_by_another_branch_alone(
    people: Three, said: str, asked: list[str]
) -> None:
    task = ask(decided_id="tools")
    say(task, people[0], said)
    assert kinds() == asked
    assert stands(task) == ("tools", "auto")


def test_an_audit_that_agrees_asks_nobody_else(people: Three) -> None:
    task = ask()
    say(task, people[0], "drills")
    assert kinds() == ["audit"]
    assert stands(task) == ("drills", "auto")


def test_an_audit_that_contradicts_changes_nothing_until_a_second_person_says_the_same(people: Three) -> None:
    task = ask()
    say(task, people[0], "saws")
    assert stands(task) == ("drills", "auto")
    look = look_again(task)
    assert (look.blind, look.priority, look.prediction) == (True, task.priority, task.prediction)
    assert say(look, people[1], "saws").suggested_category_id is None
    assert stands(task) == ("saws", "audit")
    assert kinds() == ["audit", "confirm"]


@pytest.mark.parametrize(("settled", "after"), [("drills", ("drills", "auto")), ("puzzles", ("puzzles", "audit"))])
def test_two_people_who_differ_are_settled_by_a_reviewer(people: Three, settled: str, after: tuple[str, str]) -> None:
    task = ask()
    say(task, people[0], "saws")
    say(look_again(task), people[1], "drills")
    assert stands(task) == ("drills", "auto")
    say(adjudication(task), people[2], settled)
    assert stands(task) == after


def test_a_contradiction_that_the_second_person_cannot_judge_goes_to_a_reviewer(people: Three) -> None:
    task = ask()
    say(task, people[0], "saws")
    say(look_again(task), people[1], None)
    say(adjudication(task), people[2], "saws")
    assert stands(task) == ("saws", "audit")


def test_a_review_decides_at_once(people: Three) -> None:
    task = ask("review", audit=False)
    say(task, people[0], "saws")
    assert stands(task) == ("saws", "review")
    assert Product.objects.get().branch_id == "tools"
    assert kinds() == ["review"]


def test_an_audit_under_review_decides_at_once_and_contradicts_nobody(people: Three) -> None:
    task = ask("review")
    say(task, people[0], "saws")
    assert stands(task) == ("saws", "review")
    assert kinds() == ["audit"]


def test_a_review_that_one_cannot_answer_is_asked_of_another_once(people: Three) -> None:
    task = ask("review", audit=False)
    say(task, people[0], None)
    say(look_again(task), people[1], "saws")
    assert stands(task) == ("saws", "review")


def test_a_review_that_two_cannot_answer_goes_to_a_reviewer(people: Three) -> None:
    task = ask("review", audit=False)
    say(task, people[0], None)
    say(look_again(task), people[1], None)
    assert stands(task) == (None, "none")
    assert claim_next(people[2]) == adjudication(task)
    say(adjudication(task), people[2], "saws")
    assert stands(task) == ("saws", "review")
    assert kinds() == ["review", "confirm", "adjudicate"]


def test_what_one_reviewer_cannot_settle_goes_to_another_one(people: Three, person: People) -> None:
    task = ask()
    say(task, people[0], "saws")
    say(look_again(task), people[1], "drills")
    first = adjudication(task)
    skipped = say(first, people[2], None)
    second = adjudication(task)
    assert (second.pk != first.pk, second.priority, second.blind) == (True, first.priority, True)
    assert claim_next(people[2]) is None
    answers.undo(people[2], skipped.uuid)
    second.refresh_from_db()
    assert second.state == State.SUPERSEDED
    skipped = say(first, people[2], None)
    assert adjudication(task) == second
    zoe = person("reviewer", "zoe")
    assert claim_next(zoe) == second
    say(second, zoe, "saws")
    assert stands(task) == ("saws", "audit")
    with pytest.raises(AnswerRefused, match="used already"):
        answers.undo(people[2], skipped.uuid)


def test_a_skipped_audit_asks_nobody_else(people: Three) -> None:
    task = ask(double=True)
    answer = say(task, people[0], None)
    task.refresh_from_db()
    assert (task.state, answer.status, answer.skip_reason) == ("skipped", "skipped", answers.SKIP_REASONS[0])
    assert kinds() == ["audit"]


@pytest.mark.parametrize(("second", "third"), [("saws", None), ("drills", "drills")])
def test_what_is_labelled_twice_goes_on_only_where_two_differ(people: Three, second: str, third: str | None) -> None:
    task = ask("review", audit=False, double=True)
    say(task, people[0], "saws")
    say(look_again(task), people[1], second)
    assert stands(task) == ("saws", "review")
    if third:
        say(adjudication(task), people[2], third)
        assert stands(task) == (third, "review")
    else:
        assert kinds() == ["review", "confirm"]


def test_texts_that_changed_and_corrections_keep_an_old_answer_from_the_catalogue(people: Three) -> None:
    changed, corrected = ask("review"), ask("review")
    revise(changed.product, 2, "Other texts")
    Product.objects.filter(pk=changed.product_id).update(revision=2)
    Product.objects.filter(pk=corrected.product_id).update(source=Source.CORRECTION, category_id="plush")
    say(changed, people[0], "saws")
    say(corrected, people[0], "saws")
    assert stands(changed) == (None, "none")
    assert stands(corrected) == ("plush", "correction")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ({"category_id": "tools"}, 400, "not a category that products"),
        ({"category_id": "nothing"}, 400, "not a category that products"),
        ({}, 400, "say a category"),
        ({"skip_reason": "tired"}, 400, "say a category"),
        ({"category_id": "saws", "skip_reason": answers.SKIP_REASONS[0]}, 400, "not both"),
        ({"category_id": "saws", "note": "x" * 1001}, 400, "1,001 characters"),
        ({"category_id": "saws", "note": "\0"}, 400, "character"),
    ],
)
def test_what_is_no_answer_is_refused(people: Three, words: dict[str, str], status: int, says: str) -> None:
    task = ask()
    queue.claim(people[0])
    with pytest.raises(AnswerRefused, match=says) as caught:
        answers.give(task.pk, people[0], uuid4(), **words)
    assert caught.value.status == status
    assert not Answer.objects.exists()


def test_only_who_holds_a_task_answers_it(people: Three) -> None:
    task = ask()
    for who, status in ((people[0], 409), (people[1], 409)):
        with pytest.raises(AnswerRefused, match="not yours") as caught:
            answers.give(task.pk, who, uuid4(), category_id="saws")
        assert caught.value.status == status
        queue.claim(people[0])
        if who == people[0]:
            Task.objects.update(claimed_until=timezone.now() - dt.timedelta(hours=1))
            queue.claim(people[1])
            assert Task.objects.get().claimed_by == people[1]
            Task.objects.update(claimed_by=people[2])
    with pytest.raises(AnswerRefused, match="no such task"):
        answers.give(task.pk + 1, people[0], uuid4(), category_id="saws")


def test_a_claim_that_ran_out_still_answers_while_nobody_took_it(people: Three) -> None:
    task = ask()
    queue.claim(people[0])
    answer = answers.give(task.pk, people[0], uuid4(), category_id="drills", now=later(minutes=30))
    assert answer.status == Status.ANSWERED


def test_a_labeller_cannot_adjudicate(people: Three) -> None:
    task = ask()
    say(task, people[0], "saws")
    say(look_again(task), people[1], "drills")
    with pytest.raises(AnswerRefused, match="for reviewers"):
        say(adjudication(task), people[0], "saws")


def test_an_undo_gives_the_task_back_and_the_product_its_state(people: Three) -> None:
    task = ask("review", audit=False, double=True)
    answer = say(task, people[0], "saws")
    undone = answers.undo(people[0], answer.uuid)
    assert stands(task) == (None, "none")
    assert Product.objects.get().settled_at is None
    task.refresh_from_db()
    assert (task.state, task.claimed_by, task.done_at) == (State.CLAIMED, people[0], None)
    assert kinds() == ["review"]
    assert answers.undo(people[0], answer.uuid) == undone
    assert claim_next(people[0]) == task
    say(task, people[0], "drills")
    assert stands(task) == ("drills", "review")
    look_again(task)


def test_an_undo_of_an_audit_that_changed_the_product(people: Three) -> None:
    task = ask()
    say(task, people[0], "saws")
    before = Product.objects.get().settled_at
    answer = say(look_again(task), people[1], "saws")
    answers.undo(people[1], answer.uuid)
    assert stands(task) == ("drills", "auto")
    assert Product.objects.get().settled_at == before


def test_an_adjudication_that_an_undo_took_away_comes_again(people: Three) -> None:
    task = ask()
    say(task, people[0], "saws")
    look = look_again(task)
    answer = say(look, people[1], "drills")
    first = adjudication(task)
    answers.undo(people[1], answer.uuid)
    first.refresh_from_db()
    assert first.state == State.SUPERSEDED
    say(look, people[1], "puzzles")
    assert adjudication(task) == first


def test_an_undo_has_its_time_and_its_person(people: Three) -> None:
    answer = say(ask(), people[0], "drills")
    with pytest.raises(AnswerRefused, match="no such answer"):
        answers.undo(people[1], answer.uuid)
    with pytest.raises(AnswerRefused, match="older than ten minutes"):
        answers.undo(people[0], answer.uuid, now=later(minutes=11))
    Export.objects.create(
        day=answer.answered_at.date(), planned_at=timezone.now(), plan={"last": {"Answer": answer.pk}}
    )
    with pytest.raises(AnswerRefused, match="used already"):
        answers.undo(people[0], answer.uuid)


def test_an_answer_after_the_plan_of_its_day_can_be_taken_back(people: Three) -> None:
    answer = say(ask(), people[0], "drills")
    Export.objects.create(
        day=answer.answered_at.date(), planned_at=timezone.now(), plan={"last": {"Answer": answer.pk - 1}}
    )
    assert answers.undo(people[0], answer.uuid).undoes == answer


def test_what_others_have_built_on_stays(people: Three) -> None:
    task = ask()
    answer = say(task, people[0], "saws")
    say(look_again(task), people[1], "drills")
    with pytest.raises(AnswerRefused, match="used already"):
        answers.undo(people[0], answer.uuid)


def test_an_undone_answer_of_a_review_that_is_not_asked_any_more(people: Three) -> None:
    task = ask("review", audit=False)
    answer = say(task, people[0], "saws")
    revise(task.product, 2, "Other texts")
    Product.objects.update(revision=2, category_id="plush", source=Source.AUTO)
    answers.undo(people[0], answer.uuid)
    task.refresh_from_db()
    assert task.state == State.SUPERSEDED
    assert stands(task) == ("plush", "auto")


def test_an_answer_and_what_follows_are_stored_together_or_not_at_all(
    people: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = ask()
    monkeypatch.setattr(Answer, "save", lambda *_, **__: (_ for _ in ()).throw(DatabaseError("gone")))
    with pytest.raises(DatabaseError):
        say(task, people[0], "saws")
    task.refresh_from_db()
    assert task.state == State.CLAIMED
    assert not Task.objects.filter(kind=Kind.CONFIRM).exists()


def test_the_database_still_refuses_to_change_an_answer(people: Three) -> None:
    answer = say(ask(), people[0], "drills")
    with pytest.raises(DatabaseError, match="written once"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_answer SET note = 'x' WHERE id = %s", [answer.pk])
