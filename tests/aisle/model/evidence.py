"""Evidence drawn at random, without a model behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.model.memory import KEYS
from aisle.model.reranker import CANDIDATES, FEATURES, SIGNAL_NAMES, Evidence
from aisle.model.scores import Known, best_columns, sum_by


def known(categories: int, branches: int) -> Known:
    """Categories c00, c01, … of a few branches."""
    branches = min(branches, categories)
    return Known(
        np.array([f"c{category:02}" for category in range(categories)]),
        np.arange(1, categories + 1),
        np.arange(categories) % branches,
        branches,
    )


def drawn(rows: int, categories: int, seed: int = 0, branches: int = 3) -> Evidence:
    """Evidence of `rows` products, with features that say nothing."""
    random = np.random.default_rng(seed)
    mixture = random.dirichlet(np.full(categories, 0.5), rows)
    best = best_columns(mixture)
    candidates = min(CANDIDATES, categories)
    about = known(categories, branches)
    return Evidence(
        best,
        np.take_along_axis(mixture, best, axis=1),
        random.integers(-1, 2, (rows, candidates, len(FEATURES))).astype(np.float32),
        sum_by(mixture, about.branch_index, about.branches),
        random.random((rows, 2)),
    )


class SetMixture:
    """Stands for `Views`: the mixture of each product is as set; products are named by their row."""

    def __init__(self, mixture: NDArray[np.float64], classes: Sequence[str] | NDArray[np.str_]) -> None:
        self.table, self.classes_, self.text_ = mixture, np.asarray(classes), self

    def opinions(self, products: pd.DataFrame, features: None = None) -> dict[str, NDArray[np.float32]]:
        """Memories without a memory; all other views are missing."""
        return {key: np.zeros((len(products), self.table.shape[1]), dtype=np.float32) for key in KEYS}

    def mixture(self, said: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """As set."""
        rows = len(next(iter(said.values())))
        return np.array(self.table[:rows])

    def unseen_share(self, products: pd.DataFrame) -> NDArray[np.float64]:
        """Nothing is new."""
        return np.zeros(len(products))


class SetAnswers:
    """Stands for `Reranker`: P(candidate is the category) is as set, for candidates from the best on."""

    def __init__(self, alone: NDArray[np.float64]) -> None:
        self.alone = alone

    def signals(self, evidence: Evidence) -> NDArray[np.float32]:
        """All nought."""
        return np.zeros((*evidence.candidates.shape, len(SIGNAL_NAMES)), dtype=np.float32)

    def probability(self, signals: NDArray[np.float32]) -> NDArray[np.float64]:
        """As set."""
        return self.alone[: signals.shape[0], : signals.shape[1]]
