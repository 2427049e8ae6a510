"""The assembled estimator: out-of-fold honesty, stored and loaded, refused when foreign."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aisle.decision.selective import calibration_error, gap
from aisle.errors import DataError, ModelError
from aisle.model.candidates import CANDIDATES, make_candidate
from aisle.model.categorizer import Categorizer
from aisle.model.storage import load, save
from tests.aisle.model.shop import BRANCH_OF, shop

SCORE_COLUMNS = [
    "product_id",
    "category_id",
    "confidence",
    "branch_id",
    "branch_probability",
    "branch_confidence",
    "top_categories",
    "top_probabilities",
]


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_learns_and_survives_storage(
    name: str, train: pd.DataFrame, test: pd.DataFrame, tmp_path: Path
) -> None:
    candidate = make_candidate(name, {}, BRANCH_OF)
    out_of_fold = candidate.cross_fit(train, train["category_id"], train["weight"], train["fold"])
    assert list(out_of_fold.columns) == SCORE_COLUMNS
    assert list(out_of_fold["product_id"]) == list(train["product_id"])
    scores = candidate.score_frame(test)
    right = (scores["category_id"] == test["category_id"]).to_numpy()
    assert right.mean() > 0.9
    probability = candidate.predict_proba(test)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert (candidate.classes_[probability.argmax(axis=1)] == scores["category_id"]).all()
    save(candidate, tmp_path / "model.skops")
    pd.testing.assert_frame_equal(load(tmp_path / "model.skops").score_frame(test), scores)


def test_equal_models_give_equal_files(fitted: Categorizer, tmp_path: Path) -> None:
    save(fitted, tmp_path / "one.skops")
    save(load(tmp_path / "one.skops"), tmp_path / "two.skops")

    def contents(path: Path) -> dict[str, int]:
        with zipfile.ZipFile(path) as archive:
            return {entry.filename: entry.CRC for entry in archive.infolist() if entry.filename.endswith(".npy")}

    assert sorted(contents(tmp_path / "one.skops").values()) == sorted(contents(tmp_path / "two.skops").values())


def test_out_of_fold_scores_are_not_those_of_a_model_that_saw_the_row() -> None:
    """With labels drawn by lot nobody can be right out of fold, though memory would be."""
    rows = shop(300)
    lots = np.random.default_rng(5).permutation(rows["category_id"].to_numpy())
    rows["title"] = [f"{title} unique{row}" for row, title in enumerate(rows["title"])]
    candidate = make_candidate("linear_title", {}, BRANCH_OF)
    out_of_fold = candidate.cross_fit(rows, lots, fold=rows["fold"])
    chance = max(pd.Series(lots).value_counts(normalize=True))
    assert (out_of_fold["category_id"].to_numpy() == lots).mean() < chance + 0.08
    assert out_of_fold["confidence"].mean() < 0.5


def test_confidence_orders_and_is_calibrated() -> None:
    rows = shop(1500, seed=3, noise=0.2)
    candidate = make_candidate("linear_title", {}, BRANCH_OF)
    out_of_fold = candidate.cross_fit(rows, rows["category_id"], fold=rows["fold"])
    right = (out_of_fold["category_id"] == rows["category_id"]).to_numpy()
    assert calibration_error(out_of_fold["confidence"], right) < 0.06
    nonsense = candidate.score_frame(pd.DataFrame({"title": ["zzz qqq", "", "0000"]}))
    assert nonsense["confidence"].max() < out_of_fold["confidence"].median()
    assert gap(out_of_fold["confidence"], right) < gap(np.zeros(len(right)), right) + 1e-9


def test_the_branch_is_the_sum_of_its_leaves(fitted: Categorizer, test: pd.DataFrame) -> None:
    probability = pd.DataFrame(fitted.predict_proba(test), columns=fitted.classes_)
    by_branch = probability.T.groupby(lambda leaf: BRANCH_OF[leaf]).sum().T
    scores = fitted.score_frame(test)
    assert (by_branch.idxmax(axis=1).to_numpy() == scores["branch_id"].to_numpy()).all()
    np.testing.assert_allclose(by_branch.max(axis=1), scores["branch_probability"])


def test_batches_do_not_change_scores(fitted: Categorizer) -> None:
    many = shop(2300, seed=9)
    together = fitted.score_frame(many)
    apart = pd.concat([fitted.score_frame(many.iloc[start : start + 7]) for start in (0, 995, 2290)])
    rows = [*range(7), *range(995, 1002), *range(2290, 2297)]
    pd.testing.assert_frame_equal(together.iloc[rows].reset_index(drop=True), apart.reset_index(drop=True))


def test_no_products_give_an_empty_frame(fitted: Categorizer, test: pd.DataFrame) -> None:
    assert list(fitted.score_frame(test.head(0)).columns) == SCORE_COLUMNS
    assert len(fitted.score_frame(test.head(0))) == 0


def test_weights_and_copies_lift_a_rare_category() -> None:
    rows = shop(700, seed=4, noise=0.15)
    rare = rows[rows["category_id"] == "kite"].head(4)
    rows = pd.concat([rows[rows["category_id"] != "kite"], rare], ignore_index=True)
    fresh = shop(1500, seed=5, noise=0.0)
    fresh = fresh[fresh["category_id"] == "kite"]
    probability = []
    for copies in (1, 40):
        candidate = make_candidate("naive_bayes", {}, BRANCH_OF, copies_of_rare=copies)
        candidate.fit(rows, rows["category_id"], fold=rows["fold"])
        probability.append(candidate.predict_proba(fresh)[:, list(candidate.classes_).index("kite")].mean())
    assert probability[1] > probability[0]


def test_held_out_folds_are_scored_by_models_that_never_saw_them(fitted: Categorizer, train: pd.DataFrame) -> None:
    fold = np.where(train["category_id"] == "doll", 0, -1)
    scores = fitted.score_held_out(train, train["category_id"], None, fold)
    assert list(scores["product_id"]) == list(train.loc[fold == 0, "product_id"])
    assert "doll" not in set(scores["category_id"])


def test_one_category_is_refused(train: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="one category only"):
        make_candidate("linear_title", {}, BRANCH_OF).fit(train, ["sofa"] * len(train))


def test_folds_that_leave_nothing_to_learn_are_refused(train: pd.DataFrame) -> None:
    two = train[train["category_id"].isin(["sofa", "lamp"])]
    with pytest.raises(DataError, match="fold"):
        make_candidate("linear_title", {}, BRANCH_OF).fit(
            two, two["category_id"], fold=(two["category_id"] == "sofa").astype(int)
        )


def test_a_missing_model_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="dvc repro"):
        load(tmp_path / "model.skops")


@pytest.mark.parametrize("content", [b"", b"noise", b"\x80\x04\x95\x0a\x00}\x94."])
def test_a_damaged_model_is_one_clear_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        load(tmp_path / "model.skops")


def test_foreign_types_are_refused(tmp_path: Path) -> None:
    from skops.io import dump

    dump({"run": pd.Timestamp}, tmp_path / "model.skops")
    with pytest.raises(ModelError):
        load(tmp_path / "model.skops")
