"""The measures against the slowest way to compute them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.decision.selective import accuracy_coverage_curve, calibration_error, coverage_at, gap, perfect_curve

ROWS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.7, 0.9, 1.0]), st.booleans(), st.sampled_from([0.5, 1.0, 3.0])),
    min_size=1,
    max_size=25,
)
Rows = list[tuple[float, bool, float]]


@given(ROWS)
def test_curve_against_accepting_at_each_confidence(rows: Rows) -> None:
    confidence, right, weight = map(np.array, zip(*rows, strict=True))
    curve = accuracy_coverage_curve(confidence, right, weight)
    thresholds = sorted(set(confidence), reverse=True)
    assert curve.threshold.tolist() == thresholds
    for point, threshold in enumerate(thresholds):
        accepted = confidence >= threshold
        assert curve.coverage[point] == pytest.approx(weight[accepted].sum() / weight.sum())
        assert curve.accuracy[point] == pytest.approx(np.average(right[accepted], weights=weight[accepted]))


@given(ROWS)
def test_curve_ignores_the_order_of_rows_and_the_scale_of_weights(rows: Rows) -> None:
    confidence, right, weight = map(np.array, zip(*rows, strict=True))
    curve = accuracy_coverage_curve(confidence, right, weight)
    other = accuracy_coverage_curve(confidence[::-1], right[::-1], 7 * weight[::-1])
    assert other.threshold.tolist() == curve.threshold.tolist()
    assert other.coverage == pytest.approx(curve.coverage)
    assert other.accuracy == pytest.approx(curve.accuracy)


@given(ROWS)
def test_weights_are_copies_of_rows(rows: Rows) -> None:
    confidence, right, weight = map(np.array, zip(*rows, strict=True))
    copies = (2 * weight).astype(int)
    curve = accuracy_coverage_curve(confidence, right, weight)
    copied = accuracy_coverage_curve(np.repeat(confidence, copies), np.repeat(right, copies))
    assert copied.coverage == pytest.approx(curve.coverage)
    assert copied.accuracy == pytest.approx(curve.accuracy)


@given(ROWS, st.floats(0.05, 1))
def test_coverage_at_against_trying_all_thresholds(rows: Rows, target: float) -> None:
    confidence, right, weight = map(np.array, zip(*rows, strict=True))
    reached = [0.0]
    for threshold in set(confidence):
        accepted = confidence >= threshold
        if np.average(right[accepted], weights=weight[accepted]) >= target:
            reached.append(weight[accepted].sum() / weight.sum())
    assert coverage_at(target, confidence, right, weight) == pytest.approx(max(reached))


@given(st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), min_size=1, max_size=40, unique_by=lambda row: row[0]))
def test_gap_against_the_two_curves_point_by_point(rows: list[tuple[int, bool]]) -> None:
    confidence = np.array([row[0] / 10**6 for row in rows])
    right = np.array([row[1] for row in rows])
    actual = right[np.argsort(-confidence)]
    distance = [
        min(right.sum(), accepted) / accepted - actual[:accepted].mean() for accepted in range(1, len(rows) + 1)
    ]
    assert gap(confidence, right) == pytest.approx(np.mean(distance))


@settings(max_examples=25)
@given(st.lists(st.booleans(), min_size=1, max_size=8), st.integers(1, 4))
def test_gap_of_ties_is_the_mean_over_their_orders(right: list[bool], levels: int) -> None:
    """Broken at random, ties give the same gap on average."""
    confidence = np.arange(len(right)) % levels / levels
    rng = np.random.default_rng(0)
    broken = [gap(confidence + 1e-6 * rng.permutation(len(right)), right) for _ in range(100)]
    assert gap(confidence, right) == pytest.approx(np.mean(broken), abs=0.12)


@given(ROWS)
def test_gap_is_a_share_and_zero_for_a_perfect_ordering(rows: Rows) -> None:
    confidence, right, _ = map(np.array, zip(*rows, strict=True))
    assert -1e-12 <= gap(confidence, right) <= 1
    assert gap(right.astype(float), right) == pytest.approx(0, abs=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_perfect_curve_is_the_curve_of_a_confidence_that_knows(right: list[bool]) -> None:
    curve = perfect_curve(right)
    accepted = np.arange(1, len(right) + 1)
    assert curve.coverage == pytest.approx(accepted / len(right))
    assert curve.accuracy == pytest.approx(np.minimum(accepted, sum(right)) / accepted)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), min_size=1, max_size=40, unique_by=lambda row: row[0]))
def test_calibration_error_against_bins_by_hand(rows: list[tuple[int, bool]]) -> None:
    ordered = sorted((confidence / 10**6, right) for confidence, right in rows)
    bins = min(15, len(ordered))
    size, longer = divmod(len(ordered), bins)
    error, start = 0.0, 0
    for number in range(bins):
        members = ordered[start : start + size + (number < longer)]
        start += len(members)
        error += abs(sum(confidence - right for confidence, right in members))
    assert calibration_error(*zip(*rows_of(ordered), strict=True)) == pytest.approx(error / len(ordered))


def rows_of(ordered: list[tuple[float, bool]]) -> list[tuple[float, bool]]:
    """In another order than by confidence."""
    return ordered[::2] + ordered[1::2]


def test_calibration_error_of_a_calibrated_confidence_is_small_and_of_a_boast_large() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.random(20000)
    assert calibration_error(confidence, rng.random(20000) < confidence) < 0.015
    assert calibration_error(np.ones(100), np.arange(100) < 60) == pytest.approx(0.4)


def test_without_rows_there_is_no_curve_and_no_error() -> None:
    assert accuracy_coverage_curve([], []).coverage.size == 0
    assert perfect_curve([]).coverage.size == 0
    assert coverage_at(0.9, [], []) == 0.0
    assert gap([], []) == 0.0
    assert calibration_error([], []) == 0.0
