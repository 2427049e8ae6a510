"""What people take a product for when they are wrong: a neighbour in the tree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aisle.catalogue.sample.vocabulary import Leaf


class Neighbours:
    """For each leaf the ones that it is taken for: those beside it, else those of its branch, else any.

    `beside` holds their numbers, a list for each leaf.
    """

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        middles: dict[str, list[int]] = {}
        branches: dict[str, list[int]] = {}
        for number, leaf in enumerate(leaves):
            middles.setdefault(leaf.middle_id, []).append(number)
            branches.setdefault(leaf.branch.branch_id, []).append(number)
        self.beside: list[list[int]] = []
        for number, leaf in enumerate(leaves):
            for near in (middles[leaf.middle_id], branches[leaf.branch.branch_id], range(len(leaves))):
                if len(near) > 1:
                    self.beside.append([other for other in near if other != number])
                    break

    def of(self, numbers: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """A neighbour, never the leaf itself, for each number of a leaf."""
        draws = rng.random(len(numbers)).tolist()
        picked = [self.beside[n][int(u * len(self.beside[n]))] for n, u in zip(numbers.tolist(), draws, strict=True)]
        return np.array(picked, dtype=np.int64)
