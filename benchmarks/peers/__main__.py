"""Run the comparison; see `benchmarks.peers`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Iterable, Mapping

import benchmarks.peers
from aisle.config import Parameters, read_parameters
from aisle.errors import exit_code_of
from benchmarks.catalogues import PROJECT
from benchmarks.names_to_branches import branch_accuracy
from benchmarks.peers.measuring import FIGURES, RESAMPLES, Measured, chance_ece, coverage_gain_low, measure
from benchmarks.peers.methods import PEERS, REFERENCE, Aisle, Method
from benchmarks.peers.suspects import suspects_recall
from benchmarks.peers.tasks import Task, task
from benchmarks.results import Result, report

REACH = {
    "wdc.accuracy": "≥ 0.895",
    "wdc.weighted_f1_mean_levels": "≥ 0.92",
    "wdc.coverage_95": "≥ 0.88",
    "wdc.coverage_98": "≥ 0.72",
    "wdc.coverage_98_gain_low": "≥ 0.05",
    "wdc.gap": "≤ 0.012",
    "wdc.branch_accuracy_titles": "≥ 0.92",
    "wdc.fit_ratio": "≤ 6",
    "wdc.score_us": "≤ 250",
    "wdc.ece": "≤ 0.02",
    "sample.ece": "≤ 0.02",
    "sample.suspects_recall": "≥ 0.6",
    "pricerunner.gap": "≤ 0.0015",
}
CATALOGUES = ("wdc", "pricerunner", "sample")
QUICK_CATALOGUE, QUICK_PEERS = "small_sample", (REFERENCE, "naive_bayes", "fasttext")


def rows_of(asked: Task, parameters: Parameters, peers: Iterable[str] = tuple(PEERS)) -> list[Result]:
    """The figures of Aisle and of `peers` on one catalogue."""
    ours = Aisle(parameters, asked.branch_of)
    # The reference first and Aisle right after it: their times are compared.
    measured = {REFERENCE: _measured(PEERS[REFERENCE][1](), asked, REFERENCE)}
    aisle = _measured(ours, asked, "aisle")
    measured |= {name: _measured(PEERS[name][1](), asked, name) for name in peers if name != REFERENCE}

    rows = _rows(asked.name, f"{asked.title}: Aisle", aisle)
    rows += _compared(asked, aisle, measured)
    if asked.name == "wdc":
        what = f"{asked.title}: branch (level 1) from the title alone, share right"
        rows.append(_row("wdc.branch_accuracy_titles", what, branch_accuracy(asked.train, asked.test)[0], "share"))
    if asked.planted is not None:
        rate = parameters.train.person_error_rate
        recall, planted = suspects_recall(ours.out_of_fold, asked.train, asked.planted, rate)
        what = (
            f"{asked.title}: of {planted} wrong labels planted in training, share in the {2 * planted} first suspects"
        )
        rows.append(_row(f"{asked.name}.suspects_recall", what, recall, "share"))
    for name, one in measured.items():
        rows += _rows(f"{asked.name}.peer.{name}", f"{asked.title}: {PEERS[name][0]}", one)
    return rows


def _measured(method: Method, asked: Task, name: str) -> Measured:
    found = measure(method, asked)
    print(
        f"{asked.title}: {name}: accuracy {found.figures['accuracy']:.4f}, fit {found.figures['fit_seconds']:.1f} s",
        file=sys.stderr,
        flush=True,
    )
    return found


def _compared(asked: Task, aisle: Measured, measured: Mapping[str, Measured]) -> list[Result]:
    """What needs Aisle and its peers side by side, or Aisle and chance."""
    best = max(measured, key=lambda name: measured[name].figures["coverage_98"])
    gain = coverage_gain_low(aisle, measured[best], 0.98, asked.weight)
    ratio = aisle.figures["fit_seconds"] / measured[REFERENCE].figures["fit_seconds"]
    what = (
        f"{asked.title}: coverage at 98 % accuracy, Aisle less the best peer ({PEERS[best][0]}): "
        f"lower end of the 95 % interval, {RESAMPLES:,} paired resamples of the test"
    )
    by_chance = f"{asked.title}: calibration error that chance alone would give Aisle's confidence, were it perfect"
    return [
        _row(f"{asked.name}.coverage_98_gain_low", what, gain, "share"),
        _row(
            f"{asked.name}.fit_ratio", f"{asked.title}: time to fit, Aisle over {PEERS[REFERENCE][0]}", ratio, "times"
        ),
        _row(f"{asked.name}.ece_by_chance", by_chance, chance_ece(aisle.confidence, asked.weight), "share"),
    ]


def _rows(prefix: str, who: str, measured: Measured) -> list[Result]:
    return [
        _row(f"{prefix}.{name}", f"{who}: {what}", measured.figures[name], unit)
        for name, (what, unit) in FIGURES.items()
    ]


def _row(name: str, what: str, value: float, unit: str) -> Result:
    return Result(name, what, round(value, 6 if unit == "share" else 2), unit, REACH.get(name))


def main() -> None:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=benchmarks.peers.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a few methods on a small sample; nothing tracked changes")
    quick: bool = parser.parse_args().quick
    start = time.perf_counter()
    parameters = read_parameters(PROJECT / "params.yaml")
    for heavy in ("sklearn.svm", "sklearn.ensemble", "sklearn.neural_network", "fasttext", "joblib"):
        importlib.import_module(heavy)  # before any clock runs
    rows: list[Result] = []
    for name in (QUICK_CATALOGUE,) if quick else CATALOGUES:
        rows += rows_of(task(name, parameters), parameters, QUICK_PEERS if quick else tuple(PEERS))
    rows.append(Result("run.minutes", "the whole run", round((time.perf_counter() - start) / 60, 1), "minutes"))
    rows.append(Result("run.cores", "cores of the machine", os.cpu_count() or 1, "cores"))
    report("peers", rows, quick=quick)


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
