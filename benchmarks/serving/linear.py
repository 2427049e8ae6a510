"""The fixed model that all servers serve: TF-IDF of words, linear machine; and what our service asks of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.catalogue.columns import Products
from aisle.catalogue.taxonomy import Taxonomy, read_taxonomy
from aisle.decision.policy import Policy
from aisle.model.scores import Scores
from aisle.model.suggestions import Suggestions, suggestions_of

FILE = "linear.skops"
_EXPECTED = ("coverage", "coverage_low", "coverage_high", "accuracy", "accuracy_low", "accuracy_high", "rows")


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


def model_and_policy(folder: Path, tree: Path) -> tuple[LinearModel, Policy, Taxonomy]:
    """The model of `folder`, a policy that decides from .8 on, and the tree."""
    taxonomy = read_taxonomy(tree)
    branch_of = {leaf: taxonomy.branch_of(leaf) for leaf in taxonomy.leaves}
    policy = Policy("target_accuracy", 0.9, 0.95, None, 0.8, expected=dict.fromkeys(_EXPECTED))
    return LinearModel(read_linear(folder), branch_of), policy, taxonomy


class LinearModel:
    """The pipeline as our service asks a model; it says no more than the other servers do."""

    def __init__(self, pipeline: Any, branch_of: dict[str, str]) -> None:
        self.pipeline = pipeline
        self.classes_: NDArray[np.str_] = pipeline.classes_
        self.branches_, self.branch_index_ = np.unique([branch_of[one] for one in self.classes_], return_inverse=True)

    def predict_proba(self, products: Products) -> NDArray[np.float64]:
        """A probability for every category, shape (n, K)."""
        return np.asarray(self.pipeline.predict_proba(products["title"].tolist()))

    def suggest(self, products: Products) -> Suggestions:
        """The category of the greatest probability, which is the confidence, and its branch."""
        probability = self.predict_proba(products)
        best = probability.argmax(axis=1)
        sure = probability[np.arange(len(best)), best]
        branch = self.branch_index_[best]
        scores = Scores(best[:, None], sure[:, None], branch, sure, np.empty((len(best), 0)))
        return suggestions_of(scores, self.classes_, self.branches_, sure, sure)
