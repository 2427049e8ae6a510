"""Groups of products that fare worse than the rest: by seller, branch, length of the title, missing text."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from aisle.decision.evidence.categories import figures
from aisle.decision.evidence.shares import holm, worth

FEWEST_ROWS = 20  # fewer products in a slice say too little
SIGNIFICANT = 0.05
LENGTHS = ((0, 20), (21, 40), (41, 60), (61, 80), (81, 120), (121, None))  # characters of the title


def slices(frame: pd.DataFrame, name_of: Callable[[str], str]) -> dict[str, Any]:
    """Accuracy and coverage of every slice with at least 20 products that count.

    What counts is what is decided automatically, or every product where automation is off. A
    slice is `worse` when it is less accurate than the other products at 5 %, one-sided, after
    Holm's correction for all slices looked at.

    Returns
    -------
    dict
        `tested` ('accuracy' or 'accuracy_all'), `looked_at` (slices), `left_out` (too small), and
        `found`: a list of `kind, name, p` (adjusted), `worse`, and `figures`; worse ones first,
        then by what was tested, the lowest first.
    """
    tested = "accuracy" if frame["automatic"].any() else "accuracy_all"
    counting = frame["automatic"] if tested == "accuracy" else pd.Series(True, index=frame.index)
    found: list[dict[str, Any]] = []
    left_out = 0
    for kind, name in _families(frame, name_of).items():
        sizes = counting.groupby(name).sum()
        left_out += int((sizes < FEWEST_ROWS).sum())
        for value in sizes.index[sizes >= FEWEST_ROWS]:
            inside = name == value
            if (inside | ~counting).all():
                continue  # it holds all there is: nothing to compare it with
            p = p_value_worse(frame[inside & counting], frame[~inside & counting])
            found.append({"kind": kind, "name": str(value), "p": p, **figures(frame[inside])})
    for one, adjusted in zip(found, holm([one["p"] for one in found]), strict=True):
        one["p"], one["worse"] = float(adjusted), bool(adjusted <= SIGNIFICANT)
    found.sort(key=lambda one: (not one["worse"], one[tested]["value"], one["kind"], one["name"]))
    return {"tested": tested, "looked_at": len(found), "left_out": left_out, "found": found}


def _families(frame: pd.DataFrame, name_of: Callable[[str], str]) -> dict[str, pd.Series]:
    """For each kind of slice, the name of each row's slice (null: in none)."""
    names = {one: name_of(one) for one in frame["true_branch_id"].unique()}
    families = {
        "seller": frame["seller"],
        "branch": frame["true_branch_id"].map(names),
        "title length": frame["title"].map(_length),
    }
    for column, kind in (("description", "description"), ("seller_category", "seller's category"), ("brand", "brand")):
        given = frame[column].notna() & (frame[column].astype(str).str.strip() != "")
        families[kind] = given.map({True: "given", False: "missing"})
    return families


def _length(title: str) -> str:
    for least, most in LENGTHS:
        if most is None or len(title) <= most:
            return f"over {least - 1} characters" if most is None else f"{least or 'up'} to {most} characters"
    raise AssertionError("the last length has no end")


def p_value_worse(inside: pd.DataFrame, outside: pd.DataFrame) -> float:
    """One-sided p-value of "`inside` is right as often as `outside`" against "less often".

    Fisher's exact test (1935), on the rows where all count alike; else on as many rows as the
    weights are worth (`worth`), with Hájek's shares right, rounded so that the two sides look more alike.
    """
    rows, right = _effective(inside, math.ceil)
    others, others_right = _effective(outside, math.floor)
    return float(stats.hypergeom.cdf(right, rows + others, right + others_right, rows))


def _effective(frame: pd.DataFrame, rounded: Callable[[float], int]) -> tuple[int, int]:
    """How many rows of equal weight the rows are worth, and how many of those are right."""
    weight = frame["weight"].to_numpy(dtype=np.float64)
    rows = round(worth(weight))
    return rows, rounded(round(rows * float(np.average(frame["right"], weights=weight)), 6))
