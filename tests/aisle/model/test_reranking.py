"""From opinions to scores: a proper distribution, one top category, the same whatever the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aisle.files import sha256_of
from aisle.model.candidates import make_candidate
from aisle.model.categorizer import Categorizer
from aisle.model.reranker import CANDIDATES, SIGNAL_NAMES
from aisle.model.reranking import (
    RERANKED_SIGNALS,
    cross_fitted_scores,
    evidence_of,
    probabilities_by,
    scores_by,
)
from aisle.model.storage import load, save
from tests.aisle.model.evidence import SetAnswers, SetMixture, drawn, known
from tests.aisle.model.shop import BRANCH_OF, shop

SURE = [1e-6, 1e-3, 1 / 6, 0.25, 0.5, 1 - 1e-6]


def _reranked(rows: pd.DataFrame) -> Categorizer:
    return make_candidate("reranked", {}, BRANCH_OF).fit(rows, rows["category_id"], rows["weight"], rows["fold"])


@pytest.fixture(scope="module")
def reranked(train: pd.DataFrame) -> Categorizer:
    return _reranked(train.head(250))


@st.composite
def _opinions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A mixture of shape (n, K) and answers of shape (n, up to 6): ties, zeros and certainties among them."""
    rows, categories = draw(st.integers(1, 5)), draw(st.integers(2, 25))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    kind = draw(st.sampled_from(["even", "tied", "certain", "drawn"]))
    mixture: NDArray[np.float64]
    if kind == "even":
        mixture = np.ones((rows, categories))
    elif kind == "tied":
        mixture = random.integers(0, 3, (rows, categories)).astype(np.float64) + 1e-9
    elif kind == "certain":
        mixture = np.eye(categories)[random.integers(0, categories, rows)]
    else:
        mixture = random.dirichlet(np.full(categories, 0.1), rows) + 1e-300
    count = min(CANDIDATES, categories)
    same = draw(st.booleans())
    alone = np.full((rows, count), draw(st.sampled_from(SURE))) if same else random.choice(SURE, (rows, count))
    return mixture / mixture.sum(axis=1, keepdims=True), alone


@settings(max_examples=300)
@given(_opinions(), st.integers(1, 4))
def test_probabilities_are_a_distribution_with_the_top_category_of_the_scores(
    drawn_opinions: tuple[np.ndarray, np.ndarray], branches: int
) -> None:
    mixture, alone = drawn_opinions
    about = known(mixture.shape[1], branches)
    products = pd.DataFrame({"title": ["sofa"] * len(mixture)})
    views, answers = SetMixture(mixture, about.classes), SetAnswers(alone)
    probability = probabilities_by(answers, views, products, about)  # type: ignore[arg-type]  # stand-ins
    scores = scores_by(answers, evidence_of(views, products, about), about)  # type: ignore[arg-type]  # the same
    assert (probability >= 0).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(probability.argmax(axis=1), scores.best[:, 0])
    np.testing.assert_allclose(np.take_along_axis(probability, scores.best, axis=1), scores.probability, atol=1e-15)
    assert (np.diff(scores.probability, axis=1) <= 0).all()
    assert all(len(set(row)) == len(row) for row in scores.best.tolist())
    by_branch = np.stack(
        [probability[:, about.branch_index == branch].sum(axis=1) for branch in range(about.branches)], axis=1
    )
    np.testing.assert_allclose(by_branch.max(axis=1), scores.branch_probability, rtol=1e-9)
    np.testing.assert_allclose(
        np.take_along_axis(by_branch, scores.branch[:, None], axis=1)[:, 0], scores.branch_probability, rtol=1e-9
    )
    assert (scores.branch_probability <= 1).all()
    assert scores.signals.shape == (len(mixture), len(RERANKED_SIGNALS))
    assert np.isfinite(scores.signals).all()


def test_signals_of_the_answer_are_those_of_the_candidate_that_won() -> None:
    evidence, about = drawn(40, 9), known(9, 3)
    alone = np.random.default_rng(1).random((40, 6))

    class Marked(SetAnswers):
        def signals(self, evidence: object) -> np.ndarray:
            return np.broadcast_to(np.arange(6, dtype=np.float32)[:, None], (40, 6, len(SIGNAL_NAMES)))

    scores = scores_by(Marked(alone), evidence, about)  # type: ignore[arg-type]  # stand-in
    np.testing.assert_array_equal(scores.signals[:, -len(SIGNAL_NAMES)], alone.argmax(axis=1))
    np.testing.assert_array_equal(scores.best[:, 0], evidence.best[np.arange(40), alone.argmax(axis=1)])
    first, second = (scores.signals[:, RERANKED_SIGNALS.index(f"log_odds_{name}")] for name in ("alone", "second"))
    ranked = np.sort(alone, axis=1)
    np.testing.assert_allclose(1 / (1 + np.exp(-first)), ranked[:, -1])
    np.testing.assert_allclose(1 / (1 + np.exp(-second)), ranked[:, -2])


def test_scores_come_from_rerankers_that_never_saw_the_fold() -> None:
    """With labels of one fold changed, its scores stay; those of the others move."""
    evidence, fold, about = drawn(150, 8), np.arange(150) % 3, known(8, 3)
    codes = np.random.default_rng(2).integers(0, 8, 150)
    changed = np.where(fold == 1, (codes + 3) % 8, codes)
    (_, before), (_, after) = (
        cross_fitted_scores(evidence, labels, np.ones(150), fold, about, 0) for labels in (codes, changed)
    )
    np.testing.assert_array_equal(after.best[fold == 1], before.best[fold == 1])
    np.testing.assert_array_equal(after.signals[fold == 1], before.signals[fold == 1])
    assert (after.signals[fold != 1] != before.signals[fold != 1]).any(axis=1).mean() > 0.9
    assert (np.sort(before.best, axis=1) == np.sort(evidence.best, axis=1)).all()  # rows in their order


def test_no_products_give_empty_scores(reranked: Categorizer, test: pd.DataFrame) -> None:
    nobody = test.head(0)
    frame = reranked.score_frame(nobody)
    assert len(frame) == 0
    assert list(frame.columns) == list(reranked.score_frame(test.head(1)).columns)
    assert reranked.predict_proba(nobody).shape == (0, 8)


def test_the_order_of_rows_and_their_neighbours_in_a_batch_do_not_matter(reranked: Categorizer) -> None:
    many = shop(1500, seed=11, noise=0.0)
    together = reranked.score_frame(many)
    shuffled = many.sample(frac=1, random_state=3)
    again = reranked.score_frame(shuffled).set_index("product_id").loc[many["product_id"]].reset_index()
    pd.testing.assert_frame_equal(again, together)
    for size, starts in ((1, [0, *range(994, 1004), 1499]), (7, [0, 995, 1490]), (1100, [0])):
        for start in starts:
            part = reranked.score_frame(many.iloc[start : start + size])
            expected = together.iloc[start : start + size].reset_index(drop=True)
            pd.testing.assert_frame_equal(part, expected)
    np.testing.assert_allclose(
        reranked.predict_proba(many.iloc[990:1010]), reranked.predict_proba(many)[990:1010], rtol=1e-6
    )


def test_answers_agree_and_branches_add_up(reranked: Categorizer, test: pd.DataFrame) -> None:
    scores, probability = reranked.score_frame(test), reranked.predict_proba(test)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_array_equal(reranked.predict(test), scores["category_id"])
    np.testing.assert_allclose(probability.max(axis=1), [row[0] for row in scores["top_probabilities"]])
    by_branch = pd.DataFrame(probability, columns=reranked.classes_).T.groupby(BRANCH_OF.get).sum().T
    np.testing.assert_array_equal(by_branch.idxmax(axis=1), scores["branch_id"])
    np.testing.assert_allclose(by_branch.max(axis=1), scores["branch_probability"])
    assert (scores["category_id"] == test["category_id"]).mean() > 0.9


@pytest.mark.parametrize(
    "products",
    [
        pd.DataFrame({"title": ["", "!!", "18 400", "\ufffd", " "]}),
        pd.DataFrame({"title": [None, float("nan"), "sofa"], "seller": [None, "x\ny", ""]}),
        pd.DataFrame({"title": ["sofa bed " * 20_000]}),
        pd.DataFrame({"title": ["x" * 100_000]}),
        pd.DataFrame({"title": ["corner sofa"], "price": [np.inf], "description": ["sofa " * 5000]}),
        pd.DataFrame({"title": ["沙发 床", "диван", "كنبة ٣"]}),
    ],
)
def test_odd_titles_are_scored(reranked: Categorizer, products: pd.DataFrame) -> None:
    scores, probability = reranked.score_frame(products), reranked.predict_proba(products)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_array_equal(reranked.predict(products), scores["category_id"])
    assert (
        scores[["confidence", "branch_confidence", "branch_probability"]].apply(lambda one: one.between(0, 1)).all(None)
    )


def test_a_category_of_one_fold_alone_is_learnt_all_the_same(train: pd.DataFrame) -> None:
    rare = pd.DataFrame({"title": [f"{word} garden gnome" for word in ("red", "blue", "nova")]})
    rare = rare.assign(category_id="gnome", weight=1.0, fold=0, product_id=["g1", "g2", "g3"])
    rows = pd.concat([train.head(240), rare], ignore_index=True)
    categorizer = make_candidate("reranked", {}, BRANCH_OF)
    out_of_fold = categorizer.cross_fit(rows, rows["category_id"], rows["weight"], rows["fold"])
    assert len(out_of_fold) == len(rows)
    assert "gnome" not in set(out_of_fold.tail(3)["category_id"])
    assert "gnome" in categorizer.classes_
    np.testing.assert_allclose(categorizer.predict_proba(rows.tail(3)).sum(axis=1), 1)


def test_two_categories_are_told_apart(train: pd.DataFrame, test: pd.DataFrame) -> None:
    two, asked = (rows[rows["category_id"].isin(["sofa", "drill"])] for rows in (train, test))
    scores = _reranked(two).score_frame(asked)
    assert (scores["category_id"].to_numpy() == asked["category_id"].to_numpy()).mean() > 0.9
    assert scores["top_categories"].str.len().eq(2).all()


def test_equal_fits_are_equal_files_that_answer_alike(
    reranked: Categorizer, test: pd.DataFrame, tmp_path: Path
) -> None:
    first = tmp_path / "first.skops"
    save(reranked, first)  # after it has answered; the other never did
    save(_reranked(shop(600).head(250)), tmp_path / "second.skops")
    assert sha256_of(tmp_path / "second.skops") == sha256_of(first)
    read = load(first)
    pd.testing.assert_frame_equal(read.score_frame(test), reranked.score_frame(test), check_exact=True)
    save(read, tmp_path / "third.skops")
    assert sha256_of(tmp_path / "third.skops") == sha256_of(first)
