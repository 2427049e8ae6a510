"""Where few people work: what is kept for whom, and what waits for somebody who is not there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from desk.labelling import eligible, queue
from desk.labelling.eligible import Stuck
from desk.ledger.models import Kind, State, Task
from desk.people.models import Person
from tests.desk.labelling.items import adjudication, ask, claim_next, look_again, say

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tree")]
People = Callable[..., Person]
Clients = Callable[..., Client]


def test_a_second_look_is_kept_from_the_only_one_who_could_adjudicate(person: People) -> None:
    ada, bob, eve = person("labeller", "ada"), person("labeller", "bob"), person("reviewer", "eve")
    audit = ask()
    say(audit, ada, "saws")
    look = look_again(audit)
    assert claim_next(eve) is None
    assert queue.waiting(eve) == 0
    assert eligible.for_others(eve) == 1
    assert claim_next(bob) == look
    say(look, bob, "puzzles")
    assert claim_next(eve) == adjudication(audit)


@pytest.mark.parametrize("free", ["another reviewer", "no labeller"])
def test_a_reviewer_looks_again_where_another_one_can_adjudicate_or_nobody_else_can_look(
    person: People, free: str
) -> None:
    ada, eve = person("labeller", "ada"), person("reviewer", "eve")
    if free == "another reviewer":
        person("labeller", "bob")
        person("reviewer", "zoe")
    audit = ask()
    say(audit, ada, "saws")
    assert claim_next(eve) == look_again(audit)


def test_a_reviewer_who_has_answered_can_adjudicate_no_more(person: People) -> None:
    person("labeller", "bob")
    eve, zoe = person("reviewer", "eve"), person("reviewer", "zoe")
    audit = ask()
    say(audit, zoe, "saws")
    assert claim_next(eve) is None
    Person.objects.filter(username="bob").update(is_active=False)
    assert claim_next(eve) == look_again(audit)


def test_what_waits_for_nobody_is_counted(person: People) -> None:
    ada, eve = person("labeller", "ada"), person("reviewer", "eve")
    assert eligible.stuck() == Stuck(0, 0, 0)
    disputed = ask()
    say(disputed, ada, "saws")
    say(look_again(disputed), eve, "puzzles")
    assert eligible.stuck() == Stuck(0, 1, 0)
    zoe = person("reviewer", "zoe")
    assert eligible.stuck() == Stuck(0, 0, 0)
    say(adjudication(disputed), zoe, None)
    assert eligible.stuck() == Stuck(0, 1, 1)


def test_one_person_alone_is_told_the_truth(person: People, client_of: Clients) -> None:
    demo, client = person("administrator", "demo"), client_of("administrator", "demo")
    for _ in range(3):
        say(ask(), demo, "saws")
    ask()
    assert (queue.waiting(demo), eligible.for_others(demo), eligible.stuck().looks) == (1, 3, 3)
    home = client.get("/").content.decode()
    assert '<p class="value ">1</p>' in home
    assert "3 more wait for a second person" in home
    backlog = client.get("/quality/").content.decode()
    assert "3 of these wait for a second person who is not there" in backlog


def test_a_labeller_does_not_learn_that_others_are_asked_again(person: People, client_of: Clients) -> None:
    ada, client = person("labeller", "ada"), client_of("labeller", "ada")
    pages = []
    for category_id in ("drills", "saws"):
        say(ask(), ada, category_id)
        page = client.get("/").content.decode()
        pages.append(page[page.index("Tasks for you") : page.index("Your answers today")])
    assert pages[0] == pages[1]
    assert Task.objects.filter(kind=Kind.CONFIRM, state=State.OPEN).count() == 1
