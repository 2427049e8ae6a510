from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from desk.history import braking
from desk.inbox.models import Upload
from desk.ledger.models import Alarm, Brake, Kind, Product, Waiting
from desk.people import tokens
from desk.people.models import Person
from desk.quality.models import Terms
from tests.desk import made_products as made
from tests.desk.conftest import PASSWORD
from tests.service.test_page_looks import contrast

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.django_db(transaction=True)
People = Callable[..., Person]
LONG = "Cordless-drill-with-a-name-that-has-no-place-to-break-" * 4


@pytest.fixture
def opened(browser: Browser, live_server: Any, person: People) -> Iterator[Callable[..., Page]]:
    """Pages of somebody who is logged in; what the browser complains about fails the test."""
    contexts, complaints = [], []

    def open_page(role: str, width: int = 1280, **more: Any) -> Page:
        person(role)
        context = browser.new_context(viewport={"width": width, "height": 800}, base_url=live_server.url, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda one: complaints.append(str(one)))
        page.goto("/log-in/")
        page.get_by_label("Name").fill(role)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{live_server.url}/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_no_page_is_wider_than_the_window(opened: Callable[..., Page], person: People, tree: Path, width: int) -> None:
    product = made.make_product("a:1", LONG, seller="a-seller-with-a-very-long-name" * 3)
    made.predict(product)
    made.answer(made.ask(product), person("labeller"), "plush", note=LONG)
    braking.set_brake(person("business"), "seller", product.seller, "stop", None, LONG)
    tokens.create(None, person("administrator"), LONG[:90], ["intake", "answer", "read", "alarm", "brake"])
    page = opened("administrator", width)
    for address in ("/", "/people/", "/people/new/", "/tokens/", "/log/", "/password/", "/products/", "/brakes/",
                    f"/products/{product.pk}/"):  # fmt: skip
        page.goto(address)
        sizes = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert sizes[0] <= sizes[1], address
        assert page.locator("h1").count() == 1, address


def test_a_correction_by_keyboard(opened: Callable[..., Page], tree: Path) -> None:
    product = made.make_product("a:1", category_id="puzzles", source="auto")
    made.predict(product)
    page = opened("business")
    page.goto(f"/products/{product.pk}/")
    page.get_by_label("Plush animals").check()
    field = page.get_by_label("Or another category")
    field.press_sequentially("dri")
    page.locator("#leaves option[value='Tools › Drills']").wait_for(state="attached")
    assert page.locator("input[name=choice]:checked").count() == 0, "typing is another choice"
    field.fill("Tools › Drills")
    page.get_by_label("Reason").fill("it drills")
    page.get_by_role("button", name="Correct").press("Enter")
    page.get_by_text("Corrected to Tools › Drills.").wait_for()
    assert Product.objects.get().category_id == "drills"


def test_the_form_of_a_brake_asks_only_what_it_needs(opened: Callable[..., Page], tree: Path) -> None:
    page = opened("business", 360, has_touch=True)
    page.goto("/brakes/")
    assert not page.get_by_label("Seller").is_visible()
    assert not page.get_by_label("Confidence", exact=True).is_visible()
    page.get_by_label("Hold").select_option("branch")
    page.get_by_label("Branch").select_option("tools")
    page.get_by_label("only from a higher confidence on").tap()
    page.get_by_label("Confidence", exact=True).fill("0.97")
    page.get_by_label("Reason").fill("odd drills")
    page.get_by_role("button", name="Set the brake").tap()
    page.get_by_text("Branch Tools: only from confidence 0.97 on", exact=True).wait_for()
    brake = Brake.objects.get()
    assert (brake.value, brake.confidence) == ("tools", 0.97)


def test_the_menu_opens_and_closes_by_keyboard_and_logs_out(opened: Callable[..., Page]) -> None:
    page = opened("labeller", 360)
    menu = page.locator("details.who summary")
    menu.press("Enter")
    page.get_by_role("link", name="Change password").wait_for()
    page.keyboard.press("Escape")
    assert not page.get_by_role("link", name="Change password").is_visible()
    menu.press("Enter")
    page.get_by_role("button", name="Log out").press("Enter")
    page.wait_for_url("**/log-in/")


# Height of everything that a finger may hit, with all that folds unfolded; of a box, that of its label.
TARGETS = """() => {
  for (const one of document.querySelectorAll('details')) one.open = true;
  return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
    .filter(one => one.checkVisibility() && one.getClientRects().length)
    .map(one => {
      const box = ['checkbox', 'radio'].includes(one.type) && (one.closest('label') ?? one.labels[0]);
      const name = (one.textContent || one.name || '').trim().slice(0, 40);
      return [one.tagName, name, (box || one).getBoundingClientRect().height];
    });
}"""
# Of each text in sight: what it says, its colour, what it lies on, its opacity; not of what is disabled.
TEXTS = """() => {
  const under = one => {
    const colour = getComputedStyle(one).backgroundColor;
    return colour === 'rgba(0, 0, 0, 0)' ? under(one.parentElement) : colour;
  };
  const opacity = one => one ? +getComputedStyle(one).opacity * opacity(one.parentElement) : 1;
  return [...document.querySelectorAll('body *')]
    .filter(one => one.checkVisibility() && [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())
      && !one.closest('svg, option, :disabled, .unseen'))
    .map(one => [one.textContent.trim().slice(0, 40), getComputedStyle(one).color, under(one), opacity(one)]);
}"""
# Words that stand on two lines, in cells of the desk's own words; a hyphen may end a line.
BROKEN = """() => [...document.querySelectorAll('td:not(.long, .name, .head), thead th')].flatMap(cell => {
  const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    for (const word of walker.currentNode.data.matchAll(/[^\\s-]+/g)) {
      const range = document.createRange();
      range.setStart(walker.currentNode, word.index);
      range.setEnd(walker.currentNode, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map(one => Math.round(one.top))).size > 1) found.push(word[0]);
    }
  }
  return found;
})"""


@pytest.fixture
def filled(person: People, tree: Path) -> list[str]:
    """A desk with something of everything; the addresses of all its pages."""
    administrator = person("administrator")
    product = made.make_product("a:1", "Word " * 199, seller="a-seller-with-a-very-long-name" * 3)
    made.predict(product)
    made.answer(made.ask(product), person("labeller"), "plush", note=LONG)
    decided = made.make_product(
        "a:2", LONG, seller="Shoplandia", category_id="puzzles", branch_id="toys", source="auto"
    )
    made.predict(decided)
    made.ask(decided, Kind.REVIEW, prediction=decided.predictions.last())
    Waiting.objects.create(revision=decided.revisions.get(), next_try_at=made.START, last_error=LONG, refused=True)
    braking.set_brake(person("business"), "seller", product.seller, "stop", None, LONG)
    past = braking.set_brake(person("business"), "all", "", "stop", None, LONG)
    braking.release(administrator, past.pk, LONG)
    tokens.create(administrator, administrator, LONG[:90], ["intake", "answer", "read", "alarm", "brake"])
    for key, colour in (("k1", "yellow"), ("k2", "red")):
        alarm = Alarm.objects.create(key=key, colour=colour, summary="Many errors. " * 9, raised_at=made.START)
    Terms.objects.create(pk=1, cost_of_error=5.0, cost_of_review=0.4, currency="EUR")
    sent = Upload.objects.create(
        name=LONG[:199], kind="csv", bytes=9, person=administrator, created_at=made.START, state="failed",
        counts={"refused": 2}, refused=[["line 7", LONG], ["line 9", "no title"]], problem=LONG,
    )  # fmt: skip
    return ["/", "/label/", "/label/mine/", "/quality/?window=all", "/quality/people/?window=all", "/quality/terms/",
            "/quality/alarms/", f"/quality/alarms/{alarm.pk}/", "/products/", f"/products/{product.pk}/",
            f"/products/{decided.pk}/", "/inbox/", "/inbox/upload/", f"/inbox/upload/{sent.pk}/", "/brakes/",
            "/people/", "/people/new/", f"/people/{administrator.pk}/", f"/people/{administrator.pk}/password/",
            "/tokens/", "/log/", "/password/"]  # fmt: skip


def visit(page: Page, address: str) -> None:
    page.goto(address)
    if address == "/label/":
        page.locator("#item").wait_for()


def test_a_finger_hits_everything(opened: Callable[..., Page], filled: list[str]) -> None:
    page = opened("administrator", 390, has_touch=True, is_mobile=True)
    for address in filled:
        visit(page, address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        targets = page.evaluate(TARGETS)
        assert len(targets) > 10, address
        assert [one for one in targets if one[2] < 44] == [], address
    page.goto("/inbox/upload/")
    rows = b"id,title\n1,Drill\n"
    page.get_by_label("File").set_input_files({"name": "feed.csv", "mimeType": "text/csv", "buffer": rows})
    page.get_by_role("button", name="Show its first rows").tap()
    page.get_by_role("button", name="Store the products").wait_for()
    assert [one for one in page.evaluate(TARGETS) if one[2] < 44] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(opened: Callable[..., Page], filled: list[str], scheme: str) -> None:
    page = opened("administrator", color_scheme=scheme)
    for address in filled:
        visit(page, address)
        texts = page.evaluate(TEXTS)
        assert len(texts) > 10, address
        assert [one for one in texts if contrast(one[1], one[2]) < 4.5 or one[3] < 1] == [], address


@pytest.mark.parametrize("width", [768, 1280])
def test_words_stay_whole_in_tables(opened: Callable[..., Page], filled: list[str], width: int) -> None:
    page = opened("administrator", width)
    for address in filled:
        visit(page, address)
        assert page.evaluate(BROKEN) == [], address
    page.goto("/products/")
    frame = page.locator(".table").evaluate("one => [one.scrollWidth, one.clientWidth]")
    assert frame[0] <= frame[1], "all columns are in sight"


def test_alarms_are_one_line_on_a_phone(opened: Callable[..., Page], filled: list[str]) -> None:
    page = opened("administrator", 390, java_script_enabled=False)
    page.goto("/label/")
    box = page.locator("main").bounding_box()
    assert box is not None
    assert box["y"] < 160
    fold = page.locator(".alarms summary")
    assert "2 alarms" in fold.inner_text()
    assert page.get_by_role("link", name="Look").count() == 0
    fold.click()
    page.get_by_role("link", name="Look").first.click()
    page.wait_for_url("**/quality/alarms/*/")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto("/brakes/")
    assert not fold.is_visible()
    assert page.get_by_role("link", name="Look").count() == 2


def test_a_long_title_is_cut_with_the_whole_at_hand(opened: Callable[..., Page], filled: list[str]) -> None:
    page = opened("administrator", 390)
    page.goto(filled[9])
    box = page.locator("h1").bounding_box()
    assert box is not None
    assert box["height"] < 250
    whole = page.get_by_text("Word " * 198 + "Word", exact=True)
    assert not whole.first.is_visible()
    page.get_by_text("The whole title").click()
    assert whole.first.is_visible()
