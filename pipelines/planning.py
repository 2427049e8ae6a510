"""What a run left that audits can be planned with."""

from __future__ import annotations

from pathlib import Path

from aisle.bounds import worth_in_rows
from aisle.catalogue.tables import read_frame
from aisle.config import Parameters, suggest
from aisle.decision.levels import scored_at, too_few_labels_at
from aisle.decision.scored import ScoredProducts
from aisle.errors import ConfigurationError, DataError
from aisle.files import read_json

WORK = Path("work")
_PRODUCTS = ["product_id", "category_id", "branch_id", "seller", "weight"]


def known_products(candidate: str | None, parameters: Parameters) -> tuple[ScoredProducts, str, int | None]:
    """Out-of-fold scores of the training rows, where they are from, and the calibration rows in evenly drawn ones.

    Raises
    ------
    DataError
        Where no run has left scores.
    ConfigurationError
        For a candidate that was not trained.
    """
    folders = sorted(path.parent.name for path in (WORK / "candidates").glob("*/out_of_fold.parquet"))
    if not folders:
        raise DataError(
            f"{WORK / 'candidates'}: no scores there yet; run `dvc repro`, or say what to expect with --accuracy 0.87"
        )
    choice = WORK / "choice" / "candidate.json"
    name = candidate or (str(read_json(choice)["candidate"]) if choice.exists() else folders[0])
    if name not in folders:
        raise ConfigurationError(f"--candidate {name} was not trained{suggest(name, folders)}")
    train = read_frame(WORK / "prepared" / "train.parquet", _PRODUCTS)
    asked = parameters.policy
    path = WORK / "candidates" / name / "out_of_fold.parquet"
    always_review = too_few_labels_at(asked.level, train, asked.min_labels)
    clusters = parameters.threshold.clusters
    pool = scored_at(asked.level, read_frame(path), train, always_review, str(path), clusters)
    named = "" if asked.level == "leaf" else "branches, "
    return pool, f"out-of-fold scores of {name} ({named}{len(pool):,} products)", _audits()


def _audits() -> int | None:
    path = WORK / "prepared" / "calibration.parquet"
    return round(worth_in_rows(read_frame(path, ["weight"])["weight"].to_numpy(dtype=float))) if path.exists() else None
