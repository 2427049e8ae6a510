"""Stage `evaluate`: the test rows are looked at once, and say what the model and its policy are worth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from aisle.catalogue.tables import read_frame, write_frame
from aisle.catalogue.taxonomy import read_taxonomy
from aisle.config import Parameters, PolicyParameters, read_parameters
from aisle.decision.evidence.frame import reference
from aisle.decision.evidence.gathering import Inputs, gather
from aisle.decision.policy import read_policy
from aisle.decision.wear import Wear, youngest
from aisle.errors import DataError, exit_code_of
from aisle.files import read_json, write_json
from pipelines.report.files import write_evidence

DATA = Path("data")
WORK = Path("work")
SEEN_IN_TRAINING = ("product_id", "category_id", "branch_id", "seller", "weight")


def main() -> None:
    """Read scores, policy and stress; write `metrics.json`, the evidence, the report and the reference frame."""
    inputs = read_inputs(read_parameters())
    evidence = gather(inputs)
    write_frame(reference(inputs.scores[inputs.chosen], inputs.test, inputs.policy), WORK / "reference.parquet")
    write_evidence(evidence)
    write_json("metrics.json", evidence["metrics"])


def read_inputs(parameters: Parameters) -> Inputs:
    """What the earlier stages wrote; `DataError` names the first file that is missing."""
    chosen = str(_read("choice/candidate.json")["candidate"])
    comparison = _read("choice/comparison.json")
    names = [str(one["candidate"]) for one in comparison.get("candidates", [])] or [chosen]
    return Inputs(
        chosen=chosen,
        scores={name: read_frame(WORK / f"scores/{name}/test.parquet") for name in names},
        test=read_frame(WORK / "prepared/test.parquet"),
        training=read_frame(WORK / "prepared/train.parquet", SEEN_IN_TRAINING),
        policy=read_policy(WORK / "policy.json"),
        taxonomy=read_taxonomy(DATA / "taxonomy.csv"),
        min_labels=parameters.policy.min_labels,
        copies_of_rare=parameters.train.copies_of_rare,
        corrupted=_perhaps("stress/corrupted.parquet"),
        unseen_sellers=_perhaps("stress/held_out_sellers.parquet"),
        unseen_categories=_perhaps("stress/held_out_categories.parquet"),
        out_of_fold=_perhaps(f"candidates/{chosen}/out_of_fold.parquet"),
        copies=_copies(),
        comparison=comparison,
        split=_read("prepared/split.json"),
        validation=_read("validation/result.json"),
        calibration=_calibration(parameters.policy),
    )


def _calibration(asked: PolicyParameters) -> dict[str, Any]:
    """When the calibration rows will be too old; how often they were used, only the registry knows."""
    rows = read_frame(WORK / "prepared/calibration.parquet", ["received_at"])
    wear = Wear(1, 1.0, youngest(rows), asked.refresh_after_uses, asked.refresh_after_days)
    return {
        "youngest": None if wear.youngest is None else wear.youngest.isoformat(),
        "due_on": None if wear.due_on is None else wear.due_on.isoformat(),
        "after_uses": wear.after_uses,
        "after_days": wear.after_days,
    }


def _read(name: str) -> dict[str, Any]:
    path = WORK / name
    if not path.exists():
        raise DataError(f"{path}: not there yet; run `dvc repro`")
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: not what the stage before writes; run `dvc repro -f` to write it again")
    return content


def _perhaps(name: str) -> pd.DataFrame | None:
    return read_frame(WORK / name) if (WORK / name).exists() else None


def _copies() -> dict[int, pd.DataFrame]:
    frame = _perhaps("stress/copies_of_rare.parquet")
    if frame is None:
        return {}
    tried = sorted(set(frame["copies_of_rare"].tolist()))
    return {int(copies): frame[frame["copies_of_rare"] == copies] for copies in tried}


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
