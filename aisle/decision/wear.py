"""Calibration rows wear out: how often thresholds were chosen on them, and when fresh audits are due.

Each certificate is wrong with a probability of at most δ = 1 − confidence_level. Of k certificates
on the same rows, the probability that any is wrong is at most k · δ, whatever their dependence
(Boole's inequality, the union bound), even where each next model was made because of what the
last one showed: k is then a budget of adaptivity (Dwork, Feldman, Hardt, Pitassi, Reingold &
Roth 2015, "The reusable holdout: preserving validity in adaptive data analysis"). And rows grow
old: new products must be like them.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Wear:
    """How worn a set of calibration rows is.

    Attributes
    ----------
    uses : int
        Different thresholds that were chosen on these rows, the present one included; at least 1.
    confidence_level : float in (0, 1)
    youngest : date or None
        When the youngest row came in; None where no row has a date.
    after_uses, after_days : int
        Fresh audits are due from this many uses on, or when the youngest row is this old.
    """

    uses: int
    confidence_level: float
    youngest: datetime.date | None
    after_uses: int
    after_days: int

    @property
    def together(self) -> float:
        """All certificates on these rows hold together with at least this probability, in [0, 1]."""
        return max(0.0, 1 - self.uses * (1 - self.confidence_level))

    @property
    def due_on(self) -> datetime.date | None:
        """The day from which on the rows are too old; None where their age is not known."""
        return None if self.youngest is None else self.youngest + datetime.timedelta(days=self.after_days)

    def due(self, today: datetime.date) -> bool:
        """Whether fresh audits are due."""
        return self.uses >= self.after_uses or (self.due_on is not None and today >= self.due_on)

    def used(self) -> str:
        """How often the rows were used, and what is left of the promise, in one sentence."""
        times = "1 threshold was" if self.uses == 1 else f"{self.uses:,} thresholds were"
        if self.uses == 1:
            return f"{times} chosen on these calibration rows so far, this one"
        return (
            f"{times} chosen on these calibration rows so far; together their promises hold with probability "
            f"{self.together:.3g} at least, not {self.confidence_level:.3g}"
        )

    def when(self, today: datetime.date) -> str:
        """When fresh audits are due, and why, in one sentence."""
        if self.uses >= self.after_uses:
            return f"fresh audits are due: {self.after_uses:,} {_times(self.after_uses)} is the most for the same rows"
        if self.due_on is not None and today >= self.due_on:
            return f"fresh audits are due since {self.due_on}: the youngest row is over {self.after_days:,} days old"
        dated = "" if self.due_on is None else f", or on {self.due_on}"
        return f"fresh audits are due after {self.after_uses:,} {_times(self.after_uses)}{dated}"


def youngest(rows: pd.DataFrame) -> datetime.date | None:
    """The day on which the youngest of these products came in (UTC); None where `received_at` has no date."""
    if "received_at" not in rows or rows["received_at"].isna().all():
        return None
    import pandas as pd

    day: datetime.date = pd.to_datetime(rows["received_at"], utc=True).max().date()
    return day


def _times(number: int) -> str:
    return "threshold" if number == 1 else "thresholds"
