"""What tests of all rooms share: the real offers, a browser, a small catalogue.

What a machine may lack is asked for by a fixture that skips with the reason. With AISLE_REQUIRE_ALL
set, as in continuous integration, the same lack is a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hypothesis
import pytest

from commands.main import TELEMETRY_OFF

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
BROWSER_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def pytest_configure(config: pytest.Config) -> None:
    """Tell the tools not to report to their makers, before the first of them is imported.

    Drawn examples have no deadline, for a busy machine is no defect; where everything must be
    there, they are the same on every run, so that a change fails for what it changed.
    """
    os.environ.update(TELEMETRY_OFF)
    hypothesis.settings.register_profile("aisle", deadline=None, derandomize=bool(os.environ.get("AISLE_REQUIRE_ALL")))
    hypothesis.settings.load_profile("aisle")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers share two cores; more threads only wait


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first: none of them is left for one process when the others are done."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def lacking(reason: str) -> NoReturn:
    """Skip for `reason`, or fail where everything must be there."""
    if os.environ.get("AISLE_REQUIRE_ALL"):
        pytest.fail(f"AISLE_REQUIRE_ALL is set, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real offers: AISLE_REAL_DATA, or `../shared/data` beside the checkout."""
    folder = Path(os.environ.get("AISLE_REAL_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "wdc_gpc").is_dir():
        lacking(f"there are no real offers in {folder}; name their folder in AISLE_REAL_DATA")
    return folder


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The program of the browser."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return Path(found)
    lacking("there is no browser; `apt-get install chromium` installs one")


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """A headless browser that talks to nobody; its event loop must be gone before other modules run one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=BROWSER_OPTIONS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page without network; what it asks for from outside or complains about fails the test."""
    context = browser.new_context(offline=True)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "request",
        lambda request: complaints.append(request.url) if request.url.startswith(("http:", "https:")) else None,
    )
    yield opened
    context.close()
    assert not complaints


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample catalogue with labels of all origins; shared, so only to be read."""
    from aisle.catalogue.sample import write_sample

    folder = tmp_path_factory.mktemp("sample")
    write_sample(
        folder / "data", folder / "truth.parquet", products=1500, categories=60, branches=6, sellers=20, days=60
    )
    return folder / "data"
