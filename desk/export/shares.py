"""How much of a day's review queue was answered: what makes a chance of being labelled of it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

from django.db.models import Exists, OuterRef

from aisle.decision.policy import trust_band
from desk.ledger.models import Kind, State, Task

Shares = dict[str, dict[str, float]]
_RAISED = 1.05  # by how much a share must have grown for labels to be written again


def shares_now(days: Sequence[dt.date]) -> Shares:
    """The share answered of the reviews of products that were predicted on each of `days`, by band of confidence.

    1 in all bands where the queue was worked to the end, also where people could not say. Reviews
    that a new revision or a correction made superfluous are in neither part.
    """
    found = {str(day): _of_day(day) for day in days}
    return {day: shares for day, shares in found.items() if shares}


def _of_day(day: dt.date) -> dict[str, float]:
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    of_day = Task.objects.filter(
        kind=Kind.REVIEW, prediction__predicted_at__gte=start, prediction__predicted_at__lt=start + dt.timedelta(days=1)
    ).exclude(state=State.SUPERSEDED)
    again = Task.objects.filter(first=OuterRef("pk"), state=State.ANSWERED)
    rows = of_day.order_by().annotate(again=Exists(again)).values_list("state", "prediction__confidence", "again")
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    waiting = False
    for state, confidence, again_answered in rows:
        band = trust_band(confidence)
        asked[band] += 1
        answered[band] += state == State.ANSWERED or again_answered
        waiting |= state in (State.OPEN, State.CLAIMED)
    return {band: answered[band] / count if waiting else 1.0 for band, count in sorted(asked.items())}


def raised(shares: Shares, written: Sequence[Shares]) -> list[list[str]]:
    """Days and bands whose share is well above that of labels already written."""
    before: dict[tuple[str, str], float] = {}
    for earlier in written:
        for day, bands in earlier.items():
            for band, share in bands.items():
                before[day, band] = max(share, before.get((day, band), 0.0))
    return [
        [day, band]
        for day, bands in shares.items()
        for band, share in bands.items()
        if 0 < (old := before.get((day, band), share)) < share and (share == 1 or share > _RAISED * old)
    ]


def chance_of_a_label(decision: str, audit_probability: float, share: float) -> float:
    """The chance that any person labels a product: by the audit, or where it is under review by the review besides."""
    return audit_probability + (1 - audit_probability) * share if decision == "review" else audit_probability
