from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from desk.ledger.models import Event
from desk.people.models import Person
from desk.quality.files import TABLES
from desk.quality.models import Terms, terms
from tests.desk.quality.ledger import answer, audits, product, task

pytestmark = pytest.mark.django_db
People = Callable[..., Person]
Clients = Callable[..., Client]
ADDRESSES = ("/quality/", "/quality/terms/", "/quality/csv/sellers/", "/quality/alarms/")


@pytest.fixture(autouse=True)
def _tree(tree: Path) -> None:
    """Names of categories."""


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(("role", "status"), [("labeller", 403), ("business", 200), ("reviewer", 200)])
def test_business_owners_may_look_and_labellers_not(client_of: Clients, address: str, role: str, status: int) -> None:
    assert client_of(role).get(address).status_code == status


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_log_in_first(client: Client, address: str) -> None:
    assert client.get(address).status_code == 302


def text_of(client: Client, address: str = "/quality/") -> str:
    response = client.get(address)
    assert response.status_code == 200
    page = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", page)


@pytest.mark.parametrize("window", ["7", "30", "90", "all", "", "x'"])
def test_an_empty_ledger_has_a_page(client_of: Clients, window: str) -> None:
    text = text_of(client_of("business"), f"/quality/?window={window}")
    assert "Nothing decided yet" in text
    assert "nan" not in text.lower()


def test_without_audits_nothing_is_claimed(client_of: Clients) -> None:
    product("a", drawn=False)
    text = text_of(client_of("business"))
    assert "Not known yet" in text
    assert "100.0 % right" not in text
    assert "nan" not in text.lower().replace("finance", "")


def test_few_audits_show_the_interval_first(client_of: Clients, person: People) -> None:
    audits(person("labeller", "zoe"), 8)
    text = text_of(client_of("business"))
    assert "63.1 to 100.0 % right 100.0 % in 8 audits" in text
    assert "Promised 93 %: not known yet" in text


def test_many_audits_keep_or_break_the_promise(client_of: Clients, person: People) -> None:
    audits(person("labeller", "zoe"), 60, 0)
    client = client_of("business")
    Terms.objects.create(pk=1, promised=90)
    assert "Promised 90 %: kept" in text_of(client)
    audits(person("labeller", "zoe"), 20, 40, person("labeller", "max"))
    text = text_of(client)
    assert "Promised 90 %: broken" in text
    assert "40 automatic decisions found wrong" in text


def test_the_worst_pairs_lead_to_their_products(client_of: Clients, person: People) -> None:
    audits(person("labeller", "zoe"), 1, 1, person("labeller", "max"), title="A <b>bold</b> drill")
    page = client_of("business").get("/quality/").content.decode()
    wrong = re.findall(r'<a href="(/products/\d+/)">A &lt;b&gt;bold&lt;/b&gt; drill</a>', page)
    assert len(wrong) == 2  # the pair and the change
    assert "<b>bold" not in page
    assert re.search(r"Tools › Drills <span[^>]*>→</span> Tools › Saws", page)
    assert client_of("business").get(wrong[0]).status_code == 200


def test_the_page_runs_and_loads_nothing_of_others(client_of: Clients, person: People) -> None:
    audits(person("labeller", "zoe"), 3, 2, person("labeller", "max"))
    response = client_of("reviewer").get("/quality/")
    page = response.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page)
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert page.count('role="img"') == 4
    assert "unsafe-inline" not in response.headers["Content-Security-Policy"]


def rows_of(client: Client, name: str) -> list[dict[str, str]]:
    response = client.get(f"/quality/csv/{name}/?window=30")
    assert response.status_code == 200
    assert "attachment" in response.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_every_table_is_a_file(client_of: Clients, person: People) -> None:
    audits(person("labeller", "zoe"), 8, 2, person("labeller", "max"))
    client = client_of("business")
    rows = {name: rows_of(client, name) for name in TABLES}
    assert len(rows["days"]) == 30
    assert [(one["id"], one["products"], one["accuracy"], one["wrong"]) for one in rows["sellers"]] == [
        ("shop", "10", "0.8", "2")
    ]
    assert rows["branches"][0]["name"] == "Tools"
    assert rows["models"][0]["automatic"] == "10"
    assert [(one["decided"], one["right"], one["audits"]) for one in rows["pairs"]] == [
        ("Tools › Drills", "Tools › Saws", "2")
    ]
    assert len(rows["changes"]) == 2
    assert client.get("/quality/csv/people/").status_code == 404


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", " =1", "＝1"])
def test_no_cell_of_a_file_is_a_formula(client_of: Clients, person: People, evil: str) -> None:
    audits(person("labeller", "zoe"), 0, 1, person("labeller", "max"), seller=evil, title=evil)
    client = client_of("business")
    for name in ("sellers", "pairs", "changes"):
        for row in rows_of(client, name):
            texts = [one for one in row.values() if not re.fullmatch(r"-?[\d.e+-]*", one)]
            assert not [one for one in texts if one.lstrip()[:1] in tuple("=+-@＝")], row


def test_terms_are_set_and_written_down(client_of: Clients) -> None:
    client = client_of("business")
    sent = {"promised": "96", "seconds_a_label": "8", "cost_of_error": "5", "cost_of_review": "", "currency": "EUR"}
    assert client.post("/quality/terms/", sent).status_code == 302
    assert (terms().target, terms().seconds_a_label, terms().cost_of_error) == (0.96, 8, 5)
    assert not terms().priced
    event = Event.objects.get(what="quality terms changed")
    assert event.detail == {"promised": 96.0, "seconds_a_label": 8.0, "cost_of_error": 5.0, "currency": "EUR"}


@pytest.mark.parametrize("bad", ["0", "100", "-3", "many", "nan"])
def test_an_impossible_promise_is_refused(client_of: Clients, bad: str) -> None:
    response = client_of("business").post("/quality/terms/", {"promised": bad, "seconds_a_label": "8"})
    assert response.status_code == 200
    assert not Terms.objects.exists()


def test_the_headline_is_there_for_programs(
    client: Client, person: People, bearer: Callable[..., dict[str, str]]
) -> None:
    audits(person("labeller", "zoe"), 19, 1, person("labeller", "max"))
    answered = client.get("/api/quality?window=7", headers=bearer("read"))
    assert answered.status_code == 200
    body = answered.json()
    assert (body["accuracy"], body["answered"], body["wrong"], body["products"]) == (0.95, 20, 1, 20)
    assert body["low"] < 0.93 < body["high"]
    assert body["verdict"] == "not known yet"
    assert client.get("/api/quality", headers=bearer("intake")).status_code == 403


def test_shown_against_blind_is_told_with_its_test(client_of: Clients, person: People) -> None:
    zoe = person("labeller", "zoe")
    for place in range(40):
        blind = place >= 20
        answer(task(product(f"p{place}", blind=blind)), zoe, "saws" if blind and place < 32 else "drills")
    text = text_of(client_of("business"))
    assert "Agree, shown 100.0 %" in text
    assert "Agree, blind 40.0 %" in text
    assert "Calibration should use the blind audits alone." in text


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 200), ("?window=all", 200), ("?window=7", 200), ("?window=abc", 400), ("?window=", 400), ("?window=31", 400)],
)
def test_a_program_is_told_of_a_window_that_is_none(client_of: Clients, query: str, status: int) -> None:
    answer = client_of("business").get(f"/api/quality{query}")
    assert answer.status_code == status
    if status == 400:
        assert answer.json() == {"error": "window is one of 7, 30, 90, all"}


def test_labellers_are_called_so_everywhere(client_of: Clients) -> None:
    client = client_of("reviewer")
    page = client.get("/quality/people/").content.decode()
    assert "<title>Labellers" in page
    assert "<h1>Labellers</h1>" in page
    for address in ("/", "/quality/", "/quality/people/"):
        assert "uality of people" not in client.get(address).content.decode()
    assert 'href="/quality/people/">Labellers</a>' in client.get("/quality/").content.decode().split("<main")[1]
