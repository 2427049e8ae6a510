"""Which keys are text and which are commands, where the cursor is in the search."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.desk.labelling.items import ask
from tests.desk.labelling.screen import Screen

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tree")]


@pytest.mark.parametrize("way", ["key", "click", "tab"])
def test_digits_are_text_in_a_search_that_somebody_opened(window: Callable[..., Screen], way: str) -> None:
    ask(title="Thing")
    screen = window()
    screen.shows("Thing")
    if way == "key":
        screen.keys("/")
    elif way == "click":
        screen.page.locator("#search").click()
    else:
        screen.page.locator("#alternatives button").last.focus()
        screen.keys("Tab")
    screen.page.keyboard.type("3d puzzle", delay=30)
    expect(screen.page.locator("#search")).to_have_value("3d puzzle")
    expect(screen.page.locator("#results b")).to_have_text(["Puzzles"])
    screen.keys("Escape", "2")  # the search is left, and digits choose again
    assert screen.stored()[0].category_id == "puzzles"


def test_after_no_a_digit_chooses_while_nothing_is_typed(window: Callable[..., Screen]) -> None:
    for number in range(2):
        ask(title=f"Thing {number}")
    screen = window()
    screen.shows("Thing 0")
    screen.page.locator("#no").click()
    expect(screen.page.locator("#search")).to_be_focused()
    screen.keys("2")
    screen.shows("Thing 1")
    assert screen.stored()[0].category_id == "puzzles"


def test_the_help_says_which_words_need_the_search_first(window: Callable[..., Screen]) -> None:
    ask(title="Thing")
    screen = window()
    screen.shows("Thing")
    screen.page.get_by_text("Keys", exact=True).click()
    expect(screen.page.locator(".keys")).to_contain_text("begins with y, u or s at a stretch")
    expect(screen.page.locator(".keys")).to_contain_text("begins with n or a digit after /")
    screen.page.locator("#title").focus()
    screen.keys("/")
    screen.page.keyboard.type("novel")
    expect(screen.page.locator("#search")).to_have_value("novel")
    expect(screen.page.locator("#note-box")).to_be_hidden()


def test_on_a_blind_item_the_page_says_what_takes_back(window: Callable[..., Screen]) -> None:
    ask(title="First")
    for number in range(2):
        ask(blind=True, title=f"Blind {number}")
    screen = window()
    last, search_field = screen.page.locator("#last"), screen.page.locator("#search")
    screen.shows("First")
    screen.keys("y")
    screen.shows("Blind 0")
    expect(last).to_have_text("Last: Drills Ctrl+Z takes it back")
    expect(search_field).to_be_focused()
    screen.page.keyboard.type("saw")
    expect(screen.page.locator("#results b")).to_have_text(["Saws"])
    screen.keys("Enter")
    screen.shows("Blind 1")
    expect(last).to_have_text("Last: Saws Ctrl+Z takes it back")
    expect(search_field).to_be_focused()  # also where the one before was answered there
    screen.keys("Control+z")
    screen.shows("Blind 0")
    screen.keys("Escape", "u")
    screen.shows("First")
    screen.keys("y")
    screen.shows("Blind 0")
    expect(last).to_have_text("Last: Drills Ctrl+Z takes it back")
