"""The client: calls as functions, split into requests that the service takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, Self

import httpx

from aisle.client.address import authorization, checked_url, is_loopback
from aisle.client.answers import (
    COLUMNS,
    Categories,
    Categorized,
    Explained,
    ModelIdentity,
    Probabilities,
    ProductError,
    column_of,
    errors_of,
    model_of,
    same_model,
    understood,
)
from aisle.client.sending import Sender, said_in
from aisle.errors import ConfigurationError, DataError, ServiceUnavailable

MAX_PRODUCTS = 1000  # what the service takes in one request …
MAX_EXPLAINED = 20  # … in one that asks why …
MAX_NUMBERS = 1_000_000  # … and how many probabilities it gives
MAX_BODY = 4_500_000  # bytes; the service takes 5 MiB
Product = Mapping[str, Any]


class _Part(NamedTuple):
    """One request of a call: its first place, how many products, the answer; None where all of them are bad."""

    first: int
    n: int
    answer: Any
    errors: list[ProductError]


def _nothing() -> None:
    return None


class ServiceClient:
    """A typed client of the scoring service; use it in a `with` block, from as many threads as you like.

    Parameters
    ----------
    url : str
        Where the service is, as in `http://127.0.0.1:3000`.
    key : str, optional
        The API key; by default the one in the environment variable AISLE_API_KEY, if there is one.
    timeout : float
        Seconds that one try of one request may take.
    retries : int
        Tries after the first, for what may pass.
    patience : float
        Seconds for all tries of one request together.
    transport : httpx.BaseTransport, optional
        In the place of the network, for tests.

    Raises
    ------
    ConfigurationError
        For an address or a key that cannot be one; by the methods: for a key or an address that is refused.
    DataError
        By the methods: for products that are no JSON, or that are refused as a whole.
    ServiceUnavailable
        By the methods: when the last try failed too, or what answers is no scoring service.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 60.0,
        retries: int = 5,
        patience: float = 120.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = checked_url(url)
        self._client = httpx.Client(
            base_url=self.url,
            headers={"User-Agent": "aisle", "Accept": "application/json", **authorization(key)},
            trust_env=not is_loopback(self.url),  # a proxy of the environment cannot reach this machine's own ports
            transport=transport,
        )
        self._sender = Sender(self._client, self.url, timeout, retries, patience)
        self._sizes: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client cannot be used any more."""
        self._client.close()

    def categorize(self, products: Sequence[Product], alternatives: int = 3) -> Categorized:
        """Category, confidence and decision of each product.

        Parameters
        ----------
        products : sequence of mappings
            With `title`, and what is known of product_id, revision, description, brand,
            seller_category, price, currency, seller.
        alternatives : int from 0 to 10
            How many categories to name, best first.
        """
        parts = self._parts("/v1/categorize", products, {"alternatives": alternatives}, MAX_PRODUCTS)
        offered = [one._replace(answer=_below(one.answer, "alternatives")) for one in parts]
        return Categorized(
            model=self._model_of(parts),
            alternatives=self._joined(offered, "category_id", list),
            alternative_probabilities=self._joined(offered, "probability", list),
            errors=_errors(parts),
            **{name: self._joined(parts, name) for name in COLUMNS},
        )

    def probabilities(
        self, products: Sequence[Product], level: Literal["category", "branch"] = "category"
    ) -> Probabilities:
        """A probability for every category, or every branch, of each product."""
        most = max(1, min(MAX_PRODUCTS, MAX_NUMBERS // self._size(level)))
        parts = self._parts("/v1/probabilities", products, {"level": level}, most)
        answers = [one.answer for one in parts if one.answer is not None]
        ids = [understood(lambda content: list(content["id"]), one, self.url) for one in answers]
        return Probabilities(
            model=self._model_of(parts),
            product_id=self._joined(parts, "product_id"),
            level=level,
            id=ids[0] if ids else [],
            probability=self._joined(parts, "probability"),
            errors=_errors(parts),
        )

    def explain(self, products: Sequence[Product], neighbours: int = 3) -> Explained:
        """Why: the branches, the words that spoke for and against, the labelled products most alike."""
        parts = self._parts("/v1/explain", products, {"neighbours": neighbours}, MAX_EXPLAINED)
        return Explained(self._model_of(parts), self._joined(parts, "explanations"), _errors(parts))

    def categories(self) -> Categories:
        """The tree of categories."""
        content = self._get("/v1/categories")
        return understood(
            lambda one: Categories(
                model_of(one), *(list(one[name]) for name in ("category_id", "parent_id", "name", "leaf"))
            ),
            content,
            self.url,
        )

    def model(self) -> dict[str, Any]:
        """The model's identity, promise, policy and limits, as the service says them."""
        content = self._get("/v1/model")
        return understood(dict, content, self.url)

    def identity(self) -> ModelIdentity:
        """Which model answers now."""
        return understood(model_of, self._get("/v1/model"), self.url)

    def ready(self) -> bool:
        """Whether the service answers now; asked once, never an error."""
        try:
            response = self._client.get("/v1/health", timeout=5.0)
            return response.status_code == 200 and response.json().get("ready") is True
        except (httpx.HTTPError, ValueError, AttributeError):
            return False

    def _get(self, path: str) -> Any:
        status, content = self._sender.send("GET", path)
        if status != 200:
            raise ServiceUnavailable(f"{self.url}{path}: answered {status}; check the address")
        return content

    def _size(self, level: str) -> int:
        """How many probabilities a product has; asked once."""
        if not self._sizes:
            facts = self.model()
            self._sizes = {
                "category": understood(lambda one: int(one["categories"]), facts, self.url),
                "branch": understood(lambda one: int(one["branches"]), facts, self.url),
            }
        if level not in self._sizes:
            raise ConfigurationError(f"level must be category or branch, not {level!r}")
        return max(1, self._sizes[level])

    def _parts(self, path: str, products: Sequence[Product], options: Mapping[str, Any], most: int) -> list[_Part]:
        """The call as requests, and their answers."""
        if not products:
            raise DataError("no products were given; a call needs at least one")
        tail = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in options.items()) + "}"
        parts, first = [], 0
        for encoded in _batches(products, most):
            body = b'{"products":[' + b",".join(encoded) + b"]" + tail.encode()
            parts.append(self._part(path, first, len(encoded), body))
            first += len(encoded)
        return parts

    def _part(self, path: str, first: int, n: int, body: bytes) -> _Part:
        status, content = self._sender.send("POST", path, body)
        errors: list[ProductError] = []
        if status == 200 or (isinstance(content, dict) and content.get("errors")):
            errors = understood(lambda one: errors_of(one, first), content, self.url)
        if status == 200:
            return _Part(first, n, content, errors)
        # No product is good. How the call was split into requests must not show, so that this is no
        # other answer than that to a request with good ones among them.
        if {one.place for one in errors} != set(range(first, first + n)):
            raise DataError(f"{self.url}{path}: refused what was sent ({said_in(content) or 'it does not say why'})")
        return _Part(first, n, None, errors)

    def _joined(self, parts: Sequence[_Part], name: str, empty: Callable[[], Any] = _nothing) -> list[Any]:
        """A column of all parts; `empty()` for products of a part without answer."""
        column: list[Any] = []
        for part in parts:
            if part.answer is None:
                column += [empty() for _ in range(part.n)]
            else:
                column += understood(partial(column_of, name=name, n=part.n), part.answer, self.url)
        return column

    def _model_of(self, parts: Sequence[_Part]) -> ModelIdentity:
        answers = [part.answer for part in parts if part.answer is not None]
        return same_model(answers, self.url) if answers else self.identity()


def _batches(products: Sequence[Product], most: int) -> Iterator[list[bytes]]:
    """The products as JSON, at most `most` and about `MAX_BODY` bytes at a time."""
    batch: list[bytes] = []
    size = 0
    for place, product in enumerate(products):
        encoded = _encoded(place, product)
        if batch and (len(batch) == most or size + len(encoded) > MAX_BODY):
            yield batch
            batch, size = [], 0
        batch.append(encoded)
        size += len(encoded) + 1
    if batch:
        yield batch


def _encoded(place: int, product: Product) -> bytes:
    try:
        return json.dumps(dict(product), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"product {place}: cannot be written as JSON ({type(error).__name__}: {error}); "
            "give texts, finite numbers, or None"
        ) from error


def _errors(parts: Sequence[_Part]) -> list[ProductError]:
    return [error for part in parts for error in part.errors]


def _below(answer: Any, name: str) -> Any:
    """What stands in an answer under `name`; None where there is no answer."""
    if answer is None:
        return None
    return answer.get(name, {}) if isinstance(answer, dict) else {}
