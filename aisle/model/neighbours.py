"""The nearest training products: how alike they are, and which categories they have."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.sparsefuncs_fast import inplace_csr_row_normalize_l2

from aisle.model.picking import Picked

_POWER = 8  # a similarity counts with this power, so that the few nearest products decide


class Neighbours(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Cosine similarity to labelled products, added up by category.

    All neighbours take part, weighted by a high power of their similarity: no number of
    neighbours to choose, no sort, and a category of two products is not outvoted by distance.

    Parameters
    ----------
    most_rows : int
        Products kept at most; categories with the most products give theirs up first, at random.
    most_common : float in (0, 1]
        Terms that more than this share of the products have say nothing about likeness and cost
        most of the time; they are left out.
    seed : int

    Attributes
    ----------
    rows_ : array of int
        Training rows kept, in the order of `index_`.
    index_ : sparse matrix of shape (terms, rows kept), float32
    terms_ : array of int
        Columns of X that are compared.
    codes_ : array of int, shape (rows kept,)
        The category of each, as a number below `categories_`.
    """

    def __init__(self, most_rows: int = 20_000, most_common: float = 0.01, seed: int = 0) -> None:
        self.most_rows = most_rows
        self.most_common = most_common
        self.seed = seed

    def fit(self, X: sparse.csr_array, codes: NDArray[np.intp], categories: int) -> Self:
        """Keep the rows of X, of shape (n, features), with the category number of each."""
        self.categories_ = int(categories)
        self.rows_ = _spread(codes, self.most_rows, self.seed)
        kept = sparse.csr_array(X)[self.rows_]
        found = np.bincount(kept.indices, minlength=X.shape[1])
        self.terms_ = np.flatnonzero((found > 0) & (found <= max(self.most_common * len(self.rows_), 20)))
        self.index_ = sparse.csr_matrix(_of_length_one(kept[:, self.terms_]).T)
        self.codes_ = np.asarray(codes)[self.rows_]
        self.__dict__.pop("_compared", None)  # of an earlier fit
        return self

    def votes(self, X: sparse.csr_array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Sum of similarities to the power 8, and the greatest similarity, by category.

        Returns
        -------
        total, nearest : arrays of shape (n, categories), in [0, …) and [0, 1]
        """
        alike = self._alike(X)
        row = np.repeat(np.arange(alike.shape[0]), np.diff(alike.indptr))
        cell = row * self.categories_ + self.codes_[alike.indices]
        size = alike.shape[0] * self.categories_
        total = np.bincount(cell, alike.data**_POWER, size).astype(np.float32)
        nearest = np.zeros(size, dtype=np.float32)
        np.maximum.at(nearest, cell, alike.data)
        return total.reshape(-1, self.categories_), nearest.reshape(-1, self.categories_)

    def nearest(self, X: sparse.csr_array, count: int = 3) -> list[list[tuple[int, float]]]:
        """The `count` most similar training rows of each row of X, with their similarity, most similar first."""
        alike = self._alike(X)
        found = []
        for start, end in zip(alike.indptr[:-1], alike.indptr[1:], strict=True):
            best = np.argsort(-alike.data[start:end], kind="stable")[:count] + start
            found.append([(int(self.rows_[alike.indices[place]]), float(alike.data[place])) for place in best])
        return found

    def _alike(self, X: sparse.csr_array) -> Any:
        if not hasattr(self, "_compared"):
            self._compared = Picked(self.terms_, X.shape[1])
        return sparse.csr_matrix(_of_length_one(self._compared.of(sparse.csr_array(X)))) @ self.index_

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_compared"}


def _of_length_one(X: sparse.csr_array) -> sparse.csr_array:
    """Rows of X scaled to length one; empty ones stay so, as where every term is common."""
    scaled = X.astype(np.float32)
    inplace_csr_row_normalize_l2(scaled)
    return scaled


def _spread(codes: NDArray[np.intp], most: int, seed: int) -> NDArray[np.intp]:
    """At most `most` rows, with the same cap for every category; rows in rising order.

    Where there are more categories than `most`, rows drawn from all.
    """
    if len(codes) <= most:
        return np.arange(len(codes))
    order = np.random.default_rng(seed).permutation(len(codes))
    by_category = order[np.argsort(np.asarray(codes)[order], kind="stable")]
    counts = np.bincount(codes)
    place = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    cap = np.sort(place, kind="stable")[most]  # rows of a lower place: at most `most` of them
    return np.sort(by_category[place < cap] if cap else order[:most])
