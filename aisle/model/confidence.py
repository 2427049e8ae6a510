"""How sure: the probability that the top category is right, learnt from cross-fitted scores.

A softmax says how far a model prefers its own first choice; it was never asked how often such
choices are right. Here a second, small model is: it sees, for training products scored by models
that did not train on them, the shape of the scores and what is known of the product, and learns
whether the top category was right.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

SIGNALS = (
    "log_odds_top",  # of the top category's probability
    "log_margin",  # log of the top probability over the second
    "entropy",  # of the probabilities, in nats
    "log_odds_branch",  # of the probability of the best branch
    "log_support",  # log of 1 + training labels of the top category
    "unseen_share",  # share of the title's words that no training product had
    "title_words",  # log of 1 + number of words of the title
    "second_in_branch",  # 1 where the second category lies in the same branch
)
_RISING = ("log_odds_top", "log_margin")  # more of these never makes an answer less sure


class Confidence(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """P(top category is right) from signals; the mean log-odds of a linear and a boosted model.

    The linear model extrapolates calmly where examples are few, the boosted trees bend where
    there are many; the mean of both orders products better than either, and their rare constant
    steps get a slope, so that a threshold can lie anywhere. The mean leans towards the middle;
    `Calibration` straightens it on cross-fitted values.

    Parameters
    ----------
    rising : tuple of int
        Columns in which the boosted model may only rise.
    seed : int

    Attributes
    ----------
    classes_ : array [0, 1], wrong and right.
    """

    def __init__(self, rising: tuple[int, ...] = (), seed: int = 0) -> None:
        self.rising = rising
        self.seed = seed

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit on signals X of shape (n, m) and y of shape (n,): whether the top category was right."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, right = np.unique(y, return_inverse=True)
        if len(self.classes_) > 2:
            raise ValueError(
                "Confidence is a binary classifier: right or wrong. Only binary classification is supported."
            )
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        if not weight.any():
            raise ValueError("all sample weights are zero; Confidence needs some rows that count")
        self.prior_ = float((np.average(right, weights=weight) * len(right) + 1) / (len(right) + 2))
        if len(self.classes_) < 2 or min(np.bincount(right)) < 2:
            self.linear_ = self.boosted_ = None
            return self
        self.scaler_ = StandardScaler().fit(X)
        scaled = self.scaler_.transform(X)
        self.linear_ = LogisticRegression(C=1.0, max_iter=1000).fit(scaled, right, sample_weight=weight)
        self.boosted_ = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=100,
            max_leaf_nodes=8,
            min_samples_leaf=20,
            l2_regularization=5.0,
            monotonic_cst=[int(column in self.rising) for column in range(X.shape[1])],
            early_stopping=False,
            random_state=self.seed,
        )
        fit_weighted(self.boosted_, X, right, weight)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities of wrong and of right, shape (n, 2)."""
        check_is_fitted(self, "classes_")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        if len(self.classes_) < 2:
            return np.ones((X.shape[0], 1))
        if self.linear_ is None or self.boosted_ is None:
            confidence = np.full(X.shape[0], self.prior_)
        else:
            log_odds = self.linear_.decision_function(self.scaler_.transform(X))
            confidence = _logistic((log_odds + self.boosted_.decision_function(X)) / 2)
        return np.column_stack([1 - confidence, confidence])

    def predict_right(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(right), shape (n,); also where all training rows were right, or all wrong."""
        if not len(X):
            return np.empty(0)
        probability = self.predict_proba(X)
        if len(self.classes_) == 1:
            return np.full(len(X), self.prior_ if self.classes_[0] == 1 else 1 - self.prior_)
        return np.asarray(probability[:, 1])

    def predict(self, X: Any) -> NDArray[Any]:
        """The likelier of wrong and right, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


class Calibration:
    """A straight line on the log-odds that makes held-out confidences right on average.

    Platt 1999, "Probabilistic outputs for support vector machines", with the prior of two
    imagined rows, one right and one wrong, so that a faultless sample does not claim certainty.

    Attributes
    ----------
    slope, offset : float
    """

    def __init__(self, slope: float = 1.0, offset: float = 0.0) -> None:
        self.slope = slope
        self.offset = offset

    @classmethod
    def fitted(
        cls, confidence: NDArray[np.float64], right: NDArray[np.bool_], weight: NDArray[np.float64]
    ) -> Calibration:
        """The line for held-out `confidence` of shape (n,), whether each was `right`, and row weights."""
        if right.all() or not right.any():
            return cls()
        scores = np.append(log_odds(confidence), [0.0, 0.0])[:, None]
        line = LogisticRegression(C=1e6).fit(scores, np.append(right, [True, False]), np.append(weight, [1.0, 1.0]))
        slope = float(line.coef_[0, 0])
        return cls(slope, float(line.intercept_[0])) if slope > 0 else cls()

    def __call__(self, confidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated confidence, same order."""
        return _logistic(self.slope * log_odds(confidence) + self.offset)


def fit_weighted(
    model: HistGradientBoostingClassifier, X: NDArray[Any], y: NDArray[Any], weight: NDArray[np.float64]
) -> None:
    """Fit boosted trees with row weights in a fraction of the usual time.

    With weights scikit-learn looks for the edges of its bins by one weighted percentile after the
    other, a hundred times slower than without. A column of few distinct values needs no percentile:
    so each value is moved to the nearest of 255 quantiles of its column.
    """
    if (weight == 1).all():
        model.fit(X, y)
        return
    moved = np.empty(X.shape, dtype=X.dtype)
    for column, values in enumerate(X.T):
        marks = np.unique(np.quantile(values, np.linspace(0, 1, 255), method="nearest"))
        middles = (marks[1:].astype(np.float64) + marks[:-1]) / 2
        moved[:, column] = marks[np.searchsorted(middles, values)]
    model.fit(moved, y, sample_weight=weight)


def cross_fitted(
    signals: NDArray[np.float64],
    right: NDArray[np.bool_],
    weight: NDArray[np.float64],
    fold: NDArray[Any],
    seed: int,
) -> tuple[Confidence, Calibration, NDArray[np.float64]]:
    """Confidence and its calibration for out-of-fold `signals` of shape (n, len(SIGNALS)).

    Returns the model of all rows, the calibration learnt from each fold's confidences by models
    of the other folds, and those confidences, calibrated, shape (n,).
    """
    make = Confidence(tuple(SIGNALS.index(name) for name in _RISING), seed)
    raw = np.empty(len(right))
    for one in np.unique(fold):
        rows = fold != one
        model = clone(make).fit(signals[rows], right[rows].astype(int), sample_weight=weight[rows])
        raw[~rows] = model.predict_right(signals[~rows])
    calibration = Calibration.fitted(raw, right, weight)
    return make.fit(signals, right.astype(int), sample_weight=weight), calibration, calibration(raw)


def _logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))


def log_odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """log(p / (1 − p)), with p kept a millionth away from 0 and 1."""
    probability = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(probability) - np.log1p(-probability))


def fit_temperature(probability: NDArray[np.float64], truth: NDArray[np.intp]) -> float:
    """The temperature that makes held-out probabilities likeliest, in [0.05, 20].

    Parameters
    ----------
    probability : array of shape (n, K)
        Of products that the model was not trained on.
    truth : array of shape (n,)
        Column of the right category; −1 where the model does not know it (left out).

    Notes
    -----
    Guo, Pleiss, Sun & Weinberger 2017, "On calibration of modern neural networks".
    """
    known = truth >= 0
    if not known.any():
        return 1.0
    logs = np.log(np.clip(probability[known], 1e-12, None))
    truth = truth[known]
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        scaled = logs / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, truth]))

    best = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(best.x))


def at_temperature(probability: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities sharpened (< 1) or softened (> 1), same order, rows adding up to one."""
    logs = np.log(np.clip(probability, 1e-12, None)) / temperature
    logs -= logs.max(axis=1, keepdims=True)
    np.exp(logs, out=logs)
    logs /= logs.sum(axis=1, keepdims=True)
    return logs
