"""Which columns of products and predictions are shifted, on which days, and whether that lasts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.audit.alarms.lasting import Lasting, lasting
from aisle.decision.policy import Policy
from monitoring.drift import TEXT, TEXT_METHOD, Drift
from monitoring.reference import Reference
from monitoring.settings import Settings
from monitoring.together import state, together

if TYPE_CHECKING:
    import pandas as pd

    from monitoring.describing import Vocabulary

NAMES = {TEXT: "words of titles", "branch_id": "branch", "category_id": "category", "log_price": "price"}
_ORDER: Sequence[Lasting] = ("alarm", "look", "unknown", "quiet")


@dataclass(frozen=True)
class ColumnShift:
    """One column over the days of the window.

    Attributes
    ----------
    column, part : str
        Its name, and `data` or `predictions`.
    state : str
        `alarm` (the shift lasts), `look` (on some of the last days), `quiet`, or `unknown`.
    days_shifted, days_judged : int
        Of the last days that decide.
    level : float
        On the last day judged: distance from the reference over what a quiet day may show; nan where not judged.
    told : str
        What changed, in a few words.
    together : bool
        The shift lasts by the last days taken together (see `monitoring.together`): no k of them show it alone.
    """

    column: str
    part: str
    state: Lasting
    days_shifted: int
    days_judged: int
    level: float
    told: str
    together: bool = False

    @property
    def name(self) -> str:
        """For people."""
        return NAMES.get(self.column, self.column.replace("_", " "))


@dataclass(frozen=True)
class Shifts:
    """All columns, the most shifted first.

    Attributes
    ----------
    columns : sequence of ColumnShift
    by_day : DataFrame
        As `Drift.by_day` gives it.
    levels : DataFrame
        Rows are columns by their names for people, columns are days; nan where not judged.
    last_day : date or None
        The last day that could be judged.
    why : str
        Why nothing is judged; empty where something is.
    drift : Drift or None
        What the days were compared with.
    vocabulary : Vocabulary or None
        Of the champion.
    """

    columns: Sequence[ColumnShift]
    by_day: pd.DataFrame
    levels: pd.DataFrame
    last_day: dt.date | None
    why: str = ""
    drift: Drift | None = field(default=None, compare=False)
    vocabulary: Vocabulary | None = field(default=None, compare=False)

    @property
    def judged(self) -> bool:
        """Whether there are days enough to judge any column."""
        return any(one.state != "unknown" for one in self.columns)

    def as_table(self) -> dict[str, Any]:
        """Plain data for the verdict."""
        names = ("column", "name", "part", "state", "days_shifted", "days_judged", "level", "told", "together")
        return {
            "last_day": self.last_day,
            "why": self.why,
            "columns": [{name: getattr(one, name) for name in names} for one in self.columns],
        }


def shifts_of(
    rows: pd.DataFrame,
    reference: Reference,
    days: Sequence[dt.date],
    settings: Settings,
    vocabulary: Vocabulary | None = None,
) -> Shifts:
    """Compare each day of `rows`, the champion's, with its held-out frame.

    `decision` is what the policy decides, whatever a brake made of it: that people hold automation back is no shift.
    """
    rows = rows.assign(decision=np.where(accepted(rows, reference.policy), "auto", rows["decision"]))
    drift = Drift(reference.frame, vocabulary, level=settings.drift_false_alarm, least_rows=settings.least_rows)
    by_day = drift.by_day(rows, days)
    by_day = by_day.assign(level=_level(by_day), lasts=_together(drift, rows, by_day, settings))
    found = [_column(one, settings) for _, one in by_day.groupby("column", sort=False)]
    by_day = by_day.drop(columns="lasts")
    found.sort(key=lambda one: (_ORDER.index(one.state), -np.nan_to_num(one.level), one.column))
    known = by_day[by_day["drifted"].notna().to_numpy(dtype=bool)]
    levels = by_day.pivot(index="column", columns="day", values="level")
    levels = levels.reindex([one.column for one in sorted(found, key=_by_part)])
    levels.index = [NAMES.get(one, one.replace("_", " ")) for one in levels.index]
    last_day = None if known.empty else known["day"].max()
    why = "" if any(one.state != "unknown" for one in found) else _why(known, settings)
    return Shifts(found, by_day, levels, last_day, why, drift, vocabulary)


def accepted(rows: pd.DataFrame, policy: Policy) -> np.ndarray[Any, Any]:
    """Which rows the policy decides by itself, by their confidence; none where that of the branch decides."""
    if policy.level == "branch":  # predictions do not keep it
        return np.zeros(len(rows), dtype=bool)
    columns = (rows[name].to_numpy(dtype=object) for name in ("category_id", "branch_id"))
    return policy.accepts(rows["confidence"].to_numpy(dtype=np.float64), *columns)


def _together(drift: Drift, rows: pd.DataFrame, by_day: pd.DataFrame, settings: Settings) -> pd.Series:
    """`together` for the last days: earlier ones decide nothing, and each takes its time."""
    import pandas as pd

    k, n = settings.lasting.k, settings.lasting.n
    known = sorted(by_day.loc[by_day["drifted"].notna().to_numpy(dtype=bool), "day"].unique())
    last = [one for one in sorted(by_day["day"].unique()) if known and one <= known[-1]][-2 * n :]
    recent = by_day[by_day["day"].isin(last).to_numpy(dtype=bool)]
    lasts = together(drift, rows, recent, k, n) if len(recent) else pd.Series(dtype=object)
    return pd.Series([lasts.get(row) for row in by_day.index], index=by_day.index, dtype=object)


def _why(known: pd.DataFrame, settings: Settings) -> str:
    days, k, n = known["day"].nunique(), settings.lasting.k, settings.lasting.n
    few = f"fewer than {k} of the last {2 * n} days have {settings.least_rows} predictions of the champion"
    return f"{few} ({days} such days in the window)"


def _column(rows: pd.DataFrame, settings: Settings) -> ColumnShift:
    flags = [None if one is None else bool(one) for one in rows["drifted"]]
    k, n = settings.lasting.k, settings.lasting.n
    recent = [flag for flag in flags[-2 * n :] if flag is not None][-n:]
    known = rows[rows["drifted"].notna().to_numpy(dtype=bool)]
    last = known.iloc[-1] if len(known) else None
    lasts = [None if one is None else bool(one) for one in rows["lasts"]]
    found = state(flags, lasts, k, n)
    return ColumnShift(
        column=str(rows["column"].iloc[0]),
        part=str(rows["part"].iloc[0]),
        state=found,
        days_shifted=sum(recent),
        days_judged=len(recent),
        level=float("nan") if last is None else float(last["level"]),
        told="" if last is None else str(last["change"]),
        together=found == "alarm" and lasting(flags, k, n) != "alarm",
    )


def _level(by_day: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Distance over its limit: above 1 is shifted; nothing below 0."""
    zero = np.where((by_day["method"] == TEXT_METHOD).to_numpy(dtype=bool), 0.5, 0.0)
    statistic, limit = (by_day[name].to_numpy(dtype=np.float64) for name in ("statistic", "limit"))
    return np.asarray(np.maximum((statistic - zero) / (limit - zero), 0.0))


def _by_part(one: ColumnShift) -> tuple[bool, str]:
    return one.part != "data", one.column
