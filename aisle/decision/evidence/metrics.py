"""`metrics.json`: the flat figures of a run that are compared from run to run."""

from __future__ import annotations

from typing import Any

import pandas as pd

from aisle.decision.evidence.categories import weighted_f1
from aisle.decision.evidence.curves import BINS
from aisle.decision.evidence.quadrants import of_review
from aisle.decision.evidence.shares import share
from aisle.decision.policy import Policy
from aisle.decision.selective import calibration_error, coverage_at, gap

COVERAGES = (0.90, 0.95, 0.98, 0.99)
DIGITS = 6  # more would only be noise in a diff


def metrics(frame: pd.DataFrame, policy: Policy, candidate: str, data_version: str | None) -> dict[str, Any]:
    """The figures of the test rows at the policy's threshold.

    All shares weigh a row by what it stands for. `accuracy` is among the products decided
    automatically, with a two-sided 95 % interval; it, its interval and `threshold` are null where
    automation is off. `coverage_at` are readings of the curve with hindsight. All of these are
    about what a decision names (`level`); `leaf_accuracy`, `weighted_f1` and `top5` about leaves.
    `started` is the share of the products under review that a person starts in a branch.
    """
    review = of_review(frame)
    accepted = frame[frame["automatic"]]
    accuracy, coverage = share(accepted["right"], accepted["weight"]), share(frame["automatic"], frame["weight"])
    confidence, right, weight = frame["confidence"], frame["right"], frame["weight"]
    found = {
        "data_version": data_version,
        "candidate": candidate,
        "level": policy.level,
        "test_size": len(frame),
        "target_accuracy": policy.target_accuracy,
        "confidence_level": policy.confidence_level,
        "certified": policy.automatic and policy.certificate is not None,
        "threshold": policy.threshold if policy.automatic else None,
        "coverage": coverage["value"],
        "accuracy": accuracy["value"],
        "accuracy_low": accuracy["low"],
        "accuracy_high": accuracy["high"],
        "accuracy_all": share(right, weight)["value"],
        "leaf_accuracy": share(frame["leaf_right"], weight)["value"],
        "weighted_f1": weighted_f1(frame),
        "branch_accuracy": share(frame["branch_right"], weight)["value"],
        "started": review["started"]["value"] if policy.branch_start is not None else None,
        "start_accuracy": review["started_right"]["value"],
        "coverage_at": {
            str(round(target * 100)): coverage_at(target, confidence, right, weight) for target in COVERAGES
        },
        "gap": gap(confidence, right, weight),
        "ece": calibration_error(confidence, right, BINS, weight),
        "top5": share(frame["rank"].between(1, 5), weight)["value"],
    }
    return {name: value if name == "threshold" else _rounded(value) for name, value in found.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return round(value, DIGITS) if isinstance(value, float) else value
