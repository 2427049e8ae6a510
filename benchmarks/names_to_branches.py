"""The lender's job: a product's name alone into one of a few dozen branches, right in more than 90 %.

    python -m benchmarks.names_to_branches [--quick]

The shipped candidate, given titles only and trained on branches; on real offers (WDC, level 1, trained on
the official train and validation files, official test) and on the sample catalogue (its own split,
wrong labels included). `--quick` takes the sample alone.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pandas as pd

from aisle.bounds import clopper_pearson
from aisle.config import read_parameters
from aisle.errors import exit_code_of
from aisle.model.candidates import make_candidate
from benchmarks.catalogues import PROJECT, SHIPPED, prepared
from benchmarks.results import Result, report

REACH = "≥ 0.9"


def branch_accuracy(train: pd.DataFrame, test: pd.DataFrame) -> tuple[float, float, float]:
    """Share of `test` titles whose branch is right, by a model of `train` titles, and its 95 % interval."""
    branches = {branch: branch for branch in train["branch_id"]}
    categorizer = make_candidate(SHIPPED, {}, branches, jobs=2)
    groups = pd.factorize(train["group"])[0]
    categorizer.fit(train[["title"]], train["branch_id"], fold=groups % 3)
    right = np.asarray(categorizer.predict(test[["title"]]) == test["branch_id"])
    return float(right.mean()), *clopper_pearson(int(right.sum()), len(right))


def rows_of(name: str) -> list[Result]:
    """The figures of one catalogue."""
    frames, _ = prepared(name, read_parameters(PROJECT / "params.yaml"))
    train = frames.train
    if name == "wdc":
        train = pd.concat([train, frames.calibration], ignore_index=True)
    accuracy, low, high = branch_accuracy(train, frames.test)
    what = f"{name}: names alone into {train['branch_id'].nunique()} branches, {len(frames.test):,} test products"
    return [
        Result(f"{name}.branch_accuracy_titles", what, round(accuracy, 4), "share", REACH),
        Result(f"{name}.branch_accuracy_titles_low", "lower end of its 95 % interval", round(low, 4), "share"),
        Result(f"{name}.branch_accuracy_titles_high", "upper end of its 95 % interval", round(high, 4), "share"),
    ]


def main() -> None:
    """Print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the sample alone; nothing tracked is written over")
    quick: bool = parser.parse_args().quick
    report(
        "names_to_branches",
        [row for name in (["sample"] if quick else ["wdc", "sample"]) for row in rows_of(name)],
        quick=quick,
    )


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
