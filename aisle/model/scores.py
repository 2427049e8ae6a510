"""What is kept of a classifier's probabilities: the best categories, the best branch, signals of certainty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.model.confidence import SIGNALS, at_temperature, log_odds
from aisle.model.text import field, words

ALTERNATIVES = 10  # categories kept for each product, best first
_BATCH = 1000


@dataclass(frozen=True)
class Scores:
    """Of n products, with columns of categories as the categorizer's `classes_` has them.

    Attributes
    ----------
    best : array of int, shape (n, up to ALTERNATIVES), columns of categories, best first
    probability : array of shape (n, up to ALTERNATIVES), theirs
    branch : array of int, shape (n,), the branch of the greatest summed probability
    branch_probability : array of shape (n,), in [0, 1]
    signals : array of shape (n, len(SIGNALS))
    """

    best: NDArray[np.intp]
    probability: NDArray[np.float64]
    branch: NDArray[np.intp]
    branch_probability: NDArray[np.float64]
    signals: NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """What a categorizer knows of its categories: ids, training products each, and the branch above each."""

    classes: NDArray[np.str_]
    support: NDArray[np.intp]
    branch_index: NDArray[np.intp]
    branches: int


def scores_of(classifier: Any, products: pd.DataFrame, known: Known, temperature: float) -> Scores:
    """Score in batches: the probabilities of all categories are never held for all products."""
    if products.empty:
        kept = min(ALTERNATIVES, len(known.classes))
        none = np.empty(0, dtype=np.intp)
        return Scores(none.reshape(0, kept), np.empty((0, kept)), none, np.empty(0), np.empty((0, len(SIGNALS))))
    parts = []
    for batch in _batches(products):
        probability = at_temperature(aligned(classifier, batch, known.classes), temperature)
        parts.append(_summary(classifier, batch, probability, known))
    return _joined(parts)


def aligned(classifier: Any, products: pd.DataFrame, classes: NDArray[np.str_]) -> NDArray[np.float64]:
    """Probabilities in the columns of `classes`; 0 for those that this classifier never saw."""
    probability = classifier.predict_proba(products)
    if len(classifier.classes_) == len(classes):
        return np.asarray(probability, dtype=np.float64)
    whole = np.zeros((len(products), len(classes)))
    whole[:, np.searchsorted(classes, classifier.classes_)] = probability
    return whole


def assembled(parts: list[tuple[NDArray[np.bool_], Scores]]) -> Scores:
    """Scores of disjoint masks of the same rows, put back into the order of the rows."""
    order = np.argsort(np.concatenate([np.flatnonzero(rows) for rows, _ in parts]))
    whole = _joined([scores for _, scores in parts])
    return Scores(*(getattr(whole, one.name)[order] for one in fields(Scores)))


def _summary(classifier: Any, products: pd.DataFrame, probability: NDArray[np.float64], known: Known) -> Scores:
    best = _best_columns(probability)
    top = np.take_along_axis(probability, best, axis=1)
    by_branch = _sum_by(probability, known.branch_index, known.branches)
    branch_probability = np.minimum(by_branch.max(axis=1), 1.0)
    logs = np.log(np.clip(top, 1e-12, None))
    signals = {
        "log_odds_top": log_odds(top[:, 0]),
        "log_margin": logs[:, 0] - logs[:, 1],
        "entropy": -(probability * np.log(np.clip(probability, 1e-12, None))).sum(axis=1),
        "log_odds_branch": log_odds(branch_probability),
        "log_support": np.log1p(known.support[best[:, 0]]),
        "unseen_share": classifier[0].unseen_share(products),
        "title_words": np.log1p([len(words(title)) for title in field(products, "title")]),
        "second_in_branch": known.branch_index[best[:, 0]] == known.branch_index[best[:, 1]],
    }
    columns = np.column_stack([np.asarray(signals[name], dtype=np.float64) for name in SIGNALS])
    return Scores(best, top, by_branch.argmax(axis=1), branch_probability, columns)


def _best_columns(probability: NDArray[np.float64]) -> NDArray[np.intp]:
    """The columns of the greatest probabilities of each row, best first."""
    kept = min(ALTERNATIVES, probability.shape[1])
    some = np.argpartition(-probability, kept - 1, axis=1)[:, :kept]
    order = np.argsort(-np.take_along_axis(probability, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)


def _sum_by(values: NDArray[np.float64], group: NDArray[np.intp], groups: int) -> NDArray[np.float64]:
    """Columns of `values` summed by `group`, shape (n, groups)."""
    membership = np.zeros((values.shape[1], groups))
    membership[np.arange(values.shape[1]), group] = 1.0
    return np.asarray(values @ membership)


def _batches(products: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(products), _BATCH):
        yield products.iloc[start : start + _BATCH]


def _joined(parts: list[Scores]) -> Scores:
    return Scores(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Scores)))
