"""The classifiers keep scikit-learn's rules, and the tree helps where it should."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.utils.estimator_checks import parametrize_with_checks
from skops.io import dump, load

from aisle.model import classifiers
from aisle.model.classifiers import FixedEpochs, SparseLinear, TreeClassifier, _largest
from aisle.model.confidence import Confidence
from aisle.model.storage import TRUSTED_TYPES

# liblinear stops at a tolerance, so a doubled weight and a doubled row agree to five digits, not to
# nine; the weights of a histogram of boosted trees move its bin edges (scikit-learn says the same of
# its own estimator).
_TOLERANCE = {
    "check_sample_weight_equivalence_on_dense_data": "liblinear's tolerance; bins of boosted trees",
    "check_sample_weight_equivalence_on_sparse_data": "liblinear's tolerance",
}

_DERIVED = {"check_dict_unchanged": "what scoring derives from the coefficients is kept for the next rows"}


@parametrize_with_checks(
    [SparseLinear(), TreeClassifier(), Confidence()],
    expected_failed_checks=lambda estimator: _TOLERANCE | (_DERIVED if isinstance(estimator, SparseLinear) else {}),
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


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(0, 300), st.integers(0, 10**6))
def test_margins_do_not_depend_on_which_features_are_frequent(features: int, cells: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    X = sparse.csr_array((random.random((30, features)) * (random.random((30, features)) < 0.3)).astype(np.float32))
    y = np.arange(30) % 5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifiers, "_DENSE_CELLS", cells)
        machine = SparseLinear(kept=0.6).fit(X, y)
    assert len(machine.frequent_) == min(features, cells // 5)
    expected = X.toarray().astype(np.float64) @ machine.coefficients_.toarray() + machine.intercept_
    np.testing.assert_allclose(machine.margins(X), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(machine.decision_function(X), expected, rtol=1e-5, atol=1e-6)
    assert machine.margins(X[:0]).shape == (0, 5)


@settings(max_examples=60)
@given(st.integers(1, 6), st.integers(1, 40), st.floats(0.01, 1.0), st.integers(0, 10**6))
def test_the_largest_coefficients_are_kept(categories: int, features: int, kept: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    coefficients = (random.normal(size=(categories, features)) * (random.random((categories, features)) < 0.8)).astype(
        np.float32
    )
    found = _largest(coefficients, kept).toarray().T
    for whole, part in zip(coefficients, found, strict=True):
        count = max(1, round(kept * features))
        np.testing.assert_array_equal(part[part != 0], whole[part != 0])
        assert (part != 0).sum() == min(count, (whole != 0).sum())
        assert np.abs(part[part != 0]).min(initial=np.inf) >= np.abs(whole[part == 0]).max(initial=0)


def test_of_many_coefficients_about_the_share_is_kept() -> None:
    coefficients = np.random.default_rng(0).normal(size=(3, 90_001)).astype(np.float32)
    found = _largest(coefficients, 0.3)
    np.testing.assert_allclose(np.diff(found.tocsc().indptr) / 90_001, 0.3, atol=0.02)


def test_fitted_again_nothing_is_left_of_the_first_fit() -> None:
    (X, y), (other, labels) = _blobs(seed=0), _blobs(seed=1)
    machine = SparseLinear().fit(X, y)
    machine.predict(X)
    again = machine.fit(-other[:, :8], labels).predict_proba(other[:, :8])
    np.testing.assert_array_equal(again, SparseLinear().fit(-other[:, :8], labels).predict_proba(other[:, :8]))


def test_a_machine_stored_and_read_is_stored_the_same(tmp_path: Path) -> None:
    machine = SparseLinear().fit(*_blobs())
    dump(machine, tmp_path / "machine.skops")
    read = load(tmp_path / "machine.skops", trusted=TRUSTED_TYPES)
    for name in ("indices", "indptr", "data"):
        assert getattr(read.coefficients_, name).dtype == getattr(machine.coefficients_, name).dtype


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
