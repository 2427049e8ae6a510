"""Products whose truth is known, and what a calibrated model says of them.

Confidences are as often right as they say; audits are drawn with known chances, more where the model is
unsure; sellers differ in size and in how well the model knows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DAY = 86_400.0
TITLES = (
    "cordless", "oak", "folding", "travel", "steel", "soft", "mini", "large", "garden", "kitchen", "retro", "smart",
    "round", "spare", "double", "set",
)  # fmt: skip
BRANCHES = (
    "Toys", "Tools", "Garden", "Kitchen", "Sports", "Books", "Music", "Shoes", "Pets", "Office", "Baby", "Lamps",
    "Bags", "Phones",
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """What the ledger holds.

    Attributes
    ----------
    products, days, sellers, branches, leaves : int
        Leaves of each branch; the sellers' sizes fall as 1 / rank, each sells of three branches.
    accuracy : float
        About: share of automatic decisions that are right.
    coverage : float
        Share decided automatically.
    floor, unsure : float
        Chance of an audit, and where the confidence lies among the lowest fifth of the automatic decisions or below.
    blind, double, skipped, people_err : float
        Shares of audits; of audits and reviews labelled twice; of answers that are skips, that are wrong.
    open_days : float
        Tasks of so many last days are open.
    """

    products: int = 1_000_000
    days: int = 90
    sellers: int = 400
    branches: int = 14
    leaves: int = 20
    accuracy: float = 0.95
    coverage: float = 0.75
    floor: float = 0.01
    unsure: float = 0.04
    blind: float = 0.3
    double: float = 0.05
    skipped: float = 0.03
    people_err: float = 0.02
    open_days: float = 1.5
    versions: int = 3
    seed: int = 1


@dataclass(frozen=True)
class Flow:
    """The products, arrays of shape (n,): what is true of them and what the model said."""

    truth: NDArray[np.int64]
    top: NDArray[np.int64]
    seller: NDArray[np.int64]
    seconds: NDArray[np.float64]
    confidence: NDArray[np.float64]
    auto: NDArray[np.bool_]
    probability: NDArray[np.float64]
    drawn: NDArray[np.bool_]
    blind: NDArray[np.bool_]
    double: NDArray[np.bool_]
    version: NDArray[np.int64]
    origin: np.datetime64

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the category on top is right."""
        return self.top == self.truth

    @property
    def accuracy(self) -> float:
        """Share of automatic decisions that are right."""
        return float(self.right[self.auto].mean())


def flow(shape: Shape, now: np.datetime64) -> Flow:
    """Make the products of the `days` that end at `now`."""
    random = np.random.default_rng(shape.seed)
    n, leaves = shape.products, shape.branches * shape.leaves
    size = 1 / np.arange(1, shape.sellers + 1)
    seller = random.choice(shape.sellers, n, p=size / size.sum())
    branch = (seller * 5 + random.choice(3, n, p=[0.7, 0.2, 0.1]) * 3) % shape.branches
    truth = branch * shape.leaves + np.minimum(random.geometric(0.18, n) - 1, shape.leaves - 1)
    # Sellers differ: some write titles that the model knows well.
    hard = np.clip(random.normal(1.0, 0.35, shape.sellers), 0.3, 2.5)[seller]
    doubt = random.beta(0.45, 1.9, n) * hard
    cut = np.quantile(doubt, shape.coverage)
    doubt *= (1 - shape.accuracy) / doubt[doubt <= cut].mean()
    cut = np.quantile(doubt, shape.coverage)
    auto, confidence = doubt <= cut, 1 - np.clip(doubt, 0.0005, 0.98)
    wrong = random.random(n) > confidence
    near = (truth // shape.leaves) * shape.leaves + (truth + 1 + random.geometric(0.6, n) - 1) % shape.leaves
    far = random.integers(0, leaves, n)
    other = np.where(random.random(n) < 0.8, near, far)
    top = np.where(wrong, np.where(other == truth, (truth + 1) % leaves, other), truth)
    unsure = doubt > np.quantile(doubt[auto], 0.8)
    probability = np.where(unsure, shape.unsure, shape.floor)
    drawn = random.random(n) < probability
    seconds = np.sort(random.random(n)) * shape.days * DAY
    origin = now.astype("datetime64[D]") - np.timedelta64(shape.days - 1, "D")
    seconds = seconds[seconds <= (now - origin) / np.timedelta64(1, "s")] if n else seconds
    kept = slice(0, len(seconds))
    blind, twice = random.random(n) < shape.blind, random.random(n) < shape.double
    version = np.minimum((seconds / (shape.days * DAY) * shape.versions).astype(np.int64), shape.versions - 1)
    arrays = (truth, top, seller)
    return Flow(
        *(one[kept] for one in arrays), seconds, confidence[kept], auto[kept], probability[kept], drawn[kept],
        (blind & drawn)[kept], (twice & (drawn | ~auto))[kept], version, origin,
    )  # fmt: skip


def leaf(shape: Shape, number: int) -> str:
    """The category_id of a leaf."""
    return f"{branch(shape, number)}-{number % shape.leaves:02}"


def branch(shape: Shape, number: int) -> str:
    """The branch_id of a leaf."""
    return f"b{number // shape.leaves:02}"


def write_tree(shape: Shape, path: Path) -> None:
    """A `taxonomy.csv` for the categories."""
    lines = ["category_id,parent_id,name"]
    for place in range(shape.branches):
        name = BRANCHES[place] if place < len(BRANCHES) else f"Branch {place}"
        lines.append(f"b{place:02},,{name}")
        lines += [
            f"b{place:02}-{one:02},b{place:02},{TITLES[one % len(TITLES)].title()} {name.lower()} {one + 1}"
            for one in range(shape.leaves)
        ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
