"""The page of the replay in a browser: it fits, it can be read, it takes the colours of its reader."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aisle.audit.replay.settings import REGIMES, ReplaySettings
from monitoring.replay_page.page import write_page
from tests.monitoring.made_rounds import made_rounds

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Of each drawing: the words that stick out of it, and pairs of words that lie over each other.
CROWDED = """
() => [...document.querySelectorAll("figure svg")].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  const words = [...svg.querySelectorAll("text")].map(
    text => ({said: text.textContent, box: text.getBoundingClientRect()}));
  const out = words.filter(({box}) => box.left < frame.left - 1 || box.right > frame.right + 1
    || box.top < frame.top - 1 || box.bottom > frame.bottom + 1).map(({said}) => "out: " + said);
  const over = words.flatMap((a, n) => words.slice(n + 1).filter(b =>
    Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 1.5
    && Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top)
      > 0.35 * Math.min(a.box.height, b.box.height)
  ).map(b => "over: " + a.said + " / " + b.said));
  return [...out, ...over];
})
"""
SMALLEST = """
() => Math.min(...[...document.querySelectorAll("figure svg text")].map(
  text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("replay") / "replay.html"
    write_page(path, made_rounds(), ReplaySettings(), "data")
    return path.as_uri()


@pytest.mark.parametrize("width", [320, 390, 800, 1200, 2000])
def test_the_page_fits(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CROWDED) == []
    assert page.evaluate(SMALLEST) >= 7.5


def test_lines_that_end_together_keep_their_names_apart(page: Page, tmp_path: Path) -> None:
    alike: dict[str, Any] = {"believed": 0.92, "true_accuracy": 0.92, "flow_accuracy": 1.0, "model_label_share": 0.0}
    rounds = [dataclasses.replace(one, **alike, oracle_coverage=one.coverage) for one in made_rounds()]
    write_page(tmp_path / "replay.html", rounds, ReplaySettings(), "data")
    page.goto((tmp_path / "replay.html").as_uri())
    assert page.evaluate(CROWDED) == []


@pytest.mark.parametrize("rounds", [1, 7, 40])
def test_short_and_long_replays_can_be_read(page: Page, tmp_path: Path, rounds: int) -> None:
    regimes = ("everything", "representative")
    settings = ReplaySettings(seeds=(0,), regimes=regimes, rounds=rounds, cap=12000)
    write_page(tmp_path / "replay.html", made_rounds(regimes, rounds, (0,), 12000), settings, "data")
    page.goto((tmp_path / "replay.html").as_uri())
    assert page.evaluate(CROWDED) == []


def test_dark_and_light(page: Page, address: str) -> None:
    ink = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(address)
        ink[scheme] = page.locator(".panel svg text").first.evaluate("text => getComputedStyle(text).fill")
        paper = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
        assert ink[scheme] != paper
    assert ink["light"] != ink["dark"]


def test_printed_it_is_light_and_whole(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 720, "height": 1000})
    page.emulate_media(color_scheme="dark", media="print")
    page.goto(address)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(254, 254, 254)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    assert page.locator("figure svg").evaluate_all("all => all.every(one => one.checkVisibility())")


def test_a_reader_of_the_screen_hears_what_is_drawn(page: Page, address: str) -> None:
    page.goto(address)
    for name in REGIMES:
        assert page.get_by_role("img", name=f"Believed and true accuracy by round, regime {name}").count() == 1
    assert page.get_by_role("img", name="What was true: 20 of 100 automatic decisions wrong").count() == 1
    headings = page.locator("h1, h2, h3").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
    assert headings[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))
