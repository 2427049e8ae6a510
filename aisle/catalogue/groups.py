"""Groups of products as they grow and merge, and the roles that they had on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

UNDECIDED = -1  # the role of a group whose official splits contradict each other, and of who was dropped


class GroupHistory:
    """Groups as they grow and merge, and the roles that they had on the way.

    Products are numbered in order of arrival, and the root of a group is its oldest member. A
    *state* is a group with one role over a while; the states of a product, from its first to the
    group's present one, are its history. It keeps its role if they all agree.

    Parameters
    ----------
    born : (n,) array
        The step in which each product arrived.
    own_split : (n,) array
        The role, as a code, that a product arrived with; -1 for none.
    drawn : (n,) array
        The role that a product's own key draws.
    """

    def __init__(
        self, born: npt.NDArray[np.int64], own_split: npt.NDArray[np.int64], drawn: npt.NDArray[np.int64]
    ) -> None:
        self._born: list[int] = born.tolist()
        self._drawn: list[int] = drawn.tolist()
        n = len(born)
        self._parent = list(range(n))
        # The official splits within a group, as the bits of a number; kept at its root.
        self._official: list[int] = np.where(own_split >= 0, 1 << np.maximum(own_split, 0), 0).tolist()
        self._state = list(range(n))  # of the group whose root this is; at first each product is one
        self._state_root = list(range(n))
        self._state_role: list[int] = np.where(own_split >= 0, own_split, drawn).tolist()
        self._next_state: dict[int, int] = {}
        self._first_state: dict[int, int] = {}  # of a product, where it is not the one it would have alone

    def advance(self, step: int, pairs: Iterable[Sequence[int]], told: Iterable[tuple[int, int]]) -> None:
        """One step: bind pairs of products, and take note of the official splits that came with it."""
        before: set[int] = set()
        newcomers: set[int] = set()

        def touch(product: int) -> int:
            root = self._find(product)
            if self._born[root] < step:
                before.add(self._state[root])
            if self._born[product] == step:
                newcomers.add(product)
            return root

        for one, other in pairs:
            older, younger = sorted((touch(one), touch(other)))
            self._parent[younger] = older
            self._official[older] |= self._official[younger]
        for product, role in told:
            if not self._official[self._find(product)] >> role & 1:  # else it brings no news
                root = touch(product)
                self._official[root] |= 1 << role

        changed: dict[int, list[int]] = {self._find(product): [] for product in newcomers}
        for state in sorted(before):
            changed.setdefault(self._find(self._state_root[state]), []).append(state)
        for root, earlier in changed.items():
            self._settle(root, earlier)
        for product in newcomers:
            self._first_state[product] = self._state[self._find(product)]

    def _settle(self, root: int, earlier: list[int]) -> None:
        role = self._role_of_group(root)
        if len(earlier) == 1 and self._state_role[earlier[0]] == role:
            self._state[root] = earlier[0]
            return
        state = len(self._state_role)
        self._state_role.append(role)
        self._state_root.append(root)
        self._state[root] = state
        for one in earlier:
            self._next_state[one] = state

    def _role_of_group(self, root: int) -> int:
        official = self._official[root]
        if not official:
            return self._drawn[root]
        if official & (official - 1):  # more than one
            return UNDECIDED
        return official.bit_length() - 1

    def _find(self, product: int) -> int:
        parent = self._parent
        while parent[product] != product:
            parent[product] = parent[parent[product]]
            product = parent[product]
        return product

    def finish(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """For each product its group's first role, whether the group never had another, and its root; shapes (n,)."""
        stands = np.array(self._state_role) != UNDECIDED
        for state in sorted(self._next_state, reverse=True):  # a next state is always younger
            following = self._next_state[state]
            stands[state] &= stands[following] and self._state_role[state] == self._state_role[following]
        first = np.arange(len(self._parent))
        if self._first_state:
            first[list(self._first_state)] = list(self._first_state.values())
        roots = np.array([self._find(product) for product in range(len(self._parent))], dtype=np.int64)
        return np.array(self._state_role, dtype=np.int64)[first], stands[first], roots
