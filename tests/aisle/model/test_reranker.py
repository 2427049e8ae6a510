"""Evidence of candidates, and the model that weighs it: nothing of a row's own fold is in what it learns from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skops.io import dump, load

from aisle.model import reranker
from aisle.model.memory import KEYS
from aisle.model.reranker import FEATURES, SIGNAL_NAMES, Reranker, features_of
from aisle.model.storage import TRUSTED_TYPES
from tests.aisle.model.evidence import drawn

TAKEN_FOR, PRECISION, RECALL = (SIGNAL_NAMES.index(name) for name in ("taken_for", "precision", "recall"))


def _fit(evidence: Any, codes: np.ndarray, fold: np.ndarray, categories: int) -> Reranker:
    return Reranker().fit(evidence, codes, np.ones(len(codes)), fold, categories)


@settings(max_examples=30)
@given(st.integers(2, 9), st.integers(0, 10**6), st.booleans())
def test_features_equal_those_made_by_hand(categories: int, seed: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    count, rows = min(6, categories), 4
    names = ["fields", "like_words", "branch", "nearest_words", *KEYS]
    said = {name: random.random((rows, categories)).astype(np.float32) for name in names}
    if ties:
        said = {name: np.round(opinion * 2) for name, opinion in said.items()}
    candidates = np.array([random.permutation(categories)[:count] for _ in range(rows)])
    mixture = -np.sort(-random.dirichlet(np.ones(categories), rows)[:, :count], axis=1)
    support = random.integers(1, 50, categories)
    found = features_of(said, candidates, mixture, support, mixture)
    assert found.shape == (rows, count, len(FEATURES))
    assert np.isfinite(found).all()
    feature = {name: found[:, :, place] for place, name in enumerate(FEATURES)}
    for row in range(rows):
        for place, category in enumerate(candidates[row]):
            others = np.arange(categories) != category
            for name in ("fields", "like_words"):
                lead = said[name][row, category] - said[name][row, others].max()
                assert feature[name][row, place] == said[name][row, category]
                assert feature[f"{name}_lead"][row, place] == pytest.approx(lead, abs=1e-6)
            behind = said["branch"][row, category] - said["branch"][row].max()
            assert feature["branch_behind"][row, place] == pytest.approx(behind, abs=1e-6)
            total = said["seller"][row].sum()
            assert feature["seller_share"][row, place] == pytest.approx(
                said["seller"][row, category] / (total + 1), rel=1e-5
            )
            assert feature["seller_known"][row, place] == pytest.approx(np.log1p(total), rel=1e-5)
            assert feature["support"][row, place] == pytest.approx(np.log1p(support[category]))
            other = np.delete(mixture[row], place).max()
            assert feature["mixture_lead"][row, place] == pytest.approx(
                np.log(mixture[row, place] / other), abs=1e-3, rel=1e-3
            )
    for missing in ("title", "description", "like_titles", "nearest_breadcrumbs"):
        assert not feature[missing].any()


def test_a_certain_mixture_has_finite_features() -> None:
    said = {key: np.zeros((1, 3), dtype=np.float32) for key in KEYS}
    mixture = np.array([[1.0, 0.0, 0.0]])
    assert np.isfinite(features_of(said, np.array([[2, 0, 1]]), mixture, np.arange(3), mixture)).all()


def test_history_is_a_share_of_the_answers_and_of_the_labels() -> None:
    evidence = drawn(300, 5)
    codes = np.random.default_rng(1).integers(0, 5, 300)
    model = _fit(evidence, codes, np.arange(300) % 3, 5)
    signals, first = model.signals(evidence), evidence.best[:, 0]
    np.testing.assert_array_equal(signals[:, :, : len(FEATURES)], evidence.features)
    for row in range(20):
        for place, category in enumerate(evidence.candidates[row]):
            answered, labelled = first == category, codes == category
            right = (answered & labelled).sum() + 0.8
            met = (labelled & (first == first[row])).sum() + 0.5 * (place == 0)
            expected = [met / ((first == first[row]).sum() + 1.5), right / (answered.sum() + 1)]
            expected.append(right / (labelled.sum() + 1))
            np.testing.assert_allclose(signals[row, place, len(FEATURES) :], expected, rtol=1e-5)
    assert (signals[:, :, [TAKEN_FOR, PRECISION, RECALL]] > 0).sum() > 0


class _Spy:
    """Keeps what a model is asked to learn from."""

    learnt: np.ndarray
    right: np.ndarray

    def __init__(self, **_: Any) -> None:
        self.classes_ = np.array([False, True])

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> _Spy:
        _Spy.learnt, _Spy.right = X.copy(), y.copy()
        return self


def test_what_a_row_is_learnt_from_does_not_depend_on_labels_of_its_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reranker, "HistGradientBoostingClassifier", _Spy)
    random = np.random.default_rng(2)
    evidence, codes, fold = drawn(90, 8), random.integers(0, 8, 90), np.arange(90) % 3
    _fit(evidence, codes, fold, 8)
    before = _Spy.learnt.reshape(90, 6, -1)
    np.testing.assert_array_equal(_Spy.right.reshape(90, 6), evidence.candidates == codes[:, None])
    changed = codes.copy()
    changed[fold == 1] = (codes[fold == 1] + 1 + random.integers(0, 7, (fold == 1).sum())) % 8
    model = _fit(evidence, changed, fold, 8)
    after = _Spy.learnt.reshape(90, 6, -1)
    np.testing.assert_array_equal(after[fold == 1], before[fold == 1])
    assert (after[fold != 1] != before[fold != 1]).any()
    alone = _fit(evidence.only(fold != 1), codes[fold != 1], fold[fold != 1], 8)
    np.testing.assert_array_equal(alone.signals(evidence.only(fold == 1)), before[fold == 1])
    assert (model.signals(evidence)[:, :, TAKEN_FOR] != after[:, :, TAKEN_FOR]).any()  # later it knows all rows


def test_labels_by_lot_teach_no_trust_in_the_history() -> None:
    """Where each answer was given once, a history with the row itself in it would name the label."""
    random = np.random.default_rng(3)
    rows, categories = 800, 800
    evidence = drawn(rows, 12)
    best = np.stack([random.permutation(categories)[:10] for _ in range(rows)])
    best[:, 0] = random.permutation(categories)
    nothing = np.zeros_like(evidence.features)
    evidence = replace(evidence, best=best, features=nothing)
    codes = np.take_along_axis(best, random.integers(0, 6, (rows, 1)), axis=1)[:, 0]
    some = np.arange(rows) < 600
    model = _fit(evidence.only(some), codes[some], np.arange(600) % 3, categories)
    fresh = evidence.only(~some)
    alone = model.probability(model.signals(fresh))
    np.testing.assert_allclose(alone.mean(axis=0), 1 / 6, atol=0.06)  # not sure of the first, and of no other


@pytest.mark.parametrize("categories", [2, 3, 6, 7])
def test_few_categories_are_all_weighed(categories: int) -> None:
    evidence = drawn(100, categories)
    codes = np.random.default_rng(4).integers(0, categories, 100)
    model = _fit(evidence, codes, np.arange(100) % 2, categories)
    signals = model.signals(evidence)
    assert signals.shape == (100, min(6, categories), len(SIGNAL_NAMES))
    alone = model.probability(signals)
    assert ((alone > 0) & (alone < 1)).all()


def test_a_telling_feature_is_learnt() -> None:
    evidence, random = drawn(400, 6), np.random.default_rng(5)
    place = random.integers(0, 6, 400)
    codes = np.take_along_axis(evidence.candidates, place[:, None], axis=1)[:, 0]
    evidence.features[:, :, 0] = random.integers(0, 3, (400, 6)) + 2 * (np.arange(6) == place[:, None])
    model = _fit(evidence, codes, np.arange(400) % 3, 6)
    assert (model.probability(model.signals(evidence)).argmax(axis=1) == place).mean() > 0.8


def test_weights_count() -> None:
    """Where nothing tells candidates apart, the share right among the rows that weigh most is what remains."""
    evidence, place = drawn(300, 6), np.random.default_rng(5).integers(0, 6, 300)
    evidence.features[:] = 0
    codes = np.take_along_axis(evidence.candidates, place[:, None], axis=1)[:, 0]
    heavy, light = (
        Reranker().fit(evidence, codes, np.where(place == 0, first, 1.0), np.arange(300) % 3, 6) for first in (9.0, 1.0)
    )
    signals = light.signals(evidence)
    ahead = [
        model.probability(signals)[:, 0].mean() - model.probability(signals)[:, 1:].mean() for model in (heavy, light)
    ]
    assert ahead[0] > ahead[1] + 0.02


def test_where_no_candidate_was_ever_right_it_has_no_preference() -> None:
    evidence = drawn(50, 9)
    codes = evidence.best[:, 8]
    model = _fit(evidence, codes, np.arange(50) % 2, 9)
    assert len(np.unique(model.probability(model.signals(evidence)))) == 1


def test_two_fits_answer_alike_also_after_storage(tmp_path: Path) -> None:
    evidence, fold = drawn(300, 9), np.arange(300) % 3
    codes = np.random.default_rng(6).integers(0, 9, 300)
    one, other = _fit(evidence, codes, fold, 9), _fit(evidence, codes, fold, 9)
    expected = one.probability(one.signals(evidence))
    np.testing.assert_array_equal(other.probability(other.signals(evidence)), expected)
    dump(one, tmp_path / "reranker.skops")
    read = load(tmp_path / "reranker.skops", trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(read.probability(read.signals(evidence)), expected)


def test_evidence_of_some_rows_is_theirs() -> None:
    evidence = drawn(10, 9)
    some = evidence.only(np.array([3, 7]))
    for name in ("best", "mixture", "features", "branch_mass", "titles"):
        np.testing.assert_array_equal(getattr(some, name), getattr(evidence, name)[[3, 7]])
    np.testing.assert_array_equal(some.candidates, evidence.best[[3, 7], :6])
