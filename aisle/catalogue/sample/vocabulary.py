"""The words of the sample catalogue: its branches and leaves, by hand first and by rule beyond them.

The tables in `words/` hold a branch each: a leaf a row, with what sellers call it in four
languages, what they say of it, and what it fits if it is an accessory. Commas separate entries;
among the attributes a slash separates values (a backslash stands for a slash within one), `#10-40mm` is a
range, and `*colour` a shared list; `1+3>` before an attribute keeps it to the first and third noun.
"""

from __future__ import annotations

import csv
import functools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from aisle.catalogue.taxonomy import Category, Taxonomy

LANGUAGES = ("en", "de", "fr", "nl")

SHARED_LISTS: dict[str, tuple[str, ...]] = {
    "*colour": (
        "black",
        "white",
        "grey",
        "red",
        "blue",
        "green",
        "navy",
        "beige",
        "anthracite",
        "silver",
        "pink",
        "yellow",
        "brown",
    ),
    "*metal": ("steel", "stainless steel", "aluminium", "galvanised", "cast iron"),
    "*wood": ("oak", "pine", "beech", "walnut", "teak", "bamboo"),
    "*fabric": ("cotton", "polyester", "wool", "linen", "microfibre", "fleece"),
    "*size": ("XS", "S", "M", "L", "XL", "XXL"),
    "*pack": ("2 pack", "3 pcs", "4-pack", "set of 5", "10 pieces", "x12", "pack of 6", "20 pcs", "50 pieces", "100x"),
    "*fit": (
        "Corvello 1.6",
        "Astrina III",
        "Medano 2.0 TDI",
        "Polaris Van",
        "Tivola 5-door",
        "Brava estate",
        "Kadero 2012-2018",
        "Luxor E60",
    ),
}
_RANGE = re.compile(r"#(\d+)-(\d+)(.*)")
_BOUND = re.compile(r"(\d(?:\+\d)*)>(.*)")
_RANGE_VALUES = 12


@dataclass(frozen=True)
class Branch:
    """A branch, what sellers call it in their own breadcrumbs, and its brands."""

    branch_id: str
    name: str
    crumbs: tuple[str, ...]
    brands: tuple[str, ...]


@dataclass(frozen=True)
class Attribute:
    """Values that a product may have, and the numbers of the English nouns that have them; None for all."""

    values: tuple[str, ...]
    nouns: frozenset[int] | None = None


@dataclass(frozen=True)
class Leaf:
    """A leaf and its words.

    Attributes
    ----------
    price : float
        A usual price in euros.
    nouns : dict
        Language to what sellers call such a product; English is always there.
    fits : tuple of str
        Names of leaves whose products this accessory is made for; empty for no accessory.
    """

    category_id: str
    branch: Branch
    middle: str
    name: str
    price: float
    nouns: dict[str, tuple[str, ...]]
    attributes: tuple[Attribute, ...]
    fits: tuple[str, ...] = ()

    @property
    def middle_id(self) -> str:
        """The id of the level between branch and leaf."""
        return f"{self.branch.branch_id}-{slug(self.middle)}"


def slug(name: str) -> str:
    """`name` in small letters and dashes, as ids are written."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _rows(table: str) -> Iterator[dict[str, str]]:
    text = (files(__package__) / "words" / f"{table}.csv").read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines(), delimiter="|")


def _list(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def _attribute(text: str) -> Attribute:
    found = _BOUND.fullmatch(text)
    if found is None:
        return Attribute(_values(text))
    return Attribute(_values(found[2]), frozenset(int(number) - 1 for number in found[1].split("+")))


def _values(attribute: str) -> tuple[str, ...]:
    if attribute in SHARED_LISTS:
        return SHARED_LISTS[attribute]
    found = _RANGE.fullmatch(attribute)
    if found is None:
        return tuple(value.replace("\\", "/") for value in attribute.split("/"))
    low, high, unit = int(found[1]), int(found[2]), found[3]
    step = max(1, (high - low) // _RANGE_VALUES)
    return tuple(f"{number}{unit}" for number in range(low, high + 1, step))


def leaf_of_row(row: dict[str, str], branch: Branch) -> Leaf:
    """A leaf as a row of a words table describes it."""
    return Leaf(
        category_id=f"{branch.branch_id}.{slug(row['leaf'])}",
        branch=branch,
        middle=row["middle"],
        name=row["leaf"],
        price=float(row["price"]),
        nouns={language: _list(row[language]) for language in LANGUAGES if row[language]},
        attributes=tuple(_attribute(attribute) for attribute in _list(row["attributes"])),
        fits=_list(row["fits"] or ""),
    )


@functools.cache
def branches_by_hand() -> tuple[Branch, ...]:
    """The branches of the words tables."""
    return tuple(
        Branch(row["id"], row["name"], _list(row["crumbs"]), _list(row["brands"])) for row in _rows("branches")
    )


@functools.cache
def leaves_by_hand(branch: Branch) -> tuple[Leaf, ...]:
    """The leaves of one branch's words table."""
    return tuple(leaf_of_row(row, branch) for row in _rows(branch.branch_id))


@functools.cache
def common_words() -> dict[str, dict[str, str]]:
    """Language to English word to its translation, for words that stand beside the noun."""
    rows = list(_rows("common"))
    return {language: {row["en"]: row[language] for row in rows} for language in LANGUAGES[1:]}


@functools.cache
def unseen_kinds() -> tuple[dict[str, str], ...]:
    """Rows of kinds of products that the catalogue has not seen, with the id of the leaf that they belong to."""
    return tuple(_rows("new_kinds"))


def tree_of(leaves: Sequence[Leaf]) -> Taxonomy:
    """The category tree above `leaves`; a level stands between branch and leaf where it holds several."""
    together = Counter(leaf.middle_id for leaf in leaves)
    categories: dict[str, Category] = {}
    for leaf in leaves:
        branch, parent = leaf.branch, leaf.branch.branch_id
        categories.setdefault(branch.branch_id, Category(branch.branch_id, None, branch.name))
        if together[leaf.middle_id] > 1:
            parent = leaf.middle_id
            categories.setdefault(parent, Category(parent, branch.branch_id, leaf.middle))
        categories[leaf.category_id] = Category(leaf.category_id, parent, leaf.name)
    return Taxonomy(categories.values())
