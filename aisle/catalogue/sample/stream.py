"""Further days of a sample catalogue, quiet or with a planted change."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aisle.catalogue.sample.flow import Flow, Size
from aisle.catalogue.sample.plants import Plant
from aisle.catalogue.sample.vocabulary import tree_of
from aisle.catalogue.sample.writing import TRUTH, Progress, truth_rows
from aisle.catalogue.tables import require_catalogue, shards_of, write_shard
from aisle.catalogue.taxonomy import read_taxonomy
from aisle.errors import ConfigurationError, DataError
from aisle.files import clean_leftovers, replacing, replacing_folder

_RECENT_SHARDS = 28  # days whose mean says how many products a day brings


def write_stream(
    into: Path | str,
    truth: Path | str,
    *,
    plant: str = "quiet",
    days: int = 14,
    per_day: int | None = None,
    start: datetime.date | None = None,
    categories: int = 200,
    branches: int = 12,
    sellers: int = 60,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[str]:
    """Append dated products to a sample catalogue, one shard a day, and their truth to its file.

    The products are the same for the same arguments, and without `per_day` for the same length of the catalogue's days.

    Parameters
    ----------
    into : path
        A folder that `write_sample` wrote with the same categories, branches, sellers and seed.
    truth : path
        Its truth file; a new one is begun where there is none.
    plant : str
        One of `plants.KINDS`; all days show it.
    days : int
        How many days, at least 1.
    per_day : int, optional
        Products a day, at least 1; by default as many as the last four weeks brought.
    start : date, optional
        The first of them; the day after the last shard by default.

    Returns
    -------
    list of str
        The names of the new shards.

    Raises
    ------
    DataError
        For a folder without a catalogue or with that of another sample, or with one of these days.
    """
    into, truth = require_catalogue(into), Path(truth)
    for option, number in (("--days", days), ("--per-day", per_day)):
        if number is not None and number < 1:
            raise ConfigurationError(f"{option} {number} is too few; 1 is the least")
    if into.resolve() in truth.resolve().parents:
        raise ConfigurationError(f"{truth}: the truth must not lie inside the catalogue {into}; name another file")
    shards = shards_of(into, "products")
    first = start or _day_of(shards[-1]) + datetime.timedelta(days=1)
    dates = [first + datetime.timedelta(days=i) for i in range(days)]
    taken = [str(date) for date in dates if (into / "products" / f"{date}.parquet").exists()]
    if taken:
        raise DataError(f"{into}: holds products of {taken[0]} already; begin after {_day_of(shards[-1])} with --start")
    count = _usual_count(shards) if per_day is None else per_day
    flow = Flow(Size(count * days, categories, branches, sellers, max(days, 4), seed), Plant(plant))
    if list(read_taxonomy(into / "taxonomy.csv").leaves) != tree_of(flow.leaves).leaves:
        raise DataError(
            f"{into}: is not the sample of {categories} categories, {branches} branches and seed {seed}; "
            "give the same --categories, --branches and --seed as when it was made"
        )
    _append(into, truth, flow, dates, count, progress or (lambda _: None))
    return [str(date) for date in dates]


def _append(into: Path, truth: Path, flow: Flow, dates: list[datetime.date], count: int, progress: Progress) -> None:
    clean_leftovers(into / "products")
    told: list[pd.DataFrame] = []
    with replacing_folder(into / "products") as folder:
        for shard in shards_of(into, "products"):
            _take_over(shard, folder / shard.name)
        for date in dates:
            products, categories = flow.day(date, count)
            write_shard(products, "products", folder / f"{date}.parquet")
            told.append(truth_rows(products, categories))
            progress(len(products))
        _tell(truth, pd.concat(told, ignore_index=True))


def _take_over(shard: Path, target: Path) -> None:
    """The same shard at another place, without copying where the system can do that."""
    with contextlib.suppress(OSError):
        os.link(shard, target)
        return
    shutil.copy2(shard, target)


def _tell(path: Path, rows: pd.DataFrame) -> None:
    """Append `rows` to the truth; what a killed run told of the same products is replaced."""
    added = pa.Table.from_pandas(rows, TRUTH, preserve_index=False)
    if path.exists():
        known = pq.ParquetFile(path).read().cast(TRUTH)
        is_new = pa.array(~known.column("product_id").to_pandas().isin(rows["product_id"]).to_numpy())
        added = pa.concat_tables([known.filter(is_new), added])
    with replacing(path) as temporary:
        pq.write_table(added, temporary, compression="zstd")


def _day_of(shard: Path) -> datetime.date:
    try:
        return datetime.date.fromisoformat(shard.stem[:10])
    except ValueError as error:
        raise DataError(f"{shard}: its name does not begin with a day (YYYY-MM-DD); it is no sample's shard") from error


def _usual_count(shards: list[Path]) -> int:
    daily = [shard for shard in shards if len(shard.stem) == 10][-_RECENT_SHARDS:]
    rows = [pq.read_metadata(shard).num_rows for shard in daily]
    return max(1, round(sum(rows) / len(rows))) if rows else 60
