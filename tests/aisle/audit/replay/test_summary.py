from __future__ import annotations

import math

import numpy as np
import pytest

from aisle.audit.replay import summary
from aisle.audit.replay.results import Round


def played(number: int, automatic: int, accuracy: float | None, seed: int = 0, **other: object) -> Round:
    values: dict[str, object] = {
        "seed": seed,
        "regime": "everything",
        "round": number,
        "products": 100,
        "coverage": automatic / 100,
        "automatic": automatic,
        "believed": 0.92,
        "true_accuracy": accuracy,
        "oracle_coverage": 0.5,
        "flow_accuracy": 0.8,
        "accuracy_all": 0.7,
        "threshold": 0.6,
        "answers": {"review": 30},
        "labels_by_origin": {"import": 100},
        "model_label_share": 0.0,
        "model_labels_right": None,
        "left_over": 0,
        "audited": 0,
        "estimate": None,
        "low": None,
        "high": None,
        "alarm": False,
        "alarm_round": None,
        "alarm_audits": None,
    }
    return Round(**(values | other))  # type: ignore[arg-type]


def test_accuracy_counts_decisions_not_rounds() -> None:
    rounds = [played(1, 10, 0.5), played(2, 90, 1.0), played(3, 0, None)]
    assert summary.true_accuracy(rounds) == pytest.approx(0.95)
    assert summary.coverage(rounds) == pytest.approx(100 / 300)
    assert summary.illusion(rounds) == pytest.approx(0.92 - 0.75)


def test_without_a_decision_there_is_nothing_to_say() -> None:
    rounds = [played(1, 0, None, believed=None)]
    assert math.isnan(summary.true_accuracy(rounds))
    assert math.isnan(summary.illusion(rounds))
    assert math.isnan(summary.share_of_oracle(rounds))
    assert math.isnan(summary.coverage([]))
    assert math.isnan(summary.flow_accuracy([]))


def test_the_share_of_the_oracle_counts_from_the_fourth_round() -> None:
    rounds = [played(number, 10 if number < 4 else 45, 0.9) for number in range(1, 8)]
    assert summary.share_of_oracle(rounds) == pytest.approx(0.9)


def test_the_last_rounds_of_each_game() -> None:
    rounds = [played(number, 10, 0.9, seed) for seed in (0, 1) for number in range(1, 6)]
    assert [(one.seed, one.round) for one in summary.last_rounds(rounds)] == [
        (seed, number) for seed in (0, 1) for number in (3, 4, 5)
    ]
    assert len(summary.of_regime(rounds, "everything", 1)) == 5
    assert summary.of_regime(rounds, "human") == []


@pytest.mark.parametrize(
    ("accuracies", "rang", "waited"),
    [
        ((0.9, 0.9, 0.9), None, None),
        ((0.9, 0.83, 0.9), 2, 1.0),
        ((0.83, 0.8, 0.8), 3, 3.0),
        ((0.9, 0.9, 0.8), 2, 0.0),
        ((0.9, 0.8, 0.8), None, math.inf),
        ((None, None, None), None, None),
    ],
)
def test_how_long_the_alarm_took(accuracies: tuple[float | None, ...], rang: int | None, waited: float | None) -> None:
    game = [played(number, 50, accuracy, alarm_round=rang) for number, accuracy in enumerate(accuracies, 1)]
    assert summary.rounds_to_alarm(game, 0.92) == waited


def test_differences_are_taken_within_a_seed() -> None:
    flows = {0: (0.80, 0.81), 1: (0.70, 0.72), 2: (0.90, 0.93)}
    one = [played(1, 50, 0.9, seed, flow_accuracy=after) for seed, (_, after) in flows.items()]
    other = [played(1, 50, 0.9, seed, flow_accuracy=before) for seed, (before, _) in flows.items()]
    mean, low, high = summary.paired_difference(one, other, summary.flow_accuracy)
    assert mean == pytest.approx(0.02)
    assert (low, high) == pytest.approx((0.02 - 0.0248414, 0.02 + 0.0248414), abs=1e-5)
    assert summary.paired_difference(one[:1], other[:1], summary.flow_accuracy)[1:] == (-math.inf, math.inf)


def test_validity_of_the_interval_of_differences() -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        shifts = 0.01 + 0.02 * rng.standard_normal(5)
        one = [played(1, 50, 0.9, seed, flow_accuracy=0.8 + shift) for seed, shift in enumerate(shifts)]
        other = [played(1, 50, 0.9, seed) for seed in range(5)]
        _, low, high = summary.paired_difference(one, other, summary.flow_accuracy)
        held += low <= 0.01 <= high
    assert held >= 400 * 0.92
