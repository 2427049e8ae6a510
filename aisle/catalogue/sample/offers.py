"""Offers: what a seller writes of a thing, as a row of the products table."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from aisle.catalogue.sample.sellers import Seller
from aisle.catalogue.sample.things import Thing
from aisle.catalogue.sample.vocabulary import Leaf, common_words
from aisle.catalogue.sample.wording import inflect, spoil

DRAWS = 60  # uniform numbers that one offer takes
_FOR = {
    "en": ("for", "for", "suitable for", "fits", "compatible with", "for use with"),
    "de": ("für", "passend für", "kompatibel mit"),
    "fr": ("pour", "compatible avec"),
    "nl": ("voor", "geschikt voor"),
}
_AND = {"en": "with", "de": "mit", "fr": "avec", "nl": "met"}
_PROMOTIONS = (
    "NEW",
    "Original",
    "Sale",
    "Premium",
    "Top quality",
    "Best price",
    "2025",
    "Free delivery",
    "Special offer",
)
_PROMOTION_CRUMBS = ("Sale", "New in", "All products", "Bestsellers", "Clearance > Last chance", "Gifts", "Marketplace")
_SENTENCES = {
    "en": (
        "{noun} from {brand}, {detail}.", "{noun}: made to last and easy to use.",
        "Ideal for home and business.",
        "Delivery within three working days.", "{brand} {model}: {detail}.", "Two years of warranty.",
        "The {noun} you have been looking for: {detail}.", "Please check the dimensions before you order.",
    ),
    "de": ("{noun} von {brand}, {detail}.", "Hochwertige Verarbeitung, einfache Handhabung.",
           "Lieferung in 2-3 Werktagen."),
    "fr": ("{noun} de {brand}, {detail}.", "Facile à utiliser au quotidien.", "Livraison sous 48 heures."),
    "nl": ("{noun} van {brand}, {detail}.", "Makkelijk in gebruik en van goede kwaliteit.", "Morgen in huis."),
}  # fmt: skip
_RATES = {"EUR": 1.0, "GBP": 0.86, "USD": 1.08}


def describe(
    things: Sequence[Thing], sellers: Sequence[Seller], rng: np.random.Generator
) -> dict[str, list[str | float | None]]:
    """The columns that sellers write, one entry a thing: title, description, brand, …"""
    draws = rng.random((len(things), DRAWS)).tolist()
    rows = [_offer(thing, seller, u, rng) for thing, seller, u in zip(things, sellers, draws, strict=True)]
    names = ("title", "description", "brand", "seller_category", "price", "currency", "group_id")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def _offer(
    thing: Thing, seller: Seller, u: list[float], rng: np.random.Generator
) -> tuple[str, str | None, str | None, str | None, float | None, str | None, str | None]:
    language = seller.language
    noun = _noun(thing, seller, u)
    attributes = [_translated(a, language) for a in thing.attributes[: seller.detail]]
    title = spoil(_title(thing, seller, noun, attributes, u).split(), seller, u[30:], rng)
    price = None
    if u[20] < seller.prices:
        price = round(thing.price * (0.85 + 0.3 * u[21]) * _RATES[seller.currency], 2)
        price = float(int(price)) + (0.99, 0.95, 0.0)[int(u[22] * 3)] if seller.decimals else float(int(price) + 1)
    return (
        title,
        _description(thing, seller, noun, u) if u[23] < seller.descriptions else None,
        thing.brand if u[24] < seller.brand else None,
        _breadcrumb(thing.leaf, seller, u),
        price,
        seller.currency if price is not None else None,
        f"gtin:{thing.code}" if seller.codes and u[25] < 0.9 else None,
    )


def _noun(thing: Thing, seller: Seller, u: list[float]) -> str:
    """Mostly the word that fits the thing best; some sellers prefer another one, or take it for something else."""
    if u[29] < seller.misnamed and thing.mistaken is not None:
        nouns = thing.mistaken.nouns.get(seller.language) or thing.mistaken.nouns["en"]
        return nouns[int(u[1] * len(nouns))]
    nouns = thing.leaf.nouns.get(seller.language) or thing.leaf.nouns["en"]
    return nouns[int((thing.synonym if u[0] < 0.85 else u[1]) * len(nouns))]


def _title(thing: Thing, seller: Seller, noun: str, attributes: list[str], u: list[float]) -> str:
    words = noun.split(" ")
    if u[2] < seller.inflected and seller.language == "en":
        words[-1] = inflect(words[-1])
    if u[4] < seller.vague:
        words = words[-1:] if u[28] < 0.6 else thing.leaf.middle.lower().split(" ")  # "wheel", "battery"; "hand tools"
    name = " ".join(words)
    if thing.bundled is not None and u[29] > 0.2:
        name = _bundle(name, thing.bundled, seller, u[1])
    brand = thing.brand if u[6] < seller.brand else ""
    model = thing.model if u[7] < seller.model else thing.line if u[7] > 0.7 else ""
    if model and u[5] < seller.wordless:
        name = ""  # brand, model and figures say it all, to who knows them
    if u[8] < 0.12:
        attributes = attributes[::-1]
    told = " ".join(attributes)
    fitting = _fitting(thing, seller, u)
    if seller.order == 0:
        parts = [brand, model, name, fitting, told]
    elif seller.order == 1:
        parts = [brand, name, model, told, fitting]
    elif seller.order == 2:
        parts = [name, fitting, told, brand, model] if not fitting or u[9] < 0.5 else [fitting, name, told, brand]
    else:
        parts = [" ".join(attributes[:1]), name, fitting, brand, model, " ".join(attributes[1:])]
    if u[10] < seller.promotion:
        parts.insert(0 if u[11] < 0.5 else len(parts), _PROMOTIONS[int(u[12] * len(_PROMOTIONS))])
    return " ".join(part for part in parts if part) or noun


def _bundle(name: str, other: Leaf, seller: Seller, u: float) -> str:
    """Two things in one offer; what stands first need not be what it is filed under."""
    nouns = other.nouns.get(seller.language) or other.nouns["en"]
    added = nouns[int(u * len(nouns))]
    joint = ("+", "&", _AND[seller.language], "+")[int(u * 100) % 4]
    return f"{added} {joint} {name}" if u * 10 % 1 < 0.45 else f"{name} {joint} {added}"


def _fitting(thing: Thing, seller: Seller, u: list[float]) -> str:
    """What the accessory is for, "for Bramund BX-240 drill"; empty for what is no accessory."""
    if thing.host is None or u[13] > 0.75:
        return ""
    nouns = thing.host.nouns.get(seller.language) or thing.host.nouns["en"]
    host = nouns[int(u[14] * len(nouns))]
    word = _FOR[seller.language][int(u[15] * len(_FOR[seller.language]))]
    if u[16] < 0.35:
        return f"{word} {host}"
    if u[16] < 0.6:
        return f"{word} {thing.host_brand} {thing.host_model}"
    return (
        f"{word} {thing.host_brand} {host}" if u[16] < 0.8 else f"{word} {thing.host_brand} {thing.host_model} {host}"
    )


def _translated(text: str, language: str) -> str:
    if language == "en":
        return text
    words = common_words()[language]
    return " ".join(words.get(word, word) for word in text.split(" "))


def _description(thing: Thing, seller: Seller, noun: str, u: list[float]) -> str:
    sentences = _SENTENCES[seller.language]
    first, second = int(u[17] * len(sentences)), int(u[18] * len(sentences))
    detail = ", ".join(_translated(a, seller.language) for a in thing.attributes[:3]) or thing.model
    told = [
        sentences[i].format(noun=noun, brand=thing.brand, model=thing.model, detail=detail)
        for i in dict.fromkeys((first, second, 0 if u[19] < 0.6 else first))
    ]
    text = " ".join(sentence[:1].upper() + sentence[1:] for sentence in told)
    return f"<p>{text}</p>" if seller.markup else text


def _breadcrumb(leaf: Leaf, seller: Seller, u: list[float]) -> str | None:
    """The seller's own words for the place: the same leaf always stands in the same one."""
    if seller.crumbs == "none" or u[26] < 0.08:
        return None
    if seller.crumbs == "promotion" or u[26] > 0.96:
        return _PROMOTION_CRUMBS[int(u[27] * len(_PROMOTION_CRUMBS))]
    place = zlib.crc32(f"{seller.seller_id} {leaf.category_id}".encode())
    branch = leaf.branch.crumbs[zlib.crc32(seller.seller_id.encode()) % len(leaf.branch.crumbs)]
    nouns = leaf.nouns.get(seller.language) or leaf.nouns["en"]
    own = nouns[place % len(nouns)].capitalize() if place % 3 else leaf.middle
    if seller.crumbs == "branch":
        return branch
    return own if seller.crumbs == "leaf" else f"{branch} > {own}"
