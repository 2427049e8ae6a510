"""What each word and field of a product adds to the lead of one category over another, in a linear machine."""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aisle.catalogue.columns import Products
from aisle.model.classifiers import SparseLinear
from aisle.model.text import DESCRIPTION_CHARACTERS, VIEWS, Features, ProductText, field
from aisle.model.vectorizer import Vectorizer
from aisle.model.words import clean, words

_READ_BY_WORD = {"title": None, "description": DESCRIPTION_CHARACTERS}  # other fields count as a whole
_MARKS = "^~<>"  # of a word's role or place in the title

_Place = tuple[str, str]  # field, and the word in it or its whole value


class Contribution(NamedTuple):
    """A word or a field, and what it adds to the margin of a category over its rival.

    `field` is a column of the product; `text` a cleaned word of it, or its whole value where the
    field counts as a whole. `contribution` is in the machine's margins; below 0 it speaks for the rival.
    """

    field: str
    text: str
    contribution: float


def contributions(
    text: ProductText,
    machine: SparseLinear,
    products: Products,
    category: NDArray[np.intp],
    rival: NDArray[np.intp],
    features: Features | None = None,
) -> list[list[Contribution]]:
    """For each of n products all words and fields, the strongest voice for `category` first.

    A term of several words gives each an equal part; characters and skeletons count for the word
    they lie in. So the contributions of a product add up to the difference of the two margins
    without its intercepts.

    Parameters
    ----------
    category, rival : array of int, shape (n,)
        Columns of the machine's margins.
    features : what `text` makes of the products, where that is known already
    """
    X = (text.features(products) if features is None else features).of()
    ends = np.cumsum([0, *(len(vectorizer.vocabulary_) for vectorizer in text.vectorizers_.values())]).tolist()
    spans = dict(zip(text.vectorizers_, pairwise(ends), strict=True))
    facts = _columns_of_facts(text, X.indices, spans.get("facts"))
    shown = _shown(products)
    found = []
    for row, (start, end) in enumerate(zip(X.indptr[:-1], X.indptr[1:], strict=True)):
        columns = X.indices[start:end]
        coefficients = machine.coefficients_[columns][:, [category[row], rival[row]]].toarray()
        added = dict(zip(columns.tolist(), X.data[start:end] * (coefficients[:, 0] - coefficients[:, 1]), strict=True))
        said: dict[_Place, float] = defaultdict(float)
        for column, places in _places(text, columns, spans, shown[row], facts):
            for place in places:
                said[place] += float(added[column]) / len(places)
        ranked = sorted(said.items(), key=lambda item: (-item[1], item[0]))
        found.append([Contribution(name, word, value) for (name, word), value in ranked])
    return found


def _shown(products: Products) -> list[dict[str, str]]:
    """Each product's fields as a person reads them."""
    names = ("title", "description", "seller_category", "seller", "brand", "currency")
    columns: dict[str, list[str]] = {name: field(products, name) for name in names}
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    prices = products["price"].tolist() if "price" in products.columns else [None] * len(products)
    for row, price in zip(rows, prices, strict=True):
        row["price"] = "" if price is None or price != price else f"{price:,.2f} {row['currency']}".strip()
    return rows


def _columns_of_facts(text: ProductText, columns: NDArray[Any], span: tuple[int, int] | None) -> dict[int, str]:
    """Of the columns in `span`, those in use, with the field that each tells of: its term is "field=value"."""
    if span is None:
        return {}
    used = set((columns[(columns >= span[0]) & (columns < span[1])] - span[0]).tolist())
    terms = text.vectorizers_["facts"].vocabulary_.items()
    return {span[0] + column: term.split("=", 1)[0] for term, column in terms if column in used}


def _places(
    text: ProductText,
    columns: NDArray[Any],
    spans: dict[str, tuple[int, int]],
    shown: dict[str, str],
    facts: dict[int, str],
) -> Iterator[tuple[int, list[_Place]]]:
    """Each column of the product, with the words or the field it comes from."""
    for view, (first, last) in spans.items():
        own = columns[(columns >= first) & (columns < last)].tolist()
        name = VIEWS[view][0]
        if not own:
            continue
        if name in _READ_BY_WORD:
            pieces = clean(shown[name][: _READ_BY_WORD[name]]).split(" ")
            labels = [piece.strip(string.punctuation) or piece for piece in pieces]
            found: dict[int, list[_Place]] = defaultdict(list)
            for column, inside in _inside(view, text.vectorizers_[view], pieces):
                found[first + column] += [(name, labels[piece]) for piece in inside]
            yield from ((column, found[column]) for column in own if found[column])
        else:
            for column in own:
                source = facts[column] if name == "facts" else name
                yield column, [(source, shown[source])]


def _inside(view: str, vectorizer: Vectorizer, pieces: list[str]) -> Iterator[tuple[int, Iterable[int]]]:
    """Numbers of the terms of a text, each with the pieces (between blanks) that it lies in; repeated as they are."""
    _, analyzer, shortest, longest = VIEWS[view]
    if analyzer == "characters":
        part = vectorizer.transform(pieces)
        places = np.repeat(np.arange(len(pieces)), np.diff(part.indptr))
        yield from ((column, (one,)) for column, one in zip(part.indices.tolist(), places.tolist(), strict=True))
        return
    number, tokenize = vectorizer.vocabulary_.get, vectorizer.tokenizer
    terms: list[tuple[str, tuple[int, ...]]] = []
    if analyzer in ("roles", "edges"):
        home: dict[str, list[int]] = defaultdict(list)
        for piece, one in enumerate(pieces):
            for word in words(one):
                home[word].append(piece)
        for token in tokenize(" ".join(pieces)):
            terms.append((token, tuple(place for word in token.strip(_MARKS).split(" ") for place in home[word])))
    else:
        tokens = [(token, piece) for piece, one in enumerate(pieces) for token in tokenize(one)]
        for size in range(shortest, longest + 1):
            for run in zip(*(tokens[start:] for start in range(size)), strict=False):
                terms.append((" ".join(token for token, _ in run), tuple(place for _, place in run)))
    yield from ((column, inside) for term, inside in terms if (column := number(term)) is not None)
