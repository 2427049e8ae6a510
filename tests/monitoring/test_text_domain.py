"""Telling today's titles from those of the reference."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from monitoring.text_domain import LEAST, TextDomain, area
from tests.monitoring.made_frames import frame


def titles(rows: int, seed: int) -> list[str]:
    return frame(rows, seed=seed)["title"].tolist()


def domain(rows: int = 400, seed: int = 1) -> TextDomain:
    return TextDomain(titles(rows, seed), np.ones(rows))


def test_false_alarm_of_titles_from_one_catalogue_keeps_its_level():
    """Fresh titles of both sides each time: p-values of 0.1 or less come in a tenth of cases."""
    values = [domain(150, 10 + i).shift(titles(60, 500 + i)).p_value for i in range(80)]

    assert stats.binomtest(sum(value <= 0.1 for value in values), len(values), 0.1, "greater").pvalue > 0.05
    assert stats.kstest(values, "uniform").pvalue > 0.01


def test_the_error_is_the_spread_of_areas_that_quiet_days_show():
    shifts = [domain(150, 700 + i).shift(titles(60, 900 + i)) for i in range(60)]
    areas, errors = [shift.auc for shift in shifts], [shift.error for shift in shifts]

    assert np.mean(areas) == pytest.approx(0.5, abs=0.015)
    assert np.std(areas) == pytest.approx(np.mean(errors), rel=0.25)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda title: f"sonic toothbrush {title}", "toothbrush"),
        (lambda title: title.upper(), None),
        (lambda title: title[:9], None),
    ],
    ids=["new words", "capitals", "cut"],
)
def test_titles_written_in_another_way_are_told_apart(change, word):
    changed = [change(title) if i % 3 else title for i, title in enumerate(titles(200, 2))]

    shift = domain().shift(changed)

    assert shift.p_value < 1e-4
    assert shift.auc > 0.6
    assert word is None or word in shift.telling


def test_model_numbers_do_not_tell_a_day():
    """The same things with other numbers are the same things."""
    here = [f"Halden drill HX-{number}" for number in range(100, 400)]
    there = [f"Halden drill HX-{number}" for number in range(500, 800)]

    assert TextDomain(here, np.ones(300)).shift(there).auc == 0.5


def test_weights_say_how_often_a_title_would_come():
    """A third of the reference came five times too often; with weights nothing has changed."""
    rng = np.random.default_rng(5)
    usual, strange = titles(600, 3), [title.upper() for title in titles(600, 4)]
    reference = usual + strange
    weight = np.repeat([1.0, 0.2], 600)
    mix = [(usual if rng.random() < 5 / 6 else strange)[int(rng.integers(600))] for _ in range(300)]

    assert TextDomain(reference, weight).shift(mix).p_value > 0.05
    assert TextDomain(reference, np.ones(1200)).shift(mix).p_value < 0.001


def test_too_few_titles_are_no_answer():
    assert domain().shift(titles(LEAST - 1, 2)) is None
    assert domain().shift(["the same"] * 500) is None
    assert domain(LEAST - 1).shift(titles(200, 2)) is None
    assert TextDomain([], np.empty(0)).shift(titles(200, 2)) is None


def test_titles_without_letters_are_told_from_nothing():
    empty = [" " * number for number in range(1, 60)]
    shift = TextDomain(empty, np.ones(len(empty))).shift(empty)

    assert (shift.auc, shift.p_value, shift.telling) == (0.5, 1.0, ())


@settings(max_examples=15, deadline=None)
@given(st.randoms())
def test_the_order_of_titles_says_nothing(random):
    reference, window = titles(80, 6), titles(50, 7)
    weight = np.linspace(0.2, 1, 80)
    order = list(range(80))
    random.shuffle(order)
    shuffled = random.sample(window, len(window))

    one = TextDomain(reference, weight).shift(window)
    other = TextDomain([reference[i] for i in order], weight[order]).shift(shuffled)

    assert other.auc == pytest.approx(one.auc)
    assert other.telling == one.telling


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=8))
def test_area_and_its_variance_over_all_orders(pairs):
    score = np.array([value for value, _ in pairs], dtype=float)
    side = np.array([chosen for _, chosen in pairs])
    auc, variance = area(score, side)
    if side.all() or not side.any():
        assert (auc, variance) == (0.5, 0.0)
        return

    def counted(chosen: np.ndarray) -> float:
        apart = score[chosen][:, None] - score[~chosen][None, :]
        return float(np.mean((apart > 0) + 0.5 * (apart == 0)))

    places = itertools.combinations(range(len(score)), int(side.sum()))
    every = [counted(np.isin(np.arange(len(score)), chosen)) for chosen in places]
    assert auc == pytest.approx(counted(side))
    assert variance == pytest.approx(np.var(every), abs=1e-12)
