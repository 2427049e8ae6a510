"""What the quality page says: the promise, the accuracy of slices and days, hours and money."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aisle.audit.estimates import Estimate, audit_sums, estimate
from desk.quality.counts import NOTHING, Products
from desk.quality.models import Terms
from desk.quality.results import Audit, Audits

KEPT, UNKNOWN, BROKEN = "kept", "not known yet", "broken"
NO_SELLER = "(no seller)"
_LEAN = 20  # audits that the error rate of the whole window counts for, beside those of a slice


def verdict(found: Estimate, target: float) -> str:
    """`kept` where the whole interval keeps the promise, `broken` where none of it does."""
    if found.low >= target:
        return KEPT
    return BROKEN if found.high < target else UNKNOWN


@dataclass(frozen=True)
class Accuracy:
    """The accuracy of a slice, its products, and what its errors cost.

    Attributes
    ----------
    name : str
        Id of the slice, or its first day.
    title : str
        For people.
    products : Products
    found : Estimate
        Of the automatic decisions.
    errors : float
        Wrong automatic decisions, estimated; leans on the error rate of the whole window where the slice
        has few audits. nan where there are none at all.
    cost : float
        Money: errors and reviews; nan without audits or prices.
    """

    name: str
    title: str
    products: Products
    found: Estimate
    errors: float
    cost: float

    @property
    def known(self) -> bool:
        """Whether any audit was answered."""
        return bool(self.found.answered)


def automatic(audits: Audits) -> Estimate:
    """Accuracy of all automatic decisions of the window."""
    return _of(audits, audits.automatic)


def suggestions(audits: Audits) -> Estimate:
    """Accuracy of the model's first suggestion over all products: `accuracy_all`."""
    return _of(audits, np.ones(len(audits.rows), dtype=bool))


def _of(audits: Audits, chosen: Any) -> Estimate:
    return estimate(audit_sums(audits.state[chosen], audits.probability[chosen], audits.least))


def grouped(audits: Audits, keys: Sequence[Any], groups: Sequence[Any]) -> Estimate:
    """Accuracy of the automatic decisions of each of `groups`; `keys` say to which one an audit belongs."""
    place = {one: number for number, one in enumerate(groups)}
    group = np.array([place[one] for one in keys], dtype=np.int64)
    mine = audits.automatic
    return estimate(
        audit_sums(audits.state[mine], audits.probability[mine], audits.least, group[mine], groups=len(groups))
    )


def one_of(many: Estimate, number: int) -> Estimate:
    """One slice of an estimate of many."""
    values = {name: getattr(many, name)[number].item() for name in many.__dataclass_fields__ if name != "level"}
    return Estimate(**values, level=many.level)


def by_slice(
    audits: Audits,
    products: dict[str, Products],
    key: Callable[[Audit], str],
    title: Callable[[str], str],
    terms: Terms,
) -> list[Accuracy]:
    """Slices, the dearest first."""
    keys = [key(one) for one in audits.rows]
    names = sorted({*products, *keys})
    if not names:
        return []
    found, whole = grouped(audits, keys, names), automatic(audits).accuracy
    rows = [
        _accuracy(name, title(name), products.get(name, NOTHING), one_of(found, number), whole, terms)
        for number, name in enumerate(names)
    ]
    return sorted(rows, key=lambda row: (-_order(row), -row.products.products, row.name))


def _order(row: Accuracy) -> float:
    for value in (row.cost, row.errors):
        if not math.isnan(value):
            return value
    return 0.0


def _accuracy(name: str, title: str, products: Products, found: Estimate, whole: float, terms: Terms) -> Accuracy:
    # A slice with two audits, one of them wrong, is hardly half wrong: where audits are few, all of them count.
    rate = 1 - whole
    if found.answered:
        rate = (found.answered * (1 - found.accuracy) + _LEAN * rate) / (found.answered + _LEAN)
    errors = products.auto * rate if products.auto else 0.0
    cost = float("nan")
    if terms.cost_of_error is not None and terms.cost_of_review is not None:
        cost = errors * terms.cost_of_error + (products.products - products.auto) * terms.cost_of_review
    return Accuracy(name, title, products, found, errors, cost)


def by_time(audits: Audits, products: dict[dt.date, Products], first: dt.date, last: dt.date, step: int,
            terms: Terms) -> list[Accuracy]:  # fmt: skip
    """Accuracy of each `step` days from `first` to `last`; the last step may be cut short."""
    count = ((last - first).days) // step + 1
    keys = [min(max((one.at.astimezone(dt.UTC).date() - first).days // step, 0), count - 1)
            for one in audits.rows]  # fmt: skip
    found, whole = grouped(audits, keys, range(count)), automatic(audits).accuracy
    sums = [[0, 0] for _ in range(count)]
    for day, one in products.items():
        place = (day - first).days // step
        sums[place][0] += one.products
        sums[place][1] += one.auto
    days = [first + dt.timedelta(days=step * number) for number in range(count)]
    return [
        _accuracy(day.isoformat(), _span(day, min(day + dt.timedelta(days=step - 1), last)), Products(*sums[number]),
                  one_of(found, number), whole, terms)
        for number, day in enumerate(days)
    ]  # fmt: skip


def _span(first: dt.date, last: dt.date) -> str:
    return f"{first:%-d %b}" if first == last else f"{first:%-d %b} – {last:%-d %b}"
