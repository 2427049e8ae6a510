"""What the scoring service answers, as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aisle.errors import ServiceUnavailable

T = TypeVar("T")


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


COLUMNS = (
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


_READ = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def understood(read: Callable[[Any], T], content: Any, url: str) -> T:
    """What `read` makes of an answer; `ServiceUnavailable` for one that no scoring service gives."""
    try:
        return read(content)
    except _READ as error:
        raise ServiceUnavailable(
            f"{url}: answered what no scoring service answers ({type(error).__name__}: {error}); check the address"
        ) from error


def model_of(content: Any) -> ModelIdentity:
    """The `model` of any answer."""
    found = content["model"]
    tag = found["bento_tag"]
    return ModelIdentity(str(found["name"]), str(found["version"]), str(found["policy_id"]), tag and str(tag))


def errors_of(content: Any, first: int) -> list[ProductError]:
    """The errors of an answer or a problem; `first` is the place of the request's first product in the call."""
    return [
        ProductError(
            place=first + int(one["place"]),
            product_id=one.get("product_id"),
            field=one.get("field"),
            code=str(one["code"]),
            detail=str(one["detail"]),
        )
        for one in content["errors"]
    ]


def column_of(content: Any, name: str, n: int) -> list[Any]:
    """A column of an answer; `ValueError` unless it has `n` values."""
    values = content[name]
    if not isinstance(values, list) or len(values) != n:
        raise ValueError(f"{name} should hold {n} values")
    return values


def same_model(answers: Sequence[Any], url: str) -> ModelIdentity:
    """The model that gave all of these answers; `ServiceUnavailable` when it changed in between."""
    first, *others = (understood(model_of, one, url) for one in answers)
    for other in others:
        if other != first:
            raise ServiceUnavailable(
                f"{url}: the model changed while it answered (version {first.version}, then {other.version}); ask again"
            )
    return first
