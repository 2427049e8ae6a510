"""What was labelled under the same key before: the same seller, breadcrumb, or word in the same place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator

from aisle.catalogue.columns import Products
from aisle.model.text import field
from aisle.model.words import clean, edges

_STEPS = re.compile(r"[>|/\u00bb\\]+")


def _sellers(products: Products) -> list[str]:
    return [clean(seller) for seller in field(products, "seller")]


def _breadcrumbs(products: Products) -> list[str]:
    return [clean(path) for path in field(products, "seller_category")]


def _sellers_breadcrumbs(products: Products) -> list[str]:
    pairs = zip(_sellers(products), _breadcrumbs(products), strict=True)
    return [f"{seller}\t{path}" if seller and path else "" for seller, path in pairs]


def _last_steps(products: Products) -> list[str]:
    return [_STEPS.split(path.rstrip(">|/\u00bb\\ "))[-1].strip() for path in _breadcrumbs(products)]


def _things(products: Products) -> list[str]:
    """The last word of the title's first part: "scuff slipper - navy" is a slipper."""
    found = (edges(clean(title)) for title in field(products, "title"))
    return [next((word for word in words if word.endswith(">") and " " not in word), "") for words in found]


def _last_words(products: Products) -> list[str]:
    found = (edges(clean(title)) for title in field(products, "title"))
    return [words[-1] if words else "" for words in found]


KEYS = {
    "seller": _sellers,
    "breadcrumb": _breadcrumbs,
    "seller_breadcrumb": _sellers_breadcrumbs,
    "last_step": _last_steps,
    "thing": _things,
    "last_word": _last_words,
}


class Memory(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """How many training products of each category had the same key.

    Parameters
    ----------
    key : str
        One of `KEYS`. Products where the key is empty have none.

    Attributes
    ----------
    keys_ : str
        The keys, one a line, sorted.
    counts_ : sparse matrix of shape (keys, categories), float32
    """

    def __init__(self, key: str = "seller") -> None:
        self.key = key

    def fit(self, products: Products, codes: NDArray[np.intp], categories: int) -> Self:
        """Count the category numbers `codes` of `products` by key."""
        keys = self._keys(products)
        known = sorted(set(keys) - {""})
        self.keys_ = "\n".join(known)
        self.__dict__.pop("_place", None)  # of an earlier fit
        place = {key: row for row, key in enumerate(known)}
        rows = np.array([place.get(key, -1) for key in keys], dtype=np.int64)
        seen = rows >= 0
        ones = np.ones(int(seen.sum()), dtype=np.float32)
        shape = (len(known), categories)
        self.counts_ = sparse.csr_matrix((ones, (rows[seen], np.asarray(codes)[seen])), shape=shape)
        return self

    def counts(self, products: Products) -> NDArray[np.float32]:
        """Training products by category under each product's key, shape (n, categories); 0 for a new key."""
        rows = self._rows(self._keys(products))
        found = np.zeros((len(rows), self.counts_.shape[1]), dtype=np.float32)
        known = rows >= 0
        if known.any():
            found[known] = self.counts_[rows[known]].toarray()
        return found

    def _keys(self, products: Products) -> list[str]:
        return [key.replace("\n", " ") for key in KEYS[self.key](products)]

    def _rows(self, keys: Iterable[str]) -> NDArray[np.int64]:
        if not hasattr(self, "_place"):
            self._place = {key: row for row, key in enumerate(self.keys_.split("\n"))} if self.keys_ else {}
        return np.array([self._place.get(key, -1) for key in keys], dtype=np.int64)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_place"}
