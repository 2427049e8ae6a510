"""The methods that are compared: each learns from labelled products and names a category and its confidence."""

from __future__ import annotations

import re
import tempfile
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.config import Parameters
from aisle.model.candidates import make_candidate
from aisle.model.categorizer import Categorizer
from aisle.model.text import field
from benchmarks.catalogues import SHIPPED

DESCRIPTION_CHARACTERS = 500  # descriptions are cut here by the peer that reads them
SHARPNESS = 4.0  # softmax of this many times the margins

_TOKEN = re.compile(r"\w+|[^\w\s]")

Answers = tuple[NDArray[np.str_], NDArray[np.float64]]  # top category and its confidence, shape (n,) each


class Method(ABC):
    """Fitted once on a prepared frame (columns category_id, weight and fold beside the product's own)."""

    @abstractmethod
    def fit(self, train: pd.DataFrame) -> Self:
        """Learn from the labelled products of `train`."""

    @abstractmethod
    def answer(self, products: pd.DataFrame) -> Answers:
        """The top category of each product, and how sure the method is of it, in [0, 1]."""


class OnText(Method):
    """Features of texts, and a scikit-learn classifier on them.

    Parameters
    ----------
    features : transformer from a list of texts to a matrix
    classifier : scikit-learn classifier with `predict_proba`, or with `decision_function` alone
    """

    def __init__(self, features: Any, classifier: Any) -> None:
        self.features = features
        self.classifier = classifier

    def fit(self, train: pd.DataFrame) -> Self:
        """Learn from titles."""
        return self.fit_texts(field(train, "title"), train["category_id"].to_numpy(dtype=str))

    def fit_texts(self, texts: Sequence[str], categories: NDArray[np.str_]) -> Self:
        """Learn from texts and their categories."""
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the network's epochs are meant to be few
            self.classifier.fit(self.features.fit_transform(texts), categories)
        return self

    def answer(self, products: pd.DataFrame) -> Answers:
        """The category of the greatest probability or margin."""
        return self.answer_texts(field(products, "title"))

    def answer_texts(self, texts: Sequence[str]) -> Answers:
        """The same for bare texts."""
        return best_of(self.classifier, self.features.transform(texts))


def best_of(classifier: Any, features: Any) -> Answers:
    """Top category and its probability; of a classifier without probabilities, the softmax of its margins."""
    if hasattr(classifier, "predict_proba"):
        probability = classifier.predict_proba(features)
    else:
        margins = classifier.decision_function(features)
        if margins.ndim == 1:  # two categories
            margins = np.column_stack([-margins, margins])
        probability = np.exp(SHARPNESS * (margins - margins.max(axis=1, keepdims=True)))
        probability /= probability.sum(axis=1, keepdims=True)
    return np.asarray(classifier.classes_[probability.argmax(axis=1)], dtype=str), probability.max(axis=1)


def hashed_network() -> OnText:
    """Words hashed to 1,024 features, a network of one hidden layer."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier(hidden_layer_sizes=(256,), max_iter=30, random_state=0)
    return OnText(HashingVectorizer(n_features=1024, alternate_sign=False), network)


def logistic_regression() -> OnText:
    """TF-IDF of words, multinomial logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    return OnText(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=30.0, max_iter=300))


def naive_bayes() -> OnText:
    """TF-IDF of words, complement naive Bayes."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import ComplementNB

    return OnText(TfidfVectorizer(sublinear_tf=True), ComplementNB(alpha=0.3))


def linear_titles() -> OnText:
    """TF-IDF of words and characters of the title, linear SVM."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    characters = TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5), max_features=200_000)
    return OnText(make_union(words, characters), LinearSVC(C=0.5))


class LinearFields(Method):
    """TF-IDF of title (words, characters), description and breadcrumb (words), side by side; linear SVM."""

    def fit(self, train: pd.DataFrame) -> Self:
        """Learn from all fields that hold any text."""
        from scipy.sparse import hstack
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.svm import LinearSVC

        self.parts: list[tuple[str, Any]] = [
            ("title", linear_titles().features),
            ("description", TfidfVectorizer(sublinear_tf=True)),
            ("seller_category", TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))),
        ]
        self.parts = [(name, made) for name, made in self.parts if any(_texts(train, name))]
        features = hstack([made.fit_transform(_texts(train, name)) for name, made in self.parts], format="csr")
        self.machine = LinearSVC(C=0.5).fit(features, train["category_id"].to_numpy(dtype=str))
        return self

    def answer(self, products: pd.DataFrame) -> Answers:
        """The category of the greatest margin."""
        from scipy.sparse import hstack

        return best_of(
            self.machine, hstack([made.transform(_texts(products, name)) for name, made in self.parts], format="csr")
        )


def _texts(products: pd.DataFrame, name: str) -> list[str]:
    return [text[:DESCRIPTION_CHARACTERS] if name == "description" else text for text in field(products, name)]


class FastText(Method):
    """fastText (Joulin, Grave, Bojanowski & Mikolov 2017): 50 epochs, word bigrams, characters 2 to 5.

    On one thread, for its threads write over each other and no two runs would be the same.
    """

    def __init__(self, rate: float = 0.5) -> None:
        self.rate = rate

    def fit(self, train: pd.DataFrame) -> Self:
        """Learn from titles, written to a file as the library asks for."""
        import fasttext

        self.categories, codes = np.unique(train["category_id"].to_numpy(dtype=str), return_inverse=True)
        lines = [
            f"__label__{code} {text}" for code, text in zip(codes, map(_spaced, field(train, "title")), strict=True)
        ]
        np.random.default_rng(0).shuffle(lines)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "train.txt"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            self.machine = fasttext.train_supervised(
                str(path), lr=self.rate, epoch=50, wordNgrams=2, minn=2, maxn=5, thread=1, seed=0, verbose=0
            )
        return self

    def answer(self, products: pd.DataFrame) -> Answers:
        """The category of the greatest probability."""
        labels, probability = self.machine.predict([_spaced(title) for title in field(products, "title")])
        codes = [int(one[0].removeprefix("__label__")) if len(one) else 0 for one in labels]
        sure = np.array([float(one[0]) if len(one) else 0.0 for one in probability])
        return self.categories[codes], np.minimum(sure, 1.0)


def _spaced(text: str) -> str:
    """Small letters, with white space around every mark, as fastText's authors prepare text."""
    return " ".join(_TOKEN.findall(text.lower()))


class Aisle(Method):
    """This project, all fields, as `params.yaml` ships it."""

    def __init__(self, parameters: Parameters, branch_of: Mapping[str, str]) -> None:
        self.categorizer = aisle_as_shipped(parameters, branch_of)

    def fit(self, train: pd.DataFrame) -> Self:
        """Learn as the graph's stage `train` does; `out_of_fold` are the scores of the training rows."""
        self.out_of_fold = self.categorizer.cross_fit(train, train["category_id"], train["weight"], train["fold"])
        return self

    def answer(self, products: pd.DataFrame) -> Answers:
        """The top category and Aisle's confidence in it."""
        scores = self.categorizer.score_frame(products)
        return scores["category_id"].to_numpy(dtype=str), scores["confidence"].to_numpy(dtype=np.float64)


def aisle_as_shipped(parameters: Parameters, branch_of: Mapping[str, str]) -> Categorizer:
    """The categorizer that a run with `parameters` would promote, not yet fitted."""
    return make_candidate(
        SHIPPED,
        parameters.candidates.get(SHIPPED, {}),
        branch_of,
        copies_of_rare=parameters.train.copies_of_rare,
        jobs=2,
    )


AISLE = "aisle"
REFERENCE = "linear_titles"  # the peer that Aisle's fit time is compared with

# By the name that stands in ids: what it is called for people, and its maker.
PEERS: dict[str, tuple[str, Callable[[], Method]]] = {
    "linear_titles": ("linear SVM, words + characters of titles", linear_titles),
    "hashed_network": ("words hashed to 1,024 + network", hashed_network),
    "logistic_regression": ("TF-IDF words + logistic regression", logistic_regression),
    "naive_bayes": ("TF-IDF words + complement naive Bayes", naive_bayes),
    "fasttext": ("fastText", FastText),
    "linear_fields": ("linear SVM, all fields", LinearFields),
}
