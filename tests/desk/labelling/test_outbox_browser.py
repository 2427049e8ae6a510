"""What was answered and is not stored yet is kept in the browser; what the desk says meanwhile is heeded."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from desk.ledger.models import Answer, State, Task
from desk.people.models import Person
from tests.desk.labelling.items import ask
from tests.desk.labelling.screen import NO_CONNECTION, READ, Screen

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tree")]
People = Callable[..., Person]


def test_what_was_taken_back_elsewhere_is_shown_again(window: Callable[..., Screen]) -> None:
    for number in range(4):
        ask(title=f"Thing {number}")
    screen = window()
    for number in range(2):
        screen.shows(f"Thing {number}")
        screen.keys("Enter")
    screen.shows("Thing 2")
    screen.stored(2)
    mine = screen.page.context.new_page()
    for left in (2, 1):
        mine.goto("/label/mine/")
        expect(mine.get_by_role("button", name="Undo")).to_have_count(left)
        mine.get_by_role("button", name="Undo").first.click()
        expect(mine.get_by_text("is taken back")).to_be_visible()
    mine.close()
    for number in (2, 3):
        screen.shows(f"Thing {number}")
        screen.keys("Enter")
    seen = []
    for _ in range(2):
        screen.page.wait_for_timeout(READ)
        seen.append(screen.page.locator("#title").inner_text())
        screen.keys("Enter")
    assert sorted(seen) == ["Thing 0", "Thing 1"]
    expect(screen.page.locator("#nothing")).to_be_visible()
    assert Task.objects.filter(state=State.ANSWERED).count() == 4


def test_answers_wait_in_the_browser_until_the_desk_has_them(
    window: Callable[..., Screen], complaints: list[str]
) -> None:
    for number in range(4):
        ask(title=f"Thing {number}")
    screen = window()
    screen.shows("Thing 0")
    screen.page.context.set_offline(True)
    screen.keys("Enter")
    screen.shows("Thing 1")
    banner = screen.page.locator("#banner")
    expect(banner).to_have_text("No connection to the desk: 1 answer is kept in this browser and will be sent. Go on.")
    screen.keys("2")
    expect(banner).to_contain_text("2 answers are kept")
    expect(banner).not_to_contain_text("Go on")  # nothing is left to go on with
    expect(screen.page.locator("#loading")).to_have_text("The next product comes when the desk can be reached again.")
    expect(screen.page.locator("#counters")).to_contain_text("2 answered today")
    assert not Answer.objects.exists()
    address = screen.page.url
    screen.page.close()  # the window is gone, its answers are not
    again = screen.page.context.new_page()
    screen.page.context.set_offline(False)
    again.goto(address)
    screen.page = again
    screen.shows("Thing 2")
    assert [one.category_id for one in screen.stored(2)] == ["drills", "puzzles"]
    expect(again.locator("#banner")).to_be_hidden()
    assert again.evaluate("Object.keys(localStorage).length") == 0
    assert complaints
    complaints[:] = [one for one in complaints if not NO_CONNECTION.search(one)]


def test_an_answer_whose_receipt_was_lost_is_one_answer(window: Callable[..., Screen], complaints: list[str]) -> None:
    ask(title="Thing 0")
    screen = window()
    screen.shows("Thing 0")
    lost: list[int] = []

    def lose_the_first(route: Any) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    screen.page.route("**/api/answers", lose_the_first)
    screen.keys("Enter")
    expect(screen.page.locator("#nothing")).to_be_visible()
    assert lost == [200]
    screen.stored(1)
    complaints[:] = [one for one in complaints if not NO_CONNECTION.search(one)]


def test_what_was_taken_away_is_said(window: Callable[..., Screen], person: People, complaints: list[str]) -> None:
    ask(title="Thing 0")
    screen = window()
    screen.shows("Thing 0")
    Task.objects.update(claimed_by=person("labeller", "eve"))
    screen.keys("Enter")
    expect(screen.page.locator("#said")).to_contain_text("“Thing 0”: this task is not yours")
    assert screen.page.evaluate("Object.keys(localStorage).length") == 0
    complaints[:] = [one for one in complaints if not NO_CONNECTION.search(one)]


def test_while_the_tree_is_away_answers_wait_in_the_browser(
    window: Callable[..., Screen], complaints: list[str], tree: Path
) -> None:
    ask(title="Thing 0")
    screen = window()
    screen.shows("Thing 0")
    kept = tree.read_text()
    tree.unlink()
    screen.keys("Enter")
    expect(screen.page.locator("#banner")).to_contain_text("1 answer is kept in this browser and will be sent.")
    expect(screen.page.locator("#said")).to_be_hidden()
    tree.write_text(kept)
    screen.stored(1)
    expect(screen.page.locator("#nothing")).to_be_visible()
    expect(screen.page.locator("#banner")).to_be_hidden()
    complaints[:] = [one for one in complaints if not NO_CONNECTION.search(one)]


def test_a_refusal_from_elsewhere_loses_no_answer(window: Callable[..., Screen], complaints: list[str]) -> None:
    ask(title="Thing 0")
    screen = window()
    screen.shows("Thing 0")
    refusals: list[int] = []

    def refuse_the_first(route: Any) -> None:
        refusals.append(1)
        if len(refusals) > 1:
            route.continue_()
        else:
            route.fulfill(status=404, body="<h1>no such host</h1>")  # a proxy, not the desk

    screen.page.route("**/api/answers", refuse_the_first)
    screen.keys("Enter")
    screen.stored(1)
    complaints[:] = [one for one in complaints if not re.search("status of 404", one)]


def test_a_log_in_that_ended_keeps_the_answers(window: Callable[..., Screen], complaints: list[str]) -> None:
    from django.contrib.sessions.models import Session

    ask(title="Thing 0")
    screen = window()
    screen.shows("Thing 0")
    Session.objects.all().delete()
    screen.keys("Enter")
    expect(screen.page.locator("#banner")).to_contain_text("Log in again: 1 answer is kept in this browser")
    assert screen.page.evaluate("Object.keys(localStorage).length") == 1
    complaints[:] = [one for one in complaints if not NO_CONNECTION.search(one)]
