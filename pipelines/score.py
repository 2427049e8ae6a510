"""Stage `score`: score the calibration and the test rows with one fitted candidate.

Apart from `train`, so that no training code ever has these rows in reach.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from aisle.catalogue.tables import read_frame, write_frame
from aisle.errors import exit_code_of

WORK = Path("work")
ROLES = ("calibration", "test")


def main() -> None:
    """Score with the candidate named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("candidate")
    candidate: str = parser.parse_args().candidate

    from aisle.model.storage import load

    categorizer = load(WORK / "candidates" / candidate / "model.skops")
    for role in ROLES:
        products = read_frame(WORK / "prepared" / f"{role}.parquet")
        write_frame(categorizer.score_frame(products), WORK / "scores" / candidate / f"{role}.parquet")


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
