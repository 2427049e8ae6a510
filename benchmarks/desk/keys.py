"""Key strokes from a product shown to its answer stored, counted by the browser itself.

    python -m benchmarks.desk --only keys [--quick]

`keys.right`: the suggestion is right. `keys.wrong`: it is wrong, and the truth is among the alternatives,
each of them in turn. The worst product counts. Strokes are what the page's own window saw; an answer
is stored when the desk has confirmed it.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from aisle.errors import DataError
from benchmarks.desk.people import running_desk
from benchmarks.results import Result

if TYPE_CHECKING:
    from playwright.sync_api import Page

PRODUCTS, QUICK_PRODUCTS = 50, 10  # of each of the two
_PASSWORD = "keys of the benchmark, one by one"
_READ = 400  # ms before a hand moves
_PATIENCE = 5000  # ms until an answer must be stored
_COUNT = "window.strokes = 0; window.addEventListener('keydown', () => { window.strokes += 1; }, true);"


def key_rows(*, quick: bool) -> list[Result]:
    """The most strokes that a right and a wrong suggestion took."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise DataError("there is no browser; `apt-get install chromium` installs one")
    count = QUICK_PRODUCTS if quick else PRODUCTS
    with running_desk("sqlite", 1, 2 * count + 10, _PASSWORD) as desk, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=f"http://127.0.0.1:{desk.port}")
        page.add_init_script(_COUNT)
        page.goto("/log-in/?next=/label/")
        page.get_by_label("Name").fill("person0")
        page.get_by_label("Password").fill(_PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/label/")
        right = max(_strokes(page, None) for _ in range(count))
        wrong = max(_strokes(page, number % 5) for number in range(count))
        browser.close()
    return [
        Result("keys.right", f"suggestion right, worst of {count}", right, "key strokes", "≤ 1"),
        Result("keys.wrong", f"wrong, truth among the alternatives, worst of {count}", wrong, "key strokes", "≤ 2"),
    ]


def _strokes(page: Page, truth: int | None) -> int:
    """How many strokes one product takes: its suggestion is right, or its alternative number `truth`, from 0."""
    page.locator("#item:not([hidden]) #suggestion:not([hidden])").wait_for()
    title = page.locator("#title").inner_text()
    page.wait_for_timeout(_READ)
    page.evaluate("window.strokes = 0")
    if truth is None:
        category, keys = None, ["Enter"]
    else:
        button = page.locator("#alternatives button").nth(truth)
        category, keys = button.get_attribute("data-category"), [button.locator("kbd").inner_text()]
    with page.expect_response("**/api/answers", timeout=_PATIENCE) as caught:
        for key in keys:
            page.keyboard.press(key)
    response = caught.value
    said = response.request.post_data_json["category_id"]
    if response.status != 200 or said != (category or "c00"):
        raise AssertionError(f"'{title}' was stored as {said} with status {response.status}")
    return int(page.evaluate("window.strokes"))
