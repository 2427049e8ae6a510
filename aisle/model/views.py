"""Several views of a product, each with its own opinion on every category."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from aisle.catalogue.columns import Products
from aisle.model.classifiers import SHARPNESS, SparseLinear
from aisle.model.memory import KEYS, Memory
from aisle.model.neighbours import Neighbours
from aisle.model.text import Features, ProductText, field

TITLE_VIEWS = ("title_words", "title_characters", "title_skeletons", "title_roles", "title_edges")
MACHINES: dict[str, tuple[str, ...] | None] = {  # what each linear machine reads; None: everything
    "fields": None,
    "title": TITLE_VIEWS,
    "description": ("description_words",),
}
COMPARED: dict[str, tuple[str, ...]] = {  # by what products are neighbours
    "words": ("title_words", "description_words"),
    "titles": ("title_words",),
    "breadcrumbs": ("seller_category_words",),
}
_FIELDS_SHARE = 0.75  # of the first mixture, from which candidates are taken; the rest are neighbours
_SHOWN = 120  # characters of a labelled product's id and title
_NO_MARGIN = -2.0  # of a category that a machine never saw: further out than any it did see


if TYPE_CHECKING:
    import pandas as pd


class Labelled(NamedTuple):
    """A labelled product that is like another one, by the words of titles and descriptions.

    `title` has at most 120 characters; `similarity` lies in (0, 1].
    """

    product_id: str
    title: str
    category_id: str
    similarity: float


class Views(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Linear machines on parts of a product, its nearest neighbours, and what its keys were labelled before.

    Each view errs in its own way, and how far they agree says more about an answer than any of
    them alone. A first mixture of them names candidates; `Reranker` weighs the opinions.

    Parameters
    ----------
    text : ProductText
    branch_of : dict of category to branch
        A machine of its own tells the branches apart: few, with many examples each.
    strength, kept : float
        Of the linear machines; see `SparseLinear`.
    balance : float in [0, 1]
        A row weighs (size of its category / median size) ** −balance, so that large categories
        do not drown small ones.
    seed : int

    Attributes
    ----------
    classes_ : array of str, shape (K,)
    labelled_ : dict of str
        `product_id` and `title` of the products kept as neighbours, one a line, to show them to people.
    """

    def __init__(
        self,
        text: ProductText,
        branch_of: dict[str, str],
        strength: float = 2.0,
        kept: float = 0.3,
        balance: float = 0.25,
        seed: int = 0,
    ) -> None:
        self.text = text
        self.branch_of = branch_of
        self.strength = strength
        self.kept = kept
        self.balance = balance
        self.seed = seed

    def fit(self, products: pd.DataFrame, categories: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit all views on `products` of shape (n,) and their category ids."""
        self.classes_, codes, counts = np.unique(np.asarray(categories), return_inverse=True, return_counts=True)
        weight = np.ones(len(codes)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        balanced = weight * (counts / np.median(counts))[codes] ** -self.balance
        self.text_ = ProductText(self.text.views, self.text.min_df)
        X = self.text_.fit_transform(products)
        self.machines_ = {}
        for name, views in MACHINES.items():
            columns = self.text_.columns(views)
            if columns.size:
                self.machines_[name] = self._machine().fit(_only(X, columns), codes, sample_weight=balanced)
        branch = np.array([str(self.branch_of.get(category, category)) for category in self.classes_])
        names, self.branch_index_ = np.unique(branch, return_inverse=True)
        self.branch_machine_ = None
        if 1 < len(names) < len(self.classes_):
            self.branch_machine_ = self._machine().fit(X, self.branch_index_[codes], sample_weight=weight)
        self.neighbours_ = {
            name: Neighbours(seed=self.seed).fit(_only(X, self.text_.columns(views)), codes, len(self.classes_))
            for name, views in COMPARED.items()
            if self.text_.columns(views).size
        }
        self.memories_ = {key: Memory(key).fit(products, codes, len(self.classes_)) for key in KEYS}
        self.labelled_ = _packed(products, self.neighbours_["words"].rows_) if "words" in self.neighbours_ else {}
        return self

    def opinions(self, products: Products, features: Features | None = None) -> dict[str, NDArray[np.float32]]:
        """What each view says, by its name: arrays of shape (n, K), greater for a likelier category.

        `features` is what `text_` makes of the products, where that is known already.
        """
        check_is_fitted(self, "memories_")
        features = self.text_.features(products) if features is None else features
        whole = features.of()
        said = {
            name: machine.margins(whole if MACHINES[name] is None else features.of(MACHINES[name]))
            for name, machine in self.machines_.items()
        }
        if self.branch_machine_ is not None:
            said["branch"] = self.branch_machine_.margins(whole)[:, self.branch_index_]
        for name, neighbours in self.neighbours_.items():
            total, nearest = neighbours.votes(features.of(COMPARED[name]))
            said |= {f"like_{name}": total, f"nearest_{name}": nearest}
        return said | {key: memory.counts(products) for key, memory in self.memories_.items()}

    def mixture(self, said: dict[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """A first distribution over the categories, shape (n, K), out of the strongest opinions."""
        margins = SHARPNESS * (said["fields"] if "fields" in said else 0.0 * said["seller"]).astype(np.float64)
        margins -= margins.max(axis=1, keepdims=True)
        np.exp(margins, out=margins)
        margins *= _FIELDS_SHARE / margins.sum(axis=1, keepdims=True)
        if "like_words" in said:
            votes = said["like_words"]
            margins += (1 - _FIELDS_SHARE) * votes / np.maximum(votes.sum(axis=1, keepdims=True), np.float32(1e-9))
        return np.asarray(margins / margins.sum(axis=1, keepdims=True))

    def predict_proba(self, products: Products) -> NDArray[np.float64]:
        """The first mixture, shape (n, K)."""
        return self.mixture(self.opinions(products))

    def nearest(self, products: Products, count: int = 3, features: Features | None = None) -> list[list[Labelled]]:
        """The most similar labelled products of each product, most similar first; fewer where few are alike.

        `features` is what `text_` makes of the products, where that is known already.
        """
        if "words" not in self.neighbours_:
            return [[] for _ in range(len(products))]
        features = self.text_.features(products) if features is None else features
        neighbours = self.neighbours_["words"]
        ids, titles = (self.labelled_[name].split("\n") for name in ("product_id", "title"))
        found = []
        for alike in neighbours.nearest(features.of(COMPARED["words"]), count):
            places = [(int(np.searchsorted(neighbours.rows_, row)), similarity) for row, similarity in alike]
            found.append(
                [
                    Labelled(
                        ids[place], titles[place], str(self.classes_[neighbours.codes_[place]]), min(similarity, 1.0)
                    )
                    for place, similarity in places
                ]
            )
        return found

    def _machine(self) -> SparseLinear:
        return SparseLinear(self.strength, self.kept, self.seed)


def widened(
    said: dict[str, NDArray[np.float32]], columns: NDArray[np.intp], width: int
) -> dict[str, NDArray[np.float32]]:
    """Opinions put into `columns` of `width` categories; the others were never seen."""
    if len(columns) == width:
        return said
    wide = {}
    for name, opinion in said.items():
        never = _NO_MARGIN if name in MACHINES or name == "branch" else 0.0
        wide[name] = np.full((opinion.shape[0], width), never, dtype=np.float32)
        wide[name][:, columns] = opinion
    return wide


def _only(X: sparse.csr_array, columns: NDArray[np.intp]) -> sparse.csr_array:
    return X if len(columns) == X.shape[1] else sparse.csr_array(X[:, columns])


def _packed(products: pd.DataFrame, rows: NDArray[np.intp]) -> dict[str, str]:
    """Ids and titles of some rows, one a line: a single text is stored small and read at once."""
    kept = products.iloc[rows]
    ids = kept["product_id"].astype(str).tolist() if "product_id" in kept.columns else [str(row) for row in rows]
    columns = {"product_id": ids, "title": field(kept, "title")}
    return {name: "\n".join(" ".join(value.split())[:_SHOWN] for value in values) for name, values in columns.items()}
