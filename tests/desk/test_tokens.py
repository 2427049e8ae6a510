from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import DataError
from desk.ledger.models import Event
from desk.people import tokens
from desk.people.models import Person, Token

Make = Callable[..., Person]


def test_the_key_is_kept_nowhere(person: Make) -> None:
    token, key = tokens.create(None, person("administrator"), "feed", ["intake"])
    row = Token.objects.values().get(pk=token.pk)
    secret = key.rsplit("_", 1)[0] and key.removeprefix(f"aisle_{token.prefix}_")
    assert len(secret) == 43
    assert secret not in str(row)
    assert secret not in str(list(Event.objects.values()))
    assert row["sha256"] == hashlib.sha256(key.encode()).hexdigest()


def test_a_key_finds_its_token_and_says_when_it_was_used(person: Make) -> None:
    token, key = tokens.create(None, person("administrator"), "feed", ["read", "intake", "read"])
    assert token.scopes == ["intake", "read"]
    assert tokens.find(key) == token
    used = Token.objects.get(pk=token.pk).last_used_at
    assert used is not None
    tokens.find(key)
    assert Token.objects.get(pk=token.pk).last_used_at == used


@pytest.mark.parametrize("scopes", [[], ["everything"], ["intake", "root"]])
def test_a_token_without_known_scopes_is_not_made(person: Make, scopes: list[str]) -> None:
    with pytest.raises(DataError, match="needs scopes of"):
        tokens.create(None, person("administrator"), "feed", scopes)
    assert not Token.objects.exists()


def test_a_forged_secret_is_refused(person: Make) -> None:
    _, key = tokens.create(None, person("administrator"), "feed", ["intake"])
    forged = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert tokens.find(forged) is None
    assert tokens.find(key.upper()) is None
    assert tokens.find(f"{key} ") is None
    assert tokens.find(key + "a") is None


def test_the_hash_is_no_key(person: Make) -> None:
    token, _ = tokens.create(None, person("administrator"), "feed", ["intake"])
    assert tokens.find(f"aisle_{token.prefix}_{token.sha256[:43]}") is None


def test_expired_revoked_and_orphaned_tokens_are_refused(person: Make) -> None:
    owner = person("administrator")
    token, key = tokens.create(None, owner, "feed", ["intake"], timezone.now() + timedelta(hours=1))
    Token.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert tokens.find(key) is None
    other, key = tokens.create(None, owner, "feed", ["intake"])
    tokens.revoke(owner, other)
    tokens.revoke(owner, other)
    assert tokens.find(key) is None
    assert Event.objects.filter(what="token revoked").count() == 1
    _, key = tokens.create(None, owner, "feed", ["intake"])
    Person.objects.update(is_active=False)
    assert tokens.find(key) is None


def test_a_token_that_would_be_expired_is_not_made(person: Make) -> None:
    with pytest.raises(DataError, match="expired already"):
        tokens.create(None, person("administrator"), "feed", ["intake"], timezone.now() - timedelta(days=1))


def test_every_key_is_compared_once_in_constant_time(person: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known or not, well-formed or not: the same comparison of two digests of the same length."""
    token, key = tokens.create(None, person("administrator"), "feed", ["intake"])
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def watched(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(tokens.hmac, "compare_digest", watched)
    unknown = f"aisle_{'0' * 10}_{key[-43:]}"
    for one in (key, f"aisle_{token.prefix}_{'x' * 43}", unknown, "nonsense", ""):
        tokens.find(one)
    assert compared == [(64, 64)] * 5


@given(st.text(max_size=80))
def test_no_text_breaks_the_look_up(text: str) -> None:
    assert tokens._KEY.fullmatch(text) is None or text.startswith("aisle_")
    assert len(tokens._hash(text)) == 64


@pytest.mark.parametrize(("role", "scope"), [("labeller", "intake"), ("business", "answer"), ("business", "alarm")])
def test_a_token_beyond_the_role_of_its_person_is_not_made(person: Make, role: str, scope: str) -> None:
    with pytest.raises(DataError, match="may not"):
        tokens.create(None, person(role), "feed", [scope])
    assert not Token.objects.exists()
