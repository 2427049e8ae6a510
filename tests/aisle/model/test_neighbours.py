"""The nearest training products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from aisle.model.neighbours import Neighbours, _spread


def _rows(count: int, terms: int, seed: int, share: float = 0.3) -> sparse.csr_array:
    random = np.random.default_rng(seed)
    dense = random.random((count, terms)) * (random.random((count, terms)) < share)
    return sparse.csr_array(dense.astype(np.float32))


def _cosine(X: sparse.csr_array, Y: sparse.csr_array, terms: np.ndarray) -> np.ndarray:
    a, b = (one.toarray()[:, terms].astype(np.float64) for one in (X, Y))
    a /= np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-30)
    b /= np.maximum(np.linalg.norm(b, axis=1, keepdims=True), 1e-30)
    return np.asarray(a @ b.T)


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 5), st.integers(0, 10**6))
def test_votes_equal_those_of_dense_cosines(rows: int, terms: int, categories: int, seed: int) -> None:
    X, asked = _rows(rows, terms, seed), _rows(7, terms, seed + 1)
    codes = np.random.default_rng(seed).integers(0, categories, rows)
    neighbours = Neighbours(most_common=0.5).fit(X, codes, categories)
    total, nearest = neighbours.votes(asked)
    common = (X.toarray() > 0).sum(axis=0)
    compared = np.flatnonzero((common > 0) & (common <= max(0.5 * rows, 20)))
    np.testing.assert_array_equal(neighbours.terms_, compared)
    alike = _cosine(asked, X, compared)
    for code in range(categories):
        own = alike[:, codes == code]
        np.testing.assert_allclose(total[:, code], (own**8).sum(axis=1), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(nearest[:, code], own.max(axis=1, initial=0), rtol=1e-5, atol=1e-6)


def test_a_product_is_its_own_nearest_and_the_others_follow_in_order() -> None:
    X = _rows(50, 30, 3)
    neighbours = Neighbours(most_common=1.0).fit(X, np.arange(50) % 4, 4)
    cosine = _cosine(X, X, np.arange(30))
    for row, found in enumerate(neighbours.nearest(X, 5)):
        assert found[0][0] == row
        assert found[0][1] == pytest.approx(1)
        alike = [similarity for _, similarity in found]
        assert alike == sorted(alike, reverse=True)
        np.testing.assert_allclose(alike, np.sort(cosine[row])[::-1][:5], rtol=1e-5)
        np.testing.assert_allclose(alike, cosine[row, [place for place, _ in found]], rtol=1e-5)


def test_nearest_names_rows_of_all_training_products_also_where_few_are_kept() -> None:
    X = sparse.csr_array(np.eye(200, dtype=np.float32))
    codes = np.arange(200) // 100
    neighbours = Neighbours(most_rows=50).fit(X, codes, 2)
    found = neighbours.nearest(X, 1)
    assert [one[0][0] for one in found if one] == neighbours.rows_.tolist()
    np.testing.assert_array_equal(neighbours.codes_, codes[neighbours.rows_])


@given(st.lists(st.integers(0, 9), min_size=1, max_size=80), st.integers(1, 100), st.integers(0, 3))
def test_few_rows_are_kept_and_the_rare_categories_whole(codes: list[int], most: int, seed: int) -> None:
    labels = np.array(codes)
    kept = _spread(labels, most, seed)
    assert len(kept) <= most
    assert (np.diff(kept) > 0).all()
    if len(labels) <= most:
        assert len(kept) == len(labels)
    before, after = np.bincount(labels), np.bincount(labels[kept], minlength=max(codes) + 1)
    if (before > 0).sum() <= most:  # one number for all: who has no more than that loses nothing
        cap = after.max()
        np.testing.assert_array_equal(after, np.minimum(before, cap))
        assert len(labels) <= most or np.minimum(before, cap + 1).sum() > most


def test_rows_without_terms_have_no_neighbours() -> None:
    X = _rows(30, 20, 5)
    neighbours = Neighbours().fit(X, np.arange(30) % 3, 3)
    nothing = _rows(2, 20, 0, share=0)
    total, nearest = neighbours.votes(nothing)
    assert total.shape == nearest.shape == (2, 3)
    assert not total.any()
    assert not nearest.any()
    assert neighbours.nearest(nothing) == [[], []]


def test_no_rows_asked_give_no_rows() -> None:
    neighbours = Neighbours().fit(_rows(30, 20, 5), np.arange(30) % 3, 3)
    nobody = _rows(0, 20, 0)
    assert [one.shape for one in neighbours.votes(nobody)] == [(0, 3), (0, 3)]
    assert neighbours.nearest(nobody) == []


@pytest.mark.parametrize(
    "X", [_rows(60, 2, 0, share=1), _rows(60, 2, 0, share=0), _rows(60, 0, 0)], ids=["common", "none", "no column"]
)
def test_where_every_term_is_common_or_there_is_none_nothing_is_alike(X: sparse.csr_array) -> None:
    neighbours = Neighbours().fit(X, np.arange(60) % 3, 3)
    assert neighbours.terms_.size == 0
    assert not any(one.any() for one in neighbours.votes(X))
    assert neighbours.nearest(X) == [[]] * 60


def test_training_rows_stay_as_they_were() -> None:
    X = _rows(40, 10, 7)
    before = X.copy()
    Neighbours(most_common=1.0).fit(X, np.arange(40) % 2, 2).votes(X)
    np.testing.assert_array_equal(X.toarray(), before.toarray())
