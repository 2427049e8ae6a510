"""Stage `stress`: the chosen candidate on corrupted titles, on sellers and on kinds that it hardly or never saw."""

from __future__ import annotations

import sys
from pathlib import Path

from aisle.catalogue.tables import read_frame, write_frame
from aisle.errors import exit_code_of
from aisle.files import read_json

WORK = Path("work")


def main() -> None:
    """Write the scores of each trial for `evaluate` to judge."""
    from aisle.model.storage import load
    from aisle.model.stress import copies_scores, corrupted_scores, held_out_category_scores, held_out_seller_scores

    candidate = read_json(WORK / "choice" / "candidate.json")["candidate"]
    categorizer = load(WORK / "candidates" / candidate / "model.skops")
    train = read_frame(WORK / "prepared" / "train.parquet")
    test = read_frame(WORK / "prepared" / "test.parquet")
    write_frame(corrupted_scores(categorizer, test), WORK / "stress" / "corrupted.parquet")
    write_frame(held_out_seller_scores(categorizer, train), WORK / "stress" / "held_out_sellers.parquet")
    write_frame(held_out_category_scores(categorizer, train), WORK / "stress" / "held_out_categories.parquet")
    write_frame(copies_scores(categorizer, train, test), WORK / "stress" / "copies_of_rare.parquet")


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
