"""The draw of the audit, fixed when the first prediction of a product is stored.

The rates lie in `audit-rates.json` in the desk's folder (`aisle plan audits --save` writes one);
without it those of `Rates()` hold. What depends on the days before, the budget's scale and thin
branches, is worked out once a day, from what was known before the day began.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db.models import Count, QuerySet, Sum

from aisle.audit.rates import Rates, fewest_recent, read_rates
from aisle.audit.sampling import Secret, draw, draw_share, utc_day
from desk.inbox.routing import Scored
from desk.ledger.models import Kind, Prediction, Product, Tally, Task

RATES = "audit-rates.json"
_VOLUME_DAYS = 7  # over which the expected volume is the mean
_SHOWN_CONFIDENCES = 10_000  # of the last predictions, that a budget is planned with


@dataclass(frozen=True)
class Day:
    """What one day draws with: its rates, and how many recent audits branches and categories have."""

    rates: Rates
    branches: dict[str, int]
    categories: dict[str, int]


def draw_new(products: Sequence[Product], scored: Sequence[Scored], now: dt.datetime) -> list[Product]:
    """Fix the draw of those products that have none yet, and return them."""
    pairs = [(one, said) for one, said in zip(products, scored, strict=True) if one.audit_probability is None]
    if not pairs:
        return []
    day = of_day(utc_day(now))
    branches, categories = [said.branch_id for _, said in pairs], [said.category_id for _, said in pairs]
    recent = fewest_recent(branches, categories, day.branches, day.categories) if day.rates.thin_rate else None
    rate = day.rates.of([said.confidence for _, said in pairs], branches, recent)
    ids = [one.product_id for one, _ in pairs]
    received = np.array([utc_day(one.received_at) for one, _ in pairs], dtype="datetime64[D]")
    key = secret()
    drawn = draw(key, ids, received, rate, day.rates.blind_share, day.rates.double_share)
    reviews = draw_share(key, "double review", ids, received, day.rates.double_share)
    columns = (drawn.audit_probability, drawn.audit_drawn, drawn.blind, drawn.double | (reviews & ~drawn.audit_drawn))
    for (one, _), probability, is_drawn, blind, double in zip(pairs, *(each.tolist() for each in columns), strict=True):
        one.audit_probability, one.audit_drawn, one.blind, one.double = probability, is_drawn, blind, double
    return [one for one, _ in pairs]


def secret() -> Secret:
    """What makes the draw unpredictable."""
    return _secret(settings.CONFIGURATION.audit_secret)


@lru_cache(maxsize=1)
def _secret(text: str) -> Secret:
    return Secret(text)


def of_day(day: dt.date) -> Day:
    """The rates and counts of `day`; `ConfigurationError` for a file of rates that is wrong."""
    path: Path = settings.CONFIGURATION.folder / RATES
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        changed = None
    return _of_day(day, path, changed)


@lru_cache(maxsize=1)
def _of_day(day: dt.date, path: Path, changed: int | None) -> Day:
    rates = Rates() if changed is None else read_rates(path)
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    branches: dict[str, int] = {}
    categories: dict[str, int] = {}
    if rates.thin_rate:
        since = midnight - dt.timedelta(days=rates.recent_days)
        audits = Task.objects.filter(kind=Kind.AUDIT, created_at__gte=since, created_at__lt=midnight)
        branches = _counted(audits, "prediction__branch_id")
        categories = _counted(audits, "prediction__category_id")
    return Day(_planned(rates, day, midnight, branches, categories), branches, categories)


def _counted(audits: QuerySet[Task], name: str) -> dict[str, int]:
    rows = audits.order_by().values_list(name).annotate(Count("id"))
    return {str(value): count for value, count in rows}


def _planned(
    rates: Rates, day: dt.date, midnight: dt.datetime, branches: dict[str, int], categories: dict[str, int]
) -> Rates:
    """The rates within their budget, if they have one and there are days to plan from."""
    if rates.daily_budget is None:
        return rates
    before = Tally.objects.filter(day__gte=day - dt.timedelta(days=_VOLUME_DAYS), day__lt=day)
    told = before.aggregate(volume=Sum("products"), days=Count("day", distinct=True))
    if not told["days"]:
        return rates
    last = Prediction.objects.filter(predicted_at__lt=midnight).order_by("-predicted_at")
    rows = list(last.values_list("confidence", "branch_id", "category_id")[:_SHOWN_CONFIDENCES])
    if not rows:
        return rates
    confidence, of_branch, of_category = ([row[place] for row in rows] for place in range(3))
    recent = fewest_recent(of_branch, of_category, branches, categories) if rates.thin_rate else None
    return rates.within_budget(told["volume"] / told["days"], confidence, of_branch, recent)
