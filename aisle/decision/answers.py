"""What a model says of a product once its policy has spoken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.decision.levels import check_branch_confidence
from aisle.decision.policy import Policy

if TYPE_CHECKING:
    import pandas as pd

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

CONFIDENT, BELOW_THRESHOLD, FEW_LABELS, AUTOMATION_OFF = "confident", "below_threshold", "few_labels", "automation_off"
REASONS = {
    CONFIDENT: "The confidence reaches the threshold.",
    BELOW_THRESHOLD: "The confidence is below the threshold.",
    FEW_LABELS: "What is suggested has too few labelled products, so people always decide it.",
    AUTOMATION_OFF: "No threshold keeps the promised accuracy here, so people decide.",
}


class Suggested(Protocol):
    """What is suggested for n products; arrays of shape (n,)."""

    @property
    def category_id(self) -> NDArray[np.object_]:
        """Categories, ids."""

    @property
    def branch_id(self) -> NDArray[np.object_]:
        """Branches, ids."""

    @property
    def confidence(self) -> NDArray[np.float64]:
        """P(the category is right)."""

    @property
    def branch_confidence(self) -> NDArray[np.float64]:
        """P(the branch is right)."""


@dataclass(frozen=True)
class Decisions:
    """What a policy decides on n products; arrays of shape (n,).

    Attributes
    ----------
    decision : array of str
        'auto' or 'review'.
    threshold : array of float
        That of the product's branch; nan where people always decide.
    decided_id : array of str or None
        The category that an automatic decision names, or the branch, at level 'branch'.
    start_branch_id : array of str or None
        The branch in which a person starts; None where none is certain, or nobody needs to look.
    reason : array of str
        A key of `REASONS`.
    """

    decision: NDArray[np.object_]
    threshold: NDArray[np.float64]
    decided_id: NDArray[np.object_]
    start_branch_id: NDArray[np.object_]
    reason: NDArray[np.object_]


def decide(suggested: Suggested, policy: Policy) -> Decisions:
    """What `policy` makes of what a model suggests, product by product."""
    leaf = policy.level == "leaf"
    named = suggested.category_id if leaf else suggested.branch_id
    confidence = suggested.confidence if leaf else suggested.branch_confidence
    limit = policy.limits(suggested.branch_id)
    auto = policy.accepts(confidence, suggested.category_id, suggested.branch_id)
    started = policy.starts(
        suggested.confidence, suggested.category_id, suggested.branch_id, suggested.branch_confidence
    )
    held_back = frozenset(policy.always_review)
    nothing = np.array(None, dtype=object)
    reason = np.full(len(auto), BELOW_THRESHOLD, dtype=object)
    reason[[one in held_back for one in named]] = FEW_LABELS
    reason[np.isinf(limit)] = AUTOMATION_OFF
    reason[auto] = CONFIDENT
    return Decisions(
        decision=np.where(auto, "auto", "review").astype(object),
        threshold=np.where(np.isinf(limit), np.nan, limit),
        decided_id=np.where(auto, named, nothing),
        start_branch_id=np.where(started, suggested.branch_id, nothing),
        reason=reason,
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
    import pandas as pd

    check_branch_confidence(scores)
    suggested = _Columns(
        scores["category_id"].to_numpy(dtype=object),
        scores["branch_id"].to_numpy(dtype=object),
        scores["confidence"].to_numpy(dtype=np.float64),
        scores["branch_confidence"].to_numpy(dtype=np.float64),
    )
    decided = decide(suggested, policy)
    return pd.DataFrame(
        {name: getattr(suggested if hasattr(suggested, name) else decided, name) for name in ANSWER_COLUMNS}
    )


@dataclass(frozen=True)
class _Columns:
    """The columns of a score frame that a policy reads."""

    category_id: NDArray[np.object_]
    branch_id: NDArray[np.object_]
    confidence: NDArray[np.float64]
    branch_confidence: NDArray[np.float64]
