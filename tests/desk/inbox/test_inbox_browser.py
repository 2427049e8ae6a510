from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from desk.inbox.intake import receive
from desk.inbox.models import Upload
from desk.inbox.scoring import score_waiting
from desk.people.models import Person
from tests.desk.conftest import PASSWORD
from tests.desk.inbox.service import Service, product

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("configuration")]


@pytest.fixture
def inbox(browser: Browser, live_server: Any, person: Callable[..., Person]) -> Iterator[Page]:
    """The Inbox page of a business owner, whose time goes on by `page.clock` alone."""
    person("business")
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    page.goto("/log-in/")
    page.get_by_label("Name").fill("business")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/")
    upload("first.csv")
    receive([product("a", "bad one")], timezone.now())
    score_waiting(Service().client())
    page.clock.install()
    page.goto("/inbox/")
    yield page
    context.close()


def upload(name: str) -> Upload:
    return Upload.objects.create(
        name=name, kind="csv", bytes=9, person=Person.objects.get(), created_at=timezone.now(), state="done",
        counts={"stored": 1},
    )  # fmt: skip


def later(page: Page) -> None:
    page.clock.fast_forward(dt.timedelta(seconds=6).seconds * 1000)


@pytest.mark.parametrize("name", ["first.csv", "Try refused ones again"])
def test_what_is_shown_changes_without_taking_the_keyboard_away(inbox: Page, name: str) -> None:
    control = inbox.get_by_role("link" if name.endswith("csv") else "button", name=name)
    control.focus()
    control.evaluate("element => { window.kept = element; }")
    upload("second.csv")
    receive([product("b", "bad"), product("c", "Drill")], timezone.now())
    score_waiting(Service().client())
    later(inbox)
    inbox.get_by_role("link", name="second.csv").wait_for()
    assert inbox.evaluate("document.activeElement === window.kept && window.kept.isConnected")
    assert control.count() == 1
    rows = inbox.locator("section[data-key=files] tbody tr td.head").all_inner_texts()
    assert rows == ["second.csv", "first.csv"]
    assert inbox.locator("section[data-key=refused] tbody tr").count() == 2
    assert inbox.get_by_text("Scored").first.is_visible()
    Upload.objects.filter(name="second.csv").delete()
    later(inbox)
    inbox.get_by_role("link", name="second.csv").wait_for(state="detached")
    assert inbox.evaluate("document.activeElement === window.kept")


def test_numbers_that_grow_old_are_said(inbox: Page) -> None:
    stale = inbox.locator("#stale")
    assert stale.is_hidden()
    cookies = inbox.context.cookies()
    inbox.context.clear_cookies()
    later(inbox)
    stale.wait_for()
    assert "Your session has ended. What is shown is of" in stale.inner_text()
    assert inbox.get_by_role("link", name="Log in again").get_attribute("href") == "/log-in/?next=/inbox/"
    inbox.context.add_cookies(cookies)  # as somebody who logged in in another tab
    later(inbox)
    stale.wait_for(state="hidden")
    inbox.context.set_offline(True)
    later(inbox)
    stale.wait_for()
    assert "The desk cannot be reached. What is shown is of" in stale.inner_text()
    inbox.context.set_offline(False)
    later(inbox)
    stale.wait_for(state="hidden")


def test_refused_products_are_tried_again_by_the_keyboard(inbox: Page) -> None:
    later(inbox)
    inbox.get_by_role("button", name="Try refused ones again").focus()
    inbox.keyboard.press("Enter")
    inbox.get_by_text("1 product goes to the service again.").wait_for()


def test_the_page_of_a_file_follows_it_to_its_end(inbox: Page) -> None:
    one = upload("going.csv")
    Upload.objects.filter(pk=one.pk).update(state="checking", read=3, counts={})
    inbox.goto(f"/inbox/upload/{one.pk}/")
    back = inbox.get_by_role("link", name="Inbox").last
    back.focus()
    Upload.objects.filter(pk=one.pk).update(state="storing", read=6)
    later(inbox)
    inbox.get_by_text("Storing", exact=True).wait_for()
    assert inbox.locator("progress").get_attribute("value") == "6"
    Upload.objects.filter(pk=one.pk).update(state="done", counts={"stored": 1234}, finished_at=timezone.now())
    later(inbox)
    inbox.get_by_text("1,234").wait_for()
    assert inbox.locator("progress").count() == 0
    assert back.evaluate("element => element === document.activeElement")
