"""Brakes: set with a reason, released with a reason, never changed."""

from __future__ import annotations

import math

from django.db import transaction
from django.utils import timezone

from aisle.errors import DataError
from desk.history.names import full_name
from desk.ledger.models import Alarm, Brake, BrakeKind, BrakeScope, Product
from desk.people import events
from desk.people.models import Person
from desk.tree import taxonomy

MOST_LETTERS = 1000


class BrakeRefused(DataError):
    """A brake that cannot be set, or released, as somebody asked for it; `status` as in HTTP: 400, 409."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def set_brake(
    person: Person,
    scope: str,
    value: str,
    kind: str,
    confidence: float | None,
    reason: str,
    alarm: Alarm | None = None,
) -> Brake:
    """Hold automatic decisions back, from the next routed product on.

    A brake only ever tightens: routing takes the service's own decision first, and a brake can turn
    `auto` into `review`, nothing else.

    Parameters
    ----------
    scope, value : str
        `all` with an empty value, `branch` with the id of a branch, `seller` with a seller.
    kind, confidence
        `stop`, without a confidence; `tighten`, with the confidence in (0, 1] from which on products are
        still decided automatically.
    alarm : Alarm or None
        The alarm that asked for it.

    Raises `BrakeRefused` for anything else, and for a brake that holds the same already; `DataError` where
    the tree is missing.
    """
    value, reason = value.strip(), reason.strip()
    _check(scope, value, kind, confidence, reason)
    with transaction.atomic():
        same = Brake.objects.select_for_update().filter(scope=scope, value=value, kind=kind, released_at=None)
        if any(one.confidence == confidence for one in same):
            raise BrakeRefused("the same brake holds already", 409)
        brake = Brake.objects.create(
            scope=scope,
            value=value,
            kind=kind,
            confidence=confidence,
            reason=reason,
            set_at=timezone.now(),
            set_by=person,
            alarm=alarm,
        )
        events.record(person, "brake set", described(brake), brake=brake.pk, reason=reason)
    return brake


def release(person: Person, brake_pk: int, reason: str) -> Brake:
    """Release a brake, from the next routed product on; `DataError` without a reason or when it is released."""
    reason = reason.strip()
    _check_reason(reason)
    with transaction.atomic():
        brake = Brake.objects.select_for_update().filter(pk=brake_pk).first()
        if brake is None:
            raise BrakeRefused(f"there is no brake {brake_pk}")
        if brake.released_at is not None:
            raise BrakeRefused("the brake was released already")
        brake.released_at, brake.released_by, brake.release_reason = timezone.now(), person, reason
        brake.save(update_fields=["released_at", "released_by", "release_reason"])
        events.record(person, "brake released", described(brake), brake=brake.pk, reason=reason)
    return brake


def described(brake: Brake) -> str:
    """What the brake holds and how, in a few words."""
    where = {
        BrakeScope.ALL.value: "all products",
        BrakeScope.BRANCH.value: f"branch {full_name(brake.value)}",
        BrakeScope.SELLER.value: f"seller {brake.value}",
    }[brake.scope]
    if brake.kind == BrakeKind.STOP:
        return f"{where}: stopped"
    return f"{where}: only from confidence {brake.confidence:g} on"


def _check(scope: str, value: str, kind: str, confidence: float | None, reason: str) -> None:
    _check_reason(reason)
    if "\0" in value:
        raise BrakeRefused("the value holds a character that no text has")
    if scope not in BrakeScope.values:
        raise BrakeRefused(f"'{scope[:40]}' is no scope; a brake is for {', '.join(BrakeScope.values)}")
    if (scope == BrakeScope.ALL) != (not value):
        raise BrakeRefused("a brake for all has no value; one for a branch or a seller names it")
    if scope == BrakeScope.BRANCH and value not in taxonomy().branches:
        raise BrakeRefused(f"'{value}' is no branch of the category tree")
    if scope == BrakeScope.SELLER and not Product.objects.filter(seller=value).exists():
        raise BrakeRefused(f"no product of a seller '{value}' has come yet; write the seller as the products do")
    if kind not in BrakeKind.values:
        raise BrakeRefused(f"'{kind[:40]}' is no kind; a brake can {' or '.join(BrakeKind.values)}")
    if kind == BrakeKind.STOP and confidence is not None:
        raise BrakeRefused("a stop has no confidence; leave it out")
    if kind == BrakeKind.TIGHTEN and not (confidence is not None and math.isfinite(confidence) and 0 < confidence <= 1):
        raise BrakeRefused("tightening needs a confidence above 0 and up to 1, as 0.97")


def _check_reason(reason: str) -> None:
    if not 1 <= len(reason) <= MOST_LETTERS:
        raise BrakeRefused(f"give a reason of 1 to {MOST_LETTERS:,} characters: it stays in the history")
    if "\0" in reason:
        raise BrakeRefused("the reason holds a character that no text has")
