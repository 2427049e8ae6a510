"""Right or wrong, against automatic or review, and against the trust bands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from aisle.decision.evidence.shares import share
from aisle.decision.policy import trust_band

BANDS = ("almost certainly wrong", "unsure", "almost surely right")


def quadrants(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The four quadrants: `decision`, `right`, and the share of all products that fall there."""
    return [
        {
            "decision": decision,
            "right": right,
            "of_all": share((frame["automatic"] == automatic) & (frame["right"] == right), frame["weight"]),
            "rows": int(((frame["automatic"] == automatic) & (frame["right"] == right)).sum()),
        }
        for decision, automatic in (("auto", True), ("review", False))
        for right in (True, False)
    ]


def of_review(frame: pd.DataFrame) -> dict[str, Any]:
    """Products under review, and the branches that people start in.

    Returns
    -------
    dict
        `rows`; shares: `branch_right` (of all under review), `started` (handed over with their
        branch), `started_right` and `others_right` (branch right, with and without).
    """
    review = frame[~frame["automatic"]]
    started, others = review[review["started"]], review[~review["started"]]
    return {
        "rows": len(review),
        "branch_right": share(review["branch_right"], review["weight"]),
        "started": share(review["started"], review["weight"]),
        "started_right": share(started["branch_right"], started["weight"]),
        "others_right": share(others["branch_right"], others["weight"]),
    }


def bands(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """For each trust band: its share of all products, the share right in it, and the share decided automatically."""
    band = np.asarray(trust_band(frame["confidence"]))
    return [
        {
            "band": name,
            "of_all": share(band == name, frame["weight"]),
            "right": share(frame["right"][band == name], frame["weight"][band == name]),
            "automatic": share(frame["automatic"][band == name], frame["weight"][band == name]),
        }
        for name in BANDS
    ]
