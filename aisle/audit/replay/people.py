"""The people who answer: mostly right, and asked twice where they contradict a decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.bounds import keyed_uniform

FIRST, SECOND, THIRD = "first", "second", "third"


@dataclass(frozen=True)
class People:
    """Whoever answers errs with the same chance, independently of all others.

    A person who errs names what looks most like the product, of what is wrong: the best category of
    the model's that is not the right one. So a slip agrees with a wrong suggestion, as slips do.

    Who slips where is a keyed hash of the product, so that it is the same in every regime.

    Attributes
    ----------
    error_rate : float in [0, 0.5)
    key : str
    """

    error_rate: float
    key: str

    def slips(self, product_id: NDArray[np.object_], person: str) -> NDArray[np.bool_]:
        """Whether the first, second or third person errs on each of n products; shape (n,)."""
        return keyed_uniform(product_id, self.key, f"aisle {person}") < self.error_rate

    def answers(
        self,
        product_id: NDArray[np.object_],
        right: NDArray[np.object_],
        alternatives: list[list[str]],
        person: str = FIRST,
    ) -> NDArray[np.object_]:
        """What a person says of each of n products, shape (n,).

        Parameters
        ----------
        right : array of n right categories
        alternatives : n lists of categories, the model's best first
        person : FIRST, SECOND or THIRD
        """
        said = right.copy()
        for place in np.flatnonzero(self.slips(product_id, person)):
            wrong = [category for category in alternatives[place] if category != right[place]]
            if wrong:
                said[place] = wrong[0]
        return said
