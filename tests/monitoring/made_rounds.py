"""Rounds of a replay, made up: a loop that closes in `everything`, and cures that hold."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from aisle.audit.replay.results import Round
from aisle.audit.replay.settings import DRAWS_AUDITS, REGIMES
from aisle.config import Regime

ILLUSION = {"everything": 0.16, "human": 0.06, "mixed": 0.02, "audited": -0.01, "representative": -0.015}
COVERAGE = {"everything": 0.9, "human": 0.7, "mixed": 0.6, "audited": 0.52, "representative": 0.6}
FLOW = {"everything": -0.004, "human": 0.004, "mixed": 0.006, "audited": 0.005, "representative": 0.009}


def made_rounds(
    regimes: Sequence[Regime] = REGIMES, rounds: int = 12, seeds: Sequence[int] = (0, 1, 2), cap: int = 300
) -> list[Round]:
    """All rounds; the alarm of `everything` rings in round 3, 4, 5 of the seeds 0, 1, 2."""
    return [
        made_round(seed, regime, number, cap) for seed in seeds for regime in regimes for number in range(1, rounds + 1)
    ]


def made_round(seed: int, regime: Regime, number: int, cap: int = 300, products: int = 1000) -> Round:
    rng = np.random.default_rng([seed, REGIMES.index(regime), number])
    grown = 1 - math.exp(-number / 4)
    automatic = int(products * COVERAGE[regime] * (0.6 + 0.4 * grown) + rng.normal(0, 8))
    believed = 0.935 + 0.02 * grown * (regime == "everything") + rng.normal(0, 0.003)
    true = believed - ILLUSION[regime] * grown + rng.normal(0, 0.006)
    audits = 100 if regime in DRAWS_AUDITS else 0
    second = int(rng.integers(4, 12)) if audits else 0
    review = max(0, min(cap - audits - second, products - automatic))
    labels = {"import": 1000, "audit": audits * number, "review": review * number}
    if regime == "everything":
        labels["model"] = automatic * number
    alarm = 3 + seed if regime == "everything" and number >= 3 + seed else None
    return Round(
        seed=seed,
        regime=regime,
        round=number,
        products=products,
        coverage=automatic / products,
        automatic=automatic,
        believed=believed,
        true_accuracy=true,
        oracle_coverage=automatic / products * (0.8 if regime == "everything" else 1.08),
        flow_accuracy=0.82 + FLOW[regime] * number + rng.normal(0, 0.004),
        accuracy_all=0.78,
        threshold=0.8,
        answers={"audit": audits, "review": review, "second": second, "third": 0},
        labels_by_origin=labels,
        model_label_share=labels.get("model", 0) / sum(labels.values()),
        model_labels_right=0.8 if "model" in labels else None,
        left_over=products - automatic - review,
        audited=automatic // 10,
        estimate=true,
        low=true - 0.05,
        high=min(1.0, true + 0.05),
        alarm=alarm is not None,
        alarm_round=alarm,
        alarm_audits=None if alarm is None else 90 * alarm,
    )
