"""What audits found wrong: the worst pairs of categories with examples, and what was changed."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from aisle.audit.agreement import SuggestionEffect, suggestion_effect
from aisle.audit.estimates import WRONG
from desk.history.names import full_name
from desk.ledger.models import Revision
from desk.quality.results import Audits, Same

_EXAMPLES = 4


@dataclass(frozen=True)
class Example:
    """A product that an audit found wrong, to click."""

    product: int
    title: str


@dataclass(frozen=True)
class WrongPair:
    """Automatic decisions for one category that belong into another.

    Attributes
    ----------
    audits : int
        That found it.
    stands_for : float
        Products of the window, estimated: the sum of 1 / audit_probability.
    """

    decided: str
    right: str
    audits: int
    stands_for: float
    examples: list[Example]

    @property
    def decided_name(self) -> str:
        """With the names above it."""
        return full_name(self.decided)

    @property
    def right_name(self) -> str:
        """With the names above it."""
        return full_name(self.right)


@dataclass(frozen=True)
class Change:
    """A product whose category an audit changed."""

    product: int
    title: str
    before: str
    after: str
    seller: str
    at: dt.datetime | None

    @property
    def before_name(self) -> str:
        """With the names above it."""
        return full_name(self.before)

    @property
    def after_name(self) -> str:
        """With the names above it."""
        return full_name(self.after)


def worst_pairs(audits: Audits, most: int | None = None) -> list[WrongPair]:
    """Pairs of decided and right category, the most frequent in the flow first."""
    pairs: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place in _wrong(audits):
        pairs[audits.rows[place].decided, str(audits.label[place])].append(place)
    weight = 1 / audits.probability if audits.rows else np.zeros(0)
    order = sorted(pairs.items(), key=lambda one: (-weight[one[1]].sum(), one[0]))[:most]
    shown = [place for _, places in order for place in places[-_EXAMPLES:]]
    titles = _titles(audits.rows[place].revision for place in shown)
    return [
        WrongPair(
            decided, right, len(places), float(weight[places].sum()),
            [_example(audits, place, titles) for place in reversed(places[-_EXAMPLES:])],
        )
        for (decided, right), places in order
    ]  # fmt: skip


def _example(audits: Audits, place: int, titles: dict[int, str]) -> Example:
    row = audits.rows[place]
    return Example(row.product, titles.get(row.revision, ""))


def changes(audits: Audits, most: int | None = None) -> list[Change]:
    """What the audits of the window changed, the latest first."""
    latest = dt.datetime.min.replace(tzinfo=dt.UTC)
    places = sorted(_wrong(audits), key=lambda place: audits.settled_at[place] or latest, reverse=True)[:most]
    titles = _titles(audits.rows[place].revision for place in places)
    return [
        Change(row.product, titles.get(row.revision, ""), row.decided, str(audits.label[place]), row.seller,
               audits.settled_at[place])
        for place in places
        for row in (audits.rows[place],)
    ]  # fmt: skip


def changed(audits: Audits) -> int:
    """How many automatic decisions the audits found wrong and put right."""
    return len(_wrong(audits))


def _wrong(audits: Audits) -> list[int]:
    found = (audits.state == WRONG) & audits.automatic
    return [place for place in np.flatnonzero(found).tolist() if audits.label[place] is not None]


def _titles(revisions: Iterable[int]) -> dict[int, str]:
    keys = list(revisions)
    titles: dict[int, str] = {}
    for start in range(0, len(keys), 500):
        part = Revision.objects.filter(pk__in=keys[start : start + 500])
        titles.update(part.values_list("id", "title"))
    return titles


def shown_against_blind(audits: Audits) -> SuggestionEffect:
    """Whether people agree more where they see the suggestion: first answers to audits alone."""
    same = Same()
    counts = {(agreed, blind): 0 for agreed in (True, False) for blind in (True, False)}
    for row, first in zip(audits.rows, audits.first, strict=True):
        if first is not None:
            counts[same(first[0], row.decided), first[1] is None] += 1
    shown = counts[True, False], counts[True, False] + counts[False, False]
    blind = counts[True, True], counts[True, True] + counts[False, True]
    return suggestion_effect(*shown, *blind)
