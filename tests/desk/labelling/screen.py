"""A window of somebody who labels, for tests in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from desk.ledger.models import Answer

if TYPE_CHECKING:
    from playwright.sync_api import Page

READ = 300  # ms that somebody looks at a product; what comes quicker is taken for a slip
NO_CONNECTION = re.compile("ERR_INTERNET_DISCONNECTED|ERR_FAILED|status of 40[139]|status of 503")


class Screen:
    """A window of somebody who labels."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def shows(self, title: str) -> None:
        expect(self.page.locator("#title")).to_have_text(title)
        self.page.wait_for_timeout(READ)

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def stored(self, count: int = 1) -> list[Answer]:
        """All answers, once there are that many."""
        for _ in range(100):
            if Answer.objects.count() >= count:
                break
            self.page.wait_for_timeout(50)
        rows = list(Answer.objects.order_by("id"))
        assert len(rows) == count
        return rows
