from __future__ import annotations

import argparse
import html.parser
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aisle.errors import DataError
from aisle.files import read_json, write_json
from commands import report
from pipelines.evaluate import main
from pipelines.report import words
from pipelines.report.drawing import PALETTE
from pipelines.report.figures import draw
from pipelines.report.files import read_evidence, write_page
from pipelines.report.page import render
from tests.pipelines.made_run import MadeRun

if TYPE_CHECKING:
    from playwright.sync_api import Page

SECTIONS = ("cost", "trust", "mistakes", "differ", "rare", "categories", "candidates", "data", "words")
HOSTILE = '<script>alert("1")</script> & $5 "ünïcode" 日本'


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of full size, evaluated."""
    made = MadeRun(tmp_path_factory.mktemp("report"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made.folder)
        main()
    return made.folder


@pytest.fixture(scope="module")
def evidence(run: Path) -> dict[str, Any]:
    return read_evidence(run / "work/evidence")


@pytest.fixture(scope="module")
def figures(evidence: dict[str, Any]) -> dict[str, str]:
    return {name: one.svg for name, one in draw(evidence, png=False).items()}


class Anchors(html.parser.HTMLParser):
    """What a page names, links to and loads; open and closing tags must fit."""

    void = frozenset({"meta", "link", "br", "img", "hr", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids += [found["id"]] if "id" in found else []
        if tag == "a":
            self.links.append(found["href"])
        elif "src" in found or "href" in found or "xlink:href" in found:
            self.loaded.append(found.get("src") or found.get("href") or found["xlink:href"])
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_its_contents_lead_somewhere(run: Path) -> None:
    page = Anchors((run / "work/report.html").read_text())
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert set(SECTIONS) <= {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_the_page_loads_nothing_from_elsewhere(run: Path) -> None:
    page = Anchors((run / "work/report.html").read_text())
    assert all(one.startswith(("#", "data:")) for one in page.loaded)


def test_the_summary_speaks_of_a_hundred_products(run: Path, evidence: dict[str, Any]) -> None:
    text = re.sub(r"<[^>]+>|\s+", " ", (run / "work/report.html").read_text())
    text = re.sub(r"\s+", " ", text)
    hundred = words.of_hundred(evidence)
    assert f"Of 100 new products, about {hundred['right'] + hundred['wrong']} are decided automatically" in text
    assert f"{hundred['people']} go to people" in text
    assert "at least 95 are right" in text
    assert f"{words.percent(evidence['glance']['accuracy']['value'])} of those were right" in text
    assert f"{words.interval(evidence['glance']['accuracy'])}" in text


def test_every_section_of_the_evidence_is_shown(run: Path) -> None:
    text = (run / "work/report.html").read_text()
    for said in (
        "perfect ordering", "hashed words, neural network", "What would one point of target accuracy more cost?",
        "almost surely right", "Leaves taken for each other", "shop-07.example", "yes, worse", "vowels dropped",
        "Sellers never seen", "Kinds never seen", "whole sellers", "policy.min_labels", "train.copies_of_rare",
        "What the certificate assumes", "Categories with fewer than 15 training labels: 64",
        "Warnings of the data check",
    ):  # fmt: skip
        assert said in text, said


def test_what_the_certificate_counts_is_said(evidence: dict[str, Any]) -> None:
    by_seller = {**evidence, "promise": {**evidence["promise"], "clusters": "seller"}}
    for shown, said, unsaid in (
        (evidence, "products are drawn one by one", "sellers are drawn one by one"),
        (by_seller, "sellers are drawn one by one", "products are drawn one by one"),
    ):
        page = render(shown, {name: one.svg for name, one in draw(shown).items()})
        assert said in page
        assert unsaid not in page


def test_names_are_shown_and_never_run(evidence: dict[str, Any]) -> None:
    hostile = {
        **evidence,
        "confusion": {**evidence["confusion"], "rows_of": [HOSTILE, *evidence["confusion"]["rows_of"][1:]]},
        "worst_pairs": [{**evidence["worst_pairs"][0], "true": HOSTILE, "titles": [HOSTILE]}],
        "slices": {**evidence["slices"], "found": [{**evidence["slices"]["found"][0], "name": HOSTILE}]},
        "categories": [{**evidence["categories"][0], "name": HOSTILE}],
        "validation": {"warnings": [{"text": HOSTILE, "rows": 3}]},
        "choice_reason": HOSTILE,
    }
    drawn = draw(hostile)
    page = render(hostile, {name: one.svg for name, one in drawn.items()})
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert") >= 6
    assert "$5" in page


def test_drawings_take_the_colours_of_the_page(figures: dict[str, str]) -> None:
    css = (Path(words.__file__).parent / "templates/page.css").read_text()
    for svg in figures.values():
        assert "viewBox" in svg[:300]
        assert 'role="img"' in svg[:300]
        assert not [colour for colour in PALETTE.values() if colour in svg]
        for name in set(re.findall(r"var\(--([a-z0-9]+)\)", svg)):
            assert css.count(f"--{name}:") == 3, name  # light, dark, print


def test_a_hundred_products_sum_to_a_hundred_and_hide_no_mistake() -> None:
    def evidence_of(*shares: float) -> dict[str, Any]:
        names = [("auto", True), ("auto", False), ("review", True), ("review", False)]
        rows = zip(names, shares, strict=True)
        return {"quadrants": [{"decision": d, "right": r, "of_all": {"value": share}} for (d, r), share in rows]}

    assert words.of_hundred(evidence_of(0.748, 0.002, 0.2, 0.05)) == {"right": 74, "wrong": 1, "people": 25}
    assert words.of_hundred(evidence_of(0, 0, 0.8, 0.2)) == {"right": 0, "wrong": 0, "people": 100}
    assert words.of_hundred(evidence_of(1, 0, 0, 0)) == {"right": 100, "wrong": 0, "people": 0}


@pytest.mark.parametrize(
    ("accuracy", "said"),
    [
        ((0.97, 0.96, 0.98), "confirm it"),
        ((0.96, 0.94, 0.98), "agree with it"),
        ((0.94, 0.92, 0.96), "a little below"),
        ((0.90, 0.88, 0.92), "speak against it"),
    ],
)
def test_the_test_products_are_read_honestly(accuracy: tuple[float, float, float], said: str) -> None:
    share = dict(zip(("value", "low", "high"), accuracy, strict=True))
    promise = {"kind": "target_accuracy", "target_accuracy": 0.95}
    assert said in words.against_target({"promise": promise, "glance": {"accuracy": share}})


def test_numbers_for_people() -> None:
    assert words.percent(0.96414) == "96.4 %"
    assert words.percent(None) == "–"
    assert words.exact(0.975) == "97.5 %"
    assert words.exact(0.95) == "95 %"
    assert words.interval({"low": 0.951, "high": 0.974}) == "95.1–97.4 %"
    assert words.interval({"low": None, "high": None}) == words.interval(None) == ""
    assert words.count(2104) == "2,104"


def test_the_command_renders_again_and_says_where(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(run)
    page = run / "work/report.html"
    before = page.read_bytes()
    page.unlink()
    assert report.run(argparse.Namespace(open=False)) is None
    assert capsys.readouterr().out == f"{page}\n"
    assert page.read_bytes() == before


def test_the_command_can_open_a_browser(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.chdir(run)
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    parser = argparse.ArgumentParser()
    report.add_arguments(parser)
    report.run(parser.parse_args(["--open"]))
    assert opened == [(run / "work/report.html").as_uri()]


def test_no_evidence_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"evidence\.json: no evidence there yet; run `dvc repro`"):
        write_page(tmp_path, tmp_path / "page.html")


def test_evidence_of_another_version_is_one_line(run: Path, tmp_path: Path) -> None:
    content = read_json(run / "work/evidence/evidence.json")
    for broken in ([], {}, {**content, "slices": None}, {**content, "glance": {}}):
        write_json(tmp_path / "evidence.json", broken)
        with pytest.raises(DataError, match=r"evidence\.json: not .*run `dvc repro -f evaluate`"):
            write_page(tmp_path, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 1200])
def test_a_browser_shows_it_without_complaint(run: Path, page: Page, scheme: Any, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto((run / "work/report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 24, 30)" if scheme == "dark" else "rgb(254, 254, 254)")
    assert page.locator("figure svg").count() == 4
    assert all(box["height"] > 100 for box in (one.bounding_box() for one in page.locator("figure svg").all()) if box)


def test_a_browser_sorts_the_categories(run: Path, page: Page) -> None:
    page.goto((run / "work/report.html").as_uri())
    page.locator("details summary").last.click()
    table = page.locator("details table.sortable")
    table.locator("th button", has_text="Test products").click()

    def sizes() -> list[float]:
        return [
            float(one)
            for one in table.locator("tbody td:nth-child(2)").evaluate_all("n => n.map(e => e.dataset.value)")
        ]

    assert sizes() == sorted(sizes())
    table.locator("th button", has_text="Test products").click()
    assert sizes() == sorted(sizes(), reverse=True)
    assert table.locator("th[aria-sort=descending]").count() == 1
