"""Classifiers over numeric features that scikit-learn does not bring: small files, and the use of the tree."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from aisle.model.picking import Picked

_TOLERANCE = 0.5  # a closer solution takes twice the time and answers no better
_SIZES_LOOKED_AT = 20_000  # of each category's coefficients, to find how large the kept ones are
_NOTHING = np.finfo(np.float32).tiny
_DENSE_CELLS = 24_000_000  # of the coefficients of common terms, 96 MB
SHARPNESS = 4.0  # softmax of margins; the temperature of the whole is fitted later, out of fold


class SparseLinear(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Linear support vector machine, one against the rest, that keeps only the coefficients that matter.

    With hundreds of categories nearly all coefficients are close to nothing; without them the
    model is twenty times smaller and scores faster, and the order of categories hardly changes.

    Parameters
    ----------
    strength : float > 0
        Inverse of the regularisation, scaled so that 1 suits rows of length 1 to 3.
    kept : float in (0, 1]
        Share of the coefficients kept, the largest of each category.
    seed : int

    Attributes
    ----------
    classes_ : array of shape (K,)
    coefficients_ : sparse matrix of shape (features, K), float32
    frequent_ : array of int
        The most frequent features: those whose coefficients pay to be kept as a plain array.
    intercept_ : array of shape (K,)

    Notes
    -----
    Fan, Chang, Hsieh, Wang & Lin 2008, "LIBLINEAR"; pruning after Babbar & Schölkopf 2017, "DiSMEC".
    """

    def __init__(self, strength: float = 1.0, kept: float = 0.3, seed: int = 0) -> None:
        self.strength = strength
        self.kept = kept
        self.seed = seed

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit on X of shape (n, features), sparse or dense, and categories y of shape (n,)."""
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32])
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(f"SparseLinear needs two classes to tell apart; there is 1 class ({self.classes_[0]})")
        machine = LinearSVC(C=0.5 * self.strength, random_state=self.seed, tol=_TOLERANCE)
        machine.fit(X, y, sample_weight=sample_weight)
        coefficients, intercept = machine.coef_, machine.intercept_
        if len(self.classes_) == 2:
            coefficients, intercept = np.vstack([-coefficients, coefficients]), np.append(-intercept, intercept)
        self.coefficients_ = _largest(coefficients.astype(np.float32), self.kept)
        self.frequent_ = _most_frequent(X, _DENSE_CELLS // len(self.classes_))
        self.intercept_ = intercept.astype(np.float32)
        self.__dict__.pop("_parts", None)  # of an earlier fit
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Margins, shape (n, K) (shape (n,) where there are two classes, as scikit-learn has it)."""
        margins = self._margins(X)
        return margins[:, 1] if len(self.classes_) == 2 else margins

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Softmax of the margins, shape (n, K); an order of categories, not yet calibrated."""
        margins = SHARPNESS * self._margins(X)
        margins -= margins.max(axis=1, keepdims=True)
        np.exp(margins, out=margins)
        margins /= margins.sum(axis=1, keepdims=True)
        return margins

    def predict(self, X: Any) -> NDArray[Any]:
        """The category of the greatest margin, shape (n,)."""
        best = self._margins(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def margins(self, X: sparse.csr_array) -> NDArray[np.float32]:
        """Margins of all categories, shape (n, K); X of shape (n, features) is taken as it is, unchecked."""
        if not hasattr(self, "_parts"):
            # Common terms meet every product: their coefficients as a plain array are several times
            # faster, and there are few such terms. Not stored: made when first used.
            dense = self.coefficients_[self.frequent_].toarray()
            features = self.coefficients_.shape[0]
            rare = np.setdiff1d(np.arange(features), self.frequent_)
            self._parts = (  # at once: others may be scoring
                *(Picked(self.frequent_, features), dense),
                *(Picked(rare, features), sparse.csr_array(self.coefficients_[rare])),
            )
        common_terms, dense, rare_terms, coefficients = self._parts
        X = sparse.csr_array(X)
        common = np.asarray(common_terms.of(X) @ dense, dtype=np.float32)
        common += (rare_terms.of(X) @ coefficients).toarray()
        common += self.intercept_
        return common

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_parts"}

    def _margins(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        return self.margins(X).astype(np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _most_frequent(X: Any, most: int) -> NDArray[np.intp]:
    """Columns of X with the most entries, at most `most` of them, rising."""
    counts = np.bincount(sparse.csr_array(X).indices, minlength=X.shape[1])
    if len(counts) <= most:
        return np.arange(len(counts))
    return np.sort(np.argpartition(-counts, most - 1)[:most])


def _largest(coefficients: NDArray[np.float32], kept: float) -> sparse.csr_matrix:
    """Coefficients of shape (K, features) as sparse (features, K), about the largest share `kept` of each row."""
    features = coefficients.shape[1]
    step = max(1, features // _SIZES_LOOKED_AT)
    places, values = [], []
    for row in coefficients:  # one at a time: all at once they fill gigabytes
        some = np.abs(row[::step])
        count = max(1, round(kept * len(some)))
        bar = np.partition(some, -count)[-count]
        places.append(np.flatnonzero(np.abs(row) >= max(bar, _NOTHING)).astype(np.int32))
        values.append(row[places[-1]])
    ends = np.cumsum([0, *map(len, places)])  # more than 2³¹ of them, and scipy takes wider numbers itself
    if ends[-1] <= np.iinfo(np.int32).max:
        ends = ends.astype(np.int32)  # as they are read back: half the size, and equal files
    by_category = sparse.csr_array((np.concatenate(values), np.concatenate(places), ends), shape=coefficients.shape)
    return sparse.csr_matrix(by_category.T)  # the kind that skops stores as plain arrays


class TreeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """P(category) = P(branch) · P(category | branch), one classifier a node of the tree.

    Mistakes between far-away categories, the dear ones, are decided with all the data of a
    branch; and a thousand categories cost a few dozen comparisons (Silla & Freitas 2011, "A
    survey of hierarchical classification", local classifier per parent node).

    Parameters
    ----------
    estimator : classifier with `predict_proba` and `sample_weight`
        Cloned for the branches and for the inside of each.
    branch_of : dict of category to branch, or None
        Categories that it does not name are branches of their own.

    Attributes
    ----------
    classes_ : array of shape (K,)
    branches_ : array of shape (B,)
    """

    def __init__(self, estimator: Any = None, branch_of: dict[str, str] | None = None) -> None:
        self.estimator = estimator
        self.branch_of = branch_of

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the branches on all rows and each branch's inside on its own."""
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32])
        check_classification_targets(y)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(f"TreeClassifier needs two classes to tell apart; there is 1 class ({self.classes_[0]})")
        named = self.branch_of or {}
        branch_of_class = np.array([str(named.get(category, category)) for category in self.classes_])
        self.branches_, self.branch_index_ = np.unique(branch_of_class, return_inverse=True)
        row_branch = self.branch_index_[np.searchsorted(self.classes_, y)]
        make = SparseLinear() if self.estimator is None else self.estimator
        self.top_ = clone(make).fit(X, row_branch, sample_weight=weight) if len(self.branches_) > 1 else None
        self.inside_ = {}
        for branch in range(len(self.branches_)):
            rows = row_branch == branch
            if np.sum(self.branch_index_ == branch) > 1:
                self.inside_[str(branch)] = clone(make).fit(X[rows], y[rows], sample_weight=weight[rows])
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities that add up to one over all categories, shape (n, K)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        branch_probability = np.ones((X.shape[0], 1)) if self.top_ is None else self.top_.predict_proba(X)
        probability = np.array(branch_probability[:, self.branch_index_], dtype=np.float64)
        for inside in self.inside_.values():
            probability[:, np.searchsorted(self.classes_, inside.classes_)] *= inside.predict_proba(X)
        return probability

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable category, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class FixedEpochs(MLPClassifier):  # type: ignore[misc]  # scikit-learn ships no types
    """A neural network of one hidden layer, trained for a fixed number of epochs.

    Parameters
    ----------
    hidden_units : int
    epochs : int
    seed : int
    """

    def __init__(self, hidden_units: int = 256, epochs: int = 12, seed: int = 0) -> None:
        super().__init__(hidden_layer_sizes=(hidden_units,), max_iter=epochs, random_state=seed, batch_size=64)
        self.hidden_units = hidden_units
        self.epochs = epochs
        self.seed = seed

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit for `epochs` epochs."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early is what was asked for
            super().fit(X, y, sample_weight=sample_weight)
        self._optimizer = self._random_state = None  # of use in training only
        return self
