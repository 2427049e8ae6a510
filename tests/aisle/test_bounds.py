from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from aisle.bounds import (
    betting_count_p_value,
    betting_p_value,
    binomial_p_value,
    clopper_pearson,
    clustered_p_value,
    design_effect,
    hash_order,
    lower_bound,
    upper_bound,
    weighted_interval,
    worth_in_rows,
)

COUNTS = st.integers(0, 300).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))

# Share of the population, audit probability and error rate of each stratum.
DESIGNS = {
    "more audits where unsure": ([0.6, 0.3, 0.1], [0.1, 0.3, 1.0], [0.01, 0.04, 0.15]),
    "few rows of great weight": ([0.8, 0.2], [0.02, 0.5], [0.03, 0.03]),
    "errors where audits are rare": ([0.5, 0.5], [0.05, 0.8], [0.06, 0.005]),
    "nearly equal": ([0.5, 0.5], [0.5, 0.8], [0.02, 0.05]),
}


def drawn(design: str, rows: int, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Right or wrong, and 1 / audit_probability, of `rows` audited products."""
    share, probability, error = map(np.asarray, DESIGNS[design])
    stratum = rng.choice(len(share), rows, p=share * probability / (share @ probability))
    return rng.random(rows) >= error[stratum], 1 / probability[stratum]


def truth(design: str) -> float:
    share, _, error = map(np.asarray, DESIGNS[design])
    return float(1 - share @ error)


@given(COUNTS)
def test_clopper_pearson_is_scipys_exact_interval(counts: tuple[int, int]) -> None:
    successes, trials = counts
    if trials == 0:
        assert clopper_pearson(0, 0) == (0.0, 1.0)
        return
    exact = stats.binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert clopper_pearson(successes, trials) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_one_sided_bounds_spend_the_whole_level_on_one_side() -> None:
    assert clopper_pearson(18, 20, 0.9) == (lower_bound(18, 20, 0.95), upper_bound(18, 20, 0.95))
    assert upper_bound(0, 59, 0.95) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert lower_bound(0, 9) == 0.0
    assert upper_bound(9, 9) == 1.0


@pytest.mark.parametrize(("successes", "trials"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="successes in"):
        clopper_pearson(successes, trials)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.95])
def test_clopper_pearson_guarantee_by_adding_up_all_outcomes(share: float) -> None:
    trials = 40
    outcomes = range(trials + 1)
    holds = [clopper_pearson(one, trials)[0] <= share <= clopper_pearson(one, trials)[1] for one in outcomes]
    assert stats.binom.pmf(outcomes, trials, share) @ np.array(holds) >= 0.95


@given(COUNTS, st.floats(0.01, 0.5))
def test_binomial_p_value_is_the_lower_tail(counts: tuple[int, int], limit: float) -> None:
    errors, accepted = counts
    assert binomial_p_value(errors, accepted, limit) == pytest.approx(stats.binom.cdf(errors, accepted, limit))


def test_binomial_p_value_takes_arrays() -> None:
    values = binomial_p_value(np.array([0, 1, 0]), np.array([59, 59, 0]), 0.05)
    assert values == pytest.approx([0.95**59, 0.95**59 + 59 * 0.05 * 0.95**58, 1.0])


@pytest.mark.parametrize("design", DESIGNS)
def test_betting_guarantee_at_the_limit_itself(design: str) -> None:
    """With the error exactly at the limit, p ≤ .05 happens in at most 5 % of 800 draws (and 4 standard errors)."""
    rng = np.random.default_rng(7)
    limit = 1 - truth(design)
    rejections = 0
    for _ in range(800):
        right, weight = drawn(design, 300, rng)
        rejections += betting_p_value(~right, weight / weight.max(), limit) <= 0.05
    assert rejections / 800 <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 800)


def test_ignoring_the_weights_breaks_what_betting_keeps() -> None:
    """The exact binomial test on rows of unequal probability rejects a true null most of the time."""
    rng = np.random.default_rng(8)
    design = "errors where audits are rare"
    limit = 1 - truth(design)
    rejections = 0
    for _ in range(300):
        right, _ = drawn(design, 300, rng)
        rejections += binomial_p_value(int((~right).sum()), right.size, limit) <= 0.05
    assert rejections / 300 > 0.5


@pytest.mark.parametrize("design", DESIGNS)
def test_betting_finds_an_error_well_below_the_limit(design: str) -> None:
    rng = np.random.default_rng(9)
    limit = min(4 * (1 - truth(design)), 0.5)
    found = 0
    for _ in range(100):
        right, weight = drawn(design, 1000, rng)
        found += betting_p_value(~right, weight / weight.max(), limit) <= 0.05
    assert found >= 80


def test_betting_loses_little_against_the_exact_test_when_weights_are_equal() -> None:
    wrong = np.zeros(1000)
    wrong[::40] = 1  # 2.5 % where 5 % is the limit
    assert binomial_p_value(25, 1000, 0.05) < betting_p_value(wrong, np.ones(1000), 0.05) < 0.01


def test_betting_on_counts_is_the_capital_at_the_end() -> None:
    wrong = np.zeros(200)
    wrong[-3:] = 1  # the capital was larger before
    final = betting_count_p_value(np.array([3]), np.array([200]), 0.05)[0]
    assert betting_p_value(wrong[::-1], np.ones(200), 0.05) == pytest.approx(final)
    assert betting_p_value(wrong, np.ones(200), 0.05) < final


def test_betting_without_rows_proves_nothing() -> None:
    assert betting_p_value([], [], 0.05) == 1.0


@pytest.mark.parametrize("weights", [[0.5, 1.1], [0.0, 1.0]])
def test_betting_refuses_weights_outside_their_range(weights: list[float]) -> None:
    with pytest.raises(ValueError, match=r"weights must lie in \(0, 1\]"):
        betting_p_value([0, 1], weights, 0.05)


def test_hash_order_is_a_fixed_permutation_that_depends_on_key_and_identity_only() -> None:
    names = [f"shop:{number}" for number in range(500)]
    order = hash_order(names)
    assert sorted(order) == list(range(500))
    assert abs(stats.spearmanr(order, np.arange(500)).statistic) < 0.15
    assert [names[::-1][one] for one in hash_order(names[::-1])] == [names[one] for one in order]
    assert (hash_order(names, key="other") != order).any()
    assert hash_order([]).size == 0


@given(COUNTS.filter(lambda counts: counts[1] > 0), st.floats(0.1, 50))
def test_weighted_interval_of_equal_weights_is_the_exact_one(counts: tuple[int, int], weight: float) -> None:
    successes, trials = counts
    right = np.arange(trials) < successes
    exact = (successes / trials, *clopper_pearson(successes, trials))
    assert weighted_interval(right, np.full(trials, weight)) == pytest.approx(exact)
    assert weighted_interval(right) == pytest.approx(exact)


def test_weighted_interval_goes_over_into_the_exact_one_as_weights_become_equal() -> None:
    right = np.arange(100) < 97
    nearly = np.where(np.arange(100) % 2, 1.0, 1.0001)
    assert weighted_interval(right, nearly) == pytest.approx(weighted_interval(right), abs=1e-4)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0.5, 20)), min_size=1, max_size=60),
    st.floats(0.5, 0.99),
)
def test_weighted_interval_holds_its_estimate_and_grows_with_the_level(
    rows: list[tuple[bool, float]], level: float
) -> None:
    right, weight = [one for one, _ in rows], [one for _, one in rows]
    estimate, low, high = weighted_interval(right, weight, level)
    assert 0 <= low <= estimate <= high <= 1
    assert estimate == pytest.approx(np.average(right, weights=weight))
    _, lower, higher = weighted_interval(right, weight, (1 + level) / 2)
    assert lower <= low + 1e-12
    assert higher >= high - 1e-12


def test_weighted_interval_without_rows_knows_nothing() -> None:
    estimate, low, high = weighted_interval([])
    assert math.isnan(estimate)
    assert (low, high) == (0.0, 1.0)


def test_weighted_interval_refuses_weights_that_are_not_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        weighted_interval([True, False], [1.0, 0.0])


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("rows", [30, 100, 300, 1000])
def test_weighted_interval_guarantee_on_both_sides(design: str, rows: int) -> None:
    """Each end misses the truth in at most 2.5 % of 500 draws (and 4 standard errors), few errors or many."""
    rng = np.random.default_rng(rows)
    accuracy = truth(design)
    too_high = too_low = 0
    for _ in range(500):
        _, low, high = weighted_interval(*drawn(design, rows, rng))
        too_high += low > accuracy
        too_low += high < accuracy
    limit = 0.025 + 4 * math.sqrt(0.025 * 0.975 / 500)
    assert too_high / 500 <= limit
    assert too_low / 500 <= limit


def test_an_effective_sample_size_alone_breaks_the_weighted_interval() -> None:
    """Korn & Graubard's interval without the imagined row promises too much when few heavy rows are seen."""
    rng = np.random.default_rng(11)
    design, misses = "few rows of great weight", 0
    for _ in range(400):
        right, weight = drawn(design, 300, rng)
        share = float(np.average(right, weights=weight))
        variance = np.sum((weight * (right - share)) ** 2) / weight.sum() ** 2
        effective = worth_in_rows(weight) if variance == 0 else min(300.0, share * (1 - share) / variance)
        low = stats.beta.ppf(0.025, share * effective, (1 - share) * effective + 1)
        misses += low > truth(design)
    assert misses / 400 > 0.2


def test_rows_are_worth_their_number_only_when_they_weigh_the_same() -> None:
    assert worth_in_rows(np.full(10, 3.0)) == pytest.approx(10)
    assert worth_in_rows(np.array([1.0, 1e-9])) == pytest.approx(1)
    assert worth_in_rows(np.array([])) == 0.0


CLUSTERS = st.lists(
    st.integers(1, 30).flatmap(lambda accepted: st.tuples(st.integers(0, accepted), st.just(accepted))),
    min_size=2,
    max_size=20,
)


def columns(clusters: list[tuple[int, int]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    counts = np.array(clusters, dtype=np.float64)
    return counts[:, :1], counts[:, 1:]


@given(CLUSTERS, st.integers(1, 4))
def test_a_sample_with_clusters_drawn_several_times_is_that_of_so_many_clusters(
    clusters: list[tuple[int, int]], times: int
) -> None:
    errors, accepted = columns(clusters)
    drawn = np.arange(len(clusters)) % (times + 1)
    again = np.repeat(np.arange(len(clusters)), drawn)
    together = design_effect(errors, accepted, drawn[None, :].astype(np.float64))
    assert together == pytest.approx(design_effect(errors[again], accepted[again]))


@given(st.lists(st.booleans(), min_size=3, max_size=200), st.integers(1, 9))
def test_rows_that_come_in_equal_copies_have_the_number_of_copies_as_effect(wrong: list[bool], copies: int) -> None:
    errors = copies * np.array(wrong, dtype=np.float64)[:, None]
    effect = design_effect(errors, np.full_like(errors, copies))[0, 0]
    many = len(wrong)
    assert effect == pytest.approx(copies * many / (many - 1) if 0 < sum(wrong) < many else 0.0)


def test_clusters_that_accept_nothing_do_not_count() -> None:
    errors, accepted = columns([(1, 10), (0, 10), (2, 10)])
    padded = np.vstack([errors, [[0]]]), np.vstack([accepted, [[0]]])
    assert design_effect(*padded) == pytest.approx(design_effect(errors, accepted))
    assert design_effect(errors[:1], accepted[:1])[0, 0] == 0.0


@given(st.integers(0, 30), st.integers(31, 900), st.floats(1, 8), st.integers(2, 200))
def test_clustered_p_values_grow_with_the_effect_and_shrink_with_clusters(
    errors: int, accepted: int, effect: float, clusters: int
) -> None:
    def value(effect: float, clusters: int) -> float:
        numbers = [np.array([float(one)]) for one in (errors, accepted, clusters)]
        return float(clustered_p_value(numbers[0], numbers[1], numbers[2], 0.1, np.array([effect]))[0])

    assert 0 <= value(effect, clusters) <= 1
    assert value(0.0, clusters) == value(1.0, clusters)
    if errors < 0.08 * accepted / effect and value(1.0, 10_000) < 0.4:
        assert value(effect, clusters) >= value(1.0, clusters) - 1e-12
        assert value(1.0, clusters) >= value(1.0, 10_000) - 1e-12


def test_one_cluster_or_none_proves_nothing() -> None:
    none = np.zeros(2)
    found = clustered_p_value(none, np.array([500.0, 0.0]), np.array([1.0, 0.0]), 0.05, none)
    assert found.tolist() == [1.0, 1.0]


def test_clustered_guarantee_in_simulated_clusters() -> None:
    """Exactly at the limit, p ≤ .05 happens in about 5 % of draws; taken as independent, in far more."""
    rng = np.random.default_rng(12)
    draws, clusters, limit = 1500, 60, 0.1
    sizes = rng.geometric(0.08, (draws, clusters))
    errors = rng.binomial(sizes, rng.beta(0.5, 4.5, (draws, clusters)))
    effect = np.array(
        [design_effect(one[:, None], size[:, None])[0, 0] for one, size in zip(errors, sizes, strict=True)]
    )
    wrong, accepted = errors.sum(axis=1), sizes.sum(axis=1)
    found = clustered_p_value(
        wrong.astype(float), accepted.astype(float), np.full(draws, float(clusters)), limit, effect
    )
    assert np.mean(found <= 0.05) <= 0.075
    assert np.mean(binomial_p_value(wrong, accepted, limit) <= 0.05) > 0.15
