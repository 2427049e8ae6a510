"""The screen of two seconds in a browser: keys, touch, blind tasks, adjudications."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from desk.labelling import search
from desk.ledger.models import State, Status
from desk.people.models import Person
from tests.desk.labelling.items import adjudication, ask, look_again, say, stands
from tests.desk.labelling.screen import READ, Screen

if TYPE_CHECKING:
    from playwright.sync_api import Response

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tree")]
People = Callable[..., Person]


def test_a_right_suggestion_takes_one_key(window: Callable[..., Screen]) -> None:
    tasks = [ask(title=f"Drill {number}") for number in range(3)]
    screen = window()
    screen.shows("Drill 0")
    expect(screen.page.locator("#path")).to_have_text("Tools › Drills")
    screen.keys("Enter")
    screen.shows("Drill 1")
    screen.keys("y")
    screen.shows("Drill 2")
    answers = screen.stored(2)
    assert [(one.task_id, one.category_id, one.status) for one in answers] == [
        (tasks[0].pk, "drills", "answered"), (tasks[1].pk, "drills", "answered"),
    ]  # fmt: skip
    assert answers[0].shown_at is not None
    assert 0.25 <= (answers[0].answered_at - answers[0].shown_at).total_seconds() < 10
    expect(screen.page.locator("#counters")).to_have_text("2 answered today · 1 waiting")


def test_the_truth_among_the_alternatives_takes_one_key(window: Callable[..., Screen]) -> None:
    ask(title="A puzzle of a drill")
    screen = window()
    screen.shows("A puzzle of a drill")
    expect(screen.page.locator("#alternatives b")).to_have_text(["Saws", "Puzzles", "Plush animals"])
    screen.keys("2")
    assert screen.stored()[0].category_id == "puzzles"
    expect(screen.page.locator("#nothing")).to_be_visible()


def test_typing_searches_and_enter_chooses(window: Callable[..., Screen]) -> None:
    for number in range(3):
        ask(title=f"Thing {number}")
    screen = window()
    screen.shows("Thing 0")
    screen.page.keyboard.type("pluhs")  # a slip of the finger
    expect(screen.page.locator("#results b")).to_have_text(["Plush animals"])
    screen.keys("Enter")
    screen.shows("Thing 1")
    screen.keys("/")
    screen.page.keyboard.type("too")
    expect(screen.page.locator("#results b")).to_have_text(["Drills", "Saws"])
    screen.keys("ArrowDown", "Enter")
    screen.shows("Thing 2")
    expect(screen.page.locator("#results")).to_be_hidden()
    screen.keys("6")  # lately: saws is an alternative here, so plush animals, which is one too, is not shown again
    assert [one.category_id for one in screen.stored(2)] == ["plush", "saws"]


@pytest.mark.parametrize(("word", "found"), [("yoga", "Yoga mats"), ("usb", "USB sticks"), ("saw", "Saws")])
def test_a_word_over_a_suggestion_is_no_command(
    window: Callable[..., Screen], tree: Path, word: str, found: str
) -> None:
    tree.write_text(tree.read_text() + "yoga,tools,Yoga mats\nusb,tools,USB sticks\n")
    search.forget()
    for number in range(2):
        ask(title=f"Thing {number}")
    screen = window()
    screen.shows("Thing 0")
    screen.keys("Enter")
    screen.shows("Thing 1")
    screen.page.keyboard.type(word, delay=60)
    expect(screen.page.locator("#search")).to_have_value(word)
    expect(screen.page.locator("#results b")).to_have_text([found])
    screen.page.wait_for_timeout(READ)
    screen.shows("Thing 1")
    screen.stored(1)


def test_a_letter_alone_answers_and_says_how_to_take_it_back(window: Callable[..., Screen]) -> None:
    for number in range(3):
        ask(title=f"Thing {number}")
    screen = window()
    last = screen.page.locator("#last")
    screen.shows("Thing 0")
    expect(last).to_be_hidden()
    screen.keys("y")
    screen.shows("Thing 1")
    expect(last).to_have_text("Last: Drills u takes it back")
    screen.keys("y", "1")  # a digit is no word: the letter counts at once, and the digit is a slip
    screen.shows("Thing 2")
    assert [one.category_id for one in screen.stored(2)] == ["drills", "drills"]
    screen.keys("u")
    screen.shows("Thing 1")
    expect(last).to_be_hidden()


def test_cannot_say_with_a_reason_a_note_and_undo(window: Callable[..., Screen]) -> None:
    first = ask("review", audit=False, title="First")
    ask("review", audit=False, title="Second")
    screen = window()
    screen.shows("First")
    screen.keys("n")
    screen.page.keyboard.type("no picture")
    screen.keys("Enter", "s")
    screen.page.wait_for_timeout(READ)
    screen.keys("1")
    screen.shows("Second")
    (skipped,) = screen.stored()
    assert (skipped.status, skipped.skip_reason, skipped.note) == ("skipped", "too little information", "no picture")
    screen.keys("u")
    screen.shows("First")
    expect(screen.page.locator("#note")).to_have_value("")
    screen.keys("Enter")
    screen.shows("Second")
    rows = screen.stored(3)
    assert [one.status for one in rows] == [Status.SKIPPED, Status.UNDONE, Status.ANSWERED]
    assert stands(first) == ("drills", "review")
    screen.keys("Control+z")
    screen.shows("First")
    screen.stored(4)
    assert stands(first) == (None, "none")


def test_one_key_held_or_struck_twice_answers_one_product(window: Callable[..., Screen]) -> None:
    for number in range(3):
        ask(title=f"Thing {number}")
    screen = window()
    screen.shows("Thing 0")
    screen.keys("Enter", "Enter", "y")
    screen.page.keyboard.down("Enter")
    screen.page.keyboard.down("Enter")
    screen.shows("Thing 1")
    screen.stored(1)


@pytest.mark.parametrize("look", ["blind", "second"])
def test_a_blind_task_shows_no_suggestion_anywhere(window: Callable[..., Screen], person: People, look: str) -> None:
    task = ask(blind=look == "blind", title="What is this?", category_id="plush")
    if look == "second":
        say(task, person("labeller", "ada"), "saws")
    responses: list[Response] = []
    screen = window(name="bob", path="about:blank")
    screen.page.on("response", lambda one: responses.append(one))
    screen.page.goto("/label/")
    screen.shows("What is this?")
    expect(screen.page.locator("#suggestion")).to_be_hidden()
    expect(screen.page.locator("#choices")).to_be_hidden()
    expect(screen.page.locator("#search")).to_be_focused()
    seen = [*(one.text() for one in responses), screen.page.content()]
    assert any("What is this?" in one for one in seen)
    for word in ("plush", "Plush", "saws", "Saws"):
        assert [one for one in seen if word in one] == []
    screen.keys("Enter", "y")  # without a suggestion neither says yes
    screen.keys("Escape", "Enter", "y", "1")
    screen.page.keyboard.type("saw")
    expect(screen.page.locator("#results b")).to_have_text(["Saws"])
    screen.keys("1")
    answer = screen.stored(2 if look == "second" else 1)[-1]
    assert (answer.category_id, answer.suggested_category_id) == ("saws", None)


def test_an_adjudication_shows_both_answers_without_names(window: Callable[..., Screen], person: People) -> None:
    task = ask(title="Which?")
    say(task, person("labeller", "ada"), "saws", note="has teeth")
    say(look_again(task), person("labeller", "bob"), "puzzles")
    screen = window("reviewer")
    screen.shows("Which?")
    said = screen.page.locator("#alternatives b")
    assert sorted(said.all_inner_texts()) == ["Puzzles", "Saws"]
    order = said.all_inner_texts()
    assert not {"ada", "bob", "Drills"} & set(re.findall(r"\w+", screen.page.locator("#item").inner_text()))
    screen.page.reload()
    screen.shows("Which?")
    assert said.all_inner_texts() == order
    key = str(order.index("Saws") + 1)
    assert adjudication(task).state == State.CLAIMED
    screen.keys(key)
    screen.stored(3)
    assert stands(task) == ("saws", "audit")


def test_an_adjudication_of_what_nobody_could_say_tells_why(window: Callable[..., Screen], person: People) -> None:
    task = ask("review", audit=False, title="Which?")
    say(task, person("labeller", "ada"), None, note="no picture")
    say(look_again(task), person("labeller", "bob"), None)
    screen = window("reviewer")
    screen.shows("Which?")
    expect(screen.page.locator("#which")).to_have_text("Nobody could say so far. Which category is right?")
    said = screen.page.locator("#unsaid li").all_inner_texts()
    assert sorted(said) == [
        "Cannot say: too little information", "Cannot say: too little information, “no picture”"
    ]  # fmt: skip


def test_mark_up_in_a_product_is_text(window: Callable[..., Screen]) -> None:
    title = '<img src=x onerror="document.title=1"><b>bold</b>'
    ask(title=title, description="<script>alert(1)</script>", brand="{{ 7 }}")
    screen = window()
    screen.shows(title)
    expect(screen.page.locator("#facts")).to_contain_text("<script>alert(1)</script>")
    assert screen.page.locator("#item img, #item script, #title b").count() == 0


def test_a_phone_by_touch(window: Callable[..., Screen]) -> None:
    long = "A-drill-with-a-very-long-name-and-no-place-to-break-" * 3
    for number in range(3):
        ask("review", audit=False, title=f"{long}{number}", description="Words. " * 200)
    screen = window(width=360, height=640, has_touch=True, is_mobile=True)
    screen.shows(f"{long}0")
    page = screen.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    yes = page.get_by_role("button", name="Yes")
    box = yes.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["y"] + box["height"] <= 640, "yes is on the screen without scrolling"
    yes.tap()
    screen.shows(f"{long}1")
    page.get_by_role("button", name="No", exact=True).tap()
    page.get_by_label("Search a category").fill("plus")
    page.locator("#results [role=option]").tap()
    screen.shows(f"{long}2")
    page.get_by_role("button", name="Cannot say").tap()
    page.get_by_role("button", name="No category fits").tap()
    assert [one.category_id for one in screen.stored(3)] == ["drills", "plush", None]
