"""What fitting costs is measured, and the trials of `stress` hold out what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aisle.catalogue.corruption import CORRUPTIONS
from aisle.model.candidates import make_candidate
from aisle.model.categorizer import Categorizer
from aisle.model.stress import COPIES, copies_scores, corrupted_scores, held_out_category_scores, held_out_seller_scores
from aisle.model.training import fit_and_measure
from tests.aisle.model.shop import BRANCH_OF, shop


def test_facts_of_a_fit(train: pd.DataFrame) -> None:
    out_of_fold, facts = fit_and_measure(make_candidate("naive_bayes", {}, BRANCH_OF), train)
    assert len(out_of_fold) == facts["rows"] == len(train)
    assert facts["labels_per_category"] == train["category_id"].value_counts().to_dict()
    assert facts["fit_seconds"] > 0
    assert facts["score_us"] > 0
    assert facts["peak_mb"] > 50


def test_doubted_labels_weigh_less_in_the_classifier_that_answers(train: pd.DataFrame, test: pd.DataFrame) -> None:
    """A tenth of the labels turned wrong: with doubts the true category gets more, and no row is lost."""
    wrong = np.random.default_rng(1).random(len(train)) < 0.1
    categories = train["category_id"].to_numpy(dtype=object)
    turned = np.where(wrong, np.random.default_rng(2).permutation(categories), categories)
    noisy = train.assign(category_id=turned)
    plain, doubting = (make_candidate("linear_title", {}, BRANCH_OF) for _ in range(2))
    trusted, _ = fit_and_measure(plain, noisy)
    doubted, _ = fit_and_measure(doubting, noisy, doubted_at=0.1)
    pd.testing.assert_frame_equal(trusted, doubted)  # out-of-fold scores were there before the doubts
    column = np.searchsorted(plain.classes_, test["category_id"])[:, None]
    before, after = (np.take_along_axis(one.predict_proba(test), column, axis=1).mean() for one in (plain, doubting))
    assert after > before
    assert (doubting.support_ == plain.support_).all()


def test_corrupted_titles_are_scored_once_a_kind(fitted: Categorizer, test: pd.DataFrame) -> None:
    scores = corrupted_scores(fitted, test.head(40))
    assert set(scores["corruption"]) == {*CORRUPTIONS, "title_only"}
    assert (scores["corruption"].value_counts() == 40).all()


def test_sellers_are_held_out(fitted: Categorizer, train: pd.DataFrame) -> None:
    scores = held_out_seller_scores(fitted, train)
    assert set(scores["product_id"]) == set(train["product_id"])
    assert (scores.set_index("product_id")["true_category_id"] == train.set_index("product_id")["category_id"]).all()


def test_without_sellers_nothing_is_held_out(fitted: Categorizer, train: pd.DataFrame) -> None:
    assert held_out_seller_scores(fitted, train.assign(seller=None)).empty
    assert held_out_seller_scores(fitted, train.assign(seller="only one")).empty


def test_held_out_categories_are_never_the_answer(fitted: Categorizer, train: pd.DataFrame) -> None:
    scores = held_out_category_scores(fitted, train)
    assert len(scores) > 0
    hidden = set(scores["true_category_id"])
    assert not hidden & set(scores["category_id"])
    assert set(train.loc[train["category_id"].isin(hidden), "product_id"]) == set(scores["product_id"])


def test_copies_are_tried_beside_the_own_setting(test: pd.DataFrame) -> None:
    few = shop(150, seed=2)
    few = few.drop(few.index[few["category_id"] == "kite"][6:])
    fitted = make_candidate("naive_bayes", {}, BRANCH_OF).fit(few, few["category_id"], few["weight"], few["fold"])
    scores = copies_scores(fitted, few, test)
    own, other = (scores[scores["copies_of_rare"] == copies].reset_index(drop=True) for copies in (1, COPIES))
    pd.testing.assert_frame_equal(own.drop(columns="copies_of_rare"), fitted.score_frame(test))
    assert (own["confidence"] != other["confidence"]).any()
    assert fitted.copies_of_rare == 1
