"""The page in a browser: readable on a phone and on a desk, without a word from outside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from expectations.catalogue import CatalogueResult
from expectations.page import render
from expectations.validation import validate_table

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_the_screen_and_says_red_first(
    width: int, page: Page, tmp_path: Path, sound: dict[str, pd.DataFrame], parameters: dict[str, Any]
) -> None:
    products = sound["products"].assign(
        title="<br>" * 40, price=-1.0, product_id=[f"shop.example:{'9' * 30}{i}" for i in range(6)]
    )
    result = CatalogueResult(Path("data"), [validate_table("products", products, parameters)])
    file = tmp_path / "page.html"
    file.write_text(render(result), encoding="utf-8")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    verdict = page.locator(".verdict")
    assert verdict.locator("strong").inner_text() == "✗ 2 rules broken: the graph stops here"
    box = verdict.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 400
    assert page.locator("article.card.bad").count() == 2
