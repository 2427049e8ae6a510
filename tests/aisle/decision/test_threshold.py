from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from aisle.bounds import binomial_p_value
from aisle.decision.scored import ScoredProducts
from aisle.decision.threshold import (
    certified_threshold,
    certified_thresholds,
    cheapest_threshold,
    cost_per_product,
    p_value,
    plan_walk,
    quantile_threshold,
)

NOISE = 3  # standard errors that a simulated share may lie above its bound


def products(
    confidence: NDArray[np.float64],
    right: NDArray[np.bool_],
    weight: NDArray[np.float64] | None = None,
    allowed: NDArray[np.bool_] | None = None,
    branch: str = "tools",
) -> ScoredProducts:
    rows = confidence.size
    return ScoredProducts(
        product_id=np.array([f"p{number}" for number in range(rows)], dtype=object),
        branch_id=np.full(rows, branch, dtype=object),
        confidence=confidence,
        right=right,
        allowed=np.ones(rows, dtype=bool) if allowed is None else allowed,
        weight=np.ones(rows) if weight is None else weight,
    )


def error_at(confidence: NDArray[np.float64], difficulty: float = 1.0) -> NDArray[np.float64]:
    """As on real offers: accuracy .88 of all, and .95 on about three quarters."""
    return np.clip(difficulty * (0.003 + 0.54 * (1 - confidence) ** 3.6), 0, 1)


def accuracy_above(threshold: float, difficulty: float = 1.0) -> float:
    """The true accuracy among products accepted: the mean of 1 − `error_at`, confidence being uniform."""
    return 1 - difficulty * (0.003 + 0.54 * (1 - threshold) ** 3.6 / 4.6)


def draw(rows: int, rng: np.random.Generator, difficulty: float = 1.0) -> ScoredProducts:
    confidence = rng.random(rows)
    return products(confidence, rng.random(rows) >= error_at(confidence, difficulty))


def draw_audited(rows: int, rng: np.random.Generator) -> ScoredProducts:
    """Audits prefer unsure products, as active learning does."""
    confidence = rng.random(rows * 8)
    probability = np.where(confidence < 0.4, 0.8, 0.3)
    right = rng.random(confidence.size) >= error_at(confidence)
    audited = np.flatnonzero(rng.random(confidence.size) < probability)[:rows]
    return products(confidence[audited], right[audited], 1 / probability[audited])


def naive(calibration: ScoredProducts, target_accuracy: float) -> float | None:
    """The threshold that anybody reads off the curve."""
    curve = calibration.curve
    enough = np.flatnonzero(curve.accuracy >= target_accuracy)
    return float(curve.threshold[enough[-1]]) if enough.size else None


def most(share: float, draws: int) -> float:
    return share + NOISE * math.sqrt(share * (1 - share) / draws)


@pytest.mark.parametrize(("target", "rows"), [(0.95, 800), (0.9, 400)])
def test_guarantee_of_the_certified_threshold_which_the_naive_one_breaks(target: float, rows: int) -> None:
    rng = np.random.default_rng(rows)
    draws, broken, broken_naively, coverage = 1000, 0, 0, 0.0
    for _ in range(draws):
        calibration = draw(rows, rng)
        threshold = certified_threshold(draw(1500, rng, difficulty=1.1), calibration, target)
        if threshold is not None:
            broken += accuracy_above(threshold) < target
            coverage += (1 - threshold) / draws
        read_off = naive(calibration, target)
        broken_naively += read_off is not None and accuracy_above(read_off) < target
    assert broken / draws <= most(0.05, draws)
    assert broken_naively / draws > 0.2
    possible = 1 - (1 - (((1 - target) - 0.003) * 4.6 / 0.54) ** (1 / 3.6))
    assert coverage > 0.8 * possible  # the promise is not kept by giving up


def test_guarantee_when_out_of_fold_scores_mislead() -> None:
    """The start is far off: power is lost, never the promise."""
    rng = np.random.default_rng(2)
    draws, broken = 400, 0
    for _ in range(draws):
        threshold = certified_threshold(draw(1000, rng, difficulty=0.3), draw(500, rng), 0.95)
        broken += threshold is not None and accuracy_above(threshold) < 0.95
    assert broken / draws <= most(0.05, draws)


@pytest.mark.parametrize("by_betting", [False, True])
def test_guarantee_with_unequal_audit_probabilities(by_betting: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if by_betting:
        monkeypatch.setattr(ScoredProducts, "exact", False)
    rng = np.random.default_rng(3)
    draws, broken, coverage = 200 if by_betting else 600, 0, 0.0
    for _ in range(draws):
        threshold = certified_threshold(draw(1000, rng), draw_audited(700, rng), 0.9, grid_size=20)
        if threshold is not None:
            broken += accuracy_above(threshold) < 0.9
            coverage += (1 - threshold) / draws
    assert broken / draws <= most(0.05, draws)
    assert coverage > 0.7


def test_guarantee_of_branch_thresholds_jointly() -> None:
    rng = np.random.default_rng(4)
    difficulties = {"tools": 0.3, "toys": 1.0, "food": 1.5}
    draws, broken = 300, 0
    for _ in range(draws):
        thresholds = certified_thresholds(
            {name: draw(800, rng, difficulty) for name, difficulty in difficulties.items()},
            {name: draw(500, rng, difficulty) for name, difficulty in difficulties.items()},
            0.9,
            share=dict.fromkeys(difficulties, 1 / 3),
        )
        broken += any(
            threshold is not None and accuracy_above(threshold, difficulties[name]) < 0.9
            for name, threshold in thresholds.items()
        )
    assert broken / draws <= most(0.05, draws)


def last_to_pass(walk: NDArray[np.float64], calibration: ScoredProducts, level: float) -> float:
    passes = [p_value(calibration, float(threshold), 0.95) <= level for threshold in walk]
    return float(walk[passes.index(False) - 1])


def test_a_branch_that_passes_everywhere_leaves_its_level_to_the_others() -> None:
    rng = np.random.default_rng(1)
    easy = products(rng.random(600), np.ones(600, dtype=bool))
    hard, hard_calibration = draw(3000, rng), draw(800, rng)
    together = certified_thresholds(
        {"easy": easy, "hard": hard}, {"easy": easy, "hard": hard_calibration}, 0.95, share={"easy": 0.5, "hard": 0.5}
    )
    walk = plan_walk(hard, 700, 0.95, 0.025, 40).thresholds
    assert together["easy"] == easy.confidence.min()
    assert together["hard"] == last_to_pass(walk, hard_calibration, 0.05)
    assert together["hard"] < last_to_pass(walk, hard_calibration, 0.025)  # what half the level would have given


def test_the_walk_is_fixed_by_training_rows_and_goes_to_larger_coverage() -> None:
    training = draw(3000, np.random.default_rng(6))
    walk = plan_walk(training, 800, 0.95, 0.05, 40)
    assert (np.diff(walk.thresholds) < 0).all()
    assert len(walk.thresholds) <= 40
    assert walk.thresholds[-1] == training.confidence.min()
    assert walk.power > 0.9
    assert set(walk.thresholds) <= set(training.confidence)


def test_the_walk_starts_where_the_test_is_most_likely_to_pass() -> None:
    """59 rows without an error certify .95; at .98 it takes 149, more than there are."""
    training = products(np.linspace(0, 1, 1000), np.ones(1000, dtype=bool))
    assert plan_walk(training, 100, 0.95, 0.05, 40).thresholds.size
    assert plan_walk(training, 100, 0.98, 0.05, 40).thresholds.size == 0


def test_the_threshold_is_the_last_of_the_walk_before_a_failure() -> None:
    rng = np.random.default_rng(7)
    training, calibration = draw(3000, rng), draw(1000, rng)
    walk = plan_walk(training, 1000, 0.95, 0.05, 40).thresholds
    assert certified_threshold(training, calibration, 0.95) == last_to_pass(walk, calibration, 0.05)


def test_nothing_qualifies() -> None:
    rng = np.random.default_rng(8)
    training, calibration = draw(1000, rng), draw(500, rng, difficulty=8)
    assert certified_threshold(training, calibration, 0.98) is None
    assert certified_threshold(training, calibration.only(np.zeros(500, dtype=bool)), 0.5) is None
    assert certified_threshold(training.only(np.zeros(1000, dtype=bool)), calibration, 0.5) is None


def test_ties_in_confidence_are_accepted_together() -> None:
    confidence = np.repeat([0.9, 0.5], 200)
    right = np.append(np.ones(200, dtype=bool), np.arange(200) % 2 == 0)
    both = products(confidence, right)
    assert certified_threshold(both, both, 0.95) == 0.9
    assert p_value(both, 0.9, 0.95) == pytest.approx(0.95**200)


def test_products_that_always_go_to_people_do_not_count_as_accepted() -> None:
    """Their errors do not weigh on the promise, and their share limits the coverage."""
    confidence = np.linspace(0.5, 1, 400)
    held_back = np.arange(400) % 4 == 0
    some = products(confidence, ~held_back, allowed=~held_back)
    assert certified_threshold(some, some, 0.95) == confidence[1]
    assert some.curve.coverage[-1] == pytest.approx(0.75)
    assert p_value(some, 0.0, 0.95) == binomial_p_value(0, 300, 0.05)


def test_weights_undo_that_audits_prefer_unsure_products() -> None:
    """Unweighted, the many unsure products among the audits would hide how good the whole is."""
    rng = np.random.default_rng(9)
    shifts = []
    for _ in range(40):
        calibration = draw_audited(1000, rng)
        unweighted = products(calibration.confidence, calibration.right)
        shifts.append(np.log(p_value(calibration, 0.3, 0.9)) - np.log(p_value(unweighted, 0.3, 0.9)))
    assert np.mean(shifts) < -1


def test_the_evenly_drawn_part_is_exact_where_it_is_large_and_betting_serves_elsewhere() -> None:
    rng = np.random.default_rng(10)
    confidence, right = rng.random(2000), rng.random(2000) < 0.97
    mild = products(confidence, right, np.where(np.arange(2000) % 2, 1.0, 0.5))
    wild = products(confidence, right, np.where(np.arange(2000) > 0, 0.1, 1.0))
    assert mild.exact
    assert not wild.exact
    assert mild.evenly_drawn.sum() == pytest.approx(1500, abs=120)
    assert mild.evenly_drawn[mild.weight == 1.0].all()
    assert p_value(mild, 0.0, 0.9) < p_value(wild, 0.0, 0.9)


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(10)
    calibration = draw_audited(500, rng)
    shuffled = calibration.only(np.argsort(rng.random(500)))
    assert p_value(calibration, 0.4, 0.9) == pytest.approx(p_value(shuffled, 0.4, 0.9))


SCORED = st.lists(
    st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]), st.booleans(), st.booleans(), st.sampled_from([1.0, 2.0])),
    min_size=1,
    max_size=30,
).map(
    lambda rows: products(
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        np.array([row[3] for row in rows]),
        np.array([row[2] for row in rows]),
    )
)


def accepted_at(scored: ScoredProducts, threshold: float) -> NDArray[np.bool_]:
    return scored.allowed & (scored.confidence >= threshold)


@given(SCORED, st.floats(0.01, 0.99))
def test_quantile_threshold_is_the_highest_that_accepts_the_share(scored: ScoredProducts, coverage: float) -> None:
    threshold = quantile_threshold(scored, coverage)
    shares = {
        one: scored.weight[accepted_at(scored, one)].sum() / scored.weight.sum() for one in set(scored.confidence)
    }
    enough = [one for one, share in shares.items() if share >= coverage - 1e-9]
    if threshold is None:
        assert not scored.allowed.any()
    elif enough:
        assert threshold == max(enough)
    else:
        assert threshold == scored.confidence[scored.allowed].min()


def test_fixed_coverage_at_its_ends() -> None:
    scored = draw(50, np.random.default_rng(11))
    assert quantile_threshold(scored, 0.0) is None
    assert quantile_threshold(scored, 1.0) == 0.0


@given(SCORED, st.floats(0, 10), st.floats(0, 10))
def test_cheapest_threshold_against_trying_all(scored: ScoredProducts, error: float, review: float) -> None:
    def cost(accepted: NDArray[np.bool_]) -> float:
        return float(np.average(np.where(accepted, ~scored.right * error, review), weights=scored.weight))

    every = {float(one): cost(accepted_at(scored, one)) for one in set(scored.confidence[scored.allowed])}
    threshold = cheapest_threshold(scored, error, review)
    if threshold is None:
        assert min(every.values(), default=math.inf) >= review - 1e-9
    else:
        assert every[threshold] == pytest.approx(min(every.values()))
        assert every[threshold] <= review + 1e-9  # as above: sums in another order differ in the last digit
    assert sorted(cost_per_product(scored, error, review)) == pytest.approx(sorted(every.values()))


def test_cheapest_threshold_lies_where_an_error_costs_as_much_as_a_review() -> None:
    """Chow's rule, on a confidence that is the probability of being right."""
    rng = np.random.default_rng(12)
    confidence = rng.random(20000)
    threshold = cheapest_threshold(products(confidence, rng.random(20000) < confidence), 5.0, 1.0)
    assert threshold == pytest.approx(0.8, abs=0.03)
