from __future__ import annotations

import numpy as np
import pytest

from aisle.audit.corrections import PeopleCounts, corrected
from aisle.audit.estimates import (
    OPEN,
    PENDING,
    RIGHT,
    SKIPPED,
    WRONG,
    Estimate,
    audit_state,
    audit_sums,
    estimate,
)
from aisle.audit.intervals import share_interval
from aisle.bounds import clopper_pearson

SIMULATIONS = 2000
# At exactly 95 %, 2,000 simulations fall below this once in 30,000 cells.
LEAST = 0.95 - 4 * np.sqrt(0.05 * 0.95 / SIMULATIONS)


def of(states: list[int], probability: float = 0.1) -> Estimate:
    return estimate(audit_sums(states, np.full(len(states), probability), probability))


@pytest.mark.parametrize(("wrong", "audits"), [(0, 1), (0, 30), (3, 40), (40, 40), (700, 2000)])
def test_with_equal_probabilities_the_interval_is_the_exact_one(wrong: int, audits: int) -> None:
    found = of([WRONG] * wrong + [RIGHT] * (audits - wrong), 0.013)
    assert (found.low, found.high) == pytest.approx(clopper_pearson(audits - wrong, audits), abs=1e-9)
    assert found.accuracy == pytest.approx(1 - wrong / audits)


@pytest.mark.parametrize("audits", [5, 20, 100, 1000])
@pytest.mark.parametrize("error", [0.0, 0.01, 0.1, 0.3])
@pytest.mark.parametrize("where", ["anywhere", "unsure", "sure"])
@pytest.mark.parametrize("floor_share", [0.1, 0.5, 0.9])
def test_an_interval_holds_the_truth(audits: int, error: float, where: str, floor_share: float) -> None:
    """Probabilities 10-fold apart, a fifth skipped at random, errors anywhere or at one end of the confidence."""
    rng = np.random.default_rng([audits, int(1000 * error), len(where), int(10 * floor_share)])
    share, weight = np.array([floor_share, 1 - floor_share]), np.array([10.0, 1.0])
    errors = {
        "anywhere": np.full(2, error),
        "unsure": np.array([0.0, min(error / share[1], 1.0)]),
        "sure": np.array([min(error / share[0], 1.0), 0.0]),
    }[where]
    among = share / weight / (share / weight).sum() * audits * 0.8
    wrong = rng.poisson(among * errors, size=(SIMULATIONS, 2))
    every = wrong + rng.poisson(among * (1 - errors), size=(SIMULATIONS, 2))
    sums = (every @ weight, wrong @ weight, every @ weight**2, wrong @ weight**2)
    _, low, high = share_interval(every.sum(axis=1), *sums, 10.0)
    truth = (share * errors).sum()
    assert np.mean((low - 1e-12 <= truth) & (truth <= high + 1e-12)) >= LEAST


def test_the_interval_needs_the_greatest_weight_there_is_and_not_the_one_drawn() -> None:
    """Why `smallest_probability` is asked for: errors of products that are hardly ever drawn."""
    rng = np.random.default_rng(1)
    share, weight, errors = np.array([0.1, 0.9]), np.array([10.0, 1.0]), np.array([1.0, 0.0])
    among = share / weight / (share / weight).sum() * 50
    wrong = rng.poisson(among * errors, size=(SIMULATIONS, 2))
    every = wrong + rng.poisson(among * (1 - errors), size=(SIMULATIONS, 2))
    sums = (every @ weight, wrong @ weight, every @ weight**2, wrong @ weight**2)
    drawn = np.where(every > 0, weight, 0).max(axis=1)
    coverage = [np.mean(share_interval(every.sum(axis=1), *sums, most)[2] >= 0.1) for most in (10.0, drawn)]
    assert coverage[0] >= LEAST
    assert coverage[1] < 0.6


def test_an_interval_of_worst_cases_holds_whatever_the_reason_for_skipping() -> None:
    rng = np.random.default_rng(2)
    plain = worst = 0
    for _ in range(500):
        wrong = rng.random(400) < 0.1
        skipped = rng.random(400) < np.where(wrong, 0.6, 0.1)  # people skip what is hard
        found = of(np.where(skipped, SKIPPED, np.where(wrong, WRONG, RIGHT)).tolist())
        plain += found.low <= 0.9 <= found.high
        worst += found.worst_low <= 0.9 <= found.best_high
    assert plain < 250
    assert worst >= 475


def test_an_interval_holds_whatever_becomes_of_the_pending_ones() -> None:
    pending = of([RIGHT] * 90 + [WRONG] * 4 + [PENDING] * 6)
    cleared, confirmed = of([RIGHT] * 96 + [WRONG] * 4), of([RIGHT] * 90 + [WRONG] * 10)
    assert pending.accuracy == cleared.accuracy
    assert pending.if_pending_wrong == confirmed.accuracy
    assert (pending.low, pending.high) == (confirmed.low, cleared.high)


def test_skipped_and_open_audits_leave_both_sums_and_are_reported() -> None:
    found = of([RIGHT] * 45 + [WRONG] * 5 + [SKIPPED] * 6 + [OPEN] * 4)
    assert found.accuracy == pytest.approx(0.9)
    assert (found.worst, found.best) == (pytest.approx(45 / 60), pytest.approx(55 / 60))
    assert (found.answered, found.skipped, found.open, found.response_rate) == (50, 6, 4, pytest.approx(50 / 60))
    assert found.worst_low < found.low < found.high < found.best_high


def test_weights_stand_for_the_products_that_were_less_likely() -> None:
    found = estimate(audit_sums([RIGHT, WRONG], [0.1, 0.5], 0.1))
    assert found.accuracy == pytest.approx(10 / 12)


def test_the_standard_error_is_that_of_repeated_poisson_draws() -> None:
    rng = np.random.default_rng(3)
    probability, wrong = np.where(np.arange(2000) % 2, 0.6, 0.1), rng.random(2000) < 0.2
    estimates, said = [], []
    for _ in range(600):
        drawn = rng.random(2000) < probability
        found = estimate(audit_sums(wrong[drawn].astype(int), probability[drawn], 0.1))
        estimates.append(found.accuracy)
        said.append(found.standard_error)
    assert np.mean(said) == pytest.approx(np.std(estimates), rel=0.1)
    everything = estimate(audit_sums(wrong.astype(int), np.ones(2000), 1.0))
    assert everything.standard_error == pytest.approx(0, abs=1e-9)


def test_groups_are_what_each_would_be_alone_and_sums_add_up() -> None:
    rng = np.random.default_rng(4)
    state, group = rng.integers(0, 5, 300), rng.integers(0, 3, 300)
    probability = rng.choice([0.1, 0.2, 1.0], 300)
    table = estimate(audit_sums(state, probability, 0.1, group, groups=4)).table(["a", "b", "c", "none"])
    for number, name in enumerate("abc"):
        alone = estimate(audit_sums(state[group == number], probability[group == number], 0.1))
        assert table.loc[number, "slice"] == name
        assert (table.loc[number, "low"], table.loc[number, "high"]) == pytest.approx((alone.low, alone.high))
    assert table.loc[3, ["low", "high", "answered"]].tolist() == [0, 1, 0]
    assert np.isnan(table.loc[3, "accuracy"])
    parts = [audit_sums(state[half], probability[half], 0.1) for half in (slice(0, 100), slice(100, 300))]
    whole = estimate(audit_sums(state, probability, 0.1))
    assert estimate(parts[0] + parts[1]).low == pytest.approx(whole.low)


@pytest.mark.parametrize(("probability", "smallest"), [(0.0, 0.1), (1.2, 0.1), (0.05, 0.1)])
def test_an_impossible_probability_is_refused(probability: float, smallest: float) -> None:
    with pytest.raises(ValueError, match="audit_probability"):
        audit_sums([RIGHT], [probability], smallest)


@pytest.mark.parametrize(
    ("agree", "contradict", "settled", "skipped", "automatic", "state"),
    [
        (1, 0, -1, 0, True, RIGHT),
        (0, 1, -1, 0, True, PENDING),
        (0, 1, -1, 0, False, WRONG),
        (0, 2, -1, 0, True, WRONG),
        (1, 1, -1, 0, True, PENDING),
        (1, 1, -1, 0, False, PENDING),
        (2, 1, -1, 0, True, RIGHT),
        (0, 2, 1, 0, True, RIGHT),
        (2, 0, 0, 0, True, WRONG),
        (0, 0, -1, 1, True, SKIPPED),
        (0, 1, -1, 1, True, PENDING),
        (0, 0, -1, 0, True, OPEN),
    ],
)
def test_an_error_counts_once_a_second_person_confirms_it(
    agree: int, contradict: int, settled: int, skipped: int, automatic: bool, state: int
) -> None:
    assert audit_state([agree], [contradict], [settled], [skipped], [automatic]).tolist() == [state]


@pytest.mark.parametrize("error", [0.0, 0.05, 0.3])
def test_a_corrected_interval_holds_the_truth_with_people_who_err(error: float) -> None:
    rng = np.random.default_rng(5)
    inside = plain = 0
    for _ in range(400):
        found = rng.binomial(2000, error * 0.95**2 + (1 - error) * 0.05**2)
        sums = audit_sums(np.repeat([RIGHT, WRONG], [2000 - found, found]), np.full(2000, 0.1), 0.1)
        known = PeopleCounts(rng.binomial(300, 0.05), 300, rng.binomial(300, 0.05), 300)
        right, seen = corrected(sums, known), estimate(sums)
        assert right is not None
        inside += right.low - 1e-12 <= 1 - error <= right.high + 1e-12
        plain += seen.low <= 1 - error <= seen.high
    assert inside >= 380
    if error == 0.3:
        assert plain < 200  # what the correction is for


def test_without_knowledge_of_people_nothing_is_corrected() -> None:
    sums = audit_sums([RIGHT, WRONG], [0.1, 0.1], 0.1)
    assert corrected(sums, PeopleCounts(0, 0, 0, 10)) is None
    assert corrected(sums, PeopleCounts(9, 10, 5, 10)) is None
