"""Products with a known label and the model's scores for them: what thresholds and comparisons are made from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisle.bounds import hash_order, keyed_uniform, worth_in_rows
from aisle.config import Clusters
from aisle.decision.selective import Curve, accuracy_coverage_curve
from aisle.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ScoredProducts:
    """Scores of n labelled products; all arrays have shape (n,).

    Attributes
    ----------
    product_id, branch_id : arrays of str
        `branch_id` is the branch that the model suggests.
    confidence : array of float in [0, 1]
    right : array of bool
        Whether the suggested category is the label.
    allowed : array of bool
        False where the suggested category always goes to people. Such a product counts as
        reviewed everywhere: it is in the denominator of coverage and never accepted.
    weight : array of float > 0
        How many products of the flow the row stands for, up to a factor.
    cluster : array of int, optional
        Rows of the same number came together, as the products of one seller do; None where rows
        count as independent.
    """

    product_id: NDArray[np.object_]
    branch_id: NDArray[np.object_]
    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    allowed: NDArray[np.bool_]
    weight: NDArray[np.float64]
    cluster: NDArray[np.int64] | None = None

    @classmethod
    def of(
        cls,
        scores: pd.DataFrame,
        products: pd.DataFrame,
        weight: NDArray[np.float64],
        always_review: Collection[str] = (),
        source: str = "scores",
        clusters: Clusters = "none",
    ) -> ScoredProducts:
        """Put a score frame and the prepared frame of the same products, in the same order, together.

        With clusters 'seller' the column `seller` of `products` says which rows belong together.

        Raises
        ------
        DataError
            Where the two frames are not of the same products in the same order, or a confidence
            is not in [0, 1].
        """
        if len(scores) != len(products) or (scores["product_id"].to_numpy() != products["product_id"].to_numpy()).any():
            raise DataError(f"{source}: not the products of the prepared data, in their order; run `dvc repro` again")
        confidence = scores["confidence"].to_numpy(dtype=np.float64)
        outside = np.flatnonzero(~((confidence >= 0) & (confidence <= 1)))
        if outside.size:
            raise DataError(
                f"{source}: row {outside[0] + 1}, column confidence is {confidence[outside[0]]}, not in [0, 1]; "
                "mend the estimator and run `dvc repro` again"
            )
        return cls(
            product_id=scores["product_id"].to_numpy(dtype=object),
            branch_id=scores["branch_id"].to_numpy(dtype=object),
            confidence=confidence,
            right=scores["category_id"].to_numpy() == products["category_id"].to_numpy(),
            allowed=~scores["category_id"].isin(list(always_review)).to_numpy(),
            weight=np.asarray(weight, dtype=np.float64),
            cluster=_clusters(products["seller"]) if clusters == "seller" else None,
        )

    def __len__(self) -> int:
        return self.confidence.size

    def only(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> ScoredProducts:
        """The products where `rows` (shape (n,)) is true, or at these indices."""
        return ScoredProducts(
            self.product_id[rows],
            self.branch_id[rows],
            self.confidence[rows],
            self.right[rows],
            self.allowed[rows],
            self.weight[rows],
            None if self.cluster is None else self.cluster[rows],
        )

    @cached_property
    def evenly_drawn(self) -> NDArray[np.bool_]:
        """A part of the rows in which every product of the flow is equally likely to be, shape (n,).

        A row stays with a probability in proportion to its weight, by hash of the product.
        """
        chance = self.weight / self.weight.max(initial=0.0)
        return np.asarray(keyed_uniform(self.product_id, "aisle", "aisle even draw") < chance)

    @cached_property
    def even_rows(self) -> float:
        """Rows to be expected in `evenly_drawn`."""
        return float(self.weight.sum() / self.weight.max(initial=0.0)) if len(self) else 0.0

    @cached_property
    def exact(self) -> bool:
        """Whether an exact test of the evenly drawn rows says more than betting on all of them.

        Depends on weights alone. Betting pays for its freedom to stop at any time: to reach the
        same level it wants about twice the evidence, so up to half of the rows are given away.
        Rarely so many are: audits that prefer unsure products give sure ones, which are those
        that get accepted, the greatest weight, and they all stay. A test that is exact within
        strata of equal weight would have to allow for the worst share of errors in each.
        """
        return 2 * self.even_rows >= worth_in_rows(self.weight)

    @cached_property
    def drawn_order(self) -> NDArray[np.int64]:
        """Indices, shape (n,), in an order that knows neither confidence nor label: by hash of the product."""
        return hash_order(self.product_id)

    @cached_property
    def curve(self) -> Curve:
        """The weighted accuracy-coverage curve over what may be accepted; coverage is a share of all."""
        inner = accuracy_coverage_curve(
            self.confidence[self.allowed], self.right[self.allowed], self.weight[self.allowed]
        )
        share = self.weight[self.allowed].sum() / self.weight.sum() if len(self) else 0.0
        return Curve(inner.threshold, inner.coverage * share, inner.accuracy)


def _clusters(seller: pd.Series[str]) -> NDArray[np.int64]:
    """A number for each seller, shape (n,); a row without a seller has one of its own."""
    import pandas as pd

    codes, known = pd.factorize(seller)
    alone = codes < 0
    numbers = np.asarray(codes, dtype=np.int64)
    numbers[alone] = len(known) + np.arange(int(alone.sum()))
    return numbers


def too_few_labels(products: pd.DataFrame, min_labels: int) -> tuple[str, ...]:
    """Categories with fewer than `min_labels` distinct training products; they always go to people.

    Distinct products are counted, so copies of rare examples do not make a category less rare.
    Categories without any label are not in `products`, and no model suggests them.
    """
    labels = products.groupby("category_id")["product_id"].nunique()
    return tuple(sorted(str(category) for category in labels.index[labels < min_labels]))
