"""Who is to blame for what stands out: slices, with their most telling products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.audit.blame import Blamed, blame_errors, blame_shift
from aisle.audit.estimates import PENDING, RIGHT, WRONG
from aisle.audit.expected import expected_errors
from monitoring.describing import described
from monitoring.drift import TEXT
from monitoring.verdict import Reason

if TYPE_CHECKING:
    import pandas as pd

    from monitoring.seeing import Seen

ABOUT_ERRORS = {"accuracy.alarm", "accuracy.below", "accuracy.late_errors", "loop.signs"}
ABOUT_SHIFTS = {"data.lasting", "data.look", "predictions.lasting", "predictions.look"}


def blamed_by(seen: Seen, reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    """Slices that explain the reasons, as plain data: of errors first, then of shifts; none without a reason."""
    codes = {one.code for one in reasons}
    found = _errors(seen) if codes & ABOUT_ERRORS else []
    if codes & ABOUT_SHIFTS:
        found += _shifts(seen)
    products = seen.rows.drop_duplicates("product_id").set_index("product_id")
    return [asdict(one) | {"products": [_product(products, name) for name in one.products]} for one in found]


def _errors(seen: Seen) -> list[Blamed]:
    """More errors than the held-out frame leads to expect."""
    auto = seen.population[(seen.population["decision"] == "auto").to_numpy(dtype=bool)].reset_index(drop=True)
    expected = expected_errors(auto, seen.reference.frame)
    answered = np.isin(auto["state"].to_numpy(), (RIGHT, WRONG, PENDING))
    if not answered.any():
        return []
    audits = auto[answered].assign(
        error=(auto["state"] == WRONG)[answered], weight=1 / auto["audit_probability"][answered].astype(float)
    )
    return blame_errors(audits, expected[answered], reference_rows=float(len(seen.reference.frame)))


def _shifts(seen: Seen) -> list[Blamed]:
    """What the shifted columns come from.

    Where a shift lasts, in all days of the window, so that the day since which it does is found; where there
    are odd days alone, in these.
    """
    shifted = [one.column for one in seen.shifts.columns if one.state in ("alarm", "look")]
    drift, by_day = seen.shifts.drift, seen.shifts.by_day
    if drift is None or not shifted:
        return []
    rows = seen.rows
    if all(one.state != "alarm" for one in seen.shifts.columns):
        concerned = by_day[by_day["column"].isin(shifted) & (by_day["drifted"] == True).to_numpy()]  # noqa: E712 - None is neither
        days = sorted(set(concerned["day"]))[-10:]
        rows = rows[rows["day"].isin(days).to_numpy(dtype=bool)].reset_index(drop=True)
    window, reference = _with_descriptions(seen, rows)
    columns = [one for one in shifted if one in window and one not in ("seller", "category_id", "branch_id", TEXT)]
    return blame_shift(reference, window, columns)


def _with_descriptions(seen: Seen, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    drift = seen.shifts.drift
    assert drift is not None
    window = described(rows, seen.shifts.vocabulary).assign(
        **{name: rows[name] for name in ("product_id", "day", "model_version")}
    )
    weight = seen.reference.frame["weight"].to_numpy(dtype=np.float64)
    return window, drift.reference.assign(weight=weight)


def _product(products: pd.DataFrame, name: str) -> dict[str, Any]:
    """A telling product, for people: what it is, what was decided, what a person found."""
    columns = ("title", "seller", "category_id", "confidence", "answered_category_id")
    if name not in products.index:
        return {"product_id": name} | dict.fromkeys(columns)
    row = products.loc[name]
    texts = {one: None if row[one] is None or row[one] != row[one] else str(row[one]) for one in columns}
    return {"product_id": name, **texts, "confidence": float(row["confidence"])}
