"""Fitting a categorizer on a prepared frame, and what that costs."""

from __future__ import annotations

import resource
import time
from typing import Any

import pandas as pd

from aisle.model.categorizer import Categorizer
from aisle.model.suspects import label_certainty

_TIMED_ROWS = 1000


def fit_and_measure(
    categorizer: Categorizer, train: pd.DataFrame, doubted_at: float | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit on the frame `train` (columns category_id, weight, fold beside the product's own).

    Parameters
    ----------
    doubted_at : float in (0, 1), optional
        Share of labels thought wrong. Where given, the classifier is fitted once more with labels
        that the out-of-fold scores speak against weighing less; none weighs nothing.

    Returns
    -------
    out_of_fold : score frame of the training rows, in their order
    facts : dict
        fit_seconds; score_us (microseconds a product, in batches of 1,000); peak_mb (megabytes
        of the largest moment, processes added up); rows; categories; labels_per_category.
    """
    start = time.perf_counter()
    out_of_fold = categorizer.cross_fit(train, train["category_id"], train["weight"], train["fold"])
    if doubted_at is not None:
        certainty = label_certainty(out_of_fold, train, doubted_at)
        categorizer.refit(train, train["category_id"], train["weight"] * certainty / certainty.mean())
    fit_seconds = time.perf_counter() - start
    some = train.head(_TIMED_ROWS)
    categorizer.score_frame(some.head(1))  # what is made when first used is not a price of each product
    start = time.perf_counter()
    categorizer.score_frame(some)
    score_us = (time.perf_counter() - start) / max(len(some), 1) * 1e6
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return out_of_fold, {
        "fit_seconds": round(fit_seconds, 2),
        "score_us": round(score_us, 1),
        "peak_mb": round((own + categorizer.jobs * children) / 1024, 1),
        "rows": len(train),
        "categories": len(categorizer.classes_),
        "labels_per_category": dict(
            zip(categorizer.classes_.tolist(), categorizer.support_.tolist(), strict=True),
        ),
    }
