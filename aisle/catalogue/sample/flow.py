"""The flow of products, day by day: which things arrive, from which sellers, and how the mix drifts."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from aisle.catalogue.sample.confusion import Neighbours
from aisle.catalogue.sample.offers import describe
from aisle.catalogue.sample.plants import Plant
from aisle.catalogue.sample.sellers import Seller, late_seller, make_sellers
from aisle.catalogue.sample.things import Thing, make_things
from aisle.catalogue.sample.tree import choose_leaves
from aisle.catalogue.sample.vocabulary import Leaf
from aisle.errors import ConfigurationError

FIRST_DAY = datetime.date(2025, 1, 1)
LATE_LEAVES = ("household.air-fryers",)  # kinds that nobody sold at the beginning
_LATE_LEAF_FROM, _LATE_SELLER_FROM = 0.75, 0.8  # shares of the days
_ZIPF, _ZIPF_SHIFT = 1.2, 5.0  # popularity falls as 1 / (rank + shift) ** exponent (Mandelbrot 1953)
_REPEATED = 0.3  # share of offers of things that were offered before
_REMEMBERED = 1500  # things that may be offered again
_OF_WEEKDAY = (1.15, 1.1, 1.1, 1.05, 1.05, 0.85, 0.7)  # Monday to Sunday
_NIGHT = 7 * 3600 * 10**6  # feeds come between midnight and seven, in microseconds


@dataclass(frozen=True)
class Size:
    """How large a sample is, and from which seed."""

    products: int
    categories: int
    branches: int
    sellers: int
    days: int
    seed: int

    def __post_init__(self) -> None:
        least = {"products": 1, "categories": 2, "branches": 1, "sellers": 2, "days": 4, "seed": 0}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise ConfigurationError(f"--{name} {getattr(self, name)} is too few; {minimum} is the least")


class Flow:
    """Products as they arrive, the same for the same size; days must be asked for in order.

    Parameters
    ----------
    size : Size
    plant : Plant, optional
        A change that the products of all days show.
    """

    def __init__(self, size: Size, plant: Plant | None = None) -> None:
        self.size = size
        self.plant = plant
        self.leaves: list[Leaf] = choose_leaves(size.categories, size.branches, size.seed)
        branches = list({leaf.branch.branch_id: leaf.branch for leaf in self.leaves}.values())
        self.sellers: list[Seller] = make_sellers(size.sellers - 1, branches, size.seed)
        self.sellers.append(late_seller(branches, size.seed, size.sellers - 1))
        if plant is not None:
            self.sellers = plant.sellers(self.sellers, branches, size.seed)
        self._shares = {branch.branch_id: self._shares_in(branch.branch_id) for branch in branches}
        self._branch_number = {branch.branch_id: i for i, branch in enumerate(branches)}
        named = {leaf.name: i for i, leaf in enumerate(self.leaves)}
        self._hosts = [[self.leaves[named[name]] for name in leaf.fits if name in named] for leaf in self.leaves]
        neighbours = Neighbours(self.leaves)
        self._neighbours = [[self.leaves[i] for i in neighbours.beside[n]] for n in range(len(self.leaves))]
        rng = np.random.default_rng([size.seed, 31])
        rank = rng.permutation(len(self.leaves))
        self._popular = np.asarray(1.0 / (rank + _ZIPF_SHIFT) ** _ZIPF, dtype=np.float64)
        self._trend = rng.random(len(self.leaves)) * 1.6 - 0.6
        self._late = np.array([leaf.category_id in LATE_LEAVES for leaf in self.leaves])
        self._popular[self._late] = np.sort(self._popular)[::-1][min(20, len(self.leaves) - 1)]
        self._recent: deque[Thing] = deque(maxlen=_REMEMBERED)

    def counts(self) -> list[int]:
        """How many products each day brings: weekdays more than Sundays, all of them as many as asked for."""
        day = [_OF_WEEKDAY[(FIRST_DAY + datetime.timedelta(days=i)).weekday()] for i in range(self.size.days)]
        reached = np.floor(np.cumsum(day) / np.sum(day) * self.size.products + 1e-6).astype(np.int64)
        return [int(count) for count in np.diff(reached, prepend=0)]

    def day(self, date: datetime.date, count: int) -> tuple[pd.DataFrame, list[str]]:
        """The products of one day, in order of arrival, and the category that each truly belongs to."""
        tag = [] if self.plant is None else [1, *self.plant.kind.encode()]
        rng = np.random.default_rng([self.size.seed, 32, date.toordinal(), *tag])
        progress = min((date - FIRST_DAY).days / self.size.days, 1.0)
        numbers = _draw(rng, count, self._mix(progress))
        fresh = make_things(rng, numbers.tolist(), self.leaves, self._hosts, self._neighbours)
        things = self._with_repeats(rng, fresh)
        if self.plant is not None:
            things = self.plant.things(things, rng)
        sellers = self._sellers_for(rng, things, progress)
        columns = describe(things, sellers, rng)
        truth = [thing.category_id for thing in things]
        if self.plant is not None:
            truth = self.plant.truth(truth, self._popular, self.leaves)
        start = np.datetime64(date, "us")
        received = start + np.sort((rng.random(count) * _NIGHT).astype(np.int64)).astype("timedelta64[us]")
        serial = (date - FIRST_DAY).days
        products = pd.DataFrame(
            {
                "product_id": [f"{s.seller_id}:{serial:04d}{i:05d}" for i, s in enumerate(sellers)],
                "revision": np.ones(count, dtype=np.int32),
                **columns,
                "seller": [seller.name for seller in sellers],
                "received_at": pd.DatetimeIndex(received).tz_localize("UTC"),
            }
        )
        return products, truth

    def _mix(self, progress: float) -> npt.NDArray[np.float64]:
        weight = self._popular * (1.0 + self._trend * progress)
        if progress < _LATE_LEAF_FROM:
            weight = np.where(self._late, 0.0, weight)
        return weight

    def _with_repeats(self, rng: np.random.Generator, fresh: list[Thing]) -> list[Thing]:
        draws = rng.random((len(fresh), 2)).tolist()
        things: list[Thing] = []
        for thing, (u, v) in zip(fresh, draws, strict=True):
            if u < _REPEATED and self._recent:
                things.append(self._recent[int(v * len(self._recent))])
            else:
                things.append(thing)
                self._recent.append(thing)
        return things

    def _sellers_for(self, rng: np.random.Generator, things: Sequence[Thing], progress: float) -> list[Seller]:
        draws = rng.random(len(things))
        branch = np.array([self._branch_number[thing.leaf.branch.branch_id] for thing in things], dtype=np.int64)
        chosen = np.zeros(len(things), dtype=np.int64)
        active = np.ones(len(self.sellers))
        if self.plant is None and progress < _LATE_SELLER_FROM:
            active[-1] = 0.0
        for branch_id, number in self._branch_number.items():
            rows = branch == number
            if rows.any():
                chosen[rows] = _place(draws[rows], self._shares[branch_id] * active)
        return [self.sellers[i] for i in chosen]

    def _shares_in(self, branch_id: str) -> npt.NDArray[np.float64]:
        """Share of each seller in one branch; the late one sells everywhere, at its share of the whole."""
        shares = np.array([s.share * (6.0 if branch_id in s.home else 0.05 if s.home else 1.0) for s in self.sellers])
        rest = shares[:-1].sum()
        shares[-1] = rest * self.sellers[-1].share / (1.0 - self.sellers[-1].share)
        return shares


def _place(draws: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """For uniform draws in [0, 1) the positions that `weight` gives them."""
    reached = np.cumsum(weight)
    places: npt.NDArray[np.int64] = np.searchsorted(reached, draws * reached[-1], side="right")
    return np.minimum(places, len(weight) - 1)


def _draw(rng: np.random.Generator, count: int, weight: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return _place(rng.random(count), weight)
