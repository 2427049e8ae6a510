"""Stage `threshold`: choose the threshold of the chosen candidate on the calibration rows."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from aisle.catalogue.tables import read_frame
from aisle.config import PolicyParameters, read_parameters, suggest
from aisle.decision.policy import describe, write_policy
from aisle.decision.scored import ScoredProducts, too_few_labels
from aisle.decision.settle import settle_policy
from aisle.errors import ConfigurationError, exit_code_of
from aisle.files import read_json

WORK = Path("work")
_SCORES = ["product_id", "category_id", "confidence", "branch_id"]


def main() -> None:
    """Write `work/policy.json` and print what it says; that automation is off is an answer, not an error."""
    parameters = read_parameters()
    candidate = read_json(WORK / "choice" / "candidate.json")["candidate"]
    train = read_frame(WORK / "prepared" / "train.parquet", ["product_id", "category_id", "branch_id", "weight"])
    held_out = read_frame(WORK / "prepared" / "calibration.parquet", ["product_id", "category_id", "weight"])
    check_branches(parameters.policy, train)
    always_review = too_few_labels(train, parameters.policy.min_labels)
    out_of_fold = WORK / "candidates" / candidate / "out_of_fold.parquet"
    scores = WORK / "scores" / candidate / "calibration.parquet"
    training = ScoredProducts.of(
        read_frame(out_of_fold, _SCORES), train, train["weight"].to_numpy(dtype=float), always_review, str(out_of_fold)
    )
    calibration = ScoredProducts.of(
        read_frame(scores, _SCORES),
        held_out,
        held_out["weight"].to_numpy(dtype=float),
        always_review,
        str(scores),
    )
    policy = settle_policy(training, calibration, parameters.policy, parameters.threshold, always_review)
    write_policy(policy, WORK / "policy.json")
    print(describe(policy))


def check_branches(asked: PolicyParameters, train: pd.DataFrame) -> None:
    """`ConfigurationError` where `policy.branch_costs` names a branch without training products."""
    known = {str(one) for one in train["branch_id"].unique()}
    for branch in asked.branch_costs:
        if branch not in known:
            raise ConfigurationError(
                f"params.yaml: policy.branch_costs.{branch} is no branch of the training labels{suggest(branch, known)}"
            )


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
