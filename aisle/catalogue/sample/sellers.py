"""Sellers and the way in which each of them writes: order, capitals, cuts, abbreviations, language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aisle.catalogue.sample.vocabulary import Branch

_NAMES = (
    "Toolbarn", "Homewise", "Megadeal", "Value Village", "Nordmarkt", "La Maison Pratique", "De Klusser",
    "Haus & Hof", "Bargain Depot", "Tech Corner", "Gizmo Lane", "Allround Outlet", "Family Store",
    "Green Thumb Direct", "Motor Spares", "City Trade", "Warehouse 9", "Brico Plus", "Alles Billig", "Quickshop",
    "Old Mill Stores", "Prime Parts", "Sunny Side", "Riverbank Retail", "Kaufgut", "Tout Pour Tous", "Huis en Tuin",
    "Everyday Goods", "Clearance King", "The Stockroom", "Urban Supply", "Harbour Traders", "Little Corner",
    "Baumarkt Süd", "Jardin et Cie", "Fietsenhoek", "Smart Buyers", "Castle Imports", "Direct4you", "Bright House",
    "Trade Counter", "Cheap & Cheerful", "Northgate", "Hillside Shop", "Ferrum", "Discount Hall", "Gift Attic",
    "Market Square", "Elektro Blitz", "Petite Boutique", "Oak Lane", "Pick & Pay Less", "Surplus Store", "Westend",
    "Mail Order Mills", "Corner Stock", "Boxed Goods", "Fair Price", "Main Street", "Shopland",
)  # fmt: skip
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101)
_STEPS = [math.sqrt(prime) % 1.0 for prime in (*_PRIMES, 103, 107, 109, 113, 127, 131)]  # irrational
CASES = ("as written", "capitals", "small", "title")
CRUMBS = ("own path", "leaf", "branch", "promotion", "none")


@dataclass(frozen=True)
class Seller:
    """One seller and its format; the numbers in (0, 1) are shares of its titles or words.

    Attributes
    ----------
    share : float
        Of all products, before affinity to branches.
    home : tuple of str
        Branch ids that it mostly deals in; empty for all alike.
    cut : int
        Its titles end after so many characters; 0 for never.
    detail : int
        How many attributes it tells.
    """

    seller_id: str
    name: str
    share: float
    home: tuple[str, ...]
    language: str
    case: str
    cut: int
    order: int
    detail: int
    brand: float
    model: float
    abbreviated: float
    vowels_dropped: float
    misspelt: float
    inflected: float
    vague: float
    wordless: float
    misnamed: float
    markup: float
    promotion: float
    descriptions: float
    prices: float
    crumbs: str
    codes: bool
    decimals: int
    currency: str


def make_sellers(count: int, branches: Sequence[Branch], seed: int) -> list[Seller]:
    """`count` sellers, the greatest first; the last of them is the one that comes late."""
    return [_make_seller(number, branches, seed) for number in range(count)]


def late_seller(branches: Sequence[Branch], seed: int, number: int) -> Seller:
    """A seller unlike the others: all capitals, abbreviations, cut early, no brand in front, no price."""
    return replace(
        _make_seller(number, branches, seed),
        share=0.06,
        home=(),
        language="en",
        case="capitals",
        cut=28,
        order=3,
        abbreviated=0.45,
        vowels_dropped=0.1,
        vague=0.2,
        prices=0.0,
        descriptions=0.1,
        crumbs="none",
    )


def _make_seller(number: int, branches: Sequence[Branch], seed: int) -> Seller:
    u = _traits(number, seed)
    name = _NAMES[number] if number < len(_NAMES) else f"{_NAMES[number % len(_NAMES)]} {number // len(_NAMES) + 1}"
    language = _language(u[0], number)
    focus = 0 if u[1] < 0.3 else 1 + int(u[2] * 3)
    home = tuple(branches[int(u[3 + i] * len(branches))].branch_id for i in range(focus))
    tidy = u[6] < 0.35  # a seller with a catalogue department
    return Seller(
        seller_id=f"s{number + 1:03d}",
        name=name,
        share=1.0 / (number + 6),
        home=home,
        language=language,
        case="as written" if tidy else CASES[(0, 0, 1, 2, 3, 3)[int(u[7] * 6)]],
        cut=20 + int(u[8] * 21) if u[9] < 0.45 and not tidy else 0,
        order=int(u[10] * 4),
        detail=1 + int(u[11] * 3) if tidy else int(u[11] * 4),
        brand=0.95 if tidy else 0.3 + 0.65 * u[12],
        model=0.75 * u[13],
        abbreviated=0.0 if tidy or u[14] < 0.4 else 0.45 * u[15],
        vowels_dropped=0.25 * u[16] if u[17] < 0.18 and not tidy else 0.0,
        misspelt=0.004 if tidy else 0.012 + 0.05 * u[18],
        inflected=0.05 + 0.3 * u[19],
        vague=0.06 if tidy else 0.08 + 0.35 * u[20] * u[20],
        wordless=0.03 if tidy else 0.06 + 0.16 * u[12],
        misnamed=0.03 if tidy else 0.05 + 0.1 * u[23],
        markup=0.15 * u[21] if u[22] < 0.35 and not tidy else 0.0,
        promotion=0.3 * u[23] if u[24] < 0.3 else 0.0,
        descriptions=0.95 if tidy else max(0.0, 1.3 * u[25] - 0.3),
        prices=0.98 if u[26] < 0.8 else 0.2,
        crumbs=CRUMBS[0] if tidy else CRUMBS[int(u[27] * len(CRUMBS))],
        codes=u[28] < 0.5,
        decimals=2 if u[29] < 0.8 else 0,
        currency="EUR" if language != "en" or u[30] < 0.5 else ("GBP", "USD")[int(u[31] * 2)],
    )


def _traits(number: int, seed: int) -> list[float]:
    """Uniform numbers, spread evenly over the sellers in each trait, so that samples of all seeds are as hard.

    A Weyl sequence a trait (Weyl 1916, "Über die Gleichverteilung von Zahlen mod. Eins").
    """
    offsets = np.random.default_rng([seed, 21]).random(len(_STEPS)).tolist()
    return [(offset + number * step) % 1.0 for offset, step in zip(offsets, _STEPS, strict=True)]


def _language(u: float, number: int) -> str:
    """Most sellers write English; three other languages share a fifth, none of them the greatest seller."""
    if number < 2 or u < 0.8:
        return "en"
    return "de" if u < 0.89 else "fr" if u < 0.95 else "nl"
