"""The classifiers keep scikit-learn's rules, and the tree helps where it should."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from aisle.model.classifiers import FixedEpochs, SparseLinear, TreeClassifier
from aisle.model.confidence import Confidence

# liblinear stops at a tolerance, so a doubled weight and a doubled row agree to five digits, not to
# nine; the weights of a histogram of boosted trees move its bin edges (scikit-learn says the same of
# its own estimator).
_TOLERANCE = {
    "check_sample_weight_equivalence_on_dense_data": "liblinear's tolerance; bins of boosted trees",
    "check_sample_weight_equivalence_on_sparse_data": "liblinear's tolerance",
}


@parametrize_with_checks(
    [SparseLinear(), TreeClassifier(), Confidence()],
    expected_failed_checks=lambda estimator: _TOLERANCE,
)
@pytest.mark.filterwarnings("ignore")
def test_estimator_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def _blobs(rows: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = random.integers(0, 6, rows)
    return random.normal(size=(rows, 12)) + np.eye(6, 12)[y] * 4, np.array([f"c{code}" for code in y])


@pytest.mark.parametrize(
    "classifier",
    [
        SparseLinear(kept=1.0),
        TreeClassifier(SparseLinear(kept=1.0), {f"c{code}": f"b{code // 2}" for code in range(6)}),
    ],
)
def test_probabilities_are_a_distribution_with_the_predicted_top(classifier: Any) -> None:
    X, y = _blobs()
    probability = classifier.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert (classifier.classes_[probability.argmax(axis=1)] == classifier.predict(X)).all()
    assert (classifier.predict(X) == y).mean() > 0.9


def test_fewer_coefficients_are_kept_and_the_order_stays() -> None:
    X, y = _blobs()
    whole, part = SparseLinear(kept=1.0).fit(X, y), SparseLinear(kept=0.5).fit(X, y)
    assert part.coefficients_.nnz == whole.coefficients_.nnz / 2
    assert (whole.predict(X) == part.predict(X)).mean() > 0.9


def test_weights_move_the_decision() -> None:
    X = np.array([[0.0], [0.2], [0.8], [1.0]] * 5)
    y = np.array(["a", "b", "a", "b"] * 5)
    for favourite in "ab":
        weight = np.where(y == favourite, 50.0, 1.0)
        assert set(SparseLinear(kept=1.0).fit(X, y, sample_weight=weight).predict(X)) == {favourite}


def test_a_branch_with_one_category_needs_no_inside() -> None:
    X, y = _blobs()
    tree = TreeClassifier(branch_of={"c0": "alone"} | {f"c{code}": "rest" for code in range(1, 6)}).fit(X, y)
    assert list(tree.inside_) == [str(list(tree.branches_).index("rest"))]
    np.testing.assert_allclose(tree.predict_proba(X).sum(axis=1), 1.0)


def test_the_network_trains_for_the_epochs_asked() -> None:
    X, y = _blobs()
    network = FixedEpochs(hidden_units=16, epochs=3).fit(X, y)
    assert network.n_iter_ == 3
