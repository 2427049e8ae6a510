from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from desk.ledger.models import Answer, Event, Kind, Prediction, Product, Revision, Task
from desk.people.models import Person, Role, Token
from tests.desk.conftest import PASSWORD

pytestmark = pytest.mark.django_db
Make = Callable[..., Client]
NEW = "a wholly different long phrase"


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def log_in(name: str, password: str, client: Client | None = None) -> Client:
    client = client or Client()
    client.post("/log-in/", {"username": name, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("role", "shown"), [("labeller", False), ("business", False), ("reviewer", True), ("administrator", True)]
)
def test_the_way_to_the_quality_of_people_is_for_reviewers_and_administrators(
    client_of: Make, role: str, shown: bool
) -> None:
    assert ('href="/quality/people/"' in text_of(client_of(role), "/")) is shown
    if shown:
        here = re.findall(r'href="([^"]+)" aria-current="page"', text_of(client_of(role), "/quality/people/"))
        assert here == ["/quality/people/"]


def test_the_navigation_and_the_first_page_lead_to_all_alarms(client_of: Make) -> None:
    client = client_of("business")
    start = text_of(client, "/")
    assert '<a href="/quality/alarms/">Alarms</a>' in start
    assert '<a href="/quality/alarms/">Look<span class="unseen"> at alarms not looked at</span></a>' in start
    here = re.findall(r'href="([^"]+)" aria-current="page"', text_of(client, "/quality/alarms/"))
    assert here == ["/quality/alarms/"]
    assert "/quality/alarms/" not in text_of(client_of("labeller"), "/")


def test_the_page_of_tokens_promises_what_the_api_has(client_of: Make) -> None:
    page = text_of(client_of("administrator"), "/tokens/")
    assert "Read products, quality and categories" in page
    assert "exports" not in page.split("<main")[1]


def test_a_person_logs_in_and_out(person: Callable[..., Person]) -> None:
    person("labeller")
    client = log_in("labeller", PASSWORD)
    assert is_in(client)
    assert client.get("/log-out/").status_code == 405
    client.post("/log-out/")
    assert not is_in(client)


def test_the_log_in_leads_nowhere_else(person: Callable[..., Person]) -> None:
    person("labeller")
    given = {"username": "labeller", "password": PASSWORD, "next": "https://elsewhere.example/"}
    assert Client().post("/log-in/", given)["Location"] == "/"


def test_five_failures_lock_a_name_out_and_a_new_password_lets_it_in(
    person: Callable[..., Person], client_of: Make
) -> None:
    zoe = person("labeller", "zoe")
    person("reviewer")
    client = Client()
    for _ in range(4):
        assert client.post("/log-in/", {"username": "zoe", "password": "wrong"}).status_code == 200
    answer = client.post("/log-in/", {"username": "zoe", "password": "wrong"})
    assert answer.status_code == 429
    assert "Too many tries" in answer.content.decode()
    assert client.post("/log-in/", {"username": "zoe", "password": PASSWORD}).status_code == 429
    assert not is_in(client)
    assert is_in(log_in("reviewer", PASSWORD))
    client_of("administrator").post(f"/people/{zoe.pk}/password/", {"new_password1": NEW, "new_password2": NEW})
    assert is_in(log_in("zoe", NEW))


def test_an_unknown_name_is_locked_out_alike(person: Callable[..., Person]) -> None:
    client = Client()
    statuses = [client.post("/log-in/", {"username": "ghost", "password": "wrong"}).status_code for _ in range(5)]
    assert statuses == [200] * 4 + [429]


def test_each_role_sees_its_own_parts(client_of: Make) -> None:
    def links(role: str) -> set[str]:
        page = text_of(client_of(role), "/")
        return set(re.findall(r'href="(/[a-z]+/[a-z/]*)"', page)) - {"/password/"}

    assert not links("labeller") & {"/products/", "/quality/", "/people/", "/tokens/", "/log/", "/inbox/", "/brakes/"}
    assert links("business") >= {"/products/", "/brakes/"}
    assert not links("business") & {"/label/", "/people/", "/tokens/", "/log/"}
    assert not links("reviewer") & {"/people/", "/tokens/", "/log/"}
    assert links("administrator") >= {"/people/", "/tokens/", "/log/", "/products/"}


@pytest.mark.parametrize(
    "address", ["/people/", "/people/new/", "/people/1/", "/people/1/password/", "/tokens/", "/log/"]
)
@pytest.mark.parametrize("role", [Role.LABELLER, Role.BUSINESS, Role.REVIEWER])
def test_administration_is_for_administrators(client_of: Make, role: str, address: str) -> None:
    assert client_of(role).get(address).status_code == 403
    assert client_of(role).post(address).status_code == 403


def test_an_administrator_creates_a_person_who_can_log_in(client_of: Make) -> None:
    given = {"username": "zoe", "role": "labeller", "password1": NEW, "password2": NEW}
    assert client_of("administrator").post("/people/new/", given).status_code == 302
    assert is_in(log_in("zoe", NEW))
    event = Event.objects.get(what="person created", about="zoe")
    assert (event.person and event.person.username, event.detail) == ("administrator", {"role": "labeller"})


@pytest.mark.parametrize("weak", ["short", "password1234", "739284628374", "zoezoezoezoe"])
def test_weak_passwords_are_refused(client_of: Make, weak: str) -> None:
    given = {"username": "zoezoezoezoe", "role": "labeller", "password1": weak, "password2": weak}
    answer = client_of("administrator").post("/people/new/", given)
    assert answer.status_code == 200
    assert 'class="mistake"' in answer.content.decode()
    assert not Person.objects.filter(username="zoezoezoezoe").exists()


def test_a_deactivated_person_is_out_at_once(client_of: Make, person: Callable[..., Person]) -> None:
    zoe = person("labeller", "zoe")
    session = log_in("zoe", PASSWORD)
    client_of("administrator").post(f"/people/{zoe.pk}/", {"role": "labeller"})
    assert not is_in(session)
    assert not is_in(log_in("zoe", PASSWORD))
    assert Event.objects.filter(what="person deactivated", about="zoe").exists()


def test_the_last_administrator_stays(client_of: Make, person: Callable[..., Person]) -> None:
    client, me = client_of("administrator"), person("administrator")
    answer = client.post(f"/people/{me.pk}/", {"role": "labeller", "is_active": "on"})
    assert "last administrator" in answer.content.decode()
    client.post(f"/people/{me.pk}/", {"role": "administrator"})
    me.refresh_from_db()
    assert (me.role, me.is_active) == (Role.ADMINISTRATOR, True)
    person("administrator", "second")
    client.post(f"/people/{me.pk}/", {"role": "reviewer", "is_active": "on"})
    me.refresh_from_db()
    assert me.role == Role.REVIEWER


def test_a_new_password_ends_the_sessions(client_of: Make, person: Callable[..., Person]) -> None:
    zoe = person("labeller", "zoe")
    session = log_in("zoe", PASSWORD)
    client_of("administrator").post(f"/people/{zoe.pk}/password/", {"new_password1": NEW, "new_password2": NEW})
    assert not is_in(session)


def test_ones_own_password_ends_the_other_sessions(person: Callable[..., Person]) -> None:
    person("labeller", "zoe")
    here, there = log_in("zoe", PASSWORD), log_in("zoe", PASSWORD)
    here.post("/password/", {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW})
    assert is_in(there)
    here.post("/password/", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW})
    assert is_in(here)
    assert not is_in(there)


def test_a_key_is_shown_once_and_works_until_it_is_revoked(client_of: Make, person: Callable[..., Person]) -> None:
    client = client_of("administrator")
    day = (timezone.now() + timedelta(days=30)).date()
    given = {"name": "feed", "person": person("administrator").pk, "scopes": ["brake"], "last_day": day.isoformat()}
    answer = client.post("/tokens/", given)
    key = answer.context["key"]
    assert key in answer.content.decode()
    assert answer["Cache-Control"].find("no-store") >= 0
    assert key not in text_of(client, "/tokens/")
    token = Token.objects.get()
    assert token.expires_at is not None
    assert token.expires_at.date() == day
    headers = {"Authorization": f"Bearer {key}"}
    assert Client().post("/api/brakes", "{}", content_type="application/json", headers=headers).status_code == 400
    assert client.post(f"/tokens/{token.pk}/revoke/").status_code == 302
    assert Client().post("/api/brakes", "{}", content_type="application/json", headers=headers).status_code == 401


def test_a_token_needs_a_scope_and_a_day_to_come(client_of: Make, person: Callable[..., Person]) -> None:
    given = {"name": "feed", "person": person("administrator").pk, "last_day": "2020-01-01"}
    page = client_of("administrator").post("/tokens/", given).content.decode()
    assert page.count('class="mistake"') == 2
    assert not Token.objects.exists()


def test_the_form_offers_what_the_role_of_the_person_allows(client_of: Make, person: Callable[..., Person]) -> None:
    zoe, client = person("labeller", "zoe"), client_of("administrator")
    given = {"name": "feed", "person": zoe.pk, "scopes": ["answer", "brake", "intake"], "last_day": ""}
    page = client.post("/tokens/", given).content.decode()
    assert "A labeller may not set brakes, send products." in page
    assert f"&quot;{zoe.pk}&quot;: [&quot;answer&quot;]" in page
    assert "zoe (Labeller)" in page
    assert not Token.objects.exists()
    client.post("/tokens/", {**given, "scopes": ["answer"]})
    Person.objects.filter(pk=zoe.pk).update(role=Role.BUSINESS)
    assert "Take tasks and answer them (refused: not for this role)" in client.get("/tokens/").content.decode()


def test_names_differ_by_more_than_their_case(
    client_of: Make, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.management import CommandError, call_command

    person("labeller", "Zoë")
    given = {"username": "zoË", "role": "labeller", "password1": NEW, "password2": NEW}
    assert "Somebody has this name already" in client_of("administrator").post("/people/new/", given).content.decode()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{NEW}\n"))
    with pytest.raises(CommandError, match="called Zoë"):
        call_command("administrator", "ZOË")
    assert Person.objects.filter(username__startswith="zo").count() <= 1


def test_the_log_speaks_in_words(client_of: Make, person: Callable[..., Person]) -> None:
    from desk.people import events, tokens

    tokens.create(None, person("labeller", "zoe"), "feed", ["answer"])
    made = timezone.now().replace(2027, 1, 2, 3, 4)
    tokens.create(None, person("reviewer", "eve"), "alarms", ["read", "alarm"], made)
    events.record(None, "role changed", "zoe", before="labeller", after="reviewer")
    events.record(None, "administrator set", "ann", new=True)
    page = re.sub(r"<[^>]+>", "", client_of("administrator").get("/log/").content.decode())
    assert "expires at: never; person: zoe; scopes: take tasks and answer them" in page
    assert (
        "expires at: 2027-01-02 03:04; person: eve; scopes: raise alarms, read products, quality and categories" in page
    )
    assert "before: labeller; after: reviewer" in page
    assert "new: yes" in page
    for word in ("[&#x27;", "None", "True", "_at"):
        assert word not in page


def test_the_log_says_who_did_what_and_shows_mark_up_as_text(client_of: Make, person: Callable[..., Person]) -> None:
    from desk.people import events

    events.record(person("reviewer"), "brake set", "<script>alert(1)</script>", reason="<b>bold</b>")
    client = client_of("administrator")
    page = text_of(client, "/log/?what=brake+set")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "&lt;b&gt;bold" in page
    assert "brake set" not in text_of(client, "/log/?who=nobody&what=%00").split("<tbody>")[-1].split("</select>")[-1]


def test_events_hold_no_password(client_of: Make, person: Callable[..., Person]) -> None:
    zoe = person("labeller", "zoe")
    client_of("administrator").post(f"/people/{zoe.pk}/password/", {"new_password1": NEW, "new_password2": NEW})
    event = Event.objects.get(what="password reset")
    assert NEW not in str((event.about, event.detail))


def test_a_labeller_sees_nothing_of_what_others_answered(client_of: Make, person: Callable[..., Person]) -> None:
    from uuid import uuid4

    now = timezone.now()
    product = Product.objects.create(product_id="a:1", received_at=now)
    revision = Revision.objects.create(product=product, number=1, title="Bear", content_hash="x", received_at=now)
    task = Task.objects.create(kind=Kind.REVIEW, product=product, revision=revision, created_at=now)
    Answer.objects.create(
        uuid=uuid4(), task=task, product=product, revision=revision, person=person("labeller", "zoe"),
        status="answered", category_id="plush", answered_at=now,
    )  # fmt: skip
    assert not Prediction.objects.exists()
    client = client_of("labeller")
    for address in ("/products/", f"/products/{product.pk}/", "/products/categories/", "/quality/", "/quality/people/"):
        assert client.get(address).status_code in (403, 404), address
    assert client.get("/api/products/a:1").status_code == 403


def test_every_page_forbids_scripts_in_the_document_and_frames(client_of: Make) -> None:
    answer = client_of("administrator").get("/people/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_command_line_makes_an_administrator(
    person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from django.core.management import CommandError, call_command

    person("labeller", "zoe")
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match="too short"):
        call_command("administrator", "zoe")
    assert Person.objects.get(username="zoe").role == Role.LABELLER
    for name in ("zoe", "ann"):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{NEW}\n"))
        call_command("administrator", name)
        assert Person.objects.get(username=name).role == Role.ADMINISTRATOR
        assert is_in(log_in(name, NEW))
    assert NEW not in capsys.readouterr().out
    assert Event.objects.filter(what="administrator set", person=None).count() == 2
