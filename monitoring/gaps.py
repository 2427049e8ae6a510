"""Gaps: what is missing or odd in a window, said by name, so that nothing odd passes for quiet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

MISSING_DAY = "missing_day"
DAY_TWICE = "day_twice"
REPEATED = "repeated"
CONTRADICTING = "contradicting"
UNKNOWN_MODEL = "unknown_model"
LABEL_BEFORE_PREDICTION = "label_before_prediction"
SEVERAL_MODELS = "several_models"
FUTURE = "future"
BEFORE_RECEIPT = "before_receipt"
OTHER_DAY = "other_day"
NO_TIME = "no_time"
NO_PRODUCT = "no_product"
NO_DRAW = "no_draw"

CODES = {
    MISSING_DAY: "a day without any prediction",
    DAY_TWICE: "the same predictions in two shards; counted once",
    REPEATED: "the same prediction twice in one shard; counted once",
    CONTRADICTING: "the same predictions twice that differ in what was decided; the first is counted",
    UNKNOWN_MODEL: "a model that the registry does not know: not compared with the reference, nor in its accuracy",
    LABEL_BEFORE_PREDICTION: "answers given before their product was predicted; left out",
    SEVERAL_MODELS: "more than one model decided on a day",
    FUTURE: "predictions or answers later than now",
    BEFORE_RECEIPT: "predictions more than an hour before their product was received",
    OTHER_DAY: "predictions in a shard that is named for another day",
    NO_TIME: "predictions without a time, counted on their shard's day, or answers without one",
    NO_PRODUCT: "predictions of products that the catalogue does not hold",
    NO_DRAW: "products first predicted on a day over which no audit was drawn",
}

# After these the window may lack, or count on the wrong day, what would have shown trouble.
_HIDING = {
    MISSING_DAY,
    CONTRADICTING,
    UNKNOWN_MODEL,
    LABEL_BEFORE_PREDICTION,
    FUTURE,
    OTHER_DAY,
    NO_TIME,
    NO_PRODUCT,
    NO_DRAW,
}


@dataclass(frozen=True)
class Gap:
    """One gap.

    Attributes
    ----------
    day : date or None
        Where it shows; None where it belongs to no single day.
    code : str
        A key of `CODES`.
    text : str
        One line for people.
    count : int
        Of the rows or answers that it is about.
    """

    day: dt.date | None
    code: str
    text: str
    count: int = 0

    @property
    def hides(self) -> bool:
        """Whether it could hide trouble: rows are missing, left out, or not on their day."""
        return self.code in _HIDING


def in_order(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """Gaps by day, those without a day first, then by code and text."""
    return tuple(sorted(gaps, key=lambda gap: (gap.day or dt.date.min, gap.code, gap.text)))


def many(count: int, thing: str) -> str:
    """'1 prediction', '2,000 predictions'."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def some(names: Sequence[str], most: int = 3) -> str:
    """A few of many names, and how many more there are."""
    listed = ", ".join(names[:most])
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed
