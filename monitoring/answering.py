"""Do audits still come in, and do the draws agree with the probabilities that they are said to have?"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aisle.audit.estimates import PENDING, RIGHT, WRONG

if TYPE_CHECKING:
    import pandas as pd

LEAST_EXPECTED = 5.0  # draws that must be missing before it is said that none are made
MISTAKEN = 1e-6  # chance that honest draws are called contradictory


@dataclass(frozen=True)
class Answering:
    """When people last answered an audit of an automatic decision, and what has waited since.

    Attributes
    ----------
    last : date or None
        Day of the newest prediction of which an audit is answered; None where none is.
    days : int
        From that day to the end of the window.
    waiting : int
        Audits drawn after that day, old enough to be answered, that are open or skipped.
    undrawn : int
        Automatic decisions after that day, as old, over which no audit was drawn.
    expected : float
        How many of the other ones were to be drawn.
    """

    last: dt.date | None
    days: int
    waiting: int
    undrawn: int
    expected: float

    def stale(self, most: int) -> bool:
        """Whether answers have ended more than `most` days ago, and not for want of automatic decisions."""
        lacking = self.waiting > 0 or self.undrawn > 0 or self.expected >= LEAST_EXPECTED
        return self.last is not None and self.days > most and lacking


def answering_of(rows: pd.DataFrame, last: dt.date, grace_days: int) -> Answering:
    """Of the champion's `rows` (as of `Window.rows`) up to the day `last`; younger ones than `grace_days` may wait."""
    automatic = rows[((rows["decision"] == "auto") & rows["first"]).to_numpy(dtype=bool)]
    state = automatic["state"].to_numpy(dtype=np.int64)
    answered = automatic["day"][np.isin(state, (RIGHT, WRONG, PENDING))]
    if answered.empty:
        return Answering(None, 0, 0, 0, 0.0)
    newest = answered.max()
    chosen = (automatic["day"] > newest) & (automatic["day"] <= last - dt.timedelta(days=grace_days))
    later = automatic[chosen.to_numpy(dtype=bool)]
    probability = later["audit_probability"].to_numpy(dtype=np.float64)
    return Answering(
        last=newest,
        days=(last - newest).days,
        waiting=int((later["state"] >= 0).sum()),
        undrawn=int(np.isnan(probability).sum()),
        expected=float(np.nansum(probability)),
    )


@dataclass(frozen=True)
class Contradiction:
    """Draws that do not fit their probabilities: `drawn` audits of `rows` predictions, where `expected` were due."""

    rows: int
    drawn: int
    expected: float
    smallest: float
    largest: float


def contradicted_draws(population: pd.DataFrame) -> Contradiction | None:
    """The most contradictory draws among predictions of about the same `audit_probability`, None where all fit.

    Probabilities are taken together within a factor of two. The number drawn of them is a sum of independent draws;
    that it is √(2vt) + t/3 or further from the sum of its probabilities, v its variance, has a chance of at
    most 2·exp(−t) (Bernstein 1924), and all groups together of at most `MISTAKEN`.
    """
    probability = population["audit_probability"].to_numpy(dtype=np.float64)
    drawn = population["audit_drawn"].fillna(False).to_numpy(dtype=bool)
    band = np.floor(np.log2(probability))
    bands = np.unique(band)
    far = math.log(2 * max(bands.size, 1) / MISTAKEN)
    found: list[tuple[float, Contradiction]] = []
    for one in bands:
        within, hits = probability[band == one], int(drawn[band == one].sum())
        expected, variance = float(within.sum()), float((within * (1 - within)).sum())
        beyond = abs(hits - expected) / (math.sqrt(2 * variance * far) + far / 3)
        if beyond > 1:
            found.append((beyond, Contradiction(within.size, hits, expected, float(within.min()), float(within.max()))))
    return max(found, key=lambda pair: pair[0])[1] if found else None
