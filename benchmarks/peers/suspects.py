"""How many of the wrong labels that a sample was planted with stand in the list of suspects."""

from __future__ import annotations

import pandas as pd

from aisle.model.suspects import suspects


def suspects_recall(
    out_of_fold: pd.DataFrame, train: pd.DataFrame, planted: pd.DataFrame, error_rate: float
) -> tuple[float, int]:
    """Share of planted wrong labels in a list twice as long as their number, and that number.

    The list is the one that people are shown, cut; nothing told it how many are wrong.

    Parameters
    ----------
    out_of_fold : score frame of the training rows, each scored by models that never saw its fold
    train : the training rows, in the same order
    planted : DataFrame
        product_id and planted_category_id of the labels that were made wrong.
    error_rate : float
        Share of a person's labels that is thought to be wrong.
    """
    told = train["product_id"].map(planted.set_index("product_id")["planted_category_id"])
    wrong = set(train["product_id"][told == train["category_id"]])
    listed = suspects(out_of_fold, train, error_rate)["product_id"].head(2 * len(wrong))
    return len(wrong.intersection(listed)) / max(len(wrong), 1), len(wrong)
