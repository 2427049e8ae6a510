"""What the methods are asked: a catalogue's labelled products to learn from, and others to answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.catalogue.preparing import prepare
from aisle.catalogue.tables import read_table
from aisle.catalogue.taxonomy import Taxonomy, read_taxonomy
from aisle.config import Parameters
from benchmarks.catalogues import catalogue

TITLES = {"wdc": "WDC level 3", "pricerunner": "PriceRunner", "sample": "sample", "small_sample": "small sample"}


@dataclass(frozen=True)
class Task:
    """One catalogue as it is learnt and asked.

    Attributes
    ----------
    name : one of `TITLES`
    train, test : prepared frames; `train` with weight and fold, `test` with weight
    taxonomy : the tree
    planted : DataFrame or None
        Of a sample: product_id and planted_category_id of labels made wrong on purpose.
    """

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    taxonomy: Taxonomy
    planted: pd.DataFrame | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return TITLES[self.name]

    @property
    def branch_of(self) -> dict[str, str]:
        """Leaf to branch."""
        return {leaf: self.taxonomy.branch_of(leaf) for leaf in self.taxonomy.leaves}

    @property
    def truth(self) -> NDArray[np.str_]:
        """The label of each test product."""
        return self.test["category_id"].to_numpy(dtype=str)

    @property
    def weight(self) -> NDArray[np.float64]:
        """How many products of the flow each test product stands for, up to a factor."""
        return self.test["weight"].to_numpy(dtype=np.float64)


def task(name: str, parameters: Parameters, asked: Literal["test", "calibration"] = "test") -> Task:
    """A catalogue by the roles of a run: training and calibration products are learnt, those of `asked` answered.

    With `asked` calibration, training products alone are learnt and the test is left alone: for trials.
    """
    with catalogue(name) as folder:
        taxonomy = read_taxonomy(folder / "taxonomy.csv")
        products, labels = (read_table(folder, table) for table in ("products", "labels"))
        truth = folder.with_name("truth.parquet")
        planted = pd.read_parquet(truth)[["product_id", "planted_category_id"]].dropna() if truth.exists() else None
    split = parameters.split
    if asked == "test":
        # Test is drawn first: without calibration, its products become training products and no other moves.
        split = replace(split, calibration=0.0)
        products["split"] = products["split"].replace("calibration", "train")
    frames = prepare(products, labels, taxonomy, split, parameters.train)
    return Task(name, frames.train, frames.test if asked == "test" else frames.calibration, taxonomy, planted)
