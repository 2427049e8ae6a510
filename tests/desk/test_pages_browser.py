from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from desk.history import braking
from desk.ledger.models import Brake, Product
from desk.people import tokens
from desk.people.models import Person
from tests.desk import made_products as made
from tests.desk.conftest import PASSWORD

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
