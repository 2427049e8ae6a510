"""From bytes to products: everything that a request can have wrong, said without repeating what was sent.

Products are decoded one by one, so that a bad one is an error of its own place. What is rare (control
characters, fields that stand twice, halves of character pairs) is looked for in the bytes of the whole
request first, and in each product only where something was found.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from service.problems import Refused
from service.schemas import (
    CONTROL,
    CategorizeRequest,
    Code,
    ExplainRequest,
    ProbabilitiesRequest,
    Product,
    ProductError,
)
from service.settings import MAX_ALTERNATIVES, MAX_EXPLAINED, MAX_PRODUCTS

T = TypeVar("T", CategorizeRequest, ExplainRequest, ProbabilitiesRequest)

_Wrong: TypeAlias = tuple[str | None, Code, str]  # field, code, detail

RULES = {
    "title": "text of 1 to 1,000 characters, not blank",
    "product_id": "text of 1 to 200 characters, or null",
    "revision": "a whole number from 1 to 2,147,483,647",
    "description": "text of at most 20,000 characters, or null",
    "brand": "text of at most 200 characters, or null",
    "seller_category": "text of at most 1,000 characters, or null",
    "price": "a number from 0 on, or null",
    "currency": "text of at most 10 characters, or null",
    "seller": "text of at most 200 characters, or null",
}
_TEXTS = tuple(name for name, rule in RULES.items() if rule.startswith("text"))
_ENVELOPE_RULES: dict[type, dict[str, str]] = {
    CategorizeRequest: {
        "products": f"a list of 1 to {MAX_PRODUCTS:,} products",
        "alternatives": f"a whole number from 0 to {MAX_ALTERNATIVES}",
    },
    ProbabilitiesRequest: {"products": f"a list of 1 to {MAX_PRODUCTS:,} products", "level": '"category" or "branch"'},
    ExplainRequest: {
        "products": f"a list of 1 to {MAX_EXPLAINED} products",
        "neighbours": "a whole number from 0 to 10",
    },
}


class _Identified(msgspec.Struct):
    """What is still read of a bad product, so that its error can be told from others."""

    product_id: str | None = None


_ENVELOPES: dict[type, msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in _ENVELOPE_RULES}
_PRODUCT = msgspec.json.Decoder(Product)
_IDENTIFIED = msgspec.json.Decoder(_Identified)

_CONTROL = re.compile(f"[{CONTROL}]")
# The same characters as they stand in bytes of JSON: escaped, or raw from DEL on.
_CONTROL_ESCAPED = re.compile(rb"\\(?:[bf]|u00[01789])")
_C1_RAW = re.compile(rb"\xc2[\x80-\x9f]")
_LETTER_ESCAPED = re.compile(rb"\\u00[4-7]")
_FIELD = re.compile(rb'"(' + "|".join(RULES).encode() + rb')"\s*:')
_OTHER_FIELDS = tuple(f'"{name}"'.encode() for name in RULES if name != "title")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_AT_FIELD = re.compile(r" at `\$\.([a-z_]+)`$")
_MISSING = re.compile(r"^Object missing required field `([a-z_]+)`$")
_BYTE = re.compile(r"\(byte ([0-9]+)\)$")


@dataclass(frozen=True)
class Request(Generic[T]):
    """A request whose products are not decoded yet.

    Attributes
    ----------
    content : the envelope
    odd : whether a product may hold a control character
    escaped : whether a name of a field may be spelt with escapes
    plain : whether no product holds more than one title, so that no field can stand there twice
    """

    content: T
    odd: bool
    escaped: bool
    plain: bool


@dataclass(frozen=True)
class Batch:
    """Products of one request.

    Attributes
    ----------
    size : int
        Products of the request, good and bad.
    products : the good ones
    places : their places in the request, ascending
    errors : one for each bad one
    """

    size: int
    products: list[Product]
    places: list[int]
    errors: list[ProductError]


def read_request(body: bytes, kind: type[T]) -> Request[T]:
    """The envelope of a request.

    Raises
    ------
    Refused
        400 for what is no JSON in UTF-8; 422 for JSON of another form.
    """
    odd = b"\x7f" in body or (b"\xc2" in body and _C1_RAW.search(body) is not None)
    escaped = False
    if b"\\" in body:
        odd = odd or _CONTROL_ESCAPED.search(body) is not None
        escaped = _LETTER_ESCAPED.search(body) is not None
    try:
        try:
            content = _ENVELOPES[kind].decode(body)
        except msgspec.DecodeError:
            mended = _without_half_pairs(body)
            if mended == body:
                raise
            odd, content = True, _ENVELOPES[kind].decode(mended)
        _refuse_twice(body, kind, escaped)
    except msgspec.ValidationError as error:
        raise Refused(422, _envelope_detail(str(error), kind)) from None
    except (UnicodeDecodeError, RecursionError, msgspec.DecodeError) as error:
        raise Refused(400, _not_json(body, error)) from None
    return Request(content, odd, escaped, not escaped and _is_plain(body, len(content.products)))


def _is_plain(body: bytes, products: int) -> bool:
    """Whether of all fields the title alone stands in the body, once a product: asked often, so made quick."""
    return body.count(b'"title"') == products and not any(name in body for name in _OTHER_FIELDS)


def _without_half_pairs(body: bytes) -> bytes:
    """Halves of character pairs (\\ud800 alone) made a control character, which is refused in its place."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _ESCAPE.sub(lambda found: rb"\u0000" if found[1] else found[0], body)


def _envelope_detail(message: str, kind: type) -> str:
    rules = _ENVELOPE_RULES[kind]
    found = _AT_FIELD.search(message) or _MISSING.search(message)
    if found and found[1] in rules and not message.startswith("Object contains unknown"):
        return f"{found[1]} must be {rules[found[1]]}"
    if message.startswith("Object contains unknown"):
        return f"the request has a field that is not one of {', '.join(rules)}; take it out"
    return 'the request must be an object: {"products": [{"title": …}]}'


def _not_json(body: bytes, error: Exception) -> str:
    if not body.strip():
        return "the body is empty; send JSON"
    if isinstance(error, RecursionError):
        return "the body is nested too deeply; products are flat"
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) or b"\x00" in body[:4]:
        return "the body begins with a byte order mark, or is not UTF-8; send UTF-8 without one"
    if isinstance(error, UnicodeDecodeError):
        return "the body is not UTF-8"
    place = _BYTE.search(str(error))
    if place is None:
        return "the body is not JSON: it ends too early"
    if body[int(place[1]) :].startswith((b"NaN", b"Infinity")):
        return f"the body is not JSON: a number at byte {place[1]} is not finite; send null where there is none"
    return f"the body is not JSON: it breaks at byte {place[1]}"


def _refuse_twice(body: bytes, kind: type, escaped: bool) -> None:
    names = _ENVELOPE_RULES[kind]
    if not escaped and all(body.count(b'"%s"' % name.encode()) <= 1 for name in names):
        return
    twice = _standing_twice(body)
    if twice:
        raise Refused(422, f"{', '.join(sorted(twice))} stands there twice; send it once")


def _standing_twice(text: bytes) -> set[str]:
    """Names that the outermost object of `text`, valid JSON but for its encoding, holds more than once."""
    outermost: list[tuple[str, Any]] = []

    def keep(pairs: list[tuple[str, Any]]) -> None:
        outermost[:] = pairs  # the outermost object ends last

    json.loads(text.decode("utf-8", "replace"), object_pairs_hook=keep, parse_int=str, parse_float=str)
    return {name for name, times in Counter(name for name, _ in outermost).items() if times > 1}


def read_products(request: Request[T]) -> Batch:
    """The products of a request: good ones decoded, bad ones as errors of their place.

    Raises
    ------
    Refused
        422, with all errors, where no product is good.
    """
    raws: list[msgspec.Raw] = request.content.products
    if request.plain and not request.odd:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            products = [*map(_PRODUCT.decode, raws)]
            if not any(product.title.isspace() for product in products):
                return Batch(len(raws), products, [*range(len(raws))], [])
    batch = Batch(len(raws), [], [], [])
    for place, raw in enumerate(raws):
        found = _product_or_wrong(raw, request)
        if isinstance(found, Product):
            batch.products.append(found)
            batch.places.append(place)
        else:
            field, code, detail = found
            batch.errors.append(ProductError(place, _id_of(raw), field, code, detail))
    if not batch.products:
        raise Refused(422, "no product of the request is good; errors says what is wrong with each", batch.errors)
    return batch


def _product_or_wrong(raw: msgspec.Raw, request: Request[T]) -> Product | _Wrong:
    try:
        product = _PRODUCT.decode(raw)
    except UnicodeDecodeError:
        return None, "not_utf8", "the product is not UTF-8; send its text as UTF-8"
    except msgspec.DecodeError as error:
        return _what_is_wrong(str(error))
    return _what_else_is_wrong(product, bytes(raw), request) or product


def _what_is_wrong(message: str) -> _Wrong:
    """Field, code and detail of what msgspec says, without the words of the request that it may repeat."""
    if message.startswith("Object contains unknown"):
        return None, "unknown_field", f"there is a field that is not one of {', '.join(RULES)}; take it out"
    missing, at_field = _MISSING.search(message), _AT_FIELD.search(message)
    if missing:
        return missing[1], "missing", f"{missing[1]} must be {RULES[missing[1]]}"
    if not at_field:
        return None, "type", 'a product must be an object: {"title": …}'
    code: Code = "length" if "of length" in message else "range" if ">=" in message or "<=" in message else "type"
    code = "range" if "out of range" in message else code
    return at_field[1], code, f"{at_field[1]} must be {RULES[at_field[1]]}"


def _what_else_is_wrong(product: Product, raw: bytes, request: Request[T]) -> _Wrong | None:
    """What the types do not say: blank titles, control characters, fields that stand there twice."""
    if product.title.isspace():
        return "title", "blank", f"title must be {RULES['title']}"
    if request.odd:
        for name in _TEXTS:
            text = getattr(product, name)
            if text is not None and _CONTROL.search(text):
                return name, "character", f"{name} holds a control character or half of a character pair; take it out"
    names = _FIELD.findall(raw)
    if request.escaped or len(names) != len(set(names)):
        for name in sorted(_standing_twice(raw)):
            return name, "duplicate_field", f"{name} stands there twice; send it once"
    return None


def _id_of(raw: msgspec.Raw) -> str | None:
    """The product id of a bad product, where there is one that could be an id."""
    try:
        found = _IDENTIFIED.decode(raw).product_id
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return None
    return found if found and len(found) <= 200 and not _CONTROL.search(found) else None
