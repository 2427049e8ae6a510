"""What the model suggests for products: a category each, how sure it is, and the next best ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisle.model.scores import Scores

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Suggestions:
    """For n products, in the order that they came in.

    Attributes
    ----------
    category_id, branch_id : arrays of str, dtype object, shape (n,)
        The category suggested, and the branch of the greatest summed probability.
    confidence, branch_confidence : arrays of shape (n,), in [0, 1]
        P(the category is right), P(the branch is right).
    branch_probability : array of shape (n,), in [0, 1]
    top_categories : array of str, dtype object, shape (n, A), the best ten at most, best first
    top_probabilities : array of shape (n, A), theirs
    """

    category_id: NDArray[np.object_]
    confidence: NDArray[np.float64]
    branch_id: NDArray[np.object_]
    branch_probability: NDArray[np.float64]
    branch_confidence: NDArray[np.float64]
    top_categories: NDArray[np.object_]
    top_probabilities: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.confidence)

    def frame(self, products: pd.DataFrame) -> pd.DataFrame:
        """As the score frame of `products`: see `Categorizer.score_frame` for its columns."""
        import pandas as pd

        named = "product_id" in products.columns
        return pd.DataFrame(
            {
                "product_id": products["product_id"].to_numpy() if named else [str(row) for row in range(len(self))],
                "category_id": self.category_id,
                "confidence": self.confidence,
                "branch_id": self.branch_id,
                "branch_probability": self.branch_probability,
                "branch_confidence": self.branch_confidence,
                "top_categories": pd.Series(self.top_categories.tolist(), dtype=object),
                "top_probabilities": pd.Series(self.top_probabilities.tolist(), dtype=object),
            }
        )


def suggestions_of(
    scores: Scores,
    classes: NDArray[np.str_],
    branches: NDArray[np.str_],
    confidence: NDArray[np.float64],
    branch_confidence: NDArray[np.float64],
) -> Suggestions:
    """Scores with the ids of categories and branches, and how sure they are."""
    top_categories = classes[scores.best].astype(object)
    return Suggestions(
        category_id=top_categories[:, 0],
        confidence=confidence,
        branch_id=branches[scores.branch].astype(object),
        branch_probability=scores.branch_probability,
        branch_confidence=branch_confidence,
        top_categories=top_categories,
        top_probabilities=scores.probability,
    )
