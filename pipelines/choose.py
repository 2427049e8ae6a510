"""Stage `choose`: compare the candidates on out-of-fold scores of training rows, and take one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from aisle.catalogue.tables import read_frame
from aisle.config import Parameters, read_parameters
from aisle.decision.choice import compare
from aisle.decision.levels import scored_at, too_few_labels_at
from aisle.decision.scored import ScoredProducts
from aisle.errors import DataError, exit_code_of
from aisle.files import read_json, write_json

WORK = Path("work")


def main() -> None:
    """Write `work/choice/candidate.json` and, for the report, `work/choice/comparison.json`."""
    parameters = read_parameters()
    scored, facts = read_candidates(parameters)
    comparison = compare(scored, facts, parameters.policy)
    write_json(
        WORK / "choice" / "comparison.json",
        {
            "target_accuracy": parameters.policy.target_accuracy,
            "chosen": comparison.chosen,
            "reason": comparison.reason,
            "candidates": list(comparison.candidates),
        },
    )
    write_json(WORK / "choice" / "candidate.json", {"candidate": comparison.chosen})
    print(f"chosen: {comparison.chosen} ({comparison.reason})")


def read_candidates(parameters: Parameters) -> tuple[dict[str, ScoredProducts], dict[str, dict[str, Any]]]:
    """Out-of-fold scores and facts of all candidates in `params.yaml` that were trained."""
    train = read_frame(WORK / "prepared" / "train.parquet", ["product_id", "category_id", "branch_id", "weight"])
    level = parameters.policy.level
    held_back = too_few_labels_at(level, train, parameters.policy.min_labels)
    folders = {name: WORK / "candidates" / name for name in parameters.candidates}
    trained = {name: folder for name, folder in folders.items() if folder.is_dir()}
    if not trained:
        raise DataError(
            f"{WORK / 'candidates'}: none of the candidates in params.yaml is trained "
            f"({', '.join(folders) or 'it names none'}); run `dvc repro`"
        )
    scored = {}
    for name, folder in trained.items():
        path = folder / "out_of_fold.parquet"
        scored[name] = scored_at(level, read_frame(path), train, held_back, str(path))
    return scored, {name: read_json(folder / "facts.json") for name, folder in trained.items()}


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
