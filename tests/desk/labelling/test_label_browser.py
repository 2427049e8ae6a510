"""The screen of two seconds in a browser: keys, touch, blind tasks, an outbox for what could not be sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from desk.labelling import search
from desk.ledger.models import Answer, State, Status, Task
from desk.people.models import Person
from tests.desk.labelling.items import adjudication, ask, look_again, say, stands

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tree")]
People = Callable[..., Person]
READ = 300  # ms that somebody looks at a product; what comes quicker is taken for a slip
NO_CONNECTION = re.compile("ERR_INTERNET_DISCONNECTED|ERR_FAILED|status of 40[139]|status of 503")


class Screen:
    """A window of somebody who labels."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def shows(self, title: str) -> None:
        expect(self.page.locator("#title")).to_have_text(title)
        self.page.wait_for_timeout(READ)

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def stored(self, count: int = 1) -> list[Answer]:
        """All answers, once there are that many."""
        for _ in range(100):
            if Answer.objects.count() >= count:
                break
            self.page.wait_for_timeout(50)
        rows = list(Answer.objects.order_by("id"))
        assert len(rows) == count
        return rows


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser complains about; a test that expects something clears it."""
    found: list[str] = []
    yield found
    assert not found


@pytest.fixture
def window(
    browser: Browser, live_server: Any, client_of: Callable[..., Client], complaints: list[str]
) -> Iterator[Callable[..., Screen]]:
    """Open the screen: `window("labeller", "ada", width=360)`."""
    contexts = []
    search.forget()

    def open_screen(role: str = "labeller", name: str = "", path: str = "/label/", **more: Any) -> Screen:
        size = {"width": more.pop("width", 1280), "height": more.pop("height", 800)}
        context = browser.new_context(viewport=size, base_url=live_server.url, **more)  # type: ignore[arg-type]
        contexts.append(context)
        session = client_of(role, name).cookies["session"].value
        context.add_cookies([{"name": "session", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda one: complaints.append(one.text) if one.type in ("error", "warning") else None)
        page.on("pageerror", lambda one: complaints.append(str(one)))
        page.on(
            "request",
            lambda one: complaints.append(one.url) if not one.url.startswith((live_server.url, "data:")) else None,
        )
        page.goto(path)
        return Screen(page)

    yield open_screen
    for context in contexts:
        for opened in context.pages:
            opened.goto("about:blank")
            opened.wait_for_timeout(200)  # what is under way at the desk ends before its tables are emptied
        context.close()


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


def test_mark_up_in_a_product_is_text(window: Callable[..., Screen]) -> None:
    title = '<img src=x onerror="document.title=1"><b>bold</b>'
    ask(title=title, description="<script>alert(1)</script>", brand="{{ 7 }}")
    screen = window()
    screen.shows(title)
    expect(screen.page.locator("#facts")).to_contain_text("<script>alert(1)</script>")
    assert screen.page.locator("#item img, #item script, #title b").count() == 0


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
    page.locator("#results button").tap()
    screen.shows(f"{long}2")
    page.get_by_role("button", name="Cannot say").tap()
    page.get_by_role("button", name="No category fits").tap()
    assert [one.category_id for one in screen.stored(3)] == ["drills", "plush", None]
