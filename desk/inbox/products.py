"""A product as it comes in: which fields it has, what they may hold, and what is wrong with one that may not."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_LARGEST = 1.7976931348623157e308
_PLACE = re.compile(r"at `\$\.(\w+)")
_NAMED = re.compile(r"(?:field|required field) `(\w+)`")

FIELDS = {
    "product_id": "text of 1 to 200 characters, not blank",
    "title": "text of 1 to 1,000 characters, not blank",
    "revision": "a whole number from 1",
    "description": "text of at most 20,000 characters",
    "brand": "text of at most 200 characters",
    "seller_category": "text of at most 1,000 characters",
    "price": "a finite number from 0",
    "currency": "text of at most 10 characters",
    "seller": "text of at most 200 characters",
}
TEXTS = ("title", "description", "brand", "seller_category")


class Product(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """A product that may be stored; only its id and its title are required."""

    product_id: Annotated[str, Meta(min_length=1, max_length=200)]
    title: Annotated[str, Meta(min_length=1, max_length=1000)]
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    description: Annotated[str, Meta(max_length=20_000)] | None = None
    brand: Annotated[str, Meta(max_length=200)] | None = None
    seller_category: Annotated[str, Meta(max_length=1000)] | None = None
    price: Annotated[float, Meta(ge=0, le=_LARGEST)] | None = None
    currency: Annotated[str, Meta(max_length=10)] | None = None
    seller: Annotated[str, Meta(max_length=200)] | None = None

    def content_hash(self) -> str:
        """Equal for equal texts; a price or a seller is no text, so that a new price alone is no new revision."""
        texts = "\x1f".join(f"{text}" if text else "" for text in (getattr(self, name) for name in TEXTS))
        return hashlib.sha256(texts.encode()).hexdigest()


class Refusal(NamedTuple):
    """What is wrong with a product: its field, where it is one, and a sentence for people."""

    product_id: str | None
    field: str | None
    detail: str


def checked(sent: Mapping[str, Any]) -> Product | Refusal:
    """`sent` as a product, its seller without blanks around, or what is wrong with it; never repeats its text."""
    try:
        product = msgspec.convert(sent, Product)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        return _refusal(sent, error)
    for name in ("product_id", "title"):
        if not getattr(product, name).strip():
            return Refusal(_id_of(sent), name, f"{name}: {FIELDS[name]}")
    for name in ("product_id", *TEXTS, "currency", "seller"):
        text = getattr(product, name)
        if text and FORBIDDEN.search(text):
            return Refusal(_id_of(sent), name, f"{name}: holds a control character, or half of a character")
    if product.price is not None and product.price != product.price:
        return Refusal(_id_of(sent), "price", f"price: {FIELDS['price']}")
    if product.seller is not None and product.seller != (bare := product.seller.strip()):
        return msgspec.structs.replace(product, seller=bare or None)  # as brakes name it
    return product


def _refusal(sent: Any, error: Exception) -> Refusal:
    said = str(error)
    if not isinstance(sent, Mapping):
        return Refusal(None, None, "a product is an object with at least product_id and title")
    if found := _PLACE.search(said):
        name = found.group(1)
    elif found := _NAMED.search(said):
        name = found.group(1)
        if name in FIELDS:
            return Refusal(_id_of(sent), name, f"{name} is missing: {FIELDS[name]}")
        return Refusal(_id_of(sent), None, f"unknown field {_short(name)}; the fields are {', '.join(FIELDS)}")
    else:
        name = "price" if isinstance(error, OverflowError) else ""
    if name in FIELDS:
        return Refusal(_id_of(sent), name, f"{name}: {FIELDS[name]}")
    return Refusal(_id_of(sent), None, "unknown field; the fields are " + ", ".join(FIELDS))


def _id_of(sent: Mapping[str, Any]) -> str | None:
    found = sent.get("product_id")
    return _short(found, 200) if isinstance(found, str) else None


def _short(text: str, most: int = 60) -> str:
    return FORBIDDEN.sub("�", text[:most])
