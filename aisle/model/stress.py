"""How the chosen categorizer fares beyond its training: corrupted titles, new sellers, new and rare kinds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.catalogue.corruption import CORRUPTIONS, corrupt
from aisle.catalogue.splits import assign_folds
from aisle.model.categorizer import Categorizer

CATEGORY_FOLDS = 7  # one of these folds of the categories is kept from the model
SELLER_FOLDS = 3
COPIES = 15  # a category with fewer examples is rare


def corrupted_scores(categorizer: Categorizer, test: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Score frames of `test` with each corruption of its titles, one below the other (column `corruption`).

    A last one, `title_only`, leaves the titles as they are and takes all other fields away.
    """
    parts = []
    for kind in CORRUPTIONS:
        titles = corrupt(test["title"].tolist(), kind, seed)
        parts.append(categorizer.score_frame(test.assign(title=titles)).assign(corruption=kind))
    parts.append(categorizer.score_frame(test[["product_id", "title"]]).assign(corruption="title_only"))
    return pd.concat(parts, ignore_index=True)


def held_out_seller_scores(categorizer: Categorizer, train: pd.DataFrame) -> pd.DataFrame:
    """Scores of training rows by models that never saw their seller, with the truth beside them.

    Rows without a seller are left out; fewer than two sellers give an empty frame.
    """
    known = train[train["seller"].notna()]
    fold = assign_folds(known["seller"].tolist(), SELLER_FOLDS, key="held-out sellers")
    if len(np.unique(fold)) < 2:
        return _held_out(categorizer, known, np.full(len(known), -1))
    return _held_out(categorizer, known, fold)


def held_out_category_scores(categorizer: Categorizer, train: pd.DataFrame) -> pd.DataFrame:
    """Scores of products whose category the model never saw; no answer can be right, none should be trusted."""
    hidden = assign_folds(train["category_id"].tolist(), CATEGORY_FOLDS, key="held-out categories") == 0
    if train.loc[~hidden, "category_id"].nunique() < 2:
        hidden[:] = False
    return _held_out(categorizer, train, np.where(hidden, 0, -1))


def copies_scores(categorizer: Categorizer, train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Score frames of `test` with and without copies of rare examples (column `copies_of_rare`).

    Beside the categorizer's own setting stands `COPIES`, or 1 where the setting is more than that.
    """
    own = categorizer.copies_of_rare
    other = COPIES if own == 1 else 1
    trial = categorizer.with_copies(other, train, train["category_id"], train["weight"])
    parts = [(own, categorizer), (other, trial)]
    return pd.concat([one.score_frame(test).assign(copies_of_rare=copies) for copies, one in parts], ignore_index=True)


def _held_out(categorizer: Categorizer, train: pd.DataFrame, fold: NDArray[np.int64]) -> pd.DataFrame:
    scores = categorizer.score_held_out(train, train["category_id"], train["weight"], fold)
    truth = train.set_index("product_id")[["category_id", "branch_id"]].add_prefix("true_")
    return scores.join(truth, on="product_id")
