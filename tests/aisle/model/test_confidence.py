"""Confidence is a probability of being right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.decision.selective import calibration_error, gap
from aisle.model.confidence import Calibration, Confidence, at_temperature, fit_temperature, log_odds


def _signals(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    signals = random.normal(size=(rows, 3))
    chance = 1 / (1 + np.exp(-(1.5 + signals[:, 0] + np.abs(signals[:, 1]) - 1)))
    return signals, random.random(rows) < chance, chance


def test_learnt_confidence_guarantee_of_calibration() -> None:
    """Over repeated draws the confidence stays near the true chance of being right."""
    errors = []
    for seed in range(8):
        signals, right, _ = _signals(3000, seed)
        fresh, fresh_right, chance = _signals(3000, seed + 100)
        confidence = Confidence((0,)).fit(signals, right.astype(int)).predict_proba(fresh)[:, 1]
        errors.append(np.abs(confidence - chance).mean())
        assert gap(confidence, fresh_right) < gap(fresh[:, 0], fresh_right)
    assert np.mean(errors) < 0.06


def test_rising_columns_never_lower_the_confidence() -> None:
    signals, right, _ = _signals(2000, 3)
    model = Confidence((0,)).fit(signals, right.astype(int))
    ladder = np.zeros((50, 3))
    ladder[:, 0] = np.linspace(-3, 3, 50)
    assert (np.diff(model.boosted_.predict_proba(ladder)[:, 1]) >= 0).all()


def test_calibration_straightens_what_is_too_sure() -> None:
    random = np.random.default_rng(0)
    chance = random.beta(4, 2, 20_000)
    right = random.random(20_000) < chance
    too_sure = 1 / (1 + np.exp(-2.5 * log_odds(chance)))
    straight = Calibration.fitted(too_sure, right, np.ones(20_000))(too_sure)
    assert calibration_error(too_sure, right) > 0.05
    assert calibration_error(straight, right) < 0.02
    assert (np.diff(straight[np.argsort(too_sure)]) >= 0).all()


@pytest.mark.parametrize("all_right", [True, False])
def test_calibration_of_a_faultless_sample_changes_nothing(all_right: bool) -> None:
    line = Calibration.fitted(np.full(20, 0.7), np.full(20, all_right), np.ones(20))
    assert (line.slope, line.offset) == (1.0, 0.0)


@given(st.floats(0.2, 4), st.integers(0, 2**16))
def test_temperature_is_found_again(temperature: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.full(8, 0.3), 4000)
    truth = np.array([random.choice(8, p=row) for row in honest[:1500]])
    found = fit_temperature(at_temperature(honest[:1500], temperature), truth)
    assert found == pytest.approx(1 / temperature, rel=0.2)


def test_temperature_keeps_order_and_sum() -> None:
    probability = np.random.default_rng(0).dirichlet(np.ones(5), 100)
    for temperature in (0.1, 1.0, 5.0):
        changed = at_temperature(probability, temperature)
        np.testing.assert_allclose(changed.sum(axis=1), 1.0)
        assert (changed.argmax(axis=1) == probability.argmax(axis=1)).all()


def test_no_known_truth_leaves_the_temperature() -> None:
    assert fit_temperature(np.full((3, 2), 0.5), np.array([-1, -1, -1])) == 1.0
