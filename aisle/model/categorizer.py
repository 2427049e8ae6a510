"""The assembled estimator: products in, categories and an honest confidence out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from aisle.catalogue.columns import Products
from aisle.errors import DataError
from aisle.model.confidence import Calibration, Confidence, at_temperature, cross_fitted
from aisle.model.fitting import fit_and, itself, judged
from aisle.model.reasons import typical_signals
from aisle.model.reranker import Evidence
from aisle.model.reranking import cross_fitted_scores, evidence_of, probabilities_by, scores_by
from aisle.model.scores import Known, Scores, aligned, assembled, scores_of
from aisle.model.suggestions import Suggestions, suggestions_of

if TYPE_CHECKING:
    import pandas as pd


class Categorizer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A category for each product, a probability for every category, and a confidence.

    Parameters
    ----------
    classifier : scikit-learn pipeline, or `Views`
        The first step of a pipeline turns a frame of products into features (`ProductText`), its
        last has `predict_proba` and takes `sample_weight`. With `Views`, a `Reranker` has the last word.
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
    reranker_ : Reranker, or None
    confidence_, calibration_ : fitted on cross-fitted scores of the training rows
    branch_confidence_, branch_calibration_ : the same for the branch
    typical_ : array of shape (m,)
        Median signals of right and sure out-of-fold answers: what `explain` compares with.

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
        categories, weight = _as_arrays(categories, sample_weight)
        if fold is None:
            fold = np.random.default_rng(self.seed).permutation(len(categories)) % self.folds
        fold = np.asarray(fold)
        self.classes_, codes, self.support_ = np.unique(categories, return_inverse=True, return_counts=True)
        self._require_folds(codes, fold)
        self.branches_, self.branch_index_ = np.unique(
            [self.branch_of.get(category, category) for category in self.classes_], return_inverse=True
        )
        masks = [fold == one for one in np.unique(fold)]
        # The longest first, so that no process waits for it at the end.
        self.classifier_, *held_out = self._fitted_on(
            [
                (np.ones(len(codes), dtype=bool), itself),
                *((~mask, partial(judged, products[mask], codes[mask], self._known, self.seed)) for mask in masks),
            ],
            products,
            categories,
            codes,
            weight,
        )
        self.temperature_, self.reranker_ = 1.0, None
        found = assembled([(mask, one) for mask, (one, _) in zip(masks, held_out, strict=True)])
        if isinstance(found, Evidence):
            self.reranker_, scores = cross_fitted_scores(found, codes, weight, fold, self._known, self.seed)
        else:
            scores = found
            self.temperature_ = float(np.exp(np.mean([np.log(temperature) for _, temperature in held_out])))
        right = scores.best[:, 0] == codes
        self.confidence_, self.calibration_, confidence = cross_fitted(scores.signals, right, weight, fold, self.seed)
        self.typical_ = typical_signals(scores.signals, right, confidence)
        branch_right = scores.branch == self.branch_index_[codes]
        self.branch_confidence_, self.branch_calibration_, branch_confidence = cross_fitted(
            scores.signals, branch_right, weight, fold, self.seed
        )
        return self._suggested(scores, confidence, branch_confidence).frame(products)

    def predict_proba(self, products: Products) -> NDArray[np.float64]:
        """A probability for every category, shape (n, K), columns as in `classes_`."""
        check_is_fitted(self, "calibration_")
        if self.reranker_ is not None:
            return probabilities_by(self.reranker_, self.classifier_, products, self._known)
        return at_temperature(aligned(self.classifier_, products, self.classes_), self.temperature_)

    def predict(self, products: Products) -> NDArray[np.str_]:
        """The top category of each product, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(products).argmax(axis=1)])

    def predict_confidence(self, products: Products) -> NDArray[np.float64]:
        """P(top category is right), shape (n,)."""
        return self.suggest(products).confidence

    def suggest(self, products: Products) -> Suggestions:
        """Category, confidence, branch and alternatives of n products; needs no pandas."""
        check_is_fitted(self, "calibration_")
        return self._suggested_by(self.classifier_, products)

    def score_frame(self, products: pd.DataFrame) -> pd.DataFrame:
        """Category, confidence, branch and alternatives of each product, in the order given.

        Columns: product_id, category_id, confidence, branch_id, branch_probability,
        branch_confidence (P(the branch is right)), top_categories and top_probabilities (lists, best first).
        """
        check_is_fitted(self, "calibration_")
        return self._scored_by(self.classifier_, products)

    def score_held_out(
        self, products: pd.DataFrame, categories: ArrayLike, sample_weight: ArrayLike | None, fold: ArrayLike
    ) -> pd.DataFrame:
        """Score frames of rows by classifiers that never saw their fold, with this categorizer's confidence.

        For trials with folds of another kind, such as sellers or categories. Rows of fold −1 are
        trained on and never scored; the result holds the others, in the order given.
        """
        check_is_fitted(self, "calibration_")
        categories, weight = _as_arrays(categories, sample_weight)
        masks = [np.asarray(fold) == one for one in np.unique(fold) if one >= 0]
        if not masks:
            return self.score_frame(products.head(0))
        codes = np.searchsorted(self.classes_, categories)
        scorer = copy.copy(self)
        scorer.classifier_ = None  # too large to send to other processes for nothing
        parts = [(~mask, partial(scorer._scored_by, products=products[mask])) for mask in masks]
        frames: list[pd.DataFrame] = self._fitted_on(parts, products, categories, codes, weight)
        order = np.argsort(np.concatenate([np.flatnonzero(mask) for mask in masks]))
        import pandas as pd

        return pd.concat(frames, ignore_index=True).iloc[order].reset_index(drop=True)

    def with_copies(
        self, copies_of_rare: int, products: pd.DataFrame, categories: ArrayLike, sample_weight: ArrayLike | None
    ) -> Categorizer:
        """A copy whose classifier was fitted again with other copies of rare categories.

        Its confidence stays that of this categorizer: enough to see what copies do to the answers,
        at a quarter of the price of a whole fit.
        """
        other = copy.copy(self)
        other.copies_of_rare = copies_of_rare
        return other.refit(products, categories, sample_weight)

    def refit(self, products: pd.DataFrame, categories: ArrayLike, sample_weight: ArrayLike | None) -> Self:
        """Fit the classifier that answers again, with other weights; what was learnt out of fold stays."""
        check_is_fitted(self, "calibration_")
        categories, weight = _as_arrays(categories, sample_weight)
        codes = np.searchsorted(self.classes_, categories)
        everything = [(np.ones(len(codes), dtype=bool), itself)]
        (self.classifier_,) = self._fitted_on(everything, products, categories, codes, weight)
        return self

    @property
    def _known(self) -> Known:
        return Known(self.classes_, self.support_, self.branch_index_, len(self.branches_))

    def _require_folds(self, codes: NDArray[np.intp], fold: NDArray[Any]) -> None:
        if len(self.classes_) < 2:
            raise DataError(
                f"the training rows hold one category only ({', '.join(self.classes_)}); "
                "there is nothing to tell apart: label products of other categories too"
            )
        if len(np.unique(fold)) < 2 or any(len(np.unique(codes[fold != one])) < 2 for one in np.unique(fold)):
            raise DataError(
                "without one fold the training rows hold fewer than two categories; "
                "label more products, or lower train.folds in params.yaml"
            )

    def _fitted_on(
        self,
        parts: Sequence[tuple[NDArray[Any], Callable[[Any], Any]]],
        products: pd.DataFrame,
        categories: NDArray[np.str_],
        codes: NDArray[np.intp],
        weight: NDArray[np.float64],
    ) -> list[Any]:
        """What is made of the classifier of each part (a mask of rows), `jobs` of them at a time.

        It is made where the classifier was fitted: a classifier is far larger than what it says.
        """
        made: list[Any] = Parallel(n_jobs=self.jobs)(
            delayed(fit_and)(
                then, self.classifier, products[rows], categories[rows], self._balanced(codes, weight, rows)
            )
            for rows, then in parts
        )
        return made

    def _balanced(
        self, codes: NDArray[np.intp], weight: NDArray[np.float64], rows: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Weights of the chosen rows, with rare categories counted as if repeated."""
        counts = np.bincount(codes[rows], minlength=len(self.classes_))
        copies = np.maximum(1.0, self.copies_of_rare / np.maximum(counts, 1))
        return np.asarray(weight[rows] * copies[codes[rows]])

    def _scored_by(self, classifier: Any, products: pd.DataFrame) -> pd.DataFrame:
        return self._suggested_by(classifier, products).frame(products)

    def _suggested_by(self, classifier: Any, products: Products) -> Suggestions:
        if self.reranker_ is not None:
            scores = scores_by(self.reranker_, evidence_of(classifier, products, self._known), self._known)
        else:
            scores = scores_of(classifier, products, self._known, self.temperature_)
        confidence = _sure(self.confidence_, self.calibration_, scores)
        branch_confidence = _sure(self.branch_confidence_, self.branch_calibration_, scores)
        return self._suggested(scores, confidence, branch_confidence)

    def _suggested(
        self, scores: Scores, confidence: NDArray[np.float64], branch_confidence: NDArray[np.float64]
    ) -> Suggestions:
        return suggestions_of(scores, self.classes_, self.branches_, confidence, branch_confidence)


def _as_arrays(categories: ArrayLike, weight: ArrayLike | None) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    categories = np.asarray(categories, dtype=str)
    return categories, np.ones(len(categories)) if weight is None else np.asarray(weight, dtype=np.float64)


def _sure(confidence: Confidence, calibration: Calibration, scores: Scores) -> NDArray[np.float64]:
    return calibration(confidence.predict_right(scores.signals))
