"""The service on a port of its own, and its page in a browser that watches what the page says and asks for."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import uvicorn

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route
    from starlette.types import ASGIApp

# What Chromium itself writes for any answer of 400 or more, or none; no page can keep it from that.
_REFUSED = re.compile(r"Failed to load resource: (the server responded with a status of|net::ERR_)")


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The address of `app`, served on a free port of the own machine until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < until
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)


@contextmanager
def opened(browser: Browser, address: str, *, refusals: bool = False, **options: Any) -> Iterator[Page]:
    """A page in a fresh browser profile; a word in its console or a request to elsewhere fails.

    `refusals`: whether answers of 400 or more are part of what is tested.
    """
    context = browser.new_context(**options)
    complaints: list[str] = []

    def heard(text: str) -> None:
        if not (refusals and _REFUSED.match(text)):
            complaints.append(text)

    context.on("console", lambda message: heard(message.text))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("request", lambda request: None if _from(request.url) == address else complaints.append(request.url))
    page = context.new_page()
    try:
        page.goto(address)
        yield page
        page.wait_for_timeout(50)  # for words that come late
        assert complaints == []
    finally:
        page.unroute_all(behavior="ignoreErrors")
        context.close()


def _from(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def ask(page: Page, title: str) -> None:
    """Type a name, press Enter, wait for what comes."""
    page.get_by_label("Product name").fill(title)
    page.get_by_label("Product name").press("Enter")
    page.wait_for_function(
        "title => document.querySelector('#result:not([hidden]) .asked')?.textContent === title", arg=title
    )


def changed(page: Page, path: str, change: Callable[[Any], Any]) -> None:
    """Let the service answer at `path`, and change what it says before the page sees it."""

    def handle(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        route.fulfill(response=answer, body=json.dumps(change(content) or content))

    page.route(f"**{path}", handle)


def shown(page: Page, selector: str) -> list[str]:
    """The texts of what is in sight, white space joined."""
    return [" ".join(one.inner_text().split()) for one in page.locator(selector).all() if one.is_visible()]
