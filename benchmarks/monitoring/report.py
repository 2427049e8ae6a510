"""What a report costs: `aisle monitor` over 100,000 predictions, imports and start of the process included.

Products come from the generator of the sample, a stream of 30 quiet days. They are decided by drawing from the
champion's held-out frame (which decision, with what confidence, and right or wrong), since scoring them is another
benchmark's matter; one in ten is audited, and answered.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from aisle.errors import DataError
from benchmarks.results import Result

PREDICTIONS, QUICK_PREDICTIONS = 100_000, 6_000
DAYS = 30
AUDITED = 0.1
GIB = 2**20  # KiB, which Linux counts resident memory in


def measured(quick: bool) -> list[Result]:
    """Wall time and peak memory of one run."""
    predictions = QUICK_PREDICTIONS if quick else PREDICTIONS
    with tempfile.TemporaryDirectory(prefix="aisle-report-") as made:
        folder = Path(made)
        last = write_days(folder / "data", folder / "truth.parquet", predictions)
        seconds, peak = run_monitor(folder / "data", folder / "reports", last)
    many = f"{predictions:,} predictions"
    return [
        Result("report.seconds", f"`aisle monitor`, {many}", seconds, "s", None if quick else "≤ 30"),
        Result("report.peak_gib", f"`aisle monitor`, {many}: peak of resident memory", peak, "GiB", "≤ 2"),
    ]


def write_days(folder: Path, truth: Path, predictions: int) -> dt.date:
    """A catalogue of `DAYS` days with predictions and audits; the last day."""
    import pandas as pd

    from aisle.catalogue.sample import write_sample
    from aisle.catalogue.sample.stream import write_stream
    from aisle.catalogue.tables import read_frame, read_table, write_shard
    from monitoring.reference import read_reference

    write_sample(folder, truth, products=2_000, days=10)
    for old in (folder / "predictions").glob("*.parquet"):
        old.unlink()  # of a model that the registry does not know
    names = write_stream(folder, truth, days=DAYS, per_day=-(-predictions // DAYS))
    reference, rng = read_reference(), np.random.default_rng(0)
    category = read_frame(truth).set_index("product_id")["category_id"]
    frame = reference.frame
    chance = frame["weight"].to_numpy(dtype=np.float64) / frame["weight"].sum()
    for name in names:
        products = read_table(folder, "products", shards=[name])
        drawn = frame.iloc[rng.choice(len(frame), len(products), p=chance)].reset_index(drop=True)
        true = products["product_id"].map(category)
        said = np.where(drawn["right"], true, drawn["category_id"])
        audited = rng.random(len(products)) < AUDITED
        rows = pd.DataFrame(
            {
                "product_id": products["product_id"],
                "revision": products["revision"],
                "predicted_at": products["received_at"] + pd.Timedelta(seconds=90),
                "category_id": said,
                "branch_id": drawn["branch_id"],
                "confidence": drawn["confidence"],
                "threshold": drawn["threshold"],
                "decision": drawn["decision"],
                "audit_probability": AUDITED,
                "audit_drawn": audited,
                "blind": audited & (rng.random(len(products)) < 0.2),
                "model_version": reference.model_version,
                "policy_id": reference.policy_id,
                "bento_tag": "aisle:benchmark",
            }
        )
        write_shard(rows, "predictions", folder / "predictions" / f"{name}.parquet")
        write_shard(_answers(rows, true, audited), "labels", folder / "labels" / f"{name}.parquet")
    return dt.date.fromisoformat(names[-1][:10])


def _answers(rows, true, audited):
    """One answer an audit; a second person settles what contradicts an automatic decision."""
    import pandas as pd

    asked = rows[audited]
    answers = pd.DataFrame(
        {
            "product_id": asked["product_id"],
            "revision": asked["revision"],
            "category_id": true[audited],
            "origin": "audit",
            "status": "answered",
            "adjudicated": False,
            "labelled_at": asked["predicted_at"] + pd.Timedelta(hours=2),
            "labeller": "ann",
            "suggested_category_id": asked["category_id"].where(~asked["blind"]),
            "audit_probability": AUDITED,
            "inclusion_probability": AUDITED,
            "model_version": asked["model_version"],
        }
    )
    wrong = (asked["category_id"].to_numpy() != answers["category_id"].to_numpy()) & (asked["decision"] == "auto")
    later = answers["labelled_at"][wrong] + pd.Timedelta(hours=1)
    second = answers[wrong].assign(labeller="ben", adjudicated=True, suggested_category_id=None, labelled_at=later)
    return pd.concat([answers, second], ignore_index=True)


def run_monitor(folder: Path, reports: Path, last: dt.date) -> tuple[float, float]:
    """Seconds and GiB of one run of the command, a process of its own."""
    command = [sys.executable, "-m", "commands.main", "monitor", "--into", str(folder), "--day", str(last)]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--reports", str(reports), "--no-desk"], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    process.returncode = code
    if code not in (0, 3, 4):
        raise DataError(f"`aisle monitor` ended with exit code {code}; run it by hand to see why: {' '.join(command)}")
    return seconds, used.ru_maxrss / GIB
