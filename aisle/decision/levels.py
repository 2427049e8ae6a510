"""What a decision names, a category (level leaf) or a branch alone, and what "right" and "sure" mean then."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from aisle.config import Clusters, Level
from aisle.decision.scored import ScoredProducts, too_few_labels
from aisle.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def at_level(
    level: Level, scores: pd.DataFrame, products: pd.DataFrame, source: str = "scores"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score and prepared frame with `category_id` and `confidence` those of what a decision names.

    At level 'branch' the branch stands in the place of the category, and its confidence in the
    place of the category's.

    Raises
    ------
    DataError
        At level 'branch', for scores without a branch's confidence.
    """
    if level == "leaf":
        return scores, products
    check_branch_confidence(scores, source)
    return (
        scores.assign(category_id=scores["branch_id"], confidence=scores["branch_confidence"]),
        products.assign(category_id=products["branch_id"]),
    )


def check_branch_confidence(scores: pd.DataFrame, source: str = "scores") -> None:
    """`DataError` for a score frame that does not say how sure the branch is."""
    if "branch_confidence" not in scores:
        raise DataError(f"{source}: no column branch_confidence, so an older model wrote it; run `dvc repro` again")


def scored_at(
    level: Level,
    scores: pd.DataFrame,
    products: pd.DataFrame,
    always_review: Collection[str] = (),
    source: str = "scores",
    clusters: Clusters = "none",
) -> ScoredProducts:
    """`ScoredProducts` of what a decision names; `products` has the column `weight`."""
    named, truth = at_level(level, scores, products, source)
    weight = products["weight"].to_numpy(dtype=np.float64)
    return ScoredProducts.of(named, truth, weight, always_review, source, clusters)


def too_few_labels_at(level: Level, products: pd.DataFrame, min_labels: int) -> tuple[str, ...]:
    """Categories, or branches, with fewer than `min_labels` distinct training products."""
    named = products if level == "leaf" else products.assign(category_id=products["branch_id"])
    return too_few_labels(named, min_labels)
