"""Stage `train`: fit one candidate, and score each training row by models that never saw its fold."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from aisle.catalogue.tables import read_frame, write_frame
from aisle.catalogue.taxonomy import read_taxonomy
from aisle.config import read_parameters
from aisle.errors import exit_code_of
from aisle.files import write_json

WORK = Path("work")


def main() -> None:
    """Fit the candidate named on the command line; write its model, scores and facts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("candidate")
    candidate: str = parser.parse_args().candidate

    from aisle.model.candidates import make_candidate
    from aisle.model.storage import save
    from aisle.model.training import fit_and_measure

    parameters = read_parameters()
    taxonomy = read_taxonomy(Path("data/taxonomy.csv"))
    categorizer = make_candidate(
        candidate,
        parameters.candidates.get(candidate, {}),
        {leaf: taxonomy.branch_of(leaf) for leaf in taxonomy.leaves},
        copies_of_rare=parameters.train.copies_of_rare,
        jobs=min(2, os.cpu_count() or 1),
    )
    doubted_at = parameters.train.person_error_rate if parameters.train.certainty_weights else None
    out_of_fold, facts = fit_and_measure(categorizer, read_frame(WORK / "prepared" / "train.parquet"), doubted_at)
    folder = WORK / "candidates" / candidate
    save(categorizer, folder / "model.skops")
    write_frame(out_of_fold, folder / "out_of_fold.parquet")
    size = (folder / "model.skops").stat().st_size / 1e6
    write_json(folder / "facts.json", {"candidate": candidate, "model_mb": round(size, 2), **facts})


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
