"""The sets that a walk may look ahead with, against adding up all outcomes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from aisle.bounds import binomial_p_value
from aisle.decision.threshold.lookahead import LookAhead, look_ahead

DESIGNS = st.tuples(st.integers(8, 250), st.floats(0.01, 0.4), st.floats(0.005, 0.3))


def chance_of_entering(sets: LookAhead, k: int, rows: int, limit: float) -> float:
    """That independent errors enter a set at its start or later, row after row."""
    chance = np.zeros(rows + 1)  # of each number of errors, not entered yet
    chance[0] = 1.0
    entered = 0.0
    errors = np.arange(rows + 1)
    first = sets.first[k][np.minimum(errors, sets.first.shape[1] - 1)]
    for count in range(rows + 1):
        if count:
            chance = chance * (1 - limit) + np.append(0.0, chance[:-1]) * limit
        if sets.starts[k] <= count < sets.end:
            entered += float(chance[count >= first].sum())
            chance[count >= first] = 0.0
    return entered


@settings(max_examples=40, deadline=None)
@given(DESIGNS)
def test_each_set_is_entered_with_a_chance_of_at_most_the_level(design: tuple[int, float, float]) -> None:
    rows, limit, level = design
    sets = look_ahead(rows, limit, level)
    for k in range(0, sets.starts.size, 7):
        assert chance_of_entering(sets, k, rows, limit) <= level


@settings(max_examples=40, deadline=None)
@given(DESIGNS)
def test_sets_are_nested_and_begin_with_the_binomial_test(design: tuple[int, float, float]) -> None:
    rows, limit, level = design
    sets = look_ahead(rows, limit, level)
    for k in range(sets.starts.size):
        start = int(sets.starts[k])
        allowed = int(np.count_nonzero(sets.first[k] <= start))
        assert binomial_p_value(allowed - 1, start, limit) <= level < binomial_p_value(allowed, start, limit)
        if k + 1 < sets.starts.size:
            following = int(sets.starts[k + 1])
            assert (np.maximum(sets.first[k], following) >= np.maximum(sets.first[k + 1], following)).all()
        assert (np.diff(sets.first[k]) >= 0).all()


@settings(max_examples=60, deadline=None)
@given(DESIGNS)
def test_the_plain_test_is_the_binomial_one_and_changes_at_a_start(design: tuple[int, float, float]) -> None:
    rows, limit, level = design
    sets = look_ahead(rows, limit, level)
    for errors, count in enumerate(sets.plain[:-1]):
        assert binomial_p_value(errors, int(count), limit) <= level
        assert binomial_p_value(errors, int(count) - 1, limit) > level
    assert set(sets.plain[sets.plain < sets.end]) <= set(sets.starts)


def walk(wrong: list[bool]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    errors = np.cumsum(wrong, dtype=np.int64)
    return np.arange(1, errors.size + 1)[None, :], errors[None, :]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=8, max_size=300), st.floats(0, 0.3), st.integers(0, 100))
def test_it_goes_at_least_as_far_as_a_walk_that_ends_at_the_first_failure(
    chances: list[float], rate: float, start: int
) -> None:
    accepted, errors = walk([one < rate for one in chances])
    accepted, errors = accepted[:, start % len(chances) :], errors[:, start % len(chances) :]
    sets = look_ahead(len(chances), 0.1, 0.05)
    passes = binomial_p_value(errors[0], accepted[0], 0.1) <= 0.05
    plainly = int(np.logical_and.accumulate(passes).sum()) - 1
    last, every = sets.reached(accepted, errors)
    assert last[0] >= plainly
    assert every[0] == (last[0] == accepted.shape[1] - 1) or not every[0]
    later = look_ahead(len(chances), 0.1, 0.2)
    assert later.reached(accepted, errors)[0][0] >= plainly


def test_an_error_that_comes_early_is_forgiven_when_enough_right_ones_follow() -> None:
    """At .98, 200 rows without an error pass, and of the 5 % the binomial test spends 1.8 on that."""
    wrong = [False] * 500
    wrong[210] = True
    accepted, errors = (one[:, 199:] for one in walk(wrong))
    sets = look_ahead(500, 0.02, 0.05)
    last, every = sets.reached(accepted, errors)
    assert last[0] == 300
    assert not every[0]  # those just after the error stay uncertified: they may be wrong
    # Rows enough for two errors are too far away from a failure at 211.
    wrong[211] = True
    assert binomial_p_value(2, 320, 0.02) <= 0.05
    assert sets.reached(*(one[:, 199:320] for one in walk(wrong)))[0][0] == 10


def test_samples_are_walked_at_once_as_they_are_one_by_one() -> None:
    rng = np.random.default_rng(1)
    wrong = rng.random((50, 400)) < 0.03
    errors = np.cumsum(wrong, axis=1)[:, 60:]
    accepted = np.broadcast_to(np.arange(61, 401), errors.shape)
    sets = look_ahead(400, 0.05, 0.05)
    together, _ = sets.reached(accepted, errors)
    alone = [int(sets.reached(accepted[i : i + 1], errors[i : i + 1])[0][0]) for i in range(50)]
    assert together.tolist() == alone
    assert len(set(alone)) > 3


def test_too_few_rows_reach_nothing() -> None:
    sets = look_ahead(30, 0.02, 0.05)
    last, every = sets.reached(np.array([[10, 30]]), np.array([[0, 0]]))
    assert last[0] == -1
    assert not every[0]


@pytest.mark.parametrize("rows", [5_000, 40_000])
def test_with_many_errors_it_is_the_plain_walk(rows: int) -> None:
    """Beyond 250 errors whole numbers leave nothing to look ahead with."""
    rng = np.random.default_rng(2)
    wrong = (rng.random(rows) < 0.08).tolist()
    begin = rows - 500
    accepted, errors = (one[:, begin:] for one in walk(wrong))
    sets = look_ahead(rows, 0.1, 0.05)
    assert sets.end < begin
    passes = stats.binom.cdf(errors[0], accepted[0], 0.1) <= 0.05
    assert sets.reached(accepted, errors)[0][0] == int(np.logical_and.accumulate(passes).sum()) - 1
