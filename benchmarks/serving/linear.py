"""The fixed model that all servers serve: TF-IDF of words, linear machine; and what our service asks of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.catalogue.columns import Products
from aisle.model.scores import Scores, best_columns, sum_by
from aisle.model.suggestions import Suggestions, suggestions_of

FILE = "linear.skops"


def write_linear(titles: list[str], categories: list[str], folder: Path) -> None:
    """Fit the model and write it with skops."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline
    from skops.io import dump

    pipeline = make_pipeline(TfidfVectorizer(), SGDClassifier(loss="log_loss", alpha=1e-6, random_state=0))
    pipeline.fit(titles, categories)
    words = pipeline[0]
    words.vocabulary_ = {word: int(column) for word, column in words.vocabulary_.items()}
    dump(pipeline, folder / FILE)


def read_linear(folder: Path) -> Any:
    """The pipeline, as scikit-learn made it: titles in, probabilities out."""
    from skops.io import load

    return load(folder / FILE, trusted=[])


class LinearModel:
    """The pipeline as our service asks a model: its greatest probability is the confidence."""

    def __init__(self, pipeline: Any, branch_of: dict[str, str]) -> None:
        self.pipeline = pipeline
        self.classes_: NDArray[np.str_] = pipeline.classes_
        self.branches_, self.branch_index_ = np.unique([branch_of[one] for one in self.classes_], return_inverse=True)

    def predict_proba(self, products: Products) -> NDArray[np.float64]:
        """A probability for every category, shape (n, K)."""
        return np.asarray(self.pipeline.predict_proba(products["title"].tolist()))

    def suggest(self, products: Products) -> Suggestions:
        """Category, confidence, branch and alternatives."""
        probability = self.predict_proba(products)
        best = best_columns(probability)
        top = np.take_along_axis(probability, best, axis=1)
        by_branch = sum_by(probability, self.branch_index_, len(self.branches_))
        sure = by_branch.max(axis=1)
        scores = Scores(best, top, by_branch.argmax(axis=1), sure, np.empty((len(best), 0)))
        return suggestions_of(scores, self.classes_, self.branches_, top[:, 0], sure)
