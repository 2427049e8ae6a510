"""How each category fares, and what becomes of the rare ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from aisle.decision.evidence.frame import decisions
from aisle.decision.evidence.shares import share
from aisle.decision.policy import Policy
from aisle.decision.selective import coverage_at

RARE = 15  # training labels below which a category counts as rare in the evidence
EDGES = (1, RARE, 50, 200)  # further limits between groups of categories by training labels


def f1_by_category(frame: pd.DataFrame) -> pd.DataFrame:
    """Weighted support, hits and predictions a category, and its F1.

    Returns
    -------
    frame indexed by category id (true or predicted on some row), columns `support`, `hits`,
    `predicted` (sums of weights) and `f1` in [0, 1].
    """
    sums = pd.DataFrame(
        {
            "support": frame.groupby("true_category_id")["weight"].sum(),
            "hits": frame[frame["leaf_right"]].groupby("true_category_id")["weight"].sum(),
            "predicted": frame.groupby("category_id")["weight"].sum(),
        }
    ).fillna(0.0)
    sums["f1"] = 2 * sums["hits"] / (sums["support"] + sums["predicted"])
    return sums


def weighted_f1(frame: pd.DataFrame) -> float:
    """The mean F1 of the categories, each counted by its support, in [0, 1]."""
    sums = f1_by_category(frame)
    return float(np.average(sums["f1"], weights=sums["support"]))


def categories(
    frame: pd.DataFrame,
    training_labels: Mapping[str, int],
    always_review: Collection[str],
    name_of: Callable[[str], str],
) -> list[dict[str, Any]]:
    """Precision, recall and support of every category of the test rows, the lowest F1 first.

    Returns
    -------
    A list of `category_id, name, training_labels, always_review, rows` (test rows that belong
    there), `precision`, `recall`, `automatic` (shares; precision counts the rows put there) and `f1`.
    """
    f1 = f1_by_category(frame)["f1"]
    put_there = dict(tuple(frame.groupby("category_id")))
    found = []
    for category_id, rows in frame.groupby("true_category_id"):
        put = put_there.get(category_id, frame.iloc[:0])
        found.append(
            {
                "category_id": str(category_id),
                "name": name_of(str(category_id)),
                "training_labels": int(training_labels.get(str(category_id), 0)),
                "always_review": category_id in always_review,
                "rows": len(rows),
                "precision": share(put["leaf_right"], put["weight"]),
                "recall": share(rows["leaf_right"], rows["weight"]),
                "automatic": share(rows["automatic"], rows["weight"]),
                "f1": float(f1[category_id]),
            }
        )
    return sorted(found, key=lambda one: (one["f1"], -one["rows"], one["name"]))


def by_training_labels(
    frame: pd.DataFrame, training_labels: Mapping[str, int], min_labels: int, known: Collection[str]
) -> list[dict[str, Any]]:
    """Test rows grouped by how many training labels their true category has, the rarest first.

    Returns
    -------
    A list of `least`, `most` (training labels; `most` null for no limit), `categories` (of
    `known`), and the figures of `figures`; groups without categories are left out.
    """
    limits = [0, *sorted({*EDGES, *([min_labels] if min_labels > 1 else [])})]
    labels_of = np.array([training_labels.get(one, 0) for one in known], dtype=np.int64)
    labels = frame["true_category_id"].map(dict(training_labels)).fillna(0).to_numpy(dtype=np.int64)
    groups = []
    for least, limit in zip(limits, [*limits[1:], None], strict=True):
        highest = np.inf if limit is None else limit
        inside = (labels >= least) & (labels < highest)
        count = int(((labels_of >= least) & (labels_of < highest)).sum())
        if count or inside.any():
            most = None if limit is None else limit - 1
            groups.append({"least": least, "most": most, "categories": count, **figures(frame[inside])})
    return groups


def figures(frame: pd.DataFrame) -> dict[str, Any]:
    """`rows`, and the shares `accuracy_all`, `coverage` and `accuracy` (among those decided automatically)."""
    accepted = frame[frame["automatic"]]
    return {
        "rows": len(frame),
        "accuracy_all": share(frame["right"], frame["weight"]),
        "coverage": share(frame["automatic"], frame["weight"]),
        "accuracy": share(accepted["right"], accepted["weight"]),
    }


def effect_of_min_labels(
    frame: pd.DataFrame, policy: Policy, training_labels: Mapping[str, int]
) -> list[dict[str, Any]]:
    """What sending categories with few labels to people does, to rare categories and to all.

    Returns
    -------
    A list of `rule` (whether it applies), `products` ('rare categories', 'all'), and `figures`.
    """
    without = dataclasses.replace(policy, always_review=())
    unruled = frame.assign(automatic=decisions(without, frame) == "auto")
    return [
        {"rule": rule, "products": products, **figures(rows)}
        for rule, decided in ((True, frame), (False, unruled))
        for products, rows in groups_of_rarity(decided, training_labels)
    ]


def effect_of_copies(
    frames: Mapping[int, pd.DataFrame], training_labels: Mapping[str, int], target_accuracy: float
) -> list[dict[str, Any]]:
    """What repeating the examples of rare categories in training does, to them and to all.

    Parameters
    ----------
    frames : mapping of copies → evaluated frame of the same test rows

    Returns
    -------
    A list of `copies`, `products`, `figures`, and `coverage_at_target` (a reading of the curve).
    """
    return [
        {
            "copies": copies,
            "products": products,
            **figures(rows),
            "coverage_at_target": coverage_at(target_accuracy, rows["confidence"], rows["right"], rows["weight"]),
        }
        for copies, frame in sorted(frames.items())
        for products, rows in groups_of_rarity(frame, training_labels)
    ]


def groups_of_rarity(frame: pd.DataFrame, training_labels: Mapping[str, int]) -> list[tuple[str, pd.DataFrame]]:
    """Rows of rare categories (fewer than 15 training labels), and all rows."""
    labels = frame["true_category_id"].map(dict(training_labels)).fillna(0)
    return [("rare categories", frame[labels < RARE]), ("all", frame)]
