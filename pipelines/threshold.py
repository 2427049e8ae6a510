"""Stage `threshold`: choose the threshold of the chosen candidate on the calibration rows."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from aisle.catalogue.tables import read_frame
from aisle.config import Level, PolicyParameters, read_parameters, suggest
from aisle.decision.describing import describe
from aisle.decision.levels import scored_at, too_few_labels_at
from aisle.decision.policy import write_policy
from aisle.decision.scored import ScoredProducts
from aisle.decision.settle import settle_policy
from aisle.errors import ConfigurationError, exit_code_of
from aisle.files import read_json

WORK = Path("work")
_SCORES = ["product_id", "category_id", "confidence", "branch_id", "branch_confidence"]
_PRODUCTS = ["product_id", "category_id", "branch_id", "seller", "weight"]


def main() -> None:
    """Write `work/policy.json` and print what it says; that automation is off is an answer, not an error."""
    parameters = read_parameters()
    candidate = read_json(WORK / "choice" / "candidate.json")["candidate"]
    train = read_frame(WORK / "prepared" / "train.parquet", _PRODUCTS)
    held_out = read_frame(WORK / "prepared" / "calibration.parquet", _PRODUCTS)
    asked = parameters.policy
    check_branches(asked, train)
    always_review = too_few_labels_at(asked.level, train, asked.min_labels)
    out_of_fold = WORK / "candidates" / candidate / "out_of_fold.parquet"
    scores = WORK / "scores" / candidate / "calibration.parquet"
    seen, drawn = read_frame(out_of_fold, _SCORES), read_frame(scores, _SCORES)

    def scored(level: Level, held_back: tuple[str, ...] = ()) -> tuple[ScoredProducts, ScoredProducts]:
        clusters = parameters.threshold.clusters
        return (
            scored_at(level, seen, train, held_back, str(out_of_fold), clusters),
            scored_at(level, drawn, held_out, held_back, str(scores), clusters),
        )

    policy = settle_policy(
        *scored(asked.level, always_review), asked, parameters.threshold, always_review, branches=scored("branch")
    )
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
