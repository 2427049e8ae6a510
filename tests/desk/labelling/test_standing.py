from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aisle.audit.estimates import STATES, audit_state
from desk.labelling import answers
from desk.labelling.standing import AuditResult, audit_results, label_of
from desk.ledger.models import Kind, State, Task
from desk.people.models import Person
from tests.desk.labelling.items import adjudication, ask, look_again, say

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tree")]
Say = Callable[..., AuditResult]


@pytest.fixture
def after(person: Callable[..., Person]) -> Say:
    """The standing of an audit after what three people said of it, None where somebody could not say."""

    def run(*said: str | None, decision: str = "auto", double: bool = False, decided_id: str = "") -> AuditResult:
        audit = ask(decision, double=double, decided_id=decided_id)
        for place, (category_id, name) in enumerate(zip(said, ("ada", "bob", "eve"), strict=False)):
            task = (audit if place == 0 else look_again(audit)) if place < 2 else adjudication(audit)
            say(task, person("reviewer", name), category_id)
        return next(one for one in audit_results() if one.task == audit.pk)

    return run


def test_an_audit_without_an_answer_is_open(after: Say) -> None:
    one = after()
    assert (one.status, one.label, one.confirmed, one.labellers) == ("open", None, None, ())
    assert (one.decision, one.decided, one.audit_probability, one.blind) == ("auto", "drills", 0.1, False)


@pytest.mark.parametrize(
    ("said", "status", "label", "confirmed"),
    [
        (("drills",), "answered", "drills", None),
        (("saws",), "answered", None, None),  # pending
        ((None,), "skipped", None, None),
        (("saws", "saws"), "answered", "saws", True),
        (("saws", "puzzles"), "answered", None, True),  # wrong for sure, but what is right is not settled
        (("saws", "drills"), "answered", None, None),
        (("saws", None), "answered", None, None),
        (("saws", "drills", "drills"), "answered", "drills", False),
        (("saws", "drills", "saws"), "answered", "saws", True),
        (("saws", "drills", "plush"), "answered", "plush", True),
        (("saws", "drills", None), "answered", None, None),
    ],
)
def test_what_counts_of_an_automatic_decision(
    after: Say, said: tuple[str | None, ...], status: str, label: str | None, confirmed: bool | None
) -> None:
    one = after(*said)
    assert (one.status, one.label, one.confirmed) == (status, label, confirmed)
    assert len(one.labellers) == len(said)


@pytest.mark.parametrize(
    ("said", "label", "confirmed"),
    [
        (("drills",), "drills", None),
        (("saws",), "saws", None),  # another leaf of the branch that was decided
        (("plush",), None, None),  # pending
        (("plush", "plush"), "plush", True),
        (("plush", "puzzles"), None, True),  # another branch for sure
        (("plush", "saws", "saws"), "saws", False),
        (("plush", "saws", "plush"), "plush", True),
    ],
)
def test_a_decision_for_a_branch_is_compared_as_a_branch(
    after: Say, said: tuple[str, ...], label: str | None, confirmed: bool | None
) -> None:
    one = after(*said, decided_id="tools")
    assert (one.decided, one.label, one.confirmed) == ("tools", label, confirmed)


@pytest.mark.parametrize(
    ("said", "label"), [(("saws",), "saws"), (("saws", "drills"), None), (("saws", "drills", "drills"), "drills")]
)
def test_under_review_one_answer_counts_and_two_that_differ_wait(
    after: Say, said: tuple[str, ...], label: str | None
) -> None:
    one = after(*said, decision="review", double=True)
    assert (one.label, one.confirmed) == (label, None)


def test_a_second_person_answers_for_one_who_could_not_say(after: Say) -> None:
    one = after(None, "saws", decision="review")
    assert (one.status, one.first, one.second, one.label) == ("answered", None, "saws", "saws")


@pytest.mark.parametrize("decision", ["auto", "review"])
@pytest.mark.parametrize("first", ["drills", "saws", None])
@pytest.mark.parametrize("second", ["drills", "saws", "plush", None])
@pytest.mark.parametrize("third", ["drills", "saws", None])
def test_the_standing_agrees_with_the_states_of_the_estimates(
    decision: str, first: str | None, second: str | None, third: str | None
) -> None:
    said = [one for one in (first, second) if one]
    agree, contradict = said.count("drills"), len(said) - said.count("drills")
    settled = -1 if third is None else int(third == "drills")
    state = STATES[int(audit_state([agree], [contradict], [settled], [1], [decision == "auto"])[0])]
    label, confirmed = label_of(decision, "drills", first, second, third)
    if decision == "auto" and confirmed:
        assert state == "wrong"
    if label == "drills":
        assert state == "right"
    elif label is not None:
        assert state == "wrong"
    if not said and third is None:
        assert (state, label, confirmed) == ("skipped", None, None)


def test_an_undone_answer_does_not_count(person: Callable[..., Person]) -> None:
    audit = ask()
    answer = say(audit, person("labeller"), "saws")
    answers.undo(person("labeller"), answer.uuid)
    (one,) = audit_results()
    assert (one.status, one.first, one.labellers) == ("open", None, ())


def test_only_audits_of_those_days_in_the_order_of_the_draw(person: Callable[..., Person]) -> None:
    audits = [ask(), ask()]
    ask("review", audit=False)
    Task.objects.create(
        kind=Kind.TEST, product=audits[0].product, revision=audits[0].revision, created_at=timezone.now(),
        state=State.OPEN, expected_category_id="saws",
    )  # fmt: skip
    today = timezone.now().date()
    day = dt.timedelta(days=1)
    assert [one.task for one in audit_results(today - day, today + day)] == [one.pk for one in audits]
    assert audit_results(today + 2 * day) == []
    assert audit_results(None, today - 2 * day) == []


def test_many_audits_take_three_questions(person: Callable[..., Person]) -> None:
    for _ in range(5):
        say(ask(), person("labeller"), "drills")
    with CaptureQueriesContext(connection) as caught:
        assert len(audit_results()) == 5
    assert len(caught) == 3
