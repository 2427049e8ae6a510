from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.config import ThresholdParameters
from aisle.decision.certificates import (
    Outlook,
    _at_once,
    _coverage,
    _one_by_one,
    assumed_curve,
    outlooks,
    pool_of_curve,
)
from aisle.decision.selective import gap
from aisle.errors import ConfigurationError
from tests.aisle.decision.flow import flow, flow_with_branches

HOW = ThresholdParameters()


@pytest.fixture(scope="module")
def found() -> list[Outlook]:
    return outlooks(flow(6000, 1), (0.85, 0.95), HOW, most=2000, draws=30)


def test_more_audits_and_weaker_promises_reach_more(found: list[Outlook]) -> None:
    easy, hard = found
    assert easy.sizes.tolist() == [50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000]
    for one in found:
        assert one.reached(0.9)[-1] > one.reached(0.9)[0]
        assert (one.reached(0.9) <= one.reached(0.5)).all()
        assert one.passing()[-1] >= one.passing()[0]
    assert easy.most > hard.most
    assert (easy.reached(0.9) >= hard.reached(0.9)).all()
    assert easy.needed(0.3, 0.9) < hard.needed(0.3, 0.9)


def test_coverage_seldom_exceeds_what_hindsight_knows(found: list[Outlook]) -> None:
    for one in found:
        assert np.mean(one.coverage > one.most + 0.02) <= 0.05


@pytest.mark.parametrize("rows", [80, 1000])
@pytest.mark.parametrize("target", [0.85, 0.93])
def test_what_is_planned_is_what_the_threshold_does(rows: int, target: float) -> None:
    """Many draws at once are certified as each alone would be, but for rows that were drawn twice."""
    products = flow_with_branches(4000, 1)[0]
    training, pool = products.only(np.arange(2000)), products.only(np.arange(2000, 4000))
    audits = np.random.default_rng(2).integers(0, 2000, (6, rows))
    at_once, one_by_one = (
        _coverage(pool, certify(training, pool, audits, target, HOW)) for certify in (_at_once, _one_by_one)
    )
    assert at_once == pytest.approx(one_by_one, abs=0.02)
    assert (at_once > 0).tolist() == (one_by_one > 0).tolist()


def test_whole_sellers_need_more_audits() -> None:
    products = flow(1500, 1)
    sellers = np.arange(1500) // 50
    unlucky = np.random.default_rng(3).random(30)[sellers] < 0.1
    clustered = replace(products, cluster=sellers, right=products.right & ~unlucky)
    plain = replace(clustered, cluster=None)
    one, other = (outlooks(pool, (0.85,), HOW, most=300, draws=4)[0].reached(0.5)[-1] for pool in (plain, clustered))
    assert one >= other


def test_numbers_between_the_sizes_tried() -> None:
    outlook = Outlook(0.9, 0.6, np.array([100, 200, 400]), np.array([[0.0, 0.0], [0.2, 0.2], [0.4, 0.4]]))
    assert outlook.needed(0.0, 0.9) == 200
    assert outlook.needed(0.1, 0.9) == 200
    assert outlook.needed(0.3, 0.9) == pytest.approx(np.sqrt(200 * 400))
    assert outlook.needed(0.4, 0.9) == pytest.approx(400)
    assert np.isnan(outlook.needed(0.5, 0.9))
    assert outlook.needed(0.7, 0.9) == np.inf


def test_the_same_question_has_the_same_answer() -> None:
    one, other = (outlooks(flow(500, 1), (0.9,), HOW, most=200, draws=5)[0].coverage for _ in range(2))
    assert one.tolist() == other.tolist()


def test_too_few_products_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="99 products with known answers are too few"):
        outlooks(flow(99, 1), (0.9,), HOW)


@pytest.mark.parametrize(("accuracy", "distance"), [(0.87, 0.022), (0.6, 0.08), (0.97, 0.005)])
def test_an_assumed_model_has_the_accuracy_and_the_gap_that_were_asked_for(accuracy: float, distance: float) -> None:
    coverage, curve = assumed_curve(accuracy, distance)
    assert curve[-1] == pytest.approx(accuracy)
    assert (np.diff(curve) <= 1e-12).all()
    pool = pool_of_curve(coverage, curve)
    assert pool.right.mean() == pytest.approx(accuracy, abs=0.01)
    assert gap(pool.confidence, pool.right) == pytest.approx(distance, abs=0.004)


@pytest.mark.parametrize("distance", [0.0, 0.5])
def test_an_impossible_gap_is_refused(distance: float) -> None:
    with pytest.raises(ConfigurationError, match="it must lie between"):
        assumed_curve(0.9, distance)


def test_a_curve_becomes_products_that_have_it() -> None:
    pool = pool_of_curve(np.array([0.2, 0.5, 0.8]), np.array([1.0, 0.9, 0.8]))
    place = 1 - pool.confidence
    for coverage, accuracy in ((0.2, 1.0), (0.5, 0.9), (0.8, 0.8)):
        assert pool.right[place <= coverage].mean() == pytest.approx(accuracy, abs=0.01)
    assert pool.allowed.mean() == pytest.approx(0.8, abs=1e-3)
