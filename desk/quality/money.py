"""Hours and money: what automation saves, what its errors and people's time cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from aisle.audit.estimates import Estimate
from desk.ledger.models import Kind
from desk.quality.counts import Products
from desk.quality.models import Terms


@dataclass(frozen=True)
class Work:
    """Hours of people.

    Attributes
    ----------
    saved : float
        What labelling every automatically decided product would have taken, less what audits took.
    spent, audits : float
        All answers of the window; those to audits and second looks.
    """

    saved: float
    spent: float
    audits: float


@dataclass(frozen=True)
class Money:
    """Money of the window, in the currency that is set; intervals where errors are estimated."""

    errors: float
    errors_low: float
    errors_high: float
    people: float
    without_automation: float

    @property
    def saved(self) -> float:
        """Against people deciding everything, with its errors counted; nan where these are not known."""
        return self.without_automation - self.people - self.errors

    @property
    def known(self) -> bool:
        """Whether any audit was answered."""
        return not math.isnan(self.errors)


def work(products: Products, done: dict[str, int], terms: Terms) -> Work:
    """Hours at so many seconds a label."""
    hour = terms.seconds_a_label / 3600
    audits = sum(done.get(kind, 0) for kind in (Kind.AUDIT, Kind.CONFIRM, Kind.ADJUDICATE, Kind.TEST))
    return Work((products.auto - audits) * hour, sum(done.values()) * hour, audits * hour)


def money(products: Products, done: dict[str, int], machine: Estimate, terms: Terms) -> Money | None:
    """None while prices are not set."""
    if terms.cost_of_error is None or terms.cost_of_review is None:
        return None
    each = terms.cost_of_error
    return Money(
        products.auto * (1 - machine.accuracy) * each,
        products.auto * (1 - machine.high) * each,
        products.auto * (1 - machine.low) * each,
        sum(done.values()) * terms.cost_of_review,
        products.products * terms.cost_of_review,
    )
