"""From the opinions of the views to scores: candidates, their evidence, and what the re-ranker makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from aisle.catalogue.columns import Products
from aisle.model.confidence import SIGNALS, log_odds
from aisle.model.reranker import CANDIDATES, FEATURES, SIGNAL_NAMES, Evidence, Reranker, features_of
from aisle.model.scores import (
    ALTERNATIVES,
    Known,
    Scores,
    assembled,
    batches,
    best_columns,
    joined,
    signals_of,
    sum_by,
    title_signals,
)
from aisle.model.text import Features
from aisle.model.views import Views, widened

_LEADS = [place for place, name in enumerate(FEATURES) if name.endswith("_lead")]
_LEAST_OUTSIDE = 1e-3  # probability that is always left to the categories that were not weighed
_TO_OTHERS = 1 - 1e-9  # of what the mixture gave them, at most: a candidate never ties with them
OWN_SIGNALS = ("log_odds_alone", "log_odds_second", "agreement")  # beside `SIGNALS`, before the candidate's own
RERANKED_SIGNALS = (*SIGNALS, *OWN_SIGNALS, *SIGNAL_NAMES)


def evidence_of(views: Views, products: Products, known: Known, features: Features | None = None) -> Evidence:
    """Candidates of n products and what the views say of them, in batches of products.

    `features` is what the views' text makes of the products, where that is known already; all of
    them are one batch then.
    """
    if not len(products):
        return _no_evidence(known)
    if features is not None:
        return _evidence(views, products, known, features)[0]
    return joined([_evidence(views, batch, known)[0] for batch in batches(products, len(known.classes))])


def _evidence(
    views: Views, products: Products, known: Known, features: Features | None = None
) -> tuple[Evidence, NDArray[np.float64]]:
    """Evidence of one batch, and the whole mixture, shape (n, K)."""
    columns = np.searchsorted(known.classes, views.classes_)
    said = widened(views.opinions(products, features), columns, len(known.classes))
    mixture = views.mixture(said)
    best = best_columns(mixture)
    candidates = best[:, :CANDIDATES]
    probability = np.take_along_axis(mixture, best, axis=1)
    branch_mass = sum_by(mixture, known.branch_index, known.branches)
    branch_share = np.take_along_axis(branch_mass, known.branch_index[candidates], axis=1)
    heard = features_of(said, candidates, probability[:, :CANDIDATES], known.support, branch_share)
    return Evidence(best, probability, heard, branch_mass, title_signals(views.text_, products)), mixture


def _no_evidence(known: Known) -> Evidence:
    kept, candidates = min(ALTERNATIVES, len(known.classes)), min(CANDIDATES, len(known.classes))
    return Evidence(
        np.empty((0, kept), dtype=np.intp),
        np.empty((0, kept)),
        np.empty((0, candidates, len(FEATURES)), dtype=np.float32),
        np.empty((0, known.branches)),
        np.empty((0, 2)),
    )


def cross_fitted_scores(
    evidence: Evidence,
    codes: NDArray[np.intp],
    weight: NDArray[np.float64],
    fold: NDArray[Any],
    known: Known,
    seed: int,
) -> tuple[Reranker, Scores]:
    """The re-ranker of all rows, and scores of each row by one that never saw its fold."""
    make, categories = Reranker(seed), len(known.classes)
    parts = []
    for one in np.unique(fold):
        rows, others = fold == one, fold != one
        model = clone(make).fit(evidence.only(others), codes[others], weight[others], fold[others], categories)
        parts.append((rows, scores_by(model, evidence.only(rows), known)))
    return make.fit(evidence, codes, weight, fold, categories), assembled(parts)


def scores_by(reranker: Reranker, evidence: Evidence, known: Known) -> Scores:
    """Scores of products after the candidates were weighed."""
    signals = reranker.signals(evidence)
    alone = reranker.probability(signals) if len(signals) else np.empty(signals.shape[:2])
    weighed, outside = _shares(alone, evidence.mixture[:, : alone.shape[1]])
    rest = evidence.mixture[:, alone.shape[1] :] * outside[:, None]
    probability = np.concatenate([weighed, rest], axis=1)
    order = np.lexsort((evidence.best, -probability), axis=1)  # of equals the first, as argmax has it
    best = np.take_along_axis(evidence.best, order, axis=1)
    top = np.take_along_axis(probability, order, axis=1)
    by_branch = _by_branch(evidence, weighed, outside, known)
    unnamed = np.clip(1 - top.sum(axis=1), 1e-12, 1)
    entropy = -(top * np.log(np.clip(top, 1e-12, None))).sum(axis=1) - unnamed * np.log(unnamed)
    columns = np.concatenate(
        [
            signals_of(best, top, entropy, by_branch, evidence.titles, known),
            _own_signals(alone, signals, order[:, :1]),
        ],
        axis=1,
    )
    return Scores(best, top, by_branch.argmax(axis=1), np.minimum(by_branch.max(axis=1), 1.0), columns)


def probabilities_by(reranker: Reranker, views: Views, products: Products, known: Known) -> NDArray[np.float64]:
    """A probability for every category, shape (n, K); the top category is that of `scores_by`."""
    parts = []
    for batch in batches(products, len(known.classes)):
        evidence, mixture = _evidence(views, batch, known)
        alone = reranker.probability(reranker.signals(evidence))
        weighed, outside = _shares(alone, evidence.mixture[:, : alone.shape[1]])
        mixture *= outside[:, None]
        np.put_along_axis(mixture, evidence.candidates, weighed, axis=1)
        parts.append(mixture)
    return np.concatenate(parts) if parts else np.empty((0, len(known.classes)))


def _shares(
    alone: NDArray[np.float64], mixture: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probabilities of the candidates as parts of a distribution, and the factor for all other categories.

    What the candidates leave of the whole, and no more than the mixture gave them, stays with the
    others. Each candidate had more of the mixture than any other category, and the best candidate
    has at least the mean of what all have: so the best candidate stays the top category.
    """
    outside = np.clip(1 - mixture.sum(axis=1), 0, None)
    left = np.minimum(np.clip(1 - alone.sum(axis=1), _LEAST_OUTSIDE, None), _TO_OTHERS * outside)
    weighed = alone / alone.sum(axis=1, keepdims=True) * (1 - left)[:, None]
    return weighed, left / np.maximum(outside, 1e-12)


def _by_branch(
    evidence: Evidence, weighed: NDArray[np.float64], outside: NDArray[np.float64], known: Known
) -> NDArray[np.float64]:
    """Probability of each branch, shape (n, B)."""
    mixture = evidence.mixture[:, : weighed.shape[1]]
    by_branch = evidence.branch_mass * outside[:, None]
    rows = np.arange(len(weighed))[:, None]
    branch = known.branch_index[evidence.candidates]
    np.add.at(by_branch, (rows, branch), weighed - mixture * outside[:, None])
    return np.clip(by_branch, 0, None)


def _own_signals(
    alone: NDArray[np.float64], signals: NDArray[np.float32], top: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Columns `OWN_SIGNALS` and those of the top candidate, shape (n, 3 + len(SIGNAL_NAMES))."""
    of_top = np.take_along_axis(signals, top[:, :, None], axis=1)[:, 0, :]
    ranked = -np.sort(-alone, axis=1)
    agreement = (of_top[:, _LEADS] > 0).mean(axis=1)
    return np.column_stack(
        [log_odds(ranked[:, 0]), log_odds(ranked[:, min(1, ranked.shape[1] - 1)]), agreement, of_top]
    )
