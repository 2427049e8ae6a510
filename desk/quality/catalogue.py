"""The accuracy of the whole catalogue: what machines decided and what people decided, each with its own evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from aisle.audit.agreement import Share
from aisle.audit.estimates import Estimate
from desk.quality.counts import Products

VAGUE = 0.1  # width of an interval that stands in the place of the estimate


@dataclass(frozen=True)
class Catalogue:
    """Share of the products of a window whose category is right.

    Attributes
    ----------
    accuracy, low, high : float
        nan, 0, 1 where nothing is known of one of the two parts.
    people : Share
        Of what people decided.
    if_people_right : float
        The accuracy if every answer of theirs were right; nan where no audit was answered.
    """

    accuracy: float
    low: float
    high: float
    people: Share
    if_people_right: float

    @property
    def known(self) -> bool:
        """Whether both parts are."""
        return not math.isnan(self.accuracy)

    @property
    def vague(self) -> bool:
        """Whether so little is known that the accuracy alone would mislead."""
        return self.high - self.low > VAGUE


def catalogue(products: Products, machine: Estimate, people: Share) -> Catalogue:
    """Both parts by their shares of the products.

    Products under review count as people will decide them. Each part has its own interval, and the two
    samples are independent; the distances of the ends are joined by their squares (Newcombe 1998;
    Zou & Donner 2008, "Construction of confidence limits about effect measures: a general approach").
    """
    if not products.products:
        return Catalogue(math.nan, 0.0, 1.0, people, math.nan)
    auto = products.auto / products.products
    parts = [(auto, machine.accuracy, machine.low, machine.high), (1 - auto, people.value, people.low, people.high)]
    there = [part for part in parts if part[0] > 0]
    value = sum(weight * each for weight, each, _, _ in there)
    all_right = (auto * machine.accuracy if auto else 0.0) + 1 - auto
    if math.isnan(value):
        return Catalogue(math.nan, 0.0, 1.0, people, all_right)
    below = math.sqrt(sum((weight * (each - low)) ** 2 for weight, each, low, _ in there))
    above = math.sqrt(sum((weight * (high - each)) ** 2 for weight, each, _, high in there))
    return Catalogue(value, max(value - below, 0.0), min(value + above, 1.0), people, all_right)
