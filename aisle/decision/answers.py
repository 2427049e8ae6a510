"""What a model says of a product once its policy has spoken."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aisle.decision.policy import Policy

ANSWER_COLUMNS = ("category_id", "branch_id", "confidence", "decision", "threshold")


def answers(scores: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Decisions for a score frame, one row a product, in its order.

    Returns
    -------
    DataFrame
        `category_id`, `branch_id`, `confidence` in [0, 1], `decision` ("auto" or "review") and
        `threshold`, the one of the product's branch (nan where people always decide).
    """
    thresholds = {branch: policy.threshold_for(branch) for branch in scores["branch_id"].unique()}
    decision = policy.decide(scores["confidence"], scores["category_id"], scores["branch_id"])
    return pd.DataFrame(
        {
            "category_id": scores["category_id"].to_numpy(dtype=object),
            "branch_id": scores["branch_id"].to_numpy(dtype=object),
            "confidence": scores["confidence"].to_numpy(dtype=np.float64),
            "decision": decision.astype(object),
            "threshold": np.array([thresholds[branch] for branch in scores["branch_id"]], dtype=np.float64),
        }
    )
