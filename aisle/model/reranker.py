"""The last word on a few candidates: a small model that weighs what the views say about each.

A linear machine over everything is right most often, but it cannot know when to trust the
neighbours, the seller's habits or the title alone. For the few best categories of a first mixture,
a boosted model sees what every view says about the candidate and how far it leads, and answers one
question: is this the category? Stacking (Wolpert 1992, "Stacked generalization") over candidates
(as in Prabhu et al. 2018, "Parabel", and the re-rankers of information retrieval), so its cost does
not grow with the number of categories.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier

from aisle.model.confidence import fit_weighted
from aisle.model.memory import KEYS
from aisle.model.views import COMPARED, MACHINES

CANDIDATES = 6  # categories that are weighed; the right one is among six in 19 of 20 products
_LEADING = (*MACHINES, *(f"like_{name}" for name in COMPARED))
_PLAIN = ("branch", *(f"nearest_{name}" for name in COMPARED))
FEATURES = (
    *(f"{name}{suffix}" for name in _LEADING for suffix in ("", "_lead")),
    *(f"{name}{suffix}" for name in _PLAIN for suffix in ("", "_behind")),
    *(f"{key}{suffix}" for key in KEYS for suffix in ("_share", "_known")),
    "support",  # log of 1 + training products
    "mixture_log_odds",
    "mixture_lead",  # log of its probability over the best other one
    "branch_mass",  # probability of its branch in the mixture
)
_SEEN_BEFORE = ("taken_for", "precision", "recall")  # how such answers turned out, out of fold
SIGNAL_NAMES = (*FEATURES, *_SEEN_BEFORE)


@dataclass(frozen=True)
class Evidence:
    """What is known of the candidates of n products, before they are weighed.

    Attributes
    ----------
    best : array of int, shape (n, a), categories of the mixture, best first
    mixture : array of shape (n, a), their probabilities in it
    features : array of shape (n, candidates, len(FEATURES)), float32
    branch_mass : array of shape (n, B), the mixture by branch
    titles : array of shape (n, 2), share of unseen words, and log of 1 + number of words
    """

    best: NDArray[np.intp]
    mixture: NDArray[np.float64]
    features: NDArray[np.float32]
    branch_mass: NDArray[np.float64]
    titles: NDArray[np.float64]

    @property
    def candidates(self) -> NDArray[np.intp]:
        """Categories that are weighed, shape (n, candidates)."""
        return self.best[:, : self.features.shape[1]]

    def only(self, rows: NDArray[Any]) -> Evidence:
        """Of these rows alone."""
        return Evidence(*(getattr(self, one.name)[rows] for one in fields(Evidence)))


def features_of(
    said: dict[str, NDArray[np.float32]],
    candidates: NDArray[np.intp],
    mixture: NDArray[np.float64],
    support: NDArray[np.intp],
    branch_share: NDArray[np.float64],
) -> NDArray[np.float32]:
    """The columns `FEATURES` of each candidate, shape (n, candidates, len(FEATURES)).

    Parameters
    ----------
    said : opinions of the views, arrays of shape (n, K)
    candidates : array of int, shape (n, candidates)
    mixture, branch_share : arrays of shape (n, candidates)
        Probability of each, and of its branch.
    support : array of shape (K,)
    """
    shape = candidates.shape
    columns: dict[str, NDArray[Any]] = {}
    for name in _LEADING:
        own = _of(said, name, candidates)
        columns |= {name: own, f"{name}_lead": own - _best_other(said, name, own)}
    for name in _PLAIN:
        own = _of(said, name, candidates)
        top = said[name].max(axis=1, keepdims=True) if name in said else 0.0
        columns |= {name: own, f"{name}_behind": own - top}
    for key in KEYS:
        total = said[key].sum(axis=1, keepdims=True)
        columns[f"{key}_share"] = _of(said, key, candidates) / (total + 1)
        columns[f"{key}_known"] = np.broadcast_to(np.log1p(total), shape)
    logs = np.log(np.clip(mixture, 1e-9, 1 - 1e-9))
    second_best = np.sort(logs, axis=1)[:, -2:-1] if shape[1] > 1 else logs
    columns |= {
        "support": np.log1p(support[candidates]),
        "mixture_log_odds": logs - np.log1p(-np.exp(logs)),
        "mixture_lead": logs - np.where(logs >= logs.max(axis=1, keepdims=True), second_best, logs[:, :1]),
        "branch_mass": branch_share,
    }
    return np.stack([np.asarray(columns[name], dtype=np.float32) for name in FEATURES], axis=2)


def _of(said: dict[str, NDArray[np.float32]], name: str, candidates: NDArray[np.intp]) -> NDArray[np.float32]:
    """One view's opinion of the candidates; 0 where there is no such view."""
    if name not in said:
        return np.zeros(candidates.shape, dtype=np.float32)
    return np.take_along_axis(said[name], candidates, axis=1)


def _best_other(said: dict[str, NDArray[np.float32]], name: str, own: NDArray[np.float32]) -> NDArray[np.float32]:
    """The greatest opinion of this view about any other category, shape of `own`."""
    if name not in said or said[name].shape[1] < 2:
        return np.zeros_like(own)
    two = np.partition(said[name], -2, axis=1)[:, -2:]
    return np.where(own >= two[:, 1:], two[:, :1], two[:, 1:])


class Reranker(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """P(this candidate is the category), for each candidate on its own.

    Parameters
    ----------
    seed : int

    Attributes
    ----------
    confusion_ : sparse matrix of shape (K, K)
        Out-of-fold products by first category of the mixture (row) and label (column).
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(
        self,
        evidence: Evidence,
        codes: NDArray[np.intp],
        weight: NDArray[np.float64],
        fold: NDArray[Any],
        categories: int,
    ) -> Self:
        """Learn from out-of-fold evidence of n products with labels `codes`.

        Parameters
        ----------
        weight, fold : arrays of shape (n,)
            The features on how answers turned out are made, for a row, from the other folds.
        categories : int
            K.
        """
        first = evidence.best[:, 0]
        self.confusion_ = _confusion(first, codes, categories)
        columns = np.empty((len(codes), evidence.candidates.shape[1], len(SIGNAL_NAMES)), dtype=np.float32)
        for one in np.unique(fold):
            rows = fold == one
            others = self.confusion_ - _confusion(first[rows], codes[rows], categories)
            columns[rows] = _with_history(evidence.only(rows), sparse.csr_matrix(others))
        right = evidence.candidates == codes[:, None]
        self.model_ = HistGradientBoostingClassifier(
            learning_rate=0.07,
            max_iter=120,
            max_leaf_nodes=63,
            min_samples_leaf=100,
            max_features=0.3,
            l2_regularization=5.0,
            early_stopping=False,
            random_state=self.seed,
        )
        flat = columns.reshape(-1, columns.shape[2])
        fit_weighted(self.model_, flat, right.ravel(), np.repeat(weight, right.shape[1]))
        return self

    def signals(self, evidence: Evidence) -> NDArray[np.float32]:
        """All that is known of each candidate, shape (n, candidates, len(SIGNAL_NAMES))."""
        return _with_history(evidence, self.confusion_)

    def probability(self, signals: NDArray[np.float32]) -> NDArray[np.float64]:
        """P(candidate is the category), shape (n, candidates), each in (0, 1); a row need not add up to one."""
        if not len(self.model_.classes_) > 1:
            return np.full(signals.shape[:2], 0.5)
        right = self.model_.predict_proba(signals.reshape(-1, signals.shape[2]))[:, 1]
        return np.asarray(np.clip(right, 1e-6, 1 - 1e-6).reshape(signals.shape[:2]))


def _confusion(first: NDArray[np.intp], codes: NDArray[np.intp], categories: int) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(first)), (first, codes)), shape=(categories, categories))


def _with_history(evidence: Evidence, confusion: sparse.csr_matrix) -> NDArray[np.float32]:
    """`features` with, beside them, how answers turned out: shares with a prior of about one product."""
    candidates = evidence.candidates
    first = np.broadcast_to(evidence.best[:, :1], candidates.shape)
    answered = np.asarray(confusion.sum(axis=1)).ravel()
    labelled = np.asarray(confusion.sum(axis=0)).ravel()
    right = confusion.diagonal()[candidates]
    met = np.zeros(candidates.shape)
    if met.size:  # scipy answers no places with one of no shape
        met = np.asarray(confusion[first.ravel(), candidates.ravel()]).reshape(candidates.shape)
    history = {
        "taken_for": (met + 0.5 * (candidates == first)) / (answered[first] + 1.5),
        "precision": (right + 0.8) / (answered[candidates] + 1),
        "recall": (right + 0.8) / (labelled[candidates] + 1),
    }
    added = np.stack([history[name] for name in _SEEN_BEFORE], axis=2)
    return np.concatenate([evidence.features, added.astype(np.float32)], axis=2)
