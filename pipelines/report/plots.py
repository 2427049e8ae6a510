"""Tables for `dvc plots`: one CSV a plot, the same columns in every run, so that runs can be compared."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

STEPS = 100


def tables(evidence: Mapping[str, Any]) -> dict[str, str]:
    """CSV texts by name: `accuracy_coverage`, `price_of_accuracy`, `reliability` and `robustness`."""
    return {
        "accuracy_coverage": _accuracy_coverage(evidence["curves"]),
        "price_of_accuracy": _csv(
            ("target_accuracy", "coverage"), ((one["target"], one["coverage"]) for one in evidence["price_of_accuracy"])
        ),
        "reliability": _csv(
            ("confidence", "right", "honest"),
            ((one["confidence"], one["right"]["value"], one["confidence"]) for one in evidence["reliability"]),
        ),
        "robustness": _csv(
            ("titles", "accuracy", "coverage", "accuracy_all"),
            (
                (one["corruption"], *(one[name]["value"] for name in ("accuracy", "coverage", "accuracy_all")))
                for one in evidence["robustness"]
            ),
        ),
    }


def _accuracy_coverage(curves: Mapping[str, Any]) -> str:
    """`chosen`, `perfect_ordering` and every candidate at the same hundred coverages."""
    coverage = np.arange(1, STEPS + 1) / STEPS
    lines = {
        "chosen": curves["candidates"][curves["chosen"]],
        "perfect_ordering": curves["perfect"],
        **curves["candidates"],
    }
    columns = [np.interp(coverage, points["coverage"], points["accuracy"]) for points in lines.values()]
    return _csv(("coverage", *lines), zip(coverage.tolist(), *(column.tolist() for column in columns), strict=True))


def _csv(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([round(one, 5) if isinstance(one, float) else one for one in row])
    return target.getvalue()
