"""The try-it page when something is wrong: said in plain words, nothing lost, and a way on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from service.app import make_app
from service.engine import Engine
from service.settings import Settings
from tests.service.opened_page import ask, opened, serving, shown

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

TITLE = "hammer drill 18v with case"
KEY = "aisle_a-key-for-tests"


@pytest.fixture(scope="module")
def address(engine: Engine) -> Iterator[str]:
    with serving(make_app(engine, Settings(), None)) as url:
        yield url


@pytest.fixture(scope="module")
def locked(engine: Engine) -> Iterator[str]:
    """The address of a service that asks for a key."""
    settings = Settings(api_keys=(f"tests:{hashlib.sha256(KEY.encode()).hexdigest()}",))
    with serving(make_app(engine, settings, None)) as url:
        yield url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address, refusals=True) as one:
        yield one


def enter(page: Page, title: str) -> None:
    page.get_by_label("Product name").fill(title)
    page.get_by_label("Product name").press("Enter")


def refuse(route: Route, status: int, headers: dict[str, str] | None = None, **problem: Any) -> None:
    body = {"type": "about:blank", "title": "x", "status": status, "detail": "for machines", **problem}
    route.fulfill(status=status, headers=headers, body=json.dumps(body), content_type="application/problem+json")


def hold_the_first(page: Page) -> list[Route]:
    """Keep the first question from the service; the list then holds it."""
    held: list[Route] = []

    def handle(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/v1/explain", handle)
    return held


@pytest.mark.parametrize(
    ("status", "headers", "title", "text"),
    [
        (500, {}, "The service failed", "Something went wrong there, not with what you typed (500)."),
        (503, {"Retry-After": "7"}, "The service is busy", "Try again in 7 seconds."),
        (503, {"Retry-After": "1"}, "The service is busy", "Try again in a second."),
        (429, {}, "The service is busy", "Try again in a moment."),
        (403, {}, "The service does not let you in", "For machines."),
        (404, {}, "The service did not answer this", "For machines. (404)"),
    ],
)
def test_a_refusal_is_told_and_asking_again_helps(
    page: Page, status: int, headers: dict[str, str], title: str, text: str
) -> None:
    page.route("**/v1/explain", lambda route: refuse(route, status, headers))
    enter(page, TITLE)
    problem = page.get_by_role("alert")
    problem.get_by_role("heading", name=title).wait_for()
    assert text in problem.inner_text()
    page.unroute("**/v1/explain")
    problem.get_by_role("button", name="Try again").press("Enter")
    page.locator(".answer").wait_for()
    assert problem.is_hidden()


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("abort", "The service cannot be reached"),
        ("page", "The answer cannot be read"),
        ("gateway", "The service failed"),
    ],
)
def test_what_is_not_the_service_is_told_too(page: Page, kind: str, title: str) -> None:
    html = {"body": "<h1>Bad gateway</h1>", "content_type": "text/html"}
    answers = {
        "abort": lambda route: route.abort(),
        "page": lambda route: route.fulfill(**html),
        "gateway": lambda route: route.fulfill(status=502, **html),
    }
    ask(page, "office chair")
    page.route("**/v1/explain", answers[kind])
    enter(page, TITLE)
    page.get_by_role("alert").get_by_role("heading", name=title).wait_for()
    assert page.locator("#result").is_hidden()  # it would answer another question
    assert page.get_by_label("Product name").input_value() == TITLE


def test_what_the_service_refuses_stands_beside_its_field(page: Page) -> None:
    page.evaluate("location.hash = '#title=drill%07&brand=x'")
    said = "Title holds a control character or half of a character pair; take it out."
    page.get_by_text(said).wait_for()
    assert page.get_by_label("Product name").get_attribute("aria-invalid") == "true"
    assert page.evaluate("document.activeElement.id") == "title"
    assert shown(page, "#problem h2") == ["The service did not accept this product"]
    ask(page, TITLE)
    assert page.get_by_text(said).is_hidden()
    assert page.get_by_label("Product name").get_attribute("aria-invalid") is None


def test_what_is_wrong_with_a_folded_field_is_shown(page: Page) -> None:
    page.evaluate("address => { location.hash = address }", f"#title=drill&seller_category={'x' * 1001}")
    page.get_by_text("Seller’s category must be text of at most 1,000 characters, or nothing.").wait_for()
    assert page.evaluate("document.activeElement.id") == "seller_category"


def test_what_belongs_to_no_field_is_shown_as_well(page: Page) -> None:
    errors = [{"place": 0, "product_id": None, "field": None, "code": "not_utf8", "detail": "the product is not UTF-8"}]
    page.route("**/v1/explain", lambda route: refuse(route, 422, errors=errors))
    enter(page, TITLE)
    page.get_by_text("The product is not UTF-8.").wait_for()


def test_a_price_that_could_mean_two_things_is_asked_back(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.get_by_text("More about the product").click()
    said = page.get_by_text("Write the price as a plain number, such as 49.90.")
    for price in ("1,234.50", "about 5", "-3", "1e5", "1,234", "NaN"):
        page.get_by_label("Price").fill(price)
        enter(page, TITLE)
        said.wait_for()
        assert page.evaluate("document.activeElement.id") == "price"
        assert asked == []
    page.get_by_label("Price").fill("1234,5")
    enter(page, TITLE)
    page.locator(".answer").wait_for()
    assert said.is_hidden()


def test_an_empty_name_is_asked_back(page: Page) -> None:
    enter(page, "   ")
    page.get_by_text("Type the product’s name first.").wait_for()
    assert page.evaluate("document.activeElement.id") == "title"


def test_late_answers_to_older_questions_are_dropped(page: Page) -> None:
    held = hold_the_first(page)
    enter(page, "first")
    page.wait_for_timeout(50)
    ask(page, "second")
    held[0].continue_()
    page.wait_for_timeout(300)
    assert shown(page, ".asked") == ["second"]
    assert page.url.endswith("#title=second")
    assert not page.locator("#status.waiting").count()


def test_waiting_is_calm_and_a_long_wait_is_explained(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        ask(page, "office chair")
        page.clock.install()
        held = hold_the_first(page)
        enter(page, TITLE)
        page.clock.run_for(100)
        assert page.locator("#status.waiting").count() == 0
        page.clock.run_for(100)
        assert shown(page, "#status-text") == ["Asking the model …"]
        assert page.locator("#result").get_attribute("aria-busy") == "true"
        page.clock.run_for(8_000)
        page.get_by_text("This takes longer than usual.").wait_for()
        page.get_by_role("button", name="Ask again").press("Enter")
        page.locator(".asked", has_text=TITLE).wait_for()
        assert page.locator("#status.waiting").count() == 0
        assert page.locator("#result").get_attribute("aria-busy") is None
        held[0].abort()  # nobody waits for it any more


def test_without_names_the_ids_are_shown(page: Page, address: str) -> None:
    page.route("**/v1/categories", lambda route: refuse(route, 500))
    page.route("**/v1/model", lambda route: refuse(route, 500))
    page.goto(f"{address}/?again")
    ask(page, TITLE)
    assert shown(page, ".answer h2") == shown(page, ".answer .id")
    page.unroute_all()
    ask(page, "office chair")
    assert shown(page, ".answer h2") != shown(page, ".answer .id")


def test_a_key_is_asked_for_and_kept_in_the_tab_alone(browser: Browser, locked: str) -> None:
    with opened(browser, locked, refusals=True) as page:
        page.get_by_role("heading", name="This service asks for a key").wait_for()
        assert page.evaluate("document.activeElement.id") == "key-value"
        enter(page, TITLE)
        page.get_by_text("Paste the key that those who run the service gave you.").wait_for()
        page.get_by_label("API key").fill("aisle_wrong")
        page.get_by_label("API key").press("Enter")
        page.get_by_role("heading", name="The key was not accepted").wait_for()
        assert page.evaluate("sessionStorage.length") == 0
        page.get_by_label("API key").fill(KEY)
        page.get_by_label("API key").press("Enter")
        page.locator(".asked", has_text=TITLE).wait_for()  # the question waited for the key
        assert page.locator("#key").is_hidden()
        assert page.evaluate("Object.values(sessionStorage)") == [KEY]
        assert page.evaluate("localStorage.length + document.cookie.length") == 0
        assert page.get_by_text("What this model promises.").is_visible()
        assert KEY not in page.url
        page.reload()
        page.locator(".answer").wait_for()
        assert page.locator("#key").is_hidden()
        other = page.context.new_page()  # another tab of the same browser
        other.goto(locked)
        other.get_by_role("heading", name="This service asks for a key").wait_for()


def test_a_key_that_no_header_could_carry_is_asked_back(browser: Browser, locked: str) -> None:
    with opened(browser, locked, refusals=True) as page:
        page.locator("#key:not([hidden])").wait_for()
        for key, said in (("", "Paste the key first."), ("schlüssel", "A key holds no spaces and no letters")):
            page.get_by_label("API key").fill(key)
            page.get_by_label("API key").press("Enter")
            page.get_by_text(said).wait_for()
        assert page.evaluate("sessionStorage.length") == 0


def test_a_key_that_was_taken_back_is_asked_for_again(browser: Browser, locked: str) -> None:
    with opened(browser, locked, refusals=True) as page:
        page.evaluate("sessionStorage.setItem('aisle-key', 'aisle_old')")
        page.reload()
        page.get_by_role("heading", name="The key was not accepted").wait_for()
        assert page.evaluate("sessionStorage.length") == 0
