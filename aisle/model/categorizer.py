"""The assembled estimator: products in, categories and an honest confidence out."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from aisle.errors import DataError, ModelError
from aisle.files import replacing
from aisle.model.confidence import (
    SIGNALS,
    Calibration,
    Confidence,
    at_temperature,
    fit_temperature,
    log_odds,
    rising_signals,
)
from aisle.model.text import field, words

ALTERNATIVES = 10  # categories kept for each product, best first
_BATCH = 1000
_TEMPERATURE_ROWS = 3000


@dataclass(frozen=True)
class _Scores:
    """What is kept of the probabilities of n products."""

    best: NDArray[np.intp]  # (n, ALTERNATIVES) columns of classes_, best first
    probability: NDArray[np.float64]  # (n, ALTERNATIVES)
    branch: NDArray[np.intp]  # (n,) branch of the greatest summed probability
    branch_probability: NDArray[np.float64]  # (n,)
    signals: NDArray[np.float64]  # (n, len(SIGNALS))


class Categorizer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A category for each product, a probability for every category, and a confidence.

    Parameters
    ----------
    classifier : scikit-learn pipeline
        Its first step turns a frame of products into features (`ProductText`), its last has
        `predict_proba` and takes `sample_weight`.
    branch_of : dict of category id to branch id
    copies_of_rare : int
        A category with fewer training products counts as if each were repeated until there are
        this many; done by weights, which to all our classifiers is the same.
    folds : int
        Used where `fit` is not given a fold for each row.
    seed : int
    jobs : int
        Processes that fit folds at the same time.

    Attributes
    ----------
    classes_ : array of str, shape (K,)
    branches_ : array of str, shape (B,)
    support_ : array of int, shape (K,)
        Training products a category.
    classifier_ : the classifier fitted on all rows
    temperature_ : float
    confidence_, calibration_ : fitted on cross-fitted scores of the training rows

    Notes
    -----
    Cannot pass scikit-learn's estimator checks: X is a frame of texts, never a numeric array.
    """

    def __init__(
        self,
        classifier: Any,
        branch_of: dict[str, str],
        copies_of_rare: int = 1,
        folds: int = 3,
        seed: int = 0,
        jobs: int = 1,
    ) -> None:
        self.classifier = classifier
        self.branch_of = branch_of
        self.copies_of_rare = copies_of_rare
        self.folds = folds
        self.seed = seed
        self.jobs = jobs

    def fit(
        self,
        products: pd.DataFrame,
        categories: ArrayLike,
        sample_weight: ArrayLike | None = None,
        fold: ArrayLike | None = None,
    ) -> Self:
        """Fit on `products` and their `categories`; see `cross_fit`."""
        self.cross_fit(products, categories, sample_weight, fold)
        return self

    def cross_fit(
        self,
        products: pd.DataFrame,
        categories: ArrayLike,
        sample_weight: ArrayLike | None = None,
        fold: ArrayLike | None = None,
    ) -> pd.DataFrame:
        """Fit, and give the training rows' out-of-fold scores: each by models that never saw its fold.

        Parameters
        ----------
        products : frame of n rows
        categories : array-like of str, shape (n,)
        sample_weight : array-like of shape (n,), positive, optional
        fold : array-like of int, shape (n,), optional
            The same products and near-twins must share a fold. Random where not given.

        Returns
        -------
        score frame of n rows, in the order of `products`, category ids of this categorizer

        Raises
        ------
        DataError
            For fewer than two categories, or folds that leave fewer than two to train on.
        """
        categories = np.asarray(categories, dtype=str)
        weight = np.ones(len(categories)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if fold is None:
            fold = np.random.default_rng(self.seed).permutation(len(categories)) % self.folds
        fold = np.asarray(fold)
        self.classes_, codes, self.support_ = np.unique(categories, return_inverse=True, return_counts=True)
        if len(self.classes_) < 2:
            raise DataError(f"training rows hold one category only ({self.classes_[0]}); there is nothing to tell apart")
        self.branches_, self.branch_index_ = np.unique(
            [self.branch_of.get(category, category) for category in self.classes_], return_inverse=True
        )
        folds = [one for one in np.unique(fold) if len(np.unique(codes[fold != one])) >= 2]
        if len(folds) < 2:
            raise DataError("the training rows lie in fewer than two usable folds; more products or more folds are needed")
        all_rows = np.ones(len(codes), dtype=bool)
        fitted = self._fitted_on([*(fold != one for one in folds), all_rows], products, categories, codes, weight)
        self.classifier_ = fitted.pop()
        temperatures = []
        held_out: list[tuple[NDArray[np.bool_], _Scores]] = []
        for one, classifier in zip(folds, fitted, strict=True):
            rows = fold == one
            temperatures.append(self._temperature(classifier, products[rows], codes[rows]))
            held_out.append((rows, self._score(classifier, products[rows], temperatures[-1])))
        self.temperature_ = float(np.exp(np.mean(np.log(temperatures))))
        scores = _assembled(held_out, len(codes))
        confidence = self._fit_confidence(scores, scores.best[:, 0] == codes, weight, fold)
        return self._frame(products, scores, confidence)

    def predict_proba(self, products: pd.DataFrame) -> NDArray[np.float64]:
        """A probability for every category, shape (n, K), columns as in `classes_`."""
        check_is_fitted(self, "calibration_")
        return at_temperature(_aligned(self.classifier_, products, self.classes_), self.temperature_)

    def predict(self, products: pd.DataFrame) -> NDArray[np.str_]:
        """The top category of each product, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(products).argmax(axis=1)])

    def predict_confidence(self, products: pd.DataFrame) -> NDArray[np.float64]:
        """P(top category is right), shape (n,)."""
        return self.score_frame(products)["confidence"].to_numpy()

    def score_frame(self, products: pd.DataFrame) -> pd.DataFrame:
        """Category, confidence, branch and alternatives of each product, in the order given.

        Columns: product_id, category_id, confidence, branch_id, branch_probability,
        top_categories and top_probabilities (lists, best first).
        """
        check_is_fitted(self, "calibration_")
        scores = self._score(self.classifier_, products, self.temperature_)
        return self._frame(products, scores, self._confidence(scores.signals))

    def score_held_out(
        self, products: pd.DataFrame, categories: ArrayLike, sample_weight: ArrayLike | None, fold: ArrayLike
    ) -> pd.DataFrame:
        """Score frames of rows by classifiers that never saw their fold, with this categorizer's confidence.

        For trials with folds of another kind, such as sellers or categories. Rows of fold −1 are
        trained on and never scored; the result holds the others, in the order given.
        """
        check_is_fitted(self, "calibration_")
        categories = np.asarray(categories, dtype=str)
        weight = np.ones(len(categories)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        fold = np.asarray(fold)
        folds = [one for one in np.unique(fold) if one >= 0]
        codes = np.searchsorted(self.classes_, categories)
        fitted = self._fitted_on([fold != one for one in folds], products, categories, codes, weight)
        frames = []
        for one, classifier in zip(folds, fitted, strict=True):
            scores = self._score(classifier, products[fold == one], self.temperature_)
            frames.append(self._frame(products[fold == one], scores, self._confidence(scores.signals)))
        if not frames:
            return self.score_frame(products.head(0))
        order = np.argsort(np.concatenate([np.flatnonzero(fold == one) for one in folds]))
        return pd.concat(frames, ignore_index=True).iloc[order].reset_index(drop=True)

    def _fitted_on(
        self,
        parts: list[NDArray[np.bool_]],
        products: pd.DataFrame,
        categories: NDArray[np.str_],
        codes: NDArray[np.intp],
        weight: NDArray[np.float64],
    ) -> list[Any]:
        """A classifier for each of `parts` (masks of rows), `jobs` of them at a time."""
        fitted: list[Any] = Parallel(n_jobs=self.jobs)(
            delayed(_fit_classifier)(self.classifier, products[rows], categories[rows], self._balanced(codes, weight, rows))
            for rows in parts
        )
        return fitted

    def _balanced(
        self, codes: NDArray[np.intp], weight: NDArray[np.float64], rows: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Weights of the chosen rows, with rare categories counted as if repeated."""
        counts = np.bincount(codes[rows], minlength=len(self.classes_))
        copies = np.maximum(1.0, self.copies_of_rare / np.maximum(counts, 1))
        return np.asarray(weight[rows] * copies[codes[rows]])

    def _temperature(self, classifier: Any, products: pd.DataFrame, codes: NDArray[np.intp]) -> float:
        some = np.random.default_rng(self.seed).permutation(len(products))[:_TEMPERATURE_ROWS]
        return fit_temperature(_aligned(classifier, products.iloc[some], self.classes_), codes[some])

    def _score(self, classifier: Any, products: pd.DataFrame, temperature: float) -> _Scores:
        """Scores in batches: the probabilities of all categories are never held for all products."""
        if products.empty:
            kept = min(ALTERNATIVES, len(self.classes_))
            none = np.empty(0, dtype=np.intp)
            return _Scores(none.reshape(0, kept), np.empty((0, kept)), none, np.empty(0), np.empty((0, len(SIGNALS))))
        parts = []
        for batch in _batches(products):
            probability = at_temperature(_aligned(classifier, batch, self.classes_), temperature)
            parts.append(self._summary(classifier, batch, probability))
        return _Scores(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _summary(
        self, classifier: Any, products: pd.DataFrame, probability: NDArray[np.float64]
    ) -> tuple[NDArray[Any], ...]:
        kept = min(ALTERNATIVES, probability.shape[1])
        best = np.argpartition(-probability, kept - 1, axis=1)[:, :kept]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(probability, best, 1), axis=1, kind="stable"), 1)
        top = np.take_along_axis(probability, best, 1)
        by_branch = _sum_by(probability, self.branch_index_, len(self.branches_))
        branch = by_branch.argmax(axis=1)
        branch_probability = by_branch.max(axis=1)
        title_words = np.array([len(words(title)) for title in field(products, "title")])
        signals = np.column_stack(
            [
                log_odds(top[:, 0]),
                np.log(np.clip(top[:, 0], 1e-12, None)) - np.log(np.clip(top[:, 1], 1e-12, None)),
                -(probability * np.log(np.clip(probability, 1e-12, None))).sum(axis=1),
                log_odds(branch_probability),
                np.log1p(self.support_[best[:, 0]]),
                classifier[0].unseen_share(products),
                np.log1p(title_words),
                self.branch_index_[best[:, 0]] == self.branch_index_[best[:, 1]],
            ]
        )
        assert signals.shape[1] == len(SIGNALS)
        return best, top, branch, branch_probability, signals

    def _fit_confidence(
        self, scores: _Scores, right: NDArray[np.bool_], weight: NDArray[np.float64], fold: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Fit confidence and calibration; give the out-of-fold confidences of the rows."""
        make = Confidence(rising_signals(), self.seed)
        raw = np.empty(len(right))
        for one in np.unique(fold):
            rows = fold != one
            model = clone(make).fit(scores.signals[rows], right[rows].astype(int), sample_weight=weight[rows])
            raw[~rows] = _right_share(model, scores.signals[~rows])
        self.calibration_ = Calibration.fitted(raw, right, weight)
        self.confidence_ = make.fit(scores.signals, right.astype(int), sample_weight=weight)
        return self.calibration_(raw)

    def _confidence(self, signals: NDArray[np.float64]) -> NDArray[np.float64]:
        if not len(signals):
            return np.empty(0)
        return self.calibration_(_right_share(self.confidence_, signals))

    def _frame(self, products: pd.DataFrame, scores: _Scores, confidence: NDArray[np.float64]) -> pd.DataFrame:
        top_categories = self.classes_[scores.best]
        return pd.DataFrame(
            {
                "product_id": products["product_id"].to_numpy()
                if "product_id" in products.columns
                else [str(row) for row in range(len(products))],
                "category_id": top_categories[:, 0].astype(object),
                "confidence": confidence,
                "branch_id": self.branches_[scores.branch].astype(object),
                "branch_probability": np.minimum(scores.branch_probability, 1.0),
                "top_categories": pd.Series(top_categories.tolist(), dtype=object),
                "top_probabilities": pd.Series(scores.probability.tolist(), dtype=object),
            }
        )


def _fit_classifier(classifier: Any, products: pd.DataFrame, categories: NDArray[Any], weight: NDArray[Any]) -> Any:
    last = classifier.steps[-1][0]
    return clone(classifier).fit(products, categories, **{f"{last}__sample_weight": weight})


def _aligned(classifier: Any, products: pd.DataFrame, classes: NDArray[np.str_]) -> NDArray[np.float64]:
    """Probabilities in the columns of `classes`; 0 for those that this classifier never saw."""
    probability = classifier.predict_proba(products)
    if len(classifier.classes_) == len(classes):
        return np.asarray(probability, dtype=np.float64)
    aligned = np.zeros((len(products), len(classes)))
    aligned[:, np.searchsorted(classes, classifier.classes_)] = probability
    return aligned


def _batches(products: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(products), _BATCH):
        yield products.iloc[start : start + _BATCH]


def _sum_by(values: NDArray[np.float64], group: NDArray[np.intp], groups: int) -> NDArray[np.float64]:
    """Columns of `values` summed by `group`, shape (n, groups)."""
    membership = np.zeros((values.shape[1], groups))
    membership[np.arange(values.shape[1]), group] = 1.0
    return np.asarray(values @ membership)


def _assembled(parts: list[tuple[NDArray[np.bool_], _Scores]], rows: int) -> _Scores:
    """Scores of the folds, put back into the order of the rows."""
    order = np.concatenate([np.flatnonzero(where) for where, _ in parts])
    if len(order) != rows:
        raise DataError("some training rows lie in a fold that cannot be cross-fitted; use fewer folds or more products")
    back = np.argsort(order)
    columns = zip(*(vars(scores).values() for _, scores in parts), strict=True)
    return _Scores(*(np.concatenate(column)[back] for column in columns))


def _right_share(model: Confidence, signals: NDArray[np.float64]) -> NDArray[np.float64]:
    probability = model.predict_proba(signals)
    if len(model.classes_) == 1:  # all rows were right, or all wrong
        return np.full(len(signals), model.prior_ if model.classes_[0] == 1 else 1 - model.prior_)
    return np.asarray(probability[:, 1])


def save(categorizer: Categorizer, path: Path | str) -> None:
    """Write a fitted categorizer with skops (no pickle), atomically; equal models give equal files."""
    from skops.io import dump

    with replacing(path) as temporary:
        dump(categorizer, temporary, compression=zipfile.ZIP_DEFLATED, compresslevel=6)


def load(path: Path | str) -> Categorizer:
    """Read what `save` wrote; nothing but the types named here is ever made.

    Raises
    ------
    ModelError
        For a file that is missing, damaged, or holds a type that is not ours.
    """
    from skops.io import load as load_trusted
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        categorizer = load_trusted(Path(path), trusted=TRUSTED_TYPES)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: there is no model; run `dvc repro`") from error
    except UntrustedTypesFoundException as error:
        raise ModelError(f"{path}: holds types that Aisle does not write, so it is not loaded ({error})") from error
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise ModelError(f"{path}: damaged, or not a model of Aisle; run `dvc repro` to make it again") from error
    if not isinstance(categorizer, Categorizer):
        raise ModelError(f"{path}: holds a {type(categorizer).__name__}, not a categorizer")
    return categorizer


TRUSTED_TYPES = [
    "aisle.model.categorizer.Categorizer",
    "aisle.model.classifiers.FixedEpochs",
    "aisle.model.classifiers.SparseLinear",
    "aisle.model.classifiers.TreeClassifier",
    "aisle.model.confidence.Calibration",
    "aisle.model.confidence.Confidence",
    "aisle.model.text.HashedWords",
    "aisle.model.text.ProductText",
    "aisle.model.text._Vectorizer",
    "scipy.sparse._csr.csr_matrix",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
]
