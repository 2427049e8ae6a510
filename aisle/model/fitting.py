"""Fitting one classifier, and what is wanted of it: the unit of work of other processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from aisle.model.confidence import fit_temperature
from aisle.model.reranker import Evidence
from aisle.model.reranking import evidence_of
from aisle.model.scores import Known, Scores, aligned, scores_of
from aisle.model.views import Views

if TYPE_CHECKING:
    import pandas as pd

_TEMPERATURE_ROWS = 3000


def fit_and(
    then: Callable[[Any], Any],
    classifier: Any,
    products: pd.DataFrame,
    categories: NDArray[Any],
    weight: NDArray[Any],
) -> Any:
    """What `then` makes of a clone of `classifier` fitted on these rows; both can be sent to another process."""
    if isinstance(classifier, Views):
        return then(clone(classifier).fit(products, categories, weight))
    last = classifier.steps[-1][0]
    return then(clone(classifier).fit(products, categories, **{f"{last}__sample_weight": weight}))


def itself(classifier: Any) -> Any:
    """The classifier, and nothing made of it."""
    return classifier


def judged(
    products: pd.DataFrame, codes: NDArray[np.intp], known: Known, seed: int, classifier: Any
) -> tuple[Evidence | Scores, float]:
    """What a classifier says of products that it never saw, and the temperature that suits it."""
    if isinstance(classifier, Views):
        return evidence_of(classifier, products, known), 1.0
    some = np.random.default_rng(seed).permutation(len(products))[:_TEMPERATURE_ROWS]
    temperature = fit_temperature(aligned(classifier, products.iloc[some], known.classes), codes[some])
    return scores_of(classifier, products, known, temperature), temperature
