"""How the model and the threshold hold where products differ from those it learnt from."""

from __future__ import annotations

from typing import Any

import pandas as pd

from aisle.decision.evidence.categories import figures
from aisle.decision.evidence.shares import cluster_codes, resampled, share

CLEAN = "clean"


def corruptions(clean: pd.DataFrame, corrupted: pd.DataFrame) -> list[dict[str, Any]]:
    """The robustness table: the test rows as they are, then with each corruption of their titles.

    Parameters
    ----------
    clean : evaluated frame of the test rows
    corrupted : evaluated frame with a column `corruption`

    Returns
    -------
    A list of `corruption` and `figures`, at the chosen threshold.
    """
    return [
        {"corruption": CLEAN, **figures(clean)},
        *({"corruption": str(name), **figures(rows)} for name, rows in corrupted.groupby("corruption", sort=False)),
    ]


def unseen_sellers(held_out: pd.DataFrame, seller_known: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Training products scored by models that never saw their seller, beside the same with the seller known.

    Both are scored out of fold; the interval of `accuracy_by_seller` resamples whole sellers.
    """
    found = [{"seller": "unknown", **_with_sellers(held_out)}]
    if seller_known is not None and len(seller_known):
        same = seller_known[seller_known["product_id"].isin(set(held_out["product_id"]))]
        found.append({"seller": "known", **_with_sellers(same)})
    return found


def _with_sellers(frame: pd.DataFrame) -> dict[str, Any]:
    return {**figures(frame), "sellers": int(frame["seller"].nunique()), "accuracy_by_seller": by_seller(frame)}


def by_seller(frame: pd.DataFrame) -> dict[str, Any] | None:
    """Accuracy among what is decided automatically, its interval by resampling whole sellers.

    Null where nothing is automatic or there are too few sellers.
    """
    accepted = frame[frame["automatic"]]
    if accepted.empty:
        return None
    found = resampled(accepted["right"], accepted["weight"], cluster_codes(accepted["seller"]))
    return None if found is None else {**found, "sellers": int(accepted["seller"].nunique())}


def unseen_categories(frame: pd.DataFrame) -> dict[str, Any]:
    """Products of categories that the scoring model never saw: every automatic decision is wrong.

    Returns
    -------
    dict
        `rows`, `categories`, `to_people` (share with its interval, and again by resampling whole
        categories in `to_people_by_category`), `branch_right` (share whose branch was right all the same),
        `worst`: up to five categories with the lowest share to people, as `category_id, rows, to_people`.
    """
    to_people = ~frame["automatic"]
    each = frame.assign(to_people=to_people).groupby("true_category_id")["to_people"].agg(["size", "mean"])
    each = each[each["size"] >= 5].sort_values(["mean", "size"], ascending=[True, False], kind="stable")
    return {
        "rows": len(frame),
        "categories": int(frame["true_category_id"].nunique()),
        "to_people": share(to_people, frame["weight"]),
        "to_people_by_category": resampled(to_people, frame["weight"], cluster_codes(frame["true_category_id"])),
        "branch_right": share(frame["branch_right"], frame["weight"]),
        "worst": [
            {"category_id": str(category_id), "rows": int(row["size"]), "to_people": float(row["mean"])}
            for category_id, row in each.head(5).iterrows()
        ],
    }
