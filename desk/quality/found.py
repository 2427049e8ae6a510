"""What audits found wrong: the worst pairs of categories with examples, and what was changed."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.db.models import Max

from aisle.audit.agreement import SuggestionEffect, suggestion_effect
from aisle.audit.estimates import WRONG
from desk.history.names import full_name
from desk.ledger.models import Answer, Kind, Revision
from desk.quality.results import Audits
from desk.tree import agrees

_EXAMPLES = 4
_AT_A_TIME = 1000  # revisions of one query


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
        pairs[audits.rows[place].decided, str(audits.label(place))].append(place)
    weight = 1 / audits.probability
    order = sorted(pairs.items(), key=lambda one: (-weight[one[1]].sum(), one[0]))[:most]
    shown = [place for _, places in order for place in places[-_EXAMPLES:]]
    titles = _titles(audits.rows[place].revision for place in shown)
    return [
        WrongPair(
            decided, right, len(places), float(weight[places].sum()),
            [Example(audits.rows[place].product, titles.get(audits.rows[place].revision, ""))
             for place in reversed(places[-_EXAMPLES:])],
        )
        for (decided, right), places in order
    ]  # fmt: skip


def changes(audits: Audits, most: int | None = None) -> list[Change]:
    """What the audits of the window changed, the latest first."""
    wrong = _wrong(audits)
    settled = _last_answers(audits.rows[place].revision for place in wrong)
    never = dt.datetime.min.replace(tzinfo=dt.UTC)
    places = sorted(wrong, key=lambda place: settled.get(audits.rows[place].revision, never), reverse=True)[:most]
    titles = _titles(audits.rows[place].revision for place in places)
    return [
        Change(one.product, titles.get(one.revision, ""), one.decided, str(audits.label(place)), one.seller,
               settled.get(one.revision))
        for one, place in ((audits.rows[place], place) for place in places)
    ]  # fmt: skip


def changed(audits: Audits) -> int:
    """How many automatic decisions the audits found wrong and put right."""
    return len(_wrong(audits))


def _wrong(audits: Audits) -> list[int]:
    """Places of confirmed errors of which people agree what is right."""
    found = (audits.state == WRONG) & audits.automatic
    return [place for place in np.flatnonzero(found).tolist() if audits.label(place) is not None]


def _titles(revisions: Iterable[int]) -> dict[int, str]:
    titles: dict[int, str] = {}
    for part in _parts(revisions):
        titles.update(Revision.objects.filter(pk__in=part).values_list("id", "title"))
    return titles


def _last_answers(revisions: Iterable[int]) -> dict[int, dt.datetime]:
    """When the last answer to an audit, or a look after it, was given."""
    kinds = (Kind.AUDIT, Kind.CONFIRM, Kind.ADJUDICATE)
    times: dict[int, dt.datetime] = {}
    for part in _parts(revisions):
        answers = Answer.objects.filter(revision_id__in=part, task__kind__in=kinds, undone_by=None).order_by()
        times.update(answers.values_list("revision_id").annotate(Max("answered_at")))
    return times


def _parts(keys: Iterable[int]) -> Iterable[list[int]]:
    every = list(keys)
    return (every[start : start + _AT_A_TIME] for start in range(0, len(every), _AT_A_TIME))


def shown_against_blind(audits: Audits) -> SuggestionEffect:
    """Whether people agree more where they see the suggestion: first answers to audits alone."""
    counts = {(agreed, blind): 0 for agreed in (True, False) for blind in (True, False)}
    for row, said in zip(audits.rows, audits.said, strict=True):
        if said.first is not None:
            counts[agrees(said.first, row.decided), row.blind] += 1
    shown = counts[True, False], counts[True, False] + counts[False, False]
    blind = counts[True, True], counts[True, True] + counts[False, True]
    return suggestion_effect(*shown, *blind)
