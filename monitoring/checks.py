"""Looks for what is missing or odd in the rows of a window; each finding is a named gap."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from aisle.errors import DataError
from monitoring import gaps
from monitoring.gaps import Gap, many, some

if TYPE_CHECKING:
    import pandas as pd

EARLY = np.timedelta64(1, "h")  # clocks of two machines may differ by so much
AHEAD = dt.timedelta(minutes=5)
SAME_CONFIDENCE = 1e-6  # computed again, it may differ by rounding
LATE_DAYS = 1  # a shard may hold what came too late for the one of the day before


def require_sense(rows: pd.DataFrame, folder: Path) -> None:
    """`DataError` for a value that no prediction can have; names the first such row."""
    confidence, probability = rows["confidence"], rows["audit_probability"]
    checks = (
        ("confidence", ~confidence.between(0, 1), "a number in [0, 1] is needed"),
        ("decision", ~rows["decision"].isin(("auto", "review")), "auto or review is needed"),
        ("category_id", rows["category_id"].isna(), "a category is needed"),
        (
            "audit_probability",
            ~probability.between(0, 1, inclusive="right") & probability.notna(),
            "a number in (0, 1] is needed, or none",
        ),
    )
    for column, wrong, needed in checks:
        if wrong.any():
            row = rows[wrong.to_numpy()].iloc[0]
            more = f" (and {wrong.sum() - 1:,} more like it)" if wrong.sum() > 1 else ""
            raise DataError(
                f"{folder}/predictions/{row['shard']}.parquet: product '{row['product_id']}' has the {column} "
                f"'{row[column]}'; {needed}{more}"
            )


def missing_days(days: pd.DataFrame, first: dt.date, last: dt.date) -> list[Gap]:
    """The days of the window on which nothing was predicted."""
    there = {day.date() for day in days["day"]}
    wanted = (first + dt.timedelta(days=number) for number in range((last - first).days + 1))
    return [Gap(day, gaps.MISSING_DAY, f"{day}: no predictions") for day in wanted if day not in there]


def other_days(rows: pd.DataFrame, days: pd.DataFrame, first: dt.date, last: dt.date) -> list[Gap]:
    """Shards of the window, by name or by content, with predictions of days that they cannot hold."""
    from monitoring.window import day_of_shard

    found = []
    lost = rows[rows["predicted_at"].isna().to_numpy()].groupby(["shard", "day"]).size()  # their day is the shard's
    for shard, day, count in days.itertuples(index=False):
        named, day = day_of_shard(shard), day.date()
        if named is None or 0 <= (named - day).days <= LATE_DAYS:
            continue
        if first <= named <= last or first <= day <= last:
            number = int(count) - int(lost.get((shard, day), 0))
            text = f"{named}: predictions/{shard}.parquet holds {many(number, 'prediction')} of {day}"
            found.append(Gap(day if first <= day <= last else named, gaps.OTHER_DAY, text, number))
    return found


def future_days(days: pd.DataFrame, last: dt.date, now: dt.datetime) -> list[Gap]:
    """Shards that are named for days after the window and hold predictions of days that have not come yet.

    Those of shards of the window are among `other_days`.
    """
    from monitoring.window import day_of_shard

    found = []
    for shard, day, count in days.itertuples(index=False):
        named = day_of_shard(shard)
        if day.date() > max(last, now.date()) and (named is None or named > last):
            text = f"predictions/{shard}.parquet holds {many(int(count), 'prediction')} of {day.date()}"
            found.append(Gap(None, gaps.FUTURE, f"{text}, later than now: is a clock wrong?", int(count)))
    return found


class Repetitions(NamedTuple):
    """Which rows to keep, shape (n,), and the gaps of those that are repeated."""

    kept: NDArray[np.bool_]
    gaps: list[Gap]


def repetitions(rows: pd.DataFrame) -> Repetitions:
    """Predictions of the same product, revision, model and policy: each is counted once, the first one.

    Where a later one says the same it is harmless; where it says something else nobody knows what was decided.
    """
    key = ["product_id", "revision", "model_version", "policy_id"]
    again = rows.duplicated(key).to_numpy()
    if not again.any():
        return Repetitions(~again, [])
    places = rows.groupby(key, dropna=False, sort=False).ngroup().to_numpy()
    originals = rows[~again].iloc[places[again]]  # groups are numbered in the order of their first rows
    repeated = rows[again]
    original, contradicts = originals["shard"].to_numpy(dtype=object), _differ(repeated, originals)
    found = []
    groups = repeated.assign(original=original, contradicts=contradicts).groupby(
        ["day", "original", "shard", "contradicts"], sort=True
    )
    for names, some_rows in groups:
        day, one, other, differ = cast("tuple[dt.date, str, str, bool]", names)
        where = f"twice in predictions/{one}.parquet"
        if one != other:
            where = f"both in predictions/{one}.parquet and {other}.parquet"
        code = gaps.REPEATED if one == other else gaps.DAY_TWICE
        text = f"{day}: {many(len(some_rows), 'prediction')} {where}"
        if differ:
            code, text = gaps.CONTRADICTING, f"{text} that contradict each other; the first is counted"
        else:
            text = f"{text}; counted once"
        found.append(Gap(day, code, text, len(some_rows)))
    return Repetitions(~again, found)


def _differ(some_rows: pd.DataFrame, others: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether rows of two frames, one by one, differ in what was decided, or how surely."""
    differ = np.zeros(len(some_rows), dtype=bool)
    for column in ("category_id", "decision"):
        differ |= some_rows[column].to_numpy(dtype=object) != others[column].to_numpy(dtype=object)
    sure, other = (one["confidence"].to_numpy(dtype=np.float64) for one in (some_rows, others))
    return np.asarray(differ | (np.abs(sure - other) > SAME_CONFIDENCE))


def of_rows(rows: pd.DataFrame, now: dt.datetime) -> list[Gap]:
    """Rows of unknown models, with odd times, without a product or a draw, counted by day."""
    import pandas as pd

    future = rows["predicted_at"] > pd.Timestamp(now + AHEAD)
    no_time = rows["predicted_at"].isna()
    too_soon = rows["predicted_at"] < rows["received_at"] - EARLY
    unknown = ~rows["known_model"].fillna(True)
    no_draw = rows["first"] & rows["audit_probability"].isna()
    told = (
        (gaps.FUTURE, future, "later than now: is a clock wrong?"),
        (gaps.NO_TIME, no_time, "without a time, counted on the day that their shard is named for"),
        (gaps.BEFORE_RECEIPT, too_soon, "more than an hour before their product was received: is a clock wrong?"),
        (gaps.NO_PRODUCT, rows["no_product"], "of products that the catalogue does not hold"),
        (gaps.NO_DRAW, no_draw, "of products without an audit draw (`aisle audit draw`)"),
    )
    found = [
        Gap(day, code, f"{day}: {many(count, 'prediction')} {what}", count)
        for code, chosen, what in told
        for day, count in _by_day(rows, chosen).items()
    ]
    for day, some_rows in _days_of(rows[unknown.to_numpy(dtype=bool)]):
        models = some(sorted({_model(*pair) for pair in _pairs(some_rows)}))
        text = f"{day}: {many(len(some_rows), 'prediction')} of a model unknown to the registry ({models})"
        found.append(Gap(day, gaps.UNKNOWN_MODEL, f"{text}; not compared with the reference", len(some_rows)))
    return found


def models_of_days(rows: pd.DataFrame) -> list[Gap]:
    """Days on which more than one model decided: which ones, from when to when."""
    found = []
    several = rows.groupby("day")[["model_version", "policy_id"]].nunique(dropna=False).max(axis=1) > 1
    for day, some_rows in _days_of(rows[rows["day"].isin(several.index[several]).to_numpy()]):
        parts = []
        for pair, of_model in some_rows.groupby(["model_version", "policy_id"], dropna=False, sort=False):
            since, until = (f"{moment:%H:%M}" for moment in (of_model["moment"].min(), of_model["moment"].max()))
            parts.append(f"{_model(*pair)} from {since} to {until} ({many(len(of_model), 'prediction')})")
        text = f"{day}: {len(parts)} models decided: {'; '.join(parts)}"
        found.append(Gap(day, gaps.SEVERAL_MODELS, text, len(some_rows)))
    return found


def of_answers(answers: pd.DataFrame, now: dt.datetime) -> list[Gap]:
    """Answers before their prediction, of the future, or without a time, by the day of the prediction."""
    import pandas as pd

    found = []
    early = answers[answers["early"].to_numpy(dtype=bool)]
    for day, some_rows in _days_of(early):
        origins = ", ".join(f"{count:,} {origin}" for origin, count in some_rows["origin"].value_counts().items())
        text = f"{day}: {many(len(some_rows), 'answer')} dated before the prediction ({origins}); left out"
        found.append(Gap(day, gaps.LABEL_BEFORE_PREDICTION, text, len(some_rows)))
    future = answers["labelled_at"] > pd.Timestamp(now + AHEAD)
    for code, chosen, what in (
        (gaps.FUTURE, future, "dated later than now: is a clock wrong?"),
        (gaps.NO_TIME, answers["labelled_at"].isna(), "without a time"),
    ):
        for day, count in _by_day(answers, chosen).items():
            found.append(Gap(day, code, f"{day}: {many(count, 'answer')} {what}", count))
    return found


def _by_day(rows: pd.DataFrame, chosen: pd.Series) -> dict[dt.date, int]:
    return {day: len(some_rows) for day, some_rows in _days_of(rows[chosen.to_numpy(dtype=bool)])}


def _days_of(rows: pd.DataFrame) -> Iterator[tuple[dt.date, pd.DataFrame]]:
    """The rows of each day, the days in order."""
    for day, some_rows in rows.groupby("day", sort=True):
        yield cast("dt.date", day), some_rows


def _pairs(rows: pd.DataFrame) -> set[tuple[Any, Any]]:
    return set(zip(rows["model_version"].tolist(), rows["policy_id"].tolist(), strict=True))


def _model(version: Any, policy_id: Any) -> str:
    import pandas as pd

    named = ["?" if pd.isna(one) else str(one) for one in (version, policy_id)]
    return f"version {named[0]}, policy {named[1]}"
