"""The try-it page in a browser, before the real service: what it shows, and how it is used."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from service.app import make_app
from service.engine import Engine
from service.settings import Settings
from service.static import PATHS
from tests.service.opened_page import ask, changed, opened, serving, shown

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

TITLE = "hammer drill 18v with case"
HOSTILE = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>&amp;\u202e"


@pytest.fixture(scope="module")
def address(engine: Engine) -> Iterator[str]:
    with serving(make_app(engine, Settings(), None)) as url:
        yield url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address, viewport={"width": 1200, "height": 900}) as one:
        yield one


def explained(address: str, **product: Any) -> dict[str, Any]:
    """What the service itself says, asked without the page."""
    answer = httpx.post(f"{address}/v1/explain", json={"products": [product], "neighbours": 5}, trust_env=False)
    found: dict[str, Any] = answer.raise_for_status().json()["explanations"][0]
    return found


def sent(request: Request) -> dict[str, Any]:
    """The one product that the page asked about."""
    (product,) = (request.post_data_json or {})["products"]
    return {name: value for name, value in product.items() if value is not None}


def names(address: str) -> dict[str, str]:
    tree = httpx.get(f"{address}/v1/categories", trust_env=False).json()
    return dict(zip(tree["category_id"], tree["name"], strict=True))


def test_the_answer_is_what_the_service_says(page: Page, address: str) -> None:
    said, name = explained(address, title=TITLE), names(address)
    ask(page, TITLE)
    assert shown(page, ".answer h2") == [name[said["category_id"]]]
    assert shown(page, ".answer .id") == [said["category_id"]]
    assert shown(page, ".band") == [said["band"]]
    assert float(shown(page, ".number")[0].strip("<> %")) == pytest.approx(100 * said["confidence"], abs=0.051)
    assert shown(page, ".pill") == ["Automatic" if said["decision"] == "auto" else "Review"]
    assert shown(page, ".reason") == [said["reason_text"]]
    assert len(shown(page, ".doubt")) == (said["doubt"] is not None)
    assert shown(page, ".branch > .bar .name") == [name[one["branch_id"]] for one in said["branches"]][:12]
    leaves = [name[one["category_id"]] for one in said["leaves"]]
    assert (
        page.locator(".leaf:not(.rest) > .bar .name").evaluate_all("all => all.map(one => one.firstChild.data)")
        == leaves
    )
    words = page.locator(".voices.for bdi").all_text_contents()
    assert words == [one["text"] for one in said["spoke_for"]][:6]
    assert words
    assert all(text.startswith("+") for text in shown(page, ".voices.for .share"))
    assert all(text.startswith("−") for text in shown(page, ".voices.against .share"))


def test_labelled_products_like_it_are_shown_with_their_category(page: Page, address: str) -> None:
    name, said = names(address), explained(address, title=TITLE)
    other = next(one["category_id"] for one in said["leaves"] if one["category_id"] != said["category_id"])

    def compare(content: Any) -> None:
        content["explanations"][0]["nearest"] = [
            {"product_id": "p1", "title": "Norvex drill", "category_id": said["category_id"], "similarity": 0.424},
            {"product_id": "p2", "title": "Norvex saw", "category_id": other, "similarity": 1.0},
        ]

    ask(page, "office chair")
    assert shown(page, ".labelled") == []
    assert page.get_by_text("This model compares no products, or knows none like this.").is_visible()
    changed(page, "/v1/explain", compare)
    ask(page, TITLE)
    branch = name[said["branch_id"]]
    assert shown(page, ".labelled") == [
        f"Norvex drill {branch} › {name[said['category_id']]} same category 42 % alike",
        f"Norvex saw {branch} › {name[other]} 100 % alike",
    ]


def test_many_words_fold(page: Page) -> None:
    def speak(content: Any) -> None:
        words = [{"field": "title", "text": f"word{number}", "contribution": 1 / number} for number in range(1, 13)]
        content["explanations"][0] |= {"spoke_for": words, "spoke_against": []}

    changed(page, "/v1/explain", speak)
    ask(page, TITLE)
    assert len(shown(page, ".voice")) == 6
    assert shown(page, ".voices.for .share")[:2] == ["+1.00", "+0.50"]
    page.get_by_role("button", name="Show all 12 words").click()
    assert len(shown(page, ".voice")) == 12


def test_a_model_that_weighs_no_words_says_so(page: Page) -> None:
    changed(page, "/v1/explain", lambda content: content["explanations"][0].update(spoke_for=[], spoke_against=[]))
    ask(page, TITLE)
    assert page.get_by_text("This model does not weigh words one by one, or knows none of these.").is_visible()


def test_bars_are_as_long_as_the_probabilities(page: Page, address: str) -> None:
    said = explained(address, title=TITLE)
    ask(page, TITLE)
    width = "all => all.map(one => one.firstElementChild.offsetWidth / one.offsetWidth)"
    shares = page.locator(".branch > .bar .track").evaluate_all(width)
    expected = [one["probability"] for one in said["branches"]]
    assert shares[: len(expected)] == pytest.approx(expected[: len(shares)], abs=0.02)
    fill, mark = (page.locator(f".scale .{one}").bounding_box() for one in ("fill", "mark"))
    scale = page.locator(".scale").bounding_box()
    assert scale is not None
    assert fill is not None
    assert fill["width"] / scale["width"] == pytest.approx(said["confidence"], abs=0.02)
    if said["threshold"] is not None:
        assert mark is not None
        assert (mark["x"] + 1.5 - scale["x"]) / scale["width"] == pytest.approx(said["threshold"], abs=0.01)


def test_the_foot_says_who_answers_and_what_is_promised(page: Page, address: str) -> None:
    model = httpx.get(f"{address}/v1/model", trust_env=False).json()
    page.locator("#promise").filter(has_text=model["promise"]).wait_for()
    foot = shown(page, "#identity")[0]
    assert f"version {model['model']['version']}" in foot
    assert model["model"]["policy_id"] in foot
    assert (
        page.get_by_role("link", name="How to call this service").evaluate("link => link.href")
        == f"{address}/docs.json"
    )


def test_everything_works_from_the_keyboard(page: Page) -> None:
    page.keyboard.type(TITLE)  # the name has the focus from the start
    met = []
    for _ in range(40):
        page.keyboard.press("Tab")
        met.append(page.evaluate("(document.activeElement.id || document.activeElement.textContent).trim()"))
        if met[-1] == "More about the product":
            break
    assert met[:2] == ["Categorize", "hammer drill 18v with case"]
    page.keyboard.press("Enter")
    for field, text in (
        ("description", "a tool"), ("brand", "Norvex"), ("seller", "s1"), ("seller_category", "Tools"),
        ("price", "49,90"), ("currency", "EUR"),
    ):  # fmt: skip
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == field
        page.keyboard.type(text)
    assert shown(page, "summary") == ["More about the product (6 filled in)"]
    with page.expect_request("**/v1/explain") as asked:
        page.keyboard.press("Enter")
    assert sent(asked.value) == {
        "title": TITLE, "description": "a tool", "brand": "Norvex", "seller": "s1", "seller_category": "Tools",
        "price": 49.9, "currency": "EUR",
    }  # fmt: skip
    page.locator(".answer").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Copy link"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_people_who_do_not_see_it_are_told(page: Page) -> None:
    ask(page, TITLE)
    status = page.get_by_role("status").first.text_content() or ""
    assert shown(page, ".answer h2")[0] in status
    assert shown(page, ".number")[0].rstrip(" %") in status
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input, textarea')].filter(one => !one.labels.length).map(one => one.className)"
    )
    assert unnamed == ["link"]  # named by aria-label, and there only where the clipboard refuses
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].filter(one => one.checkVisibility()).map(one => +one.tagName[1])"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_ctrl_enter_in_the_description_asks(page: Page) -> None:
    page.get_by_label("Product name").fill(TITLE)
    page.get_by_text("More about the product").click()
    page.get_by_label("Description").press_sequentially("one\ntwo")
    with page.expect_request("**/v1/explain") as asked:
        page.get_by_label("Description").press("Control+Enter")
    assert sent(asked.value)["description"] == "one\ntwo"
    page.locator(".answer").wait_for()


def test_an_example_is_a_name_alone(page: Page) -> None:
    chips = page.locator("#examples button")
    chips.nth(4).wait_for()
    of_the_catalogue = chips.all_text_contents()[4:]
    leaves = set(names(page.url.split("#")[0].rstrip("/")).values())
    assert of_the_catalogue
    assert set(of_the_catalogue) <= leaves
    page.get_by_text("More about the product").click()
    page.get_by_label("Brand").fill("Norvex")
    with page.expect_request("**/v1/explain") as asked:
        chips.nth(1).click()
    assert sent(asked.value) == {"title": "fold-out sofa for 2 persons"}
    page.locator(".answer").wait_for()


PRODUCT = {
    "title": "50% off & more: ünïcode #1 + 日本", "description": "two\nlines", "brand": "B&Q", "seller": "s=1",
    "seller_category": "Tools > Drills", "price": "4.99", "currency": "€",
}  # fmt: skip


def test_an_answer_is_shared_by_its_address(page: Page, browser: Browser, address: str) -> None:
    page.get_by_text("More about the product").click()
    for field, text in PRODUCT.items():
        page.locator(f"#{field}").fill(text)
    page.get_by_label("Product name").press("Enter")
    page.locator(".answer").wait_for()
    assert page.evaluate("history.length") == 2  # about:blank and the page: no step was added
    link, number = page.url, shown(page, ".number")
    assert link.startswith(f"{address}/#title=50%25+off+%26+more")
    with opened(browser, address) as other:
        other.goto(link)
        other.locator(".answer").wait_for()
        assert {field: other.locator(f"#{field}").input_value() for field in PRODUCT} == PRODUCT
        assert shown(other, ".number") == number
        assert other.url == link


def test_another_fragment_is_another_question(page: Page) -> None:
    ask(page, TITLE)
    page.evaluate("location.hash = '#title=office+chair'")
    page.locator(".asked", has_text="office chair").wait_for()
    page.evaluate("location.hash = '#elsewhere'")
    assert page.get_by_label("Product name").input_value() == "office chair"


def test_copy_link(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, TITLE)
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_without_a_clipboard_the_link_is_there_to_copy(page: Page) -> None:
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    ask(page, TITLE)
    page.get_by_role("button", name="Copy link").click()
    assert page.get_by_label("Link to this answer").input_value() == page.url
    assert page.evaluate("getSelection().toString()") == page.url


def test_text_is_never_read_as_html(page: Page, address: str) -> None:
    def poison(content: Any) -> None:
        (one,) = content["explanations"]
        one |= {"reason_text": HOSTILE, "doubt": HOSTILE, "band": HOSTILE}
        one["spoke_for"] = one["spoke_against"] = [{"field": HOSTILE, "text": HOSTILE, "contribution": 1.0}]
        one["nearest"] = [{"product_id": HOSTILE, "title": HOSTILE, "category_id": HOSTILE, "similarity": 0.5}]

    def poison_names(content: Any) -> None:
        content["name"] = [HOSTILE] * len(content["name"])

    changed(page, "/v1/explain", poison)
    changed(page, "/v1/categories", poison_names)
    changed(page, "/v1/model", lambda content: content | {"promise": HOSTILE})
    page.goto(f"{address}/?again")
    ask(page, HOSTILE)
    assert page.locator("#result img, #result script, footer img, footer script").count() == 0
    for part in (".asked", ".answer h2", ".band", ".reason", ".doubt", ".labelled bdi", "#promise"):
        assert HOSTILE in (page.locator(part).first.text_content() or "")
    assert page.title() == f"{HOSTILE} · Aisle"


def test_many_branches_fold_but_the_suggested_one_stays(page: Page) -> None:
    def lengthen(content: Any) -> None:
        (one,) = content["explanations"]
        suggested = [branch for branch in one["branches"] if branch["branch_id"] == one["branch_id"]]
        made = [{"branch_id": f"made-{number}", "probability": 0.02} for number in range(30)]
        one["branches"] = made + suggested

    changed(page, "/v1/explain", lengthen)
    ask(page, TITLE)
    rows = page.locator(".branch:visible")
    assert rows.count() == 13
    assert page.locator(".branch.suggested .leaf").first.is_visible()
    page.get_by_role("button", name="Show all 31 branches").press("Enter")
    assert rows.count() == 31
    page.get_by_role("button", name="Show fewer").press("Enter")
    assert rows.count() == 13


def test_a_confidence_just_below_the_threshold_does_not_look_equal(page: Page) -> None:
    def tighten(content: Any) -> None:
        content["explanations"][0] |= {"confidence": 0.78996, "threshold": 0.79004, "decision": "review"}

    changed(page, "/v1/explain", tighten)
    ask(page, TITLE)
    assert shown(page, ".number") == ["78.996 %"]
    assert shown(page, ".threshold") == ["threshold 79.004 %"]


def test_where_people_always_decide_there_is_no_threshold(page: Page) -> None:
    changed(page, "/v1/explain", lambda content: content["explanations"][0].update(threshold=None, rival_id=None))
    ask(page, TITLE)
    assert shown(page, ".threshold") == ["no threshold: people always decide here"]
    assert page.locator(".scale .mark").count() == 0


def test_a_policy_for_branches_shows_the_confidence_it_decides_by(page: Page, address: str) -> None:
    changed(page, "/v1/model", lambda content: content["policy"].update(level="branch"))
    changed(page, "/v1/explain", lambda content: content["explanations"][0].update(branch_confidence=0.91234))
    page.goto(f"{address}/?again")
    ask(page, TITLE)
    assert shown(page, ".number") == ["91.2 %"]
    assert shown(page, ".sure .label") == ["Confidence in the branch"]


def test_names_are_asked_for_once_and_again_when_another_model_answers(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    ask(page, TITLE)
    assert "categories" not in asked
    changed(page, "/v1/explain", lambda content: content["model"].update(version="next"))
    changed(
        page,
        "/v1/categories",
        lambda content: (
            content | {"model": content["model"] | {"version": "next"}, "name": ["new"] * len(content["name"])}
        ),
    )
    ask(page, "office chair")
    assert shown(page, ".answer h2") == ["new"]
    ask(page, TITLE)
    assert asked.count("categories") == 1


def test_what_the_browser_holds_is_only_asked_about(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        statuses: list[int] = []
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.responseReceivedExtraInfo", lambda one: statuses.append(one["statusCode"]))
        page.locator("#promise b").wait_for()
        page.reload()
        page.locator("#promise b").wait_for()
        page.wait_for_timeout(100)
        assert statuses == [304] * len(statuses)
        assert len(statuses) >= len(PATHS)
