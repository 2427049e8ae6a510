"""Rows that stand for different numbers of products, in the curve and its summaries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.decision.selective import accuracy_coverage_curve, calibration_error, gap, perfect_curve

ROWS = st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0.1, 9)), min_size=1, max_size=50)


@given(ROWS, st.floats(0.1, 100))
def test_weights_that_are_all_alike_change_nothing(rows: list[tuple[float, bool, float]], weight: float) -> None:
    confidence, right, _ = (np.array(column) for column in zip(*rows, strict=True))
    alike = np.full(len(rows), weight)
    assert gap(confidence, right, alike) == pytest.approx(gap(confidence, right))
    assert calibration_error(confidence, right, weight=alike) == pytest.approx(calibration_error(confidence, right))
    assert perfect_curve(right, alike).accuracy == pytest.approx(perfect_curve(right).accuracy)


@given(ROWS)
def test_no_ordering_is_better_than_perfect(rows: list[tuple[float, bool, float]]) -> None:
    confidence, right, weight = (np.array(column) for column in zip(*rows, strict=True))
    assert gap(confidence, right, weight) >= -1e-9
    assert gap(right.astype(float), right, weight) == pytest.approx(0, abs=1e-9)
    perfect = perfect_curve(right, weight)
    assert perfect.coverage[-1] == pytest.approx(1)
    assert perfect.accuracy[-1] == pytest.approx(np.average(right, weights=weight))
    assert (np.diff(perfect.accuracy) <= 1e-12).all()


def test_a_heavy_row_weighs_in_the_calibration_error() -> None:
    confidence, right = [0.9, 0.9], [True, False]
    assert calibration_error(confidence, right, bins=1) == pytest.approx(0.4)
    assert calibration_error(confidence, right, bins=1, weight=[9, 1]) == pytest.approx(0.0)


def test_a_thinned_curve_keeps_both_ends() -> None:
    rng = np.random.default_rng(2)
    confidence = rng.random(3000)
    curve = accuracy_coverage_curve(confidence, rng.random(3000) < confidence)
    few = curve.thinned(50)
    assert few.coverage.size <= 50
    assert (few.coverage[0], few.coverage[-1]) == (curve.coverage[0], 1)
    assert set(few.accuracy) <= set(curve.accuracy)
    assert few.thinned(50) is few
