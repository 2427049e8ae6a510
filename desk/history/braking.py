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

    Raises `DataError` for anything else, and for a brake that holds the same already.
    """
    value, reason = value.strip(), reason.strip()
    _check(scope, value, kind, confidence, reason)
    with transaction.atomic():
        same = Brake.objects.select_for_update().filter(scope=scope, value=value, kind=kind, released_at=None)
        if any(one.confidence == confidence for one in same):
            raise DataError("the same brake holds already")
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
    if not 1 <= len(reason) <= MOST_LETTERS:
        raise DataError(f"give a reason of 1 to {MOST_LETTERS:,} characters: it stays in the history")
    with transaction.atomic():
        brake = Brake.objects.select_for_update().filter(pk=brake_pk).first()
        if brake is None:
            raise DataError(f"there is no brake {brake_pk}")
        if brake.released_at is not None:
            raise DataError("the brake was released already")
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
    if scope not in BrakeScope.values:
        raise DataError(f"'{scope}' is no scope; a brake is for {', '.join(BrakeScope.values)}")
    if (scope == BrakeScope.ALL) != (not value):
        raise DataError("a brake for all has no value; one for a branch or a seller names it")
    if scope == BrakeScope.BRANCH and value not in taxonomy().branches:
        raise DataError(f"'{value}' is no branch of the category tree")
    if scope == BrakeScope.SELLER and not Product.objects.filter(seller=value).exists():
        raise DataError(f"no product of a seller '{value}' has come yet; write the seller as the products do")
    if kind not in BrakeKind.values:
        raise DataError(f"'{kind}' is no kind; a brake can {' or '.join(BrakeKind.values)}")
    if kind == BrakeKind.STOP and confidence is not None:
        raise DataError("a stop has no confidence; leave it out")
    if kind == BrakeKind.TIGHTEN and not (confidence is not None and math.isfinite(confidence) and 0 < confidence <= 1):
        raise DataError("tightening needs a confidence above 0 and up to 1, as 0.97")
    if not 1 <= len(reason) <= MOST_LETTERS:
        raise DataError(f"give a reason of 1 to {MOST_LETTERS:,} characters: it stays in the history")
