from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aisle.audit.replay.thresholds import read_off, smoothed, steady

TARGET = 0.9
Rows = tuple[NDArray[np.float64], NDArray[np.bool_]]


def flow(rng: np.random.Generator, n: int) -> Rows:
    """A model that is right as often as it says, and half sure on average."""
    confidence = np.clip(rng.beta(1.5, 0.7, n), 0.001, 0.999)
    return confidence, rng.random(n) < confidence


def labelled(rng: np.random.Generator, n: int, cap: float, share: float = 0.1) -> tuple[*Rows, NDArray[np.float64]]:
    """Rows that people answered: all below the confidence `cap`, of the others a random share; and their weights."""
    confidence, right = flow(rng, n)
    chance = np.where(confidence < cap, 1.0, share)
    kept = rng.random(n) < chance
    return confidence[kept], right[kept], 1 / chance[kept]


def true_accuracy(threshold: float | None) -> tuple[float, float]:
    """Accuracy and coverage at a threshold in an endless flow, as good as."""
    confidence, _ = flow(np.random.default_rng(99), 100_000)
    accepted = confidence >= (np.inf if threshold is None else threshold)
    return float(confidence[accepted].mean()) if accepted.any() else 1.0, float(accepted.mean())


def best_coverage() -> float:
    confidence = np.sort(flow(np.random.default_rng(99), 100_000)[0])[::-1]
    enough = np.flatnonzero(np.cumsum(confidence) / np.arange(1, confidence.size + 1) >= TARGET)
    return float(enough[-1] + 1) / confidence.size


def test_a_threshold_read_off_gives_the_target_on_its_own_rows() -> None:
    confidence, right = flow(np.random.default_rng(0), 2000)
    choice = read_off(confidence, right, np.ones(2000), TARGET)
    assert choice.threshold is not None
    accepted = confidence >= choice.threshold
    assert choice.believed == pytest.approx(right[accepted].mean())
    assert choice.believed >= TARGET


@pytest.mark.parametrize("choose", [read_off, steady])
def test_automation_is_off_where_nothing_reaches_the_target(choose: type) -> None:
    confidence = np.linspace(0.1, 0.9, 200)
    right = np.arange(200) % 3 == 0
    choice = choose(confidence, right, np.ones(200), 0.999)
    assert choice.threshold is None
    assert choice.believed is None


def test_validity_of_the_steady_threshold_keeps_the_target_on_average_and_most_of_the_coverage() -> None:
    rng = np.random.default_rng(1)
    found = [true_accuracy(steady(*labelled(rng, 8000, 0.4), TARGET).threshold) for _ in range(40)]
    accuracy, coverage = np.array(found).mean(axis=0)
    assert accuracy >= TARGET
    assert coverage >= 0.9 * best_coverage()


def test_reading_off_the_same_rows_is_noisier_and_falls_below() -> None:
    rng = np.random.default_rng(2)
    rows = [labelled(rng, 5000, 0.4) for _ in range(40)]
    plain = np.array([true_accuracy(read_off(*one, TARGET).threshold)[0] for one in rows])
    calm = np.array([true_accuracy(steady(*one, TARGET).threshold)[0] for one in rows])
    assert calm.std() < plain.std()
    assert (calm < TARGET).mean() < (plain < TARGET).mean() / 1.5


def test_labels_that_a_model_gave_itself_make_it_bold() -> None:
    """The loop in one line: rows that agree with the model whatever is true pull the threshold down."""
    rng = np.random.default_rng(3)
    confidence, right = flow(rng, 4000)
    honest = read_off(confidence, right, np.ones(4000), TARGET)
    deluded = read_off(confidence, right | (rng.random(4000) < 0.7), np.ones(4000), TARGET)
    assert honest.believed is not None
    assert deluded.believed is not None
    assert true_accuracy(deluded.threshold)[0] < TARGET - 0.05
    assert abs(true_accuracy(honest.threshold)[0] - honest.believed) < 0.03
    assert deluded.believed >= TARGET


def test_smoothing_is_true_to_a_calibrated_confidence() -> None:
    rng = np.random.default_rng(4)
    confidence, right, weight = labelled(rng, 40_000, 0.4)
    assert np.abs(smoothed(confidence, right, weight) - confidence).max() < 0.06


def test_few_or_faultless_rows_are_read_off() -> None:
    confidence = np.linspace(0.5, 0.99, 30)
    every = np.ones(30, dtype=bool)
    assert steady(confidence, every, np.ones(30), TARGET) == read_off(confidence, every, np.ones(30), TARGET)
    few, half = confidence[:10], np.arange(10) >= 1
    assert steady(few, half, np.ones(10), TARGET) == read_off(few, half, np.ones(10), TARGET)
