"""Physical products: what a thing is, before any seller describes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aisle.catalogue.sample.vocabulary import Leaf

DRAWS = 36  # uniform numbers that one thing takes
BUNDLED = 0.16  # share of things that come together with something that has a category of its own
BORDERLINE = 0.012  # share of things that the tree files under the neighbour of what they are called
LINES = (  # fantasy names, as many sellers give to anything
    "Aurora", "Vega", "Luna", "Milano", "Oslo", "Aspen", "Nova", "Titan", "Comet", "Astra", "Bergen", "Capri",
    "Delta", "Echo", "Flora", "Gala", "Helix", "Iris", "Juno", "Kira", "Lotus", "Malmo", "Nimbus", "Opal", "Pluto",
    "Quadro", "Rio", "Siena", "Terra", "Umbra", "Verona", "Willow", "Xeno", "Yuma", "Zephyr", "Arena", "Bolt",
    "Coral", "Dune", "Ember", "Falcon", "Granite", "Harbor", "Indigo", "Jade", "Karma", "Lynx", "Maple", "Neo",
    "Orion", "Prisma", "Quest", "Raven", "Sierra", "Tempo", "Unity", "Vista", "Wave", "Apex", "Boreal", "Cosmo",
    "Drift", "Elan", "Fjord", "Glide", "Halo", "Icon", "Jet", "Koa", "Level", "Metro", "Noble", "Ocean", "Pulse",
    "Rapid", "Solo", "Trend",
)  # fmt: skip
_CODE_LETTERS = "ABCDEFGHKLMNPRSTVX"


@dataclass(frozen=True)
class Thing:
    """One physical product.

    Attributes
    ----------
    leaf : Leaf
        The words of the thing; where it belongs is `category_id`.
    synonym : float
        In [0, 1): which of the leaf's nouns fits best, whatever the language.
    attributes : tuple of str
        English, the most telling first.
    host : Leaf or None
        What this accessory is made for, with brand and model of that.
    bundled : Leaf or None
        What comes with it, a neighbour in the tree.
    mistaken : Leaf or None
        What a careless seller calls it: what it fits, or a neighbour in the tree.
    """

    category_id: str
    leaf: Leaf
    brand: str
    model: str
    synonym: float
    attributes: tuple[str, ...]
    price: float
    host: Leaf | None
    host_brand: str
    host_model: str
    code: str
    line: str
    bundled: Leaf | None
    mistaken: Leaf | None


def model_code(u: float, v: float, brand: str) -> str:
    """A model code such as "BX-240", "TR4100" or "K 60 Pro"; a brand keeps to its letters and its way."""
    way = len(brand) % 4
    number = 10 + int(u * 990)
    letters = brand[0].upper() + _CODE_LETTERS[int(v * 6) + len(brand) % 12]
    if way == 0:
        return f"{letters}-{number}"
    if way == 1:
        return f"{letters}{number}{_CODE_LETTERS[int(v * 18)]}"
    if way == 2:
        return f"{letters[1]}{number * 10}"
    return f"{letters[0]} {number // 10 + 1}{('', ' Pro', ' Plus', ' II')[int(v * 4)]}"


def make_things(
    rng: np.random.Generator,
    numbers: Sequence[int],
    leaves: Sequence[Leaf],
    hosts: Sequence[Sequence[Leaf]],
    neighbours: Sequence[Sequence[Leaf]],
) -> list[Thing]:
    """One thing for each number of a leaf; each leaf has the leaves that it fits, and those beside it."""
    draws = rng.random((len(numbers), DRAWS)).tolist()
    return [
        _make_thing(u, leaves[number], hosts[number], neighbours[number])
        for u, number in zip(draws, numbers, strict=True)
    ]


def _make_thing(u: list[float], leaf: Leaf, hosts: Sequence[Leaf], neighbours: Sequence[Leaf]) -> Thing:
    brand = _brand(u[0], leaf)
    borderline = u[34] < BORDERLINE and len(neighbours) > 0
    host = hosts[int(u[1] * len(hosts))] if hosts else None
    host_brand = "" if host is None else _brand(u[2], host)
    noun = int(u[8] * len(leaf.nouns["en"]))
    fitting = [i for i, attribute in enumerate(leaf.attributes) if attribute.nouns is None or noun in attribute.nouns]
    fitting.sort(key=lambda i: i + 2.5 * u[10 + i])
    attributes = tuple(leaf.attributes[i].values[int(u[20 + i] * len(leaf.attributes[i].values))] for i in fitting)
    # Between a third and three times the usual price, most of them near it.
    factor = (0.55 + 0.9 * u[3]) * (1.0 if u[4] < 0.7 else 0.6 + 1.6 * u[5])
    return Thing(
        category_id=neighbours[int(u[35] * len(neighbours))].category_id if borderline else leaf.category_id,
        leaf=leaf,
        brand=brand,
        model=model_code(u[6], u[7], brand),
        synonym=u[8],
        attributes=attributes,
        price=leaf.price * factor,
        host=host,
        host_brand=host_brand,
        host_model=model_code(u[9], u[18], host_brand) if host is not None else "",
        code=f"40{int(u[19] * 1e11):011d}",
        line=LINES[int(u[30] * len(LINES))],
        mistaken=host or (neighbours[int(u[33] * len(neighbours))] if neighbours else None),
        bundled=neighbours[int(u[32] * len(neighbours))] if neighbours and u[31] < BUNDLED else None,
    )


def _brand(u: float, leaf: Leaf) -> str:
    """A brand of the branch; each leaf has its leaders."""
    brands = leaf.branch.brands
    shift = len(leaf.name) + len(leaf.middle)
    return brands[(int(u * u * len(brands)) + shift) % len(brands)]
