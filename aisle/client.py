"""The scoring service from Python: products in, columns out, over HTTP.

    with ServiceClient("http://127.0.0.1:3000") as service:
        answer = service.categorize([{"title": "Cordless drill 18V"}])
        answer.category_id[0], answer.confidence[0], answer.decision[0]

Calls that are too large for one request are sent as several. What may pass (no connection, 429,
502, 503, 504) is tried again, after the time that the service asks for, else after a random time
that doubles from try to try; the number of tries and the whole time are bounded.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import ipaddress
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, Self

import httpx

from aisle.errors import ConfigurationError, DataError, ServiceUnavailable, one_line

KEY_VARIABLE = "AISLE_API_KEY"
MAX_PRODUCTS = 1000  # what the service takes in one request …
MAX_EXPLAINED = 20  # … and in one that asks why
MAX_NUMBERS = 1_000_000  # … and how many probabilities it gives
MAX_BODY = 4_500_000  # bytes; the service takes 5 MiB
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 20.0  # seconds
_RETRIED = {429, 502, 503, 504}
_PASSING = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError, httpx.ProxyError)
_SHOWN = 300  # characters of what the service said


@dataclass(frozen=True)
class ModelIdentity:
    """Who answered: name and version in the registry, the policy's id, the Bento's tag (null outside one)."""

    name: str
    version: str
    policy_id: str
    bento_tag: str | None


@dataclass(frozen=True)
class ProductError:
    """What is wrong with one product: its place among those sent, from 0, the field, a code and a text."""

    place: int
    product_id: str | None
    field: str | None
    code: str
    detail: str


@dataclass(frozen=True)
class Categorized:
    """Answers for n products, in the order sent; every column is None at the place of a bad product.

    Attributes
    ----------
    model : ModelIdentity
    product_id : list of str
        As sent, else one that the service made.
    category_id, branch_id : list of str
        What the model suggests.
    confidence, branch_confidence : list of float in [0, 1]
        P(the suggestion is right).
    decision : list of "auto" or "review"
    decided_id : list of str or None
        What is decided automatically; None under review.
    start_branch_id : list of str or None
        Where a person starts to look; None where no branch is certain, or nobody needs to look.
    threshold : list of float or None
        None where people always decide.
    reason : list of str
    alternatives, alternative_probabilities : list of lists
        The likeliest categories, best first; empty for a bad product.
    errors : list of ProductError
    """

    model: ModelIdentity
    product_id: list[str | None]
    category_id: list[str | None]
    branch_id: list[str | None]
    confidence: list[float | None]
    branch_confidence: list[float | None]
    decision: list[str | None]
    decided_id: list[str | None]
    start_branch_id: list[str | None]
    threshold: list[float | None]
    reason: list[str | None]
    alternatives: list[list[str]]
    alternative_probabilities: list[list[float]]
    errors: list[ProductError]

    def __len__(self) -> int:
        return len(self.product_id)


_COLUMNS = (
    "product_id", "category_id", "branch_id", "confidence", "branch_confidence",
    "decision", "decided_id", "start_branch_id", "threshold", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Probabilities:
    """A probability for each of K categories, or branches: a list of K for each product, None for a bad one."""

    model: ModelIdentity
    product_id: list[str | None]
    level: str
    id: list[str]
    probability: list[list[float] | None]
    errors: list[ProductError]


@dataclass(frozen=True)
class Explained:
    """Why, for each product: an object with the fields of the service's answer, None for a bad one."""

    model: ModelIdentity
    explanations: list[dict[str, Any] | None]
    errors: list[ProductError]


@dataclass(frozen=True)
class Categories:
    """The category tree that the model answers with, one entry a category."""

    model: ModelIdentity
    category_id: list[str]
    parent_id: list[str | None]
    name: list[str]
    leaf: list[bool]
