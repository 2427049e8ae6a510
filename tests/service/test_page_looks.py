"""The try-it page as people see it: on screens of all widths, light and dark, with and without motion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from service.app import make_app
from service.engine import Engine
from service.settings import Settings
from tests.service.opened_page import ask, changed, opened, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

TITLE = "hammer drill 18v with case"
READABLE, LARGE, VISIBLE = 4.5, 3.0, 3.0  # contrasts that WCAG 2.2 asks for at level AA: text, large text, edges

# Of each element in sight that holds text of its own: colour, what it lies on, size and weight.
TEXTS = """() => [...document.querySelectorAll('body *')]
  .filter(one => one.checkVisibility() && [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())
    && !one.closest('[role=status]:not(.waiting, .said)'))
  .map(one => [one.textContent.trim().slice(0, 40), getComputedStyle(one).color, under(one),
    parseFloat(getComputedStyle(one).fontSize), +getComputedStyle(one).fontWeight])"""
EDGES = """() => [...document.querySelectorAll('input, textarea')].filter(one => one.checkVisibility())
  .map(one => [one.id, getComputedStyle(one).borderTopColor, under(one.parentElement)])"""
UNDER = """window.under = one => {
  for (let at = one; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour !== 'rgba(0, 0, 0, 0)') return colour;
  }
}"""


@pytest.fixture(scope="module")
def address(engine: Engine) -> Iterator[str]:
    with serving(make_app(engine, Settings(), None)) as url:
        yield url


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`, as WCAG defines it; a colour that lets others through fails."""
    assert colour.startswith("rgb(")
    channels = [int(part) / 255 for part in colour[4:-1].split(",")]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def too_faint(page: Page) -> list[tuple[Any, ...]]:
    page.evaluate(UNDER)
    found = []
    for text, colour, under, size, weight in page.evaluate(TEXTS):
        large = size >= 24 or (size >= 18.66 and weight >= 700)
        if contrast(colour, under) < (LARGE if large else READABLE):
            found.append((text, colour, under, contrast(colour, under)))
    for name, colour, under in page.evaluate(EDGES):
        if contrast(colour, under) < VISIBLE:
            found.append((name, colour, under, contrast(colour, under)))
    return found


def test_contrast_is_computed_as_defined() -> None:
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(118, 118, 118)", "rgb(255, 255, 255)") == pytest.approx(4.54, abs=0.01)


def deciding(decision: str) -> Callable[[Any], None]:
    def decide(content: Any) -> None:
        content["explanations"][0]["decision"] = decision

    return decide


def refusing(status: int) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, json={})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read(browser: Browser, address: str, scheme: Any) -> None:
    with opened(browser, address, color_scheme=scheme, refusals=True) as page:
        page.locator("#promise b").wait_for()
        page.evaluate(UNDER)
        dark = luminance(page.evaluate("under(document.body)")) < 0.2
        assert dark == (scheme == "dark")
        page.get_by_text("More about the product").click()
        assert too_faint(page) == []
        for decision in ("auto", "review"):
            changed(page, "/v1/explain", deciding(decision))
            ask(page, f"{TITLE} {decision}")
            assert too_faint(page) == []
        for status in (500, 401):
            page.route("**/v1/explain", refusing(status))
            page.get_by_role("button", name="Categorize").press("Enter")
            page.locator("#problem h2, #key h2").locator("visible=true").wait_for()
            assert too_faint(page) == []
        page.get_by_label("Product name").fill("")
        page.get_by_label("Product name").press("Enter")
        assert too_faint(page) == []


@pytest.mark.parametrize("width", [320, 390, 768, 1200])
def test_it_fits_the_screen(browser: Browser, address: str, width: int) -> None:
    long = "x" * 300

    def widen(content: Any) -> None:
        (one,) = content["explanations"]
        one["doubt"] = long
        one["spoke_for"] = [{"field": "seller_category", "text": long, "contribution": 123.456}]
        one["nearest"] = [{"product_id": long, "title": long, "category_id": long, "similarity": 1.0}]

    with opened(browser, address, viewport={"width": width, "height": 800}, has_touch=width < 700) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.get_by_text("More about the product").click()
        changed(page, "/v1/explain", widen)
        ask(page, "y" * 900)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        beyond = "all => all.filter(one => one.getBoundingClientRect().right > innerWidth).map(one => one.className)"
        assert page.locator("#result *").evaluate_all(beyond) == []


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_people_who_asked_for_that(browser: Browser, address: str, motion: Any) -> None:
    with opened(browser, address, reduced_motion=motion) as page:
        held: list[Any] = []
        page.route("**/v1/explain", lambda route: held.append(route))
        page.get_by_label("Product name").fill(TITLE)
        page.get_by_label("Product name").press("Enter")
        page.locator("#status.waiting").wait_for()
        moving = page.evaluate("document.getAnimations().filter(one => one.playState === 'running').length")
        assert (moving > 0) == (motion == "no-preference")
        held[0].continue_()
        page.locator(".answer").wait_for()
        page.wait_for_timeout(300)
        assert page.evaluate("document.getAnimations().length") == 0
