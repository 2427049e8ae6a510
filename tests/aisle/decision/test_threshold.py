from __future__ import annotations

import math
from dataclasses import replace

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
from aisle.decision.threshold.lookahead import look_ahead
from aisle.decision.threshold.planning import plan_steps


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


def exact_walk(training: ScoredProducts, calibration: ScoredProducts, target: float, level: float) -> float:
    """The threshold that the exact walk certifies at `level`, from the start planned at half of it."""
    start = plan_walk(training, len(calibration), target, level / 2).start
    assert start is not None
    confidence = np.sort(calibration.confidence)[::-1]
    thresholds = np.append(start, confidence[confidence < start])
    accepted = np.searchsorted(-confidence, -thresholds, side="right")
    wrong = np.cumsum(~calibration.right[np.argsort(-calibration.confidence)])
    sets = look_ahead(len(calibration), 1 - target, level)
    last, _ = sets.reached(accepted[None, :], np.append(0, wrong)[accepted][None, :])
    return float(thresholds[last[0]])


def test_a_branch_that_passes_everywhere_leaves_its_level_to_the_others() -> None:
    rng = np.random.default_rng(1)
    easy = products(rng.random(800), np.ones(800, dtype=bool))
    hard, hard_calibration = draw(3000, rng), draw(800, rng)
    together = certified_thresholds(
        {"easy": easy, "hard": hard}, {"easy": easy, "hard": hard_calibration}, 0.95, share={"easy": 0.5, "hard": 0.5}
    )
    assert together["easy"] == easy.confidence.min()
    assert together["hard"] == exact_walk(hard, hard_calibration, 0.95, 0.05)
    half = certified_threshold(hard, hard_calibration, 0.95, 0.975)
    assert half is not None
    assert together["hard"] < half  # what half the level would have given


def test_a_plan_knows_where_to_begin_and_what_to_expect() -> None:
    rng = np.random.default_rng(6)
    training = draw(3000, rng)
    walk = plan_walk(training, 800, 0.95, 0.05)
    assert walk.start in set(training.confidence)
    assert walk.power > 0.95
    certified = [certified_threshold(training, draw(800, rng), 0.95) for _ in range(40)]
    coverage = np.mean([0.0 if one is None else 1 - one for one in certified])
    assert walk.coverage == pytest.approx(coverage, abs=0.06)
    assert plan_walk(training, 800, 0.95, 0.05) == walk
    more = plan_walk(training, 8000, 0.95, 0.05)
    assert more.coverage > walk.coverage
    assert plan_walk(training, 800, 0.95, 0.001).coverage < walk.coverage


def test_a_plan_begins_where_there_is_prospect() -> None:
    """59 rows without an error certify .95; at .98 it takes 149, more than there are."""
    training = products(np.linspace(0, 1, 1000), np.ones(1000, dtype=bool))
    assert plan_walk(training, 100, 0.95, 0.05).start is not None
    hopeless = plan_walk(training, 100, 0.98, 0.05)
    assert (hopeless.start, hopeless.power, hopeless.coverage) == (None, 0.0, 0.0)
    wrong = products(np.linspace(0, 1, 1000), np.zeros(1000, dtype=bool))
    assert plan_walk(wrong, 1000, 0.95, 0.05).start is None
    assert plan_walk(training.only(np.zeros(1000, dtype=bool)), 100, 0.95, 0.05).start is None


def test_an_unlucky_row_at_the_top_does_not_move_the_start() -> None:
    training = draw(4000, np.random.default_rng(5))
    right = training.right.copy()
    right[np.argsort(-training.confidence)[:3]] = False
    start, moved = (
        plan_walk(training, 2000, 0.95, 0.05).start,
        plan_walk(replace(training, right=right), 2000, 0.95, 0.05),
    )
    assert start is not None
    assert moved.start is not None
    assert moved.coverage == pytest.approx(plan_walk(training, 2000, 0.95, 0.05).coverage, abs=0.02)


def test_steps_lead_from_the_likeliest_pass_to_everything() -> None:
    training = draw(3000, np.random.default_rng(6))
    steps = plan_steps(training, 800, 0.95, 0.05, 40, binomial_p_value)
    assert (np.diff(steps) < 0).all()
    assert steps.size <= 40
    assert steps[-1] == training.confidence.min()
    assert set(steps) <= set(training.confidence)
    assert plan_steps(training, 50, 0.95, 0.05, 40, binomial_p_value).size == 0


def test_the_threshold_is_the_one_that_the_exact_walk_reaches() -> None:
    rng = np.random.default_rng(7)
    training, calibration = draw(3000, rng), draw(1000, rng)
    walk = plan_walk(training, 1000, 0.95, 0.05)
    assert walk.start is not None
    threshold = certified_threshold(training, calibration, 0.95)
    assert threshold is not None
    assert p_value(calibration, threshold, 0.95) <= 0.05
    assert threshold in set(calibration.confidence)
    passing = [one for one in calibration.confidence if p_value(calibration, float(one), 0.95) <= 0.05]
    assert min(passing) <= threshold <= walk.start


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
