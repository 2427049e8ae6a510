from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dvc_render.html import render_html
from dvc_render.vega import VegaRenderer

from pipelines.report import plots_template

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
POINTS = [{"rev": "workspace", "coverage": str(one / 10), "accuracy": str(1 - one / 100)} for one in range(1, 11)]


def test_the_committed_page_is_what_the_program_writes() -> None:
    assert (ROOT / plots_template.TARGET).read_text(encoding="utf-8") == plots_template.page()


def test_it_is_small_enough_to_keep() -> None:
    assert (ROOT / plots_template.TARGET).stat().st_size < 1.5e6


def test_dvc_fills_it_and_a_browser_draws_it_without_network(tmp_path: Path, page: Page) -> None:
    plot = VegaRenderer(POINTS, "curve", x="coverage", y="accuracy", template="linear")
    target = render_html([plot], tmp_path / "index.html", html_template=ROOT / plots_template.TARGET)
    assert "cdn" not in Path(target).read_text(encoding="utf-8")
    page.goto(Path(target).as_uri())
    page.locator("#curve svg").first.wait_for()
    assert page.locator("#curve path").count() > 1


def test_a_library_that_dvc_would_break_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda snippet, version: "x = '{plot_divs}'")
    with pytest.raises(Exception, match="holds a mark"):
        plots_template.page()
