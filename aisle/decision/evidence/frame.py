"""Scores joined with the truth and the policy's decisions: the frame that all evidence is read from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aisle.decision.levels import check_branch_confidence
from aisle.decision.policy import Policy
from aisle.errors import DataError

CONTEXT = ("title", "description", "brand", "seller_category", "seller")


def evaluated(scores: pd.DataFrame, truth: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Each scored product with its truth, decision and weight.

    Parameters
    ----------
    scores : score frame of n rows
        `product_id, category_id, confidence, branch_id, branch_confidence, top_categories`, perhaps more.
    truth : frame with one row a product
        `product_id, category_id, branch_id`, perhaps `weight`, and the product's text.
        Every scored product must be in it.
    policy : Policy

    Returns
    -------
    frame of n rows, in the order of `scores`
        `product_id, category_id, branch_id` as scored; `confidence` of what the policy's
        decisions name (the branch's, at level 'branch'); `true_category_id, true_branch_id`;
        `leaf_right, branch_right`, `right` (what decisions name is), `automatic`, `started` (under
        review, and a person starts in the branch) (bool); `rank` (place of the true category
        among the top categories, 1 is first, 0 is not among them); `weight` (1 where the truth
        has none); the product's text and seller (null where not known).

    Raises
    ------
    DataError
        Where a scored product is not in `truth`, or its branch has no confidence.
    """
    check_branch_confidence(scores)
    if truth["product_id"].is_unique and truth["product_id"].tolist() == scores["product_id"].tolist():
        known = truth.reset_index(drop=True)
    else:
        rows = pd.Index(truth["product_id"]).get_indexer(pd.Index(scores["product_id"]))
        if (rows < 0).any():
            stray = scores["product_id"].iloc[int(np.argmax(rows < 0))]
            raise DataError(f"scores and prepared rows do not fit: product {stray} has no row; run `dvc repro` again")
        known = truth.iloc[rows].reset_index(drop=True)
    frame = scores[["product_id", "category_id", "branch_id"]].reset_index(drop=True)
    frame["confidence"] = scores[policy.confidence_column].to_numpy()
    frame["true_category_id"] = known["category_id"]
    frame["true_branch_id"] = known["branch_id"]
    frame["leaf_right"] = frame["category_id"] == frame["true_category_id"]
    frame["branch_right"] = frame["branch_id"] == frame["true_branch_id"]
    frame["right"] = frame["leaf_right"] if policy.level == "leaf" else frame["branch_right"]
    frame["automatic"] = decisions(policy, frame) == "auto"
    frame["started"] = starts(policy, scores)
    frame["rank"] = [
        place_of(true, top) for true, top in zip(frame["true_category_id"], scores["top_categories"], strict=True)
    ]
    frame["weight"] = _weight(known)
    for column in CONTEXT:
        frame[column] = known.get(column)
    return frame


def _weight(known: pd.DataFrame) -> pd.Series[float]:
    return known["weight"].astype(float) if "weight" in known else pd.Series(1.0, index=known.index)


def decisions(policy: Policy, frame: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """'auto' or 'review' for each row; `confidence` is that of what decisions name."""
    return np.asarray(policy.decide(frame["confidence"], frame["category_id"], frame["branch_id"]))


def starts(policy: Policy, scores: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether a person starts in the suggested branch, for each row of a score frame."""
    columns = (scores[name] for name in ("confidence", "category_id", "branch_id", "branch_confidence"))
    return np.asarray(policy.starts(*columns))


def place_of(category_id: str, top_categories: object) -> int:
    """The place of a category in a list of the best first (1 is first); 0 where it is not there."""
    for place, one in enumerate(top_categories, start=1):  # type: ignore[arg-type, var-annotated] # a list column
        if one == category_id:
            return place
    return 0


def reference(scores: pd.DataFrame, test: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """The held-out frame that monitoring compares with: the test rows, their scores and decisions.

    Returns
    -------
    frame of n rows
        The prepared columns, with the label as `true_category_id` and `true_branch_id`; the score
        columns (`category_id` and `branch_id` are the model's); `decision`, `threshold` (of the
        row's branch; null where all of it goes to people), `started` (a person starts in the
        branch) and `right` (what the policy's decisions name is).
    """
    products = test.rename(columns={"category_id": "true_category_id", "branch_id": "true_branch_id"})
    joined = products.merge(scores, on="product_id", how="left", validate="one_to_one")
    if joined["category_id"].isna().any():
        raise DataError("scores and prepared test rows are not of the same products; run `dvc repro` again")
    joined["decision"] = decisions(policy, joined.assign(confidence=joined[policy.confidence_column]))
    joined["started"] = starts(policy, joined)
    limits = {one: policy.threshold_for(one) for one in joined["branch_id"].unique()}
    joined["threshold"] = joined["branch_id"].map(limits).astype(float)
    named = "category_id" if policy.level == "leaf" else "branch_id"
    joined["right"] = joined[named] == joined[f"true_{named}"]
    return joined
