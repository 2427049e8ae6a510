"""What each regime trains on, and its model with the out-of-fold scores of its own labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.audit.replay.order import Known
from aisle.audit.replay.settings import ReplaySettings
from aisle.catalogue.labels import ORIGINS_OF_REGIME, random_labels, resolve_labels, training_weights
from aisle.catalogue.splits import assign_folds, fold_keys
from aisle.config import Regime, Train
from aisle.decision.scored import too_few_labels
from aisle.model.candidates import make_candidate
from aisle.model.categorizer import Categorizer

START = "import"  # the labels that a replay starts with, as a labelled catalogue that was brought in


@dataclass(frozen=True)
class Taught:
    """A model, and what its regime knows of it.

    Attributes
    ----------
    model : Categorizer
    always_review : tuple of str
        Categories with too few training labels.
    labels : DataFrame of n rows
        `resolve_labels` of the regime's own labels, with `group` and `seller`.
    weight : array of shape (n,)
        Of the training.
    confidence : array of shape (n,)
        Out of fold.
    right, allowed : arrays of bool, shape (n,)
        Out of fold: the top category is the label; it is none of `always_review`.
    """

    model: Categorizer
    always_review: tuple[str, ...]
    labels: pd.DataFrame
    weight: NDArray[np.float64]
    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    allowed: NDArray[np.bool_]


def start_labels(products: pd.DataFrame) -> pd.DataFrame:
    """The labels that a replay starts with: the right ones, as they came with a catalogue."""
    return pd.DataFrame(
        {
            "product_id": products["product_id"],
            "revision": products["revision"],
            "category_id": products["category_id"],
            "origin": START,
            "status": "answered",
            "adjudicated": False,
            "labelled_at": pd.NaT,
            "labeller": None,
            "suggested_category_id": None,
            "audit_probability": 1.0,
            "inclusion_probability": 1.0,
            "model_version": None,
        }
    )


def own_labels(labels: pd.DataFrame, regime: Regime) -> pd.DataFrame:
    """One label a product, of those that the regime trains on."""
    usable = random_labels(labels) if regime == "audited" else labels
    return resolve_labels(usable[usable["origin"].isin(ORIGINS_OF_REGIME[regime]).to_numpy()])


def teach(
    known: Known,
    labels: pd.DataFrame,
    regime: Regime,
    settings: ReplaySettings,
    seed: int,
    sure: pd.Series | None = None,
) -> Taught:
    """Train on the regime's own labels, cross-fitted.

    Parameters
    ----------
    labels : DataFrame
        Every answer so far, rows of the labels table.
    sure : Series of float, by product_id, optional
        How sure the model was of its labels; for `certainty_weights`.
    """
    resolved = own_labels(labels, regime)
    texts = known.products.drop(columns="category_id")
    rows = resolved.merge(texts.drop(columns="revision"), on="product_id", how="left", validate="one_to_one")
    train = Train(
        regime=regime,
        folds=settings.folds,
        max_weight=settings.max_weight,
        certainty_weights=settings.certainty_weights,
        person_error_rate=settings.person_error_rate,
    )
    weight = training_weights(rows, train, None if sure is None else rows["product_id"].map(sure))
    key = f"aisle replay {seed}"
    fold = assign_folds(fold_keys(rows["group"], rows["seller"], train.new_sellers, key), train.folds, key)
    model = make_candidate(settings.candidate, {}, known.branch_of, seed=seed)
    scores = model.cross_fit(rows, rows["category_id"], weight, fold)
    held_back = too_few_labels(rows, settings.min_labels)
    return Taught(
        model=model,
        always_review=held_back,
        labels=rows,
        weight=weight,
        confidence=scores["confidence"].to_numpy(dtype=np.float64),
        right=(scores["category_id"].to_numpy() == rows["category_id"].to_numpy()),
        allowed=~scores["category_id"].isin(held_back).to_numpy(),
    )
