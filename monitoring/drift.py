"""Have the products or the predictions changed? Each column of a day against the champion's held-out frame.

A day is drifted where a column is further from the reference than a quiet day of as many rows would be, and
than `TOLERANCE` besides. Columns and distances are those that Evidently's reports show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from aisle.errors import DataError
from aisle.model.text import field
from monitoring.chance import Chance, simulated
from monitoring.comparing import Categories, Comparable, Numbers, whole_copies
from monitoring.describing import DATA_COLUMNS, NUMBERS, PREDICTION_COLUMNS, Vocabulary, described
from monitoring.movement import movement
from monitoring.text_domain import LEAST, TextDomain, TextShift

if TYPE_CHECKING:
    import datetime as dt

TEXT, TEXT_METHOD = "title_text", "domain classifier"
PARTS = {"data": (*DATA_COLUMNS, TEXT), "predictions": PREDICTION_COLUMNS}
TOLERANCE = 0.1  # standard deviations, or of Jensen–Shannon distance: what Evidently too calls drift
TEXT_TOLERANCE = 0.075  # of the area under the curve beyond one half: as if 15 % of the titles were of another world
TEXT_SHARE = 0.2  # of the false alarms that the classifier of titles may have
LEAST_MOVEMENT = 0.02  # of sellers and categories, where the reference's own period shows less
RESULT_COLUMNS = ("part", "column", "method", "statistic", "limit", "drifted", "p_value", "change")
_MOVING = ("seller", "category_id")
_STEP = 1.25  # sizes of a day are told apart by this factor


class Drift:
    """The champion's held-out frame, ready to be compared with days.

    Parameters
    ----------
    reference : frame of n rows
        Product fields, `weight`, predictions, and `product_id`, `received_at` where they are known.
    vocabulary : Vocabulary, optional
        Of the champion, for `unseen_tokens`.
    level : float in (0, 1)
        Chance that any column of a quiet day is called drifted.
    tolerance : float ≥ 0
        How far a column may be from the reference, in the units of its distance, and it is no news however
        many rows show it.
    least_rows : int
        Rows that a day needs to be judged.
    days : int
        Quiet days that are simulated for the limits of one size of day.
    seed : int

    Attributes
    ----------
    columns : dict of name to Comparable
        Those that can be compared: a column of numbers that the reference never has is left out.
    moved : dict of column to float
        How much the shares of sellers and categories moved in the reference's own period (see `movement`).

    Raises
    ------
    DataError
        For a reference without rows or with weights that are not above zero.
    """

    def __init__(
        self,
        reference: pd.DataFrame,
        vocabulary: Vocabulary | None = None,
        *,
        level: float = 0.01,
        tolerance: float = TOLERANCE,
        least_rows: int = LEAST,
        days: int = 4_000,
        seed: int = 0,
    ) -> None:
        if reference.empty:
            raise DataError("the champion's held-out frame has no rows, so there is nothing to compare days with")
        self.level, self.tolerance, self.least_rows = level, tolerance, least_rows
        self._vocabulary, self._days, self._seed = vocabulary, days, seed
        weight = reference["weight"].to_numpy(dtype=np.float64)
        self.copies = whole_copies(weight, _names(reference))
        self.reference = described(reference, vocabulary)
        self.columns: dict[str, Comparable] = dict(_comparable(self.reference, self.copies))
        self._text = TextDomain(field(reference, "title"), weight, seed=seed)
        self.moved = {name: LEAST_MOVEMENT for name in _MOVING if name in self.columns}
        if "received_at" in reference:
            for name in self.moved:
                codes = _codes(self.columns[name].prepared(self.reference[name]))
                self.moved[name] = max(LEAST_MOVEMENT, movement(codes, weight, reference["received_at"]))
        self._chance: dict[int, Chance] = {}

    def limits(self, rows: int) -> dict[str, float]:
        """The distance of each column that a day of so many rows must exceed to be drifted."""
        chance = self._chance_of(rows).limits(self.level * (1 - TEXT_SHARE))
        return {name: math.hypot(self.tolerance, limit) for name, limit in chance.items()}

    def judged(self, rows: pd.DataFrame) -> pd.DataFrame:
        """How far each column of these rows (a day's, or a window's) is from the reference.

        Parameters
        ----------
        rows : frame of n rows
            Product fields and predictions; the columns `described` reads.

        Returns
        -------
        frame, one row a column, with `RESULT_COLUMNS`
            `part` is "data" or "predictions"; `method` as Evidently calls it (the classifier of titles: `TEXT_METHOD`);
            `statistic` (null where the rows have no value) and its `limit`; `drifted` true, false, or None where
            it is not known: no value, or too few rows; `p_value`: that any column of a quiet day is so
            unusual, beyond the tolerance; `change` in words.
        """
        enough = len(rows) >= self.least_rows
        table = self.described(rows)
        limits = self.limits(len(rows)) if enough else {}
        found = []
        for name, column in self.columns.items():
            day = table[name] if name in table else pd.Series(dtype=np.float64)
            statistic = column.distance(day)
            known = enough and statistic is not None
            part = next(one for one, names in PARTS.items() if name in names)
            found.append(
                {
                    "part": part,
                    "column": name,
                    "method": column.method,
                    "statistic": math.nan if statistic is None else statistic,
                    "limit": limits.get(name, math.nan),
                    "drifted": statistic > limits[name] if known and statistic is not None else None,
                    "p_value": self._p_value(len(rows), name, statistic) if known else math.nan,
                    "change": "" if statistic is None else column.told(day),
                }
            )
        found.append(self._text_row(rows, enough))
        return pd.DataFrame(found, columns=list(RESULT_COLUMNS)).astype({"drifted": object})

    def exceeds(self, column: str, rows: pd.DataFrame) -> bool:
        """Whether these rows, at least `least_rows`, are beyond the limit in one column."""
        if column == TEXT:
            shift = self._text.shift(field(rows, "title"))
            return shift is not None and shift.auc > self._text_limit(shift)
        distance = self.columns[column].distance(self.described(rows)[column])
        return distance is not None and distance > self.limits(len(rows))[column]

    def usual(self, column: str, rows: int) -> float:
        """What every second quiet day of so many rows exceeds in one column."""
        return 0.5 if column == TEXT else self._chance_of(rows).median(column)

    def described(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Their columns (see `monitoring.describing`), with the champion's vocabulary."""
        return described(rows, self._vocabulary)

    def by_day(self, rows: pd.DataFrame, days: Sequence[dt.date] | None = None) -> pd.DataFrame:
        """`judged` for each day, with the column `day` in front; rows carry their `day`.

        `days`: the days to judge, in order; by default those of the rows. A day without rows is not known.
        """
        groups: dict[Any, pd.DataFrame] = dict(list(rows.groupby("day", sort=True)))
        wanted: list[Any] = list(groups) if days is None else list(days)
        tables = [self.judged(groups.get(day, rows.head(0))).assign(day=day) for day in wanted]
        if not tables:
            return pd.DataFrame(columns=["day", *RESULT_COLUMNS])
        return pd.concat(tables, ignore_index=True)[["day", *RESULT_COLUMNS]]

    def compared(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Columns of `rows` and of the reference, as they are compared: for Evidently's reports.

        The reference has each row as often as its weight says. `ValueDrift(column=…, method=…, threshold=…)` with a
        row's `method` and `limit` on these two frames gives its `statistic`, and fails where `drifted`.
        """
        table = self.described(rows)
        frames = [
            pd.DataFrame({name: column.prepared(frame[name]) for name, column in self.columns.items() if name in table})
            for frame in (table, self.reference)
        ]
        return frames[0], frames[1].loc[frames[1].index.repeat(self.copies)].reset_index(drop=True)

    def _text_row(self, rows: pd.DataFrame, enough: bool) -> dict[str, Any]:
        shift = self._text.shift(field(rows, "title")) if enough else None
        row: dict[str, Any] = {"part": "data", "column": TEXT, "method": TEXT_METHOD}
        if shift is None:
            nothing = {"statistic": math.nan, "limit": math.nan, "drifted": None, "p_value": math.nan, "change": ""}
            return row | nothing
        limit = self._text_limit(shift)
        beyond = math.sqrt(max((shift.auc - 0.5) ** 2 - TEXT_TOLERANCE**2, 0.0)) if shift.auc > 0.5 else 0.0
        own = float(special.ndtr(-beyond / shift.error)) if shift.error > 0 else 1.0
        return row | {
            "statistic": shift.auc,
            "limit": limit,
            "drifted": shift.auc > limit,
            "p_value": min(1.0, own / TEXT_SHARE),
            "change": f"new words: {', '.join(shift.telling)}" if shift.telling else "",
        }

    def _text_limit(self, shift: TextShift) -> float:
        chance = -float(special.ndtri(self.level * TEXT_SHARE)) * shift.error
        return 0.5 + math.hypot(TEXT_TOLERANCE, chance)

    def _p_value(self, rows: int, name: str, statistic: float | None) -> float:
        beyond = math.sqrt(max((statistic or 0.0) ** 2 - self.tolerance**2, 0.0))
        return min(1.0, self._chance_of(rows).p_value(name, beyond) / (1 - TEXT_SHARE))

    def _chance_of(self, rows: int) -> Chance:
        """Simulated for the next smaller of the sizes that are told apart: fewer rows, wider limits."""
        size = max(1, int(_STEP ** math.floor(math.log(max(rows, 1), _STEP) + 1e-9)))
        if size not in self._chance:
            groups = [(_codes(self.reference[name]), moved) for name, moved in self.moved.items()]
            self._chance[size] = simulated(self.columns, self.copies, groups, size, self._days, self._seed)
        return self._chance[size]


def _comparable(table: pd.DataFrame, copies: NDArray[np.int64]) -> Iterator[tuple[str, Comparable]]:
    for name in table.columns:
        if name not in NUMBERS:
            yield name, Categories(table[name], copies)
        elif np.isfinite(table[name].to_numpy(dtype=np.float64)).any():
            yield name, Numbers(table[name], copies)


def _names(reference: pd.DataFrame) -> list[str]:
    column = "product_id" if "product_id" in reference else "title"
    return [str(name) for name in reference[column].tolist()]


def _codes(values: pd.Series) -> NDArray[np.intp]:
    return pd.factorize(values)[0]
