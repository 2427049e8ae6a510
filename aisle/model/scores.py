"""What is kept of a classifier's probabilities: the best categories, the best branch, signals of certainty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aisle.catalogue.columns import Products, some_rows
from aisle.model.confidence import SIGNALS, at_temperature, log_odds
from aisle.model.text import field
from aisle.model.words import clean, words

ALTERNATIVES = 10  # categories kept for each product, best first
_BATCH = 1000
_CELLS = 1_000_000  # of one array of products and categories


@dataclass(frozen=True)
class Scores:
    """Of n products, with columns of categories as the categorizer's `classes_` has them.

    Attributes
    ----------
    best : array of int, shape (n, up to ALTERNATIVES), columns of categories, best first
    probability : array of shape (n, up to ALTERNATIVES), theirs
    branch : array of int, shape (n,), the branch of the greatest summed probability
    branch_probability : array of shape (n,), in [0, 1]
    signals : array of shape (n, m), the columns of `SIGNALS` first
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


def scores_of(classifier: Any, products: Products, known: Known, temperature: float) -> Scores:
    """Score in batches: the probabilities of all categories are never held for all products."""
    if not len(products):
        kept = min(ALTERNATIVES, len(known.classes))
        none = np.empty(0, dtype=np.intp)
        return Scores(none.reshape(0, kept), np.empty((0, kept)), none, np.empty(0), np.empty((0, len(SIGNALS))))
    parts = []
    for batch in batches(products, len(known.classes)):
        probability = at_temperature(aligned(classifier, batch, known.classes), temperature)
        parts.append(_summary(classifier, batch, probability, known))
    return joined(parts)


def aligned(classifier: Any, products: Products, classes: NDArray[np.str_]) -> NDArray[np.float64]:
    """Probabilities in the columns of `classes`; 0 for those that this classifier never saw."""
    probability = classifier.predict_proba(products)
    if len(classifier.classes_) == len(classes):
        return np.asarray(probability, dtype=np.float64)
    whole = np.zeros((len(products), len(classes)))
    whole[:, np.searchsorted(classes, classifier.classes_)] = probability
    return whole


_Rows = TypeVar("_Rows")  # a dataclass of arrays with a row a product


def assembled(parts: list[tuple[NDArray[np.bool_], _Rows]]) -> _Rows:
    """Scores of disjoint masks of the same rows, put back into the order of the rows."""
    order = np.argsort(np.concatenate([np.flatnonzero(rows) for rows, _ in parts]))
    whole = joined([scores for _, scores in parts])
    return type(whole)(*(getattr(whole, one.name)[order] for one in fields(whole)))  # type: ignore[arg-type]


def _summary(classifier: Any, products: Products, probability: NDArray[np.float64], known: Known) -> Scores:
    best = best_columns(probability)
    top = np.take_along_axis(probability, best, axis=1)
    by_branch = sum_by(probability, known.branch_index, known.branches)
    entropy = -(probability * np.log(np.clip(probability, 1e-12, None))).sum(axis=1)
    columns = signals_of(best, top, entropy, by_branch, title_signals(classifier[0], products), known)
    return Scores(best, top, by_branch.argmax(axis=1), np.minimum(by_branch.max(axis=1), 1.0), columns)


def signals_of(
    best: NDArray[np.intp],
    probability: NDArray[np.float64],
    entropy: NDArray[np.float64],
    by_branch: NDArray[np.float64],
    titles: NDArray[np.float64],
    known: Known,
) -> NDArray[np.float64]:
    """The columns `SIGNALS`, shape (n, len(SIGNALS)), from the best categories and their probabilities."""
    logs = np.log(np.clip(probability, 1e-12, None))
    signals = {
        "log_odds_top": log_odds(probability[:, 0]),
        "log_margin": logs[:, 0] - logs[:, 1],
        "entropy": entropy,
        "log_odds_branch": log_odds(by_branch.max(axis=1)),
        "log_support": np.log1p(known.support[best[:, 0]]),
        "unseen_share": titles[:, 0],
        "title_words": titles[:, 1],
        "second_in_branch": known.branch_index[best[:, 0]] == known.branch_index[best[:, 1]],
    }
    return np.column_stack([np.asarray(signals[name], dtype=np.float64) for name in SIGNALS])


def title_signals(text: Any, products: Products) -> NDArray[np.float64]:
    """Share of a title's words that no training product had, and log of 1 + its words, shape (n, 2)."""
    counts = np.log1p([len(words(clean(title))) for title in field(products, "title")])
    return np.column_stack([text.unseen_share(products), counts])


def best_columns(probability: NDArray[np.float64]) -> NDArray[np.intp]:
    """The columns of the greatest probabilities of each row, best first, up to ALTERNATIVES."""
    kept = min(ALTERNATIVES, probability.shape[1])
    some = np.argpartition(-probability, kept - 1, axis=1)[:, :kept]
    first = probability.argmax(axis=1)  # of equals the first, here as everywhere
    missing = ~(some == first[:, None]).any(axis=1)
    some[missing, 0] = first[missing]
    order = np.lexsort((some, -np.take_along_axis(probability, some, axis=1)), axis=1)
    return np.take_along_axis(some, order, axis=1)


def sum_by(values: NDArray[np.float64], group: NDArray[np.intp], groups: int) -> NDArray[np.float64]:
    """Columns of `values` summed by `group`, shape (n, groups)."""
    ones, columns = np.ones(values.shape[1]), np.arange(values.shape[1])
    return np.asarray(values @ sparse.csc_array((ones, (columns, group)), shape=(values.shape[1], groups)))


def batches(products: Products, categories: int) -> Iterator[Products]:
    """Rows of `products`, some at a time: fewer where there are many categories to hold for each."""
    rows = int(np.clip(_CELLS // categories, 50, _BATCH))
    for start in range(0, len(products), rows):
        yield some_rows(products, start, start + rows)


def joined(parts: list[_Rows]) -> _Rows:
    """Dataclasses of arrays, one below the other."""
    first = parts[0]
    columns = [np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(first)]  # type: ignore[arg-type]
    return type(first)(*columns)
