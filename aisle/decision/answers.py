"""What a model says of a product once its policy has spoken."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aisle.decision.levels import check_branch_confidence
from aisle.decision.policy import Policy

ANSWER_COLUMNS = (
    "category_id",
    "branch_id",
    "confidence",
    "branch_confidence",
    "decision",
    "threshold",
    "decided_id",
    "start_branch_id",
)


def answers(scores: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Decisions for a score frame, one row a product, in its order.

    Returns
    -------
    DataFrame
        `category_id`, `branch_id`, `confidence` and `branch_confidence` in [0, 1], `decision`
        ("auto" or "review") and `threshold`, the one of the product's branch (nan where people
        always decide), `decided_id`: the category that an automatic decision names, or the branch,
        at level 'branch' (null under review), and `start_branch_id`: the branch in which a person
        starts (null where none is certain, or nobody needs to look).

    Raises
    ------
    DataError
        For scores that do not say how sure the branch is.
    """
    check_branch_confidence(scores)
    thresholds = {branch: policy.threshold_for(branch) for branch in scores["branch_id"].unique()}
    decision = policy.decide(scores[policy.confidence_column], scores["category_id"], scores["branch_id"])
    started = policy.starts(
        scores["confidence"], scores["category_id"], scores["branch_id"], scores["branch_confidence"]
    )
    nothing = np.array(None, dtype=object)
    named = scores["category_id" if policy.level == "leaf" else "branch_id"].to_numpy(dtype=object)
    branch = scores["branch_id"].to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "category_id": scores["category_id"].to_numpy(dtype=object),
            "branch_id": branch,
            "confidence": scores["confidence"].to_numpy(dtype=np.float64),
            "branch_confidence": scores["branch_confidence"].to_numpy(dtype=np.float64),
            "decision": decision.astype(object),
            "threshold": np.array([thresholds[branch] for branch in scores["branch_id"]], dtype=np.float64),
            "decided_id": np.where(decision == "auto", named, nothing),
            "start_branch_id": np.where(started, branch, nothing),
        }
    )
