"""How much the mix of a quiet catalogue moves, and what that does to the limits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.chance import simulated
from monitoring.comparing import Categories
from monitoring.movement import movement

VALUES = 12


def made(variance: float, seed: int, per_day: int = 20, days: int = 60, span: int = 1) -> tuple:
    """Codes, weights and times of rows whose shares are multiplied by Gamma variates, anew each `span` days."""
    rng = np.random.default_rng(seed)
    base = rng.dirichlet(np.full(VALUES, 3.0))
    codes = []
    for day in range(days):
        if day % span == 0:
            times = rng.gamma(1 / variance, variance, VALUES) if variance else np.ones(VALUES)
            share = base * times / (base * times).sum()
        codes.append(rng.choice(VALUES, per_day, p=share))
    received = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.repeat(np.arange(days), per_day), unit="D")
    return np.concatenate(codes), np.ones(per_day * days), pd.Series(received)


def test_chance_alone_is_next_to_no_movement():
    found = [movement(*made(0.0, seed)) for seed in range(40)]

    assert np.mean(found) < 0.02
    assert max(found) < 0.08


@pytest.mark.parametrize(("variance", "span"), [(0.5, 1), (0.5, 7), (0.3, 30)])
def test_movement_of_days_weeks_and_months_is_found_about_as_large_as_it_is(variance: float, span: int):
    found = [movement(*made(variance, seed, days=40 + 10 * span, span=span)) for seed in range(20)]

    assert 0.4 * variance < np.mean(found) < 1.3 * variance  # shares are divided by their sum, which takes some of it


def test_weights_of_pairs():
    """Rows of one kind were drawn ten times less often, by chance as before: no movement."""
    codes, _, received = made(0.0, 5, per_day=60)
    rng = np.random.default_rng(0)
    probability = np.where(codes < 4, 0.1, 1.0)
    kept = rng.random(len(codes)) < probability

    assert movement(codes[kept], 0.1 / probability[kept], received[kept]) < 0.1


def test_without_times_or_with_one_value_or_span_there_is_nothing_to_learn():
    codes, weight, received = made(0.5, 1)
    never = received.where(received.isna())

    assert movement(codes, weight, never) == 0.0
    assert movement(np.zeros_like(codes), weight, received) == 0.0
    assert movement(codes[:20], weight[:20], received[:20]) == 0.0
    assert movement(codes[:1], weight[:1], received[:1]) == 0.0


def test_one_seller_a_day_is_a_movement_as_large_as_can_be_told():
    received = pd.Series(pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.repeat(np.arange(50), 10), unit="D"))
    codes = np.repeat(np.arange(50), 10)

    assert movement(codes, np.ones(500), received) == 25.0


@given(st.randoms())
def test_the_order_of_rows_says_nothing(random):
    codes, weight, received = made(0.4, 2, days=10)
    order = list(range(len(codes)))
    random.shuffle(order)

    shuffled = received.iloc[order].reset_index(drop=True)
    assert movement(codes[order], weight[order], shuffled) == pytest.approx(movement(codes, weight, received))


def _column(rows: int = 400) -> tuple[Categories, np.ndarray, np.ndarray]:
    codes = np.random.default_rng(8).choice(5, rows, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    copies = np.ones(rows, dtype=np.int64)
    return Categories(pd.Series([f"v{code}" for code in codes]), copies), copies, codes


def test_limits_grow_with_movement_and_fall_with_rows_and_level():
    column, copies, codes = _column()

    def limit(rows: int, variance: float, level: float = 0.05) -> float:
        return simulated({"x": column}, copies, [(codes, variance)], rows, 800, 0).limits(level)["x"]

    assert limit(50, 0.0) < limit(50, 0.3) < limit(50, 2.0)
    assert limit(2_000, 0.0) < limit(200, 0.0) < limit(50, 0.0)
    assert limit(50, 0.0, 0.2) < limit(50, 0.0, 0.01)


def test_false_alarm_of_many_columns_together_keeps_its_level():
    """Of simulated days, a share of `level` exceeds the limits of any column; copies of a column cost nothing."""
    column, copies, _ = _column()
    other = Categories(pd.Series(np.random.default_rng(2).choice(list("abc"), 400)), copies)
    alone = simulated({"x": column}, copies, [], 100, 1_000, 0)
    twice = simulated({"x": column, "again": column}, copies, [], 100, 1_000, 0)
    both = simulated({"x": column, "y": other}, copies, [], 100, 1_000, 0)

    assert twice.limits(0.05)["x"] == alone.limits(0.05)["x"] < both.limits(0.05)["x"]
    fresh = simulated({"x": column, "y": other}, copies, [], 100, 1_000, 1)
    beyond = [fresh.sorted_distances[name] > limit for name, limit in both.limits(0.05).items()]
    assert beyond[0].mean() + beyond[1].mean() == pytest.approx(0.05, abs=0.025)


def test_p_values_agree_with_the_limits():
    column, copies, _ = _column()
    chance = simulated({"x": column}, copies, [], 100, 999, 0)
    limit = chance.limits(0.05)["x"]

    assert chance.p_value("x", limit * 1.001) <= 0.05 < chance.p_value("x", limit * 0.98)
    assert chance.p_value("x", 0.0) == 1.0
    assert chance.p_value("x", 9.0) == pytest.approx(1 / 1000, rel=1.1)
