"""From a request to its answer: parse, ask the engine, lay the columns out.

What is logged and counted of an answer waits until it is delivered: of a batch whose answer came too late, or
whose client has left, nobody has seen a prediction.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aisle.catalogue.columns import PRODUCT_FIELDS, Columns
from aisle.decision.answers import Decisions
from aisle.model.suggestions import Suggestions
from service.engine import Engine
from service.metrics import Metrics
from service.parsing import Batch, Request, read_products
from service.prediction_log import PredictionLog
from service.problems import Refused
from service.schemas import (
    Alternatives,
    Categorized,
    CategorizeRequest,
    ExplainRequest,
    Explanations,
    Probabilities,
    ProbabilitiesRequest,
    Product,
)
from service.settings import MAX_PROBABILITIES

V = TypeVar("V")


@dataclass(frozen=True)
class Answer:
    """What is sent, and what logs and counts it, cheap enough for the event loop, once it is."""

    content: Any
    delivered: Callable[[], None]


class Answers:
    """Answers requests; every method is a plain function of the request, to be called from any thread.

    Parameters
    ----------
    engine : Engine
    metrics : Metrics
    log : of predictions, or None
    """

    def __init__(self, engine: Engine, metrics: Metrics, log: PredictionLog | None) -> None:
        self._engine, self._metrics, self._log = engine, metrics, log
        name = engine.name
        self._logged_of_all = {
            "model_version": name.version,
            "policy_id": name.policy_id,
            "bento_tag": name.bento_tag,
        }

    def categorize(self, request: Request[CategorizeRequest]) -> Answer:
        """Suggestions and decisions, in columns; each product answered is logged when that is delivered."""
        batch = read_products(request)
        begun = time.perf_counter()
        suggestions, decisions = self._engine.categorize(_columns(batch.products))
        self._metrics.modelled("categorize", time.perf_counter() - begun)
        product_ids, plain = _ids(batch), _plain(suggestions, decisions)
        revisions = [product.revision for product in batch.products]
        logged = {"product_id": product_ids, "revision": revisions, **plain, **self._logged_of_all}
        listed = request.content.alternatives
        content = Categorized(
            model=self._engine.name,
            product_id=_placed(product_ids, batch),
            **{name: _placed(values, batch) for name, values in plain.items()},
            alternatives=Alternatives(
                category_id=_lists(suggestions.top_categories[:, :listed], batch),
                probability=_lists(suggestions.top_probabilities[:, :listed], batch),
            ),
            errors=batch.errors,
        )
        return Answer(content, partial(self._categorized, batch, logged, suggestions.confidence))

    def _categorized(self, batch: Batch, logged: dict[str, Any], confidence: NDArray[np.float64]) -> None:
        self._metrics.refused(batch.errors)
        self._metrics.decided(logged["decision"], confidence)
        if self._log is not None:
            self._log.add(logged, batch.products)

    def probabilities(self, request: Request[ProbabilitiesRequest]) -> Answer:
        """A probability for every category or branch; nothing is logged."""
        level = request.content.level
        ids = self._engine.ids(level)
        if len(request.content.products) * len(ids) > MAX_PROBABILITIES:
            most = MAX_PROBABILITIES // len(ids)
            detail = f"products × ids is limited to {MAX_PROBABILITIES:,} numbers; send at most {most} products"
            raise Refused(422, detail)
        batch = read_products(request)
        begun = time.perf_counter()
        probability = self._engine.probabilities(_columns(batch.products), level)
        self._metrics.modelled("probabilities", time.perf_counter() - begun)
        content = Probabilities(
            model=self._engine.name,
            product_id=_placed(_ids(batch), batch),
            level=level,
            id=ids,
            probability=_placed(probability.tolist(), batch),
            errors=batch.errors,
        )
        return Answer(content, partial(self._metrics.refused, batch.errors))

    def explain(self, request: Request[ExplainRequest]) -> Answer:
        """Why each product is answered as it is; nothing is logged."""
        batch = read_products(request)
        begun = time.perf_counter()
        explained = self._engine.explain(_columns(batch.products), _ids(batch), request.content.neighbours)
        self._metrics.modelled("explain", time.perf_counter() - begun)
        content = Explanations(model=self._engine.name, explanations=_placed(explained, batch), errors=batch.errors)
        return Answer(content, partial(self._metrics.refused, batch.errors))


def _columns(products: Sequence[Product]) -> Columns:
    return Columns({name: [getattr(product, name) for product in products] for name in PRODUCT_FIELDS})


def _ids(batch: Batch) -> list[str]:
    """As sent; a product without one gets the number of its request and its place, so that its log line has a name."""
    request = uuid.uuid4().hex
    return [
        product.product_id or f"request:{request}/{place}"
        for product, place in zip(batch.products, batch.places, strict=True)
    ]


def _plain(suggestions: Suggestions, decisions: Decisions) -> dict[str, list[Any]]:
    """The columns of an answer as plain values; a threshold that is not there is None."""
    return {
        "category_id": suggestions.category_id.tolist(),
        "branch_id": suggestions.branch_id.tolist(),
        "confidence": suggestions.confidence.tolist(),
        "branch_confidence": suggestions.branch_confidence.tolist(),
        "decision": decisions.decision.tolist(),
        "decided_id": decisions.decided_id.tolist(),
        "start_branch_id": decisions.start_branch_id.tolist(),
        "threshold": [None if one != one else one for one in decisions.threshold.tolist()],
        "reason": decisions.reason.tolist(),
    }


def _placed(values: list[V], batch: Batch) -> list[V | None]:
    """Values of the good products at their places, None at those of the bad ones."""
    if not batch.errors:
        return [*values]
    placed: list[V | None] = [None] * batch.size
    for place, value in zip(batch.places, values, strict=True):
        placed[place] = value
    return placed


def _lists(values: NDArray[np.generic], batch: Batch) -> list[list[Any]]:
    listed: list[list[Any]] = values.tolist()
    return [one or [] for one in _placed(listed, batch)] if batch.errors else listed
