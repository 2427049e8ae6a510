"""The catalogue in order of time, and the right category of each product."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from aisle.audit.replay.settings import ReplaySettings
from aisle.bounds import keyed_uniform
from aisle.catalogue.labels import HUMAN, answered_labels, resolve_labels
from aisle.catalogue.preparing import TEXT
from aisle.catalogue.splits import assign_roles
from aisle.catalogue.tables import latest_revisions, read_table, require_catalogue
from aisle.catalogue.taxonomy import Taxonomy, read_taxonomy
from aisle.config import Split
from aisle.errors import DataError


@dataclass(frozen=True)
class Known:
    """A catalogue whose right categories are known.

    Attributes
    ----------
    products : DataFrame
        The fields of a product, `category_id` (the right one) and `group` (offers of the same thing);
        none of the official test rows.
    branch_of : dict of leaf to branch
    """

    products: pd.DataFrame
    branch_of: dict[str, str]

    @property
    def dated(self) -> bool:
        """Whether every product has the time of its receipt, and not all the same one."""
        received = self.products["received_at"]
        return bool(received.notna().all() and received.nunique() > 1)


def read_known(folder: Path | str, truth: Path | str | None = None) -> Known:
    """The labelled products of a catalogue folder.

    Parameters
    ----------
    folder : path
        A catalogue; the right category is what people's labels say (`resolve_labels`).
    truth : path, optional
        Parquet with `product_id` and `category_id`, such as the sample has: the right category of products
        whether they have a label or not.

    Raises
    ------
    DataError
        Where there is no catalogue, or no product with a known category.
    """
    folder = require_catalogue(folder)
    taxonomy = read_taxonomy(folder / "taxonomy.csv")
    return known_of(read_table(folder, "products"), _right_categories(folder, taxonomy, truth), taxonomy)


def _right_categories(folder: Path, taxonomy: Taxonomy, truth: Path | str | None) -> pd.DataFrame:
    if truth is None:
        answered = answered_labels(read_table(folder, "labels"), taxonomy.leaves)
        return resolve_labels(answered[answered["origin"].isin(HUMAN).to_numpy()])[["product_id", "category_id"]]
    if not Path(truth).exists():
        raise DataError(f"{truth}: no such file; name the Parquet file of the right categories")
    frame = pd.read_parquet(truth)
    for column in ("product_id", "category_id"):
        if column not in frame:
            raise DataError(f"{truth}: missing column {column}; the file of the right categories must hold it")
    return frame.loc[frame["category_id"].isin(taxonomy.leaves), ["product_id", "category_id"]]


def known_of(products: pd.DataFrame, right: pd.DataFrame, taxonomy: Taxonomy) -> Known:
    """The products (rows of the products table) whose right category is known, but for official test rows.

    A product without a split of its own that stands for the same thing as an official test row leaves with it.
    """
    roles = assign_roles(products, Split(calibration=0.0, test=0.0)).set_index("product_id")
    usable = latest_revisions(products)
    usable = usable[usable["product_id"].map(roles["role"]).isin(("train", "calibration")).to_numpy()]
    known = usable[list(TEXT)].merge(right.drop_duplicates("product_id"), on="product_id", how="inner")
    if known.empty:
        raise DataError(
            "no product with a known category that is not an official test row; "
            "a replay needs a labelled catalogue: bring labels with `aisle import`"
        )
    branch_of = {leaf: taxonomy.branch_of(leaf) for leaf in taxonomy.leaves}
    return Known(known.assign(group=known["product_id"].map(roles["group"])), branch_of)


def in_order(known: Known, seed: int) -> pd.DataFrame:
    """The products as they come: by time of receipt, or, where that is not known, shop after shop.

    The order of the shops is a keyed hash of `seed`, and so is that of the products of a shop; with dates the
    seed decides nothing but the order of what came at the same moment.
    """
    products = known.products
    names = products["seller"].astype(object).where(products["seller"].notna(), products["product_id"])
    key = f"aisle replay {seed}"
    within = keyed_uniform(products["product_id"], key, "aisle order")
    if known.dated:
        first: npt.NDArray[np.generic] = pd.to_datetime(products["received_at"], utc=True).astype("int64").to_numpy()
    else:
        first = keyed_uniform(names, key, "aisle shop")
    return products.iloc[np.lexsort([within, first])].reset_index(drop=True)


def cut_into_rounds(ordered: pd.DataFrame, settings: ReplaySettings) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """What one starts with, and the products of each round; the last one may be smaller, by half at most.

    Raises
    ------
    DataError
        For a catalogue that does not last for one round.
    """
    start, size = settings.start, settings.round_size
    many = min(settings.rounds, int(np.floor((len(ordered) - start) / size + 0.5)))
    if many < 1:
        raise DataError(
            f"the catalogue has {len(ordered)} products with a known category; a start of {start} and one round of "
            f"{size} need more: lower --start or --round-size"
        )
    rounds = [ordered.iloc[start + size * n : start + size * (n + 1)].reset_index(drop=True) for n in range(many)]
    return ordered.iloc[:start].reset_index(drop=True), rounds
