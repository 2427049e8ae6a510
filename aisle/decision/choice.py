"""Which candidate to take: compared on out-of-fold scores of training rows, never on calibration or test rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aisle.config import PolicyParameters
from aisle.decision.scored import ScoredProducts
from aisle.decision.selective import Curve, accuracy_coverage_curve, calibration_error, gap
from aisle.decision.settle import prices_of
from aisle.decision.threshold import cost_per_product

# Differences below this are noise on any data we have seen: then the ordering decides, then speed.
TIE = 0.005


@dataclass(frozen=True)
class Comparison:
    """The candidates side by side, and the one to take.

    Attributes
    ----------
    chosen : str
    reason : str
        One sentence for people.
    candidates : tuple of dict
        In the order given: the name, `accuracy` (of all, weighted), `coverage` (largest with
        hindsight at the target accuracy), `objective` (what was compared), `gap`, `ece`, the
        facts of training, and the accuracy-coverage `curve` in at most 200 points.
    """

    chosen: str
    reason: str
    candidates: tuple[dict[str, Any], ...]


def compare(
    candidates: Mapping[str, ScoredProducts], facts: Mapping[str, Mapping[str, Any]], asked: PolicyParameters
) -> Comparison:
    """Choose the candidate that serves the policy best.

    Kind target_accuracy: the largest coverage whose accuracy is still the target; kind coverage:
    the accuracy at that coverage; kind cost: the share of the cost of reviewing everything that
    it saves. Candidates within 0.005 of the best are tied; among them the smaller gap wins,
    then (gaps within 0.0005) the cheaper prediction.

    Parameters
    ----------
    candidates : mapping of name to ScoredProducts
        At least one; the same training rows for all, weighted as in training, so that they
        stand for the flow of products.
    facts : mapping of name to mapping
        May hold `score_us, fit_seconds, peak_mb, model_mb`.
    """
    rows = tuple(_row(name, products, facts.get(name, {}), asked) for name, products in candidates.items())
    best = max(row["objective"] for row in rows)
    tied = [row for row in rows if row["objective"] >= best - TIE]
    least = min(row["gap"] for row in tied)
    ordered = [row for row in tied if row["gap"] <= least + TIE / 10]
    chosen = min(ordered, key=lambda row: row["score_us"] if row["score_us"] is not None else math.inf)
    return Comparison(chosen["candidate"], _reason(chosen, rows, tied, ordered, asked), rows)


def _row(name: str, products: ScoredProducts, facts: Mapping[str, Any], asked: PolicyParameters) -> dict[str, Any]:
    curve = products.curve
    drawn = accuracy_coverage_curve(products.confidence, products.right, products.weight).thinned()
    return {
        "candidate": name,
        "accuracy": float(np.average(products.right, weights=products.weight)),
        "coverage": _coverage_at(asked.target_accuracy, curve),
        "objective": _objective(products, asked),
        "gap": gap(products.confidence, products.right),
        "ece": calibration_error(products.confidence, products.right),
        **{name: facts.get(name) for name in ("score_us", "fit_seconds", "peak_mb", "model_mb")},
        "curve": {"coverage": drawn.coverage.tolist(), "accuracy": drawn.accuracy.tolist()},
    }


def _coverage_at(target_accuracy: float, curve: Curve) -> float:
    return float(curve.coverage[curve.accuracy >= target_accuracy].max(initial=0.0))


def _objective(products: ScoredProducts, asked: PolicyParameters) -> float:
    """What is compared, more is better, in [0, 1]."""
    curve = products.curve
    if asked.kind == "coverage":
        reached = np.flatnonzero(curve.coverage >= asked.coverage - 1e-12)
        at = reached[0] if reached.size else -1
        return float(curve.accuracy[at]) if curve.coverage.size else 0.0
    if asked.kind == "cost":
        return _saved(products, asked)
    return _coverage_at(asked.target_accuracy, curve)


def _saved(products: ScoredProducts, asked: PolicyParameters) -> float:
    """Share of the cost of reviewing everything that the best threshold a price list saves."""
    priced = np.array([one if one in asked.branch_costs else "" for one in products.branch_id], dtype=object)
    spent = reviewed = 0.0
    for name in sorted(set(priced)):
        own = products.only(priced == name)
        error, review = prices_of(name, asked)
        mass = float(own.weight.sum())
        spent += mass * min(review, float(cost_per_product(own, error, review).min(initial=math.inf)))
        reviewed += mass * review
    return 1 - spent / reviewed if reviewed > 0 else 0.0


def _reason(
    chosen: dict[str, Any],
    rows: tuple[dict[str, Any], ...],
    tied: list[dict[str, Any]],
    ordered: list[dict[str, Any]],
    asked: PolicyParameters,
) -> str:
    figure = {
        "target_accuracy": f"covers {{:.1%}} of products at an accuracy of {asked.target_accuracy:.4g}",
        "coverage": f"has an accuracy of {{:.1%}} at a coverage of {asked.coverage:.4g}",
        "cost": "saves {:.1%} of the cost of reviewing everything",
    }[asked.kind].format(chosen["objective"])
    figure += " (out-of-fold scores)"
    if len(rows) == 1:
        return f"the only candidate; {figure}"
    if len(tied) == 1:
        second = max((row for row in rows if row is not chosen), key=lambda row: float(row["objective"]))
        return f"{figure}, the most; next is {second['candidate']} with {second['objective']:.1%}"
    others = ", ".join(row["candidate"] for row in tied if row is not chosen)
    why = "the smallest gap" if len(ordered) == 1 else "the cheapest prediction at the smallest gap"
    return f"{figure}, tied within {TIE:.1%} with {others}; chosen for {why}"
