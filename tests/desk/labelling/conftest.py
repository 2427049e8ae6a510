"""The screen of labelling in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from desk.labelling import search
from tests.desk.labelling.screen import Screen

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser complains about; a test that expects something clears it."""
    found: list[str] = []
    yield found
    assert not found


@pytest.fixture
def window(
    browser: Browser, live_server: Any, client_of: Callable[..., Client], complaints: list[str]
) -> Iterator[Callable[..., Screen]]:
    """Open the screen: `window("labeller", "ada", width=360)`."""
    contexts = []
    search.forget()

    def open_screen(role: str = "labeller", name: str = "", path: str = "/label/", **more: Any) -> Screen:
        size = {"width": more.pop("width", 1280), "height": more.pop("height", 800)}
        context = browser.new_context(viewport=size, base_url=live_server.url, **more)  # type: ignore[arg-type]
        contexts.append(context)
        session = client_of(role, name).cookies["session"].value
        context.add_cookies([{"name": "session", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda one: complaints.append(one.text) if one.type in ("error", "warning") else None)
        page.on("pageerror", lambda one: complaints.append(str(one)))
        page.on(
            "request",
            lambda one: complaints.append(one.url) if not one.url.startswith((live_server.url, "data:")) else None,
        )
        page.goto(path)
        return Screen(page)

    yield open_screen
    for context in contexts:
        for opened in context.pages:
            opened.goto("about:blank")
            opened.wait_for_timeout(200)  # what is under way at the desk ends before its tables are emptied
        context.close()
