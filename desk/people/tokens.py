"""Keys of programs: made, found, revoked.

A key is `aisle_PREFIX_SECRET`. The prefix, which is no secret, finds the row; the SHA-256 of the whole
key is compared in constant time. The secret has 256 random bits, so a fast hash is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from aisle.errors import DataError
from desk.people import events
from desk.people.models import Person, Scope, Token
from desk.people.reach import scopes_of

_KEY = re.compile(r"aisle_([0-9a-f]{10})_[A-Za-z0-9_-]{43}", re.ASCII)
_NOBODY = hashlib.sha256(b"").hexdigest()
_SEEN_EVERY = timedelta(minutes=1)  # so that a busy program does not write a row a request


def create(
    by: Person | None, person: Person, name: str, scopes: Iterable[str], expires_at: datetime | None = None
) -> tuple[Token, str]:
    """Make a token of `person` and return it with its key, which is kept nowhere.

    `DataError` for an unknown scope, none at all, one that the role of `person` does not carry, or an expiry
    in the past.
    """
    chosen = sorted(set(scopes))
    unknown = [scope for scope in chosen if scope not in Scope.values]
    if unknown or not chosen:
        raise DataError(f"a token needs scopes of {', '.join(Scope.values)}; given: {', '.join(unknown) or 'none'}")
    beyond = [scope for scope in chosen if scope not in scopes_of(person.role)]
    if beyond:
        raise DataError(f"a {person.get_role_display().lower()} may not {Scope(beyond[0]).label.lower()}")
    if expires_at is not None and expires_at <= timezone.now():
        raise DataError("the token would have expired already; choose a later day")
    prefix = secrets.token_hex(5)
    key = f"aisle_{prefix}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        token = Token.objects.create(
            name=name.strip(), prefix=prefix, sha256=_hash(key), scopes=chosen, person=person, expires_at=expires_at
        )
        until = expires_at.isoformat() if expires_at else None
        events.record(
            by, "token created", f"{token.name} ({prefix})", person=person.username, scopes=chosen, expires_at=until
        )
    return token, key


def find(key: str) -> Token | None:
    """The token of `key`, or None: forged, unknown, expired, revoked, or of somebody who left."""
    shape = _KEY.fullmatch(key)
    token = Token.objects.select_related("person").filter(prefix=shape.group(1)).first() if shape else None
    same = hmac.compare_digest(token.sha256 if token else _NOBODY, _hash(key))
    if token is None or not same or not alive(token) or not token.person.is_active:
        return None
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - _SEEN_EVERY:
        unseen = Q(last_used_at=None) | Q(last_used_at__lt=now - _SEEN_EVERY)
        Token.objects.filter(unseen, pk=token.pk).update(last_used_at=now)
    return token


def alive(token: Token) -> bool:
    """Whether the token is neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > timezone.now())


def revoke(by: Person | None, token: Token) -> None:
    """Refuse the token from now on; a second time changes nothing."""
    with transaction.atomic():
        if Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            events.record(by, "token revoked", f"{token.name} ({token.prefix})")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
