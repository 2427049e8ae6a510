"""The text of a product as the models read it: cleaned fields, and sparse features of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import HashingVectorizer

from aisle.catalogue.columns import Products
from aisle.model.vectorizer import Vectorizer
from aisle.model.words import clean, edges, roles_of_words, skeletons, words

DESCRIPTION_CHARACTERS = 1000  # what follows in a description is mostly about the shop


def field(products: Products, name: str) -> list[str]:
    """One text column as a list of strings; a column or a value that is missing is an empty text."""
    if name not in products.columns:
        return [""] * len(products)
    return [value if isinstance(value, str) else "" for value in products[name].tolist()]


def _clean_field(name: str, characters: int | None = None) -> Callable[[Products], list[str]]:
    def read(products: Products) -> list[str]:
        return [clean(text[:characters]) for text in field(products, name)]

    return read


def _facts(products: Products) -> list[str]:
    """Facts that are whole or nothing, as one token each: seller, brand, band of the price."""
    prices: Iterable[Any] = products["price"].tolist() if "price" in products.columns else [None] * len(products)
    rows = zip(field(products, "seller"), field(products, "brand"), field(products, "currency"), prices, strict=True)
    return [
        "\n".join(
            token
            for token in (
                f"seller={clean(seller)}" if seller else "",
                f"brand={clean(brand)}" if brand else "",
                f"price={price_band(price)}{currency}" if price_band(price) is not None else "",
            )
            if token
        )
        for seller, brand, currency, price in rows
    ]


def price_band(price: float | None) -> int | None:
    """The band of a price: half powers of two, so that neighbours differ by a factor of 1.4; None if unknown."""
    if price is None or not np.isfinite(price) or price <= 0:
        return None
    return int(np.floor(2 * np.log2(price)))


_FIELDS: dict[str, Callable[[Products], list[str]]] = {
    "title": _clean_field("title"),
    "description": _clean_field("description", DESCRIPTION_CHARACTERS),
    "seller_category": _clean_field("seller_category"),
    "seller": _clean_field("seller"),
    "brand": _clean_field("brand"),
    "facts": _facts,
}

# What a view reads and how: field, analyzer, shortest and longest n-gram. The words of the title
# come first: they serve to explain, and to say which share of a title was never seen.
VIEWS: dict[str, tuple[str, str, int, int]] = {
    "title_words": ("title", "words", 1, 2),
    "title_characters": ("title", "characters", 2, 5),
    "title_roles": ("title", "roles", 1, 1),
    "title_edges": ("title", "edges", 1, 1),
    "title_skeletons": ("title", "skeletons", 1, 2),
    "description_words": ("description", "words", 1, 1),
    "seller_category_words": ("seller_category", "words", 1, 2),
    "seller_category_characters": ("seller_category", "characters", 3, 5),
    "seller_characters": ("seller", "characters", 3, 5),
    "facts": ("facts", "lines", 1, 1),
}
_ANALYZERS: dict[str, dict[str, Any]] = {
    "words": {"tokenizer": words, "token_pattern": None},
    "skeletons": {"tokenizer": skeletons, "token_pattern": None},
    "roles": {"tokenizer": roles_of_words, "token_pattern": None},
    "edges": {"tokenizer": edges, "token_pattern": None},
    "characters": {"analyzer": "char_wb"},
    "lines": {"tokenizer": str.splitlines, "token_pattern": None},
}


@dataclass(frozen=True)
class Features:
    """Features of the same n products, view by view, in the order of `ProductText.vectorizers_`.

    Kept apart, since most of those who read features want some of the views: to pick columns out
    of the whole would cost as much as the vocabulary is long, even for a single product.
    """

    parts: dict[str, sparse.csr_array]
    products: int

    def of(self, views: Iterable[str] | None = None) -> sparse.csr_array:
        """The features of `views`, of all by default, side by side, shape (n, features), float32."""
        wanted = set(self.parts if views is None else views)
        return _beside([part for view, part in self.parts.items() if view in wanted], self.products)


class ProductText(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Sparse TF-IDF features of several views of a product, side by side.

    Parameters
    ----------
    views : dict of str to float
        Names out of `VIEWS`, each with the length that its part of a row gets.
    min_df : int
        A term is kept when it stands in at least so many training products. Terms of a single
        product pay where most categories have few: they tie it to its near-twins.

    Attributes
    ----------
    vectorizers_ : dict of str to fitted vectorizer; views without any term are left out.
    """

    def __init__(self, views: dict[str, float], min_df: int = 1) -> None:
        self.views = views
        self.min_df = min_df

    def fit(self, products: Products, y: object = None) -> Self:
        """Learn the vocabularies and weights of each view from `products`."""
        self.fit_transform(products, y)
        return self

    def fit_transform(self, products: Products, y: object = None, **_: object) -> sparse.csr_array:
        """Learn from `products` and give their features, shape (n, features), float32."""
        texts = self._texts(products)
        self.vectorizers_: dict[str, Vectorizer] = {}
        parts = []
        for view, weight in self.views.items():
            vectorizer = self._make(view, min_df=min(self.min_df, len(products)))
            try:
                part = vectorizer.fit_transform(texts[VIEWS[view][0]])
            except ValueError:  # no term at all, as in a catalogue without descriptions
                continue
            self.vectorizers_[view] = vectorizer
            parts.append(part * np.float32(weight))
        return _beside(parts, len(products))

    def transform(self, products: Products) -> sparse.csr_array:
        """The features of `products`, shape (n, features), float32."""
        return self.features(products).of()

    def features(self, products: Products) -> Features:
        """The features of `products`, view by view."""
        texts = self._texts(products)
        parts = {view: self._fitted(view).transform(texts[VIEWS[view][0]]) for view in self.vectorizers_}
        for view, part in parts.items():
            part.data *= np.float32(self.views[view])
        return Features(parts, len(products))

    def columns(self, views: Iterable[str] | None = None) -> NDArray[np.intp]:
        """The columns of the features that come from `views`, rising; all of them by default."""
        wanted = set(self.vectorizers_ if views is None else views)
        sizes = [len(vectorizer.vocabulary_) for vectorizer in self.vectorizers_.values()]
        chosen = np.repeat([view in wanted for view in self.vectorizers_], sizes)
        return np.flatnonzero(chosen)

    def unseen_share(self, products: Products) -> NDArray[np.float64]:
        """Share of a title's words that no training product had, shape (n,); 1 where a title has no word."""
        vectorizer = self.vectorizers_.get("title_words")
        known = vectorizer.vocabulary_ if vectorizer is not None else {}
        titles = [words(title) for title in _FIELDS["title"](products)]
        return np.array([np.mean([word not in known for word in title]) if title else 1.0 for title in titles])

    def _texts(self, products: Products) -> dict[str, list[str]]:
        return {name: _FIELDS[name](products) for name in {VIEWS[view][0] for view in self.views}}

    def _make(self, view: str, min_df: int) -> Vectorizer:
        _, analyzer, shortest, longest = VIEWS[view]
        return Vectorizer(
            ngram_range=(shortest, longest),
            min_df=min_df,
            sublinear_tf=True,
            lowercase=False,
            dtype=np.float32,
            **_ANALYZERS[analyzer],
        )

    def _fitted(self, view: str) -> Vectorizer:
        vectorizer = self.vectorizers_[view]
        vectorizer.tokenizer = _ANALYZERS[VIEWS[view][1]].get("tokenizer")
        return vectorizer


def _beside(parts: list[sparse.csr_array], rows: int) -> sparse.csr_array:
    if not parts:
        return sparse.csr_array(np.zeros((rows, 1), dtype=np.float32))
    return sparse.csr_array(sparse.hstack(parts, format="csr"))


class HashedWords(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Cleaned words of the title, hashed into buckets (Weinberger et al. 2009, "Feature hashing").

    Parameters
    ----------
    buckets : int

    Attributes
    ----------
    seen_ : array of bool, shape (buckets,)
        Buckets that some training product fell into.
    """

    def __init__(self, buckets: int = 1024) -> None:
        self.buckets = buckets

    def fit(self, products: Products, y: object = None) -> Self:
        """Note which buckets are in use."""
        self.seen_ = np.asarray(self._hash(products).sum(axis=0)).ravel() > 0
        return self

    def transform(self, products: Products) -> sparse.csr_array:
        """Bucket counts scaled to rows of length one, shape (n, buckets), float32."""
        return self._hash(products)

    def unseen_share(self, products: Products) -> NDArray[np.float64]:
        """Share of a title's buckets that no training product fell into, shape (n,); 1 without words."""
        hashed = self._hash(products)
        filled = np.diff(hashed.indptr)
        unseen = np.array(hashed.astype(bool).astype(np.float64) @ ~self.seen_)
        return np.asarray(np.where(filled > 0, unseen / np.maximum(filled, 1), 1.0))

    def _hash(self, products: Products) -> sparse.csr_array:
        hasher = HashingVectorizer(
            n_features=self.buckets,
            tokenizer=words,
            token_pattern=None,
            lowercase=False,
            alternate_sign=False,
            dtype=np.float32,
        )
        return sparse.csr_array(hasher.transform(_FIELDS["title"](products)))
