"""Changes that a stream can be planted with, so that monitoring has something to find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from aisle.catalogue.sample.sellers import Seller, late_seller
from aisle.catalogue.sample.things import Thing, make_things
from aisle.catalogue.sample.vocabulary import Branch, Leaf, leaf_of_row, unseen_kinds
from aisle.errors import ConfigurationError

KINDS = ("quiet", "new_seller", "swapped_categories", "cut_titles", "new_kind")
NEW_SELLER_SHARE = 0.25
CUT_SELLERS, CUT_LENGTH = 0.5, 19  # share of sellers whose titles are cut, and after how many characters
NEW_KIND_SHARE = 0.15
SWAPPED_PAIRS = 3


@dataclass(frozen=True)
class Plant:
    """A change of one of `KINDS`; `quiet` changes nothing."""

    kind: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigurationError(f"plant '{self.kind}' is not known; choose one of {', '.join(KINDS)}")

    def sellers(self, sellers: list[Seller], branches: Sequence[Branch], seed: int) -> list[Seller]:
        """`new_seller` adds one with a quarter of all products; `cut_titles` cuts those of every other seller."""
        if self.kind == "new_seller":
            stranger = late_seller(branches, seed, len(sellers))
            return [*sellers, replace(stranger, name="Liquidation Lot", share=NEW_SELLER_SHARE, cut=24, codes=False)]
        if self.kind == "cut_titles":
            every = round(1 / CUT_SELLERS)
            return [replace(s, cut=CUT_LENGTH) if i % every == 0 else s for i, s in enumerate(sellers)]
        return sellers

    def things(self, things: list[Thing], rng: np.random.Generator) -> list[Thing]:
        """`new_kind` puts things that nobody sold before in the place of some in the branches that hold them."""
        if self.kind != "new_kind":
            return things
        branches = {thing.leaf.branch.branch_id: thing.leaf.branch for thing in things}
        kinds = [kind for branch in branches.values() for kind in new_kinds(branch)]
        if not kinds:
            return things
        draws = rng.random((len(things), 2))
        none: list[list[Leaf]] = [[]] * len(kinds)
        made = make_things(rng, (draws[:, 1] * len(kinds)).astype(int).tolist(), kinds, none, none)
        return [new if u < NEW_KIND_SHARE else old for u, new, old in zip(draws[:, 0], made, things, strict=True)]

    def truth(self, truth: list[str], popular: npt.NDArray[np.floating], leaves: Sequence[Leaf]) -> list[str]:
        """`swapped_categories` lets the most frequent categories change names, two by two."""
        if self.kind != "swapped_categories":
            return truth
        order = np.argsort(-popular, kind="stable")[: 2 * SWAPPED_PAIRS].tolist()
        swapped: dict[str, str] = {}
        for one, other in zip(order[::2], order[1::2], strict=False):
            swapped[leaves[one].category_id] = leaves[other].category_id
            swapped[leaves[other].category_id] = leaves[one].category_id
        return [swapped.get(category_id, category_id) for category_id in truth]


def new_kinds(branch: Branch) -> list[Leaf]:
    """Kinds of products that the catalogue never had, with the leaf that they belong to as their id."""
    rows = [row for row in unseen_kinds() if row["category_id"].partition(".")[0] == branch.branch_id]
    return [replace(leaf_of_row(row, branch), category_id=row["category_id"]) for row in rows]
