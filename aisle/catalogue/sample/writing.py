"""Writing a sample: a whole catalogue folder, its past operation included, and the truth apart from it."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aisle.catalogue.sample.confusion import Neighbours
from aisle.catalogue.sample.flow import FIRST_DAY, Flow, Size
from aisle.catalogue.sample.operation import WRONG, Operation
from aisle.catalogue.sample.scoring import PastModel
from aisle.catalogue.sample.vocabulary import tree_of
from aisle.catalogue.tables import PRODUCTS, conform, write_shard
from aisle.catalogue.taxonomy import write_taxonomy
from aisle.errors import ConfigurationError, DataError
from aisle.files import clean_leftovers, replacing, replacing_folder

Progress = Callable[[int], object]

TRUTH = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("category_id", pa.string(), nullable=False),
        pa.field("planted_category_id", pa.string()),  # what a wrong label says instead; null where none is wrong
        pa.field("planted_origin", pa.string()),
    ]
)
_IMPORT_ROWS = 100_000  # of one import shard; a greater import is written in parts
_KEPT_APART = 5  # every fifth day of the import (or the last of fewer) gives the past model its confidence
_MOST_KEPT_APART = 20_000
_PAST_TARGET = 0.95  # accuracy that the past threshold was set for


def write_sample(
    into: Path | str,
    truth: Path | str,
    *,
    products: int = 12_000,
    categories: int = 200,
    branches: int = 12,
    sellers: int = 60,
    days: int = 180,
    seed: int = 0,
    replace: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write a sample catalogue into a folder, and the truth of its rows into a file apart.

    About half of the products are a labelled catalogue that was brought in; the other half came
    day by day, was scored by a model, audited and reviewed. The same arguments give the same bytes.

    Parameters
    ----------
    into : path
        The catalogue folder. `DataError` where a catalogue lies there and not `replace`, or
        where the folder holds anything else.
    truth : path
        Parquet: `product_id, category_id` as they truly are, `planted_category_id` and
        `planted_origin` of a label that was made wrong on purpose. Never inside `into`.
    products, categories, branches, sellers, days, seed : int
        The size; `ConfigurationError` where it cannot be made.
    progress : callable, optional
        Told the number of products written since it was called last.
    """
    flow = Flow(Size(products, categories, branches, sellers, days, seed))
    into, truth = Path(into), Path(truth)
    check_places(into, truth, replace=replace)
    clean_leftovers(into)
    with replacing_folder(into) as folder, _truth_writer(truth) as tell:
        write_taxonomy(tree_of(flow.leaves), folder / "taxonomy.csv")
        for table in ("products", "labels", "predictions"):
            (folder / table).mkdir()
        _Writer(flow, folder, tell, progress or (lambda _: None)).write()


def check_places(into: Path, truth: Path, *, replace: bool) -> None:
    """Refuse a folder that holds something, and a truth file within the catalogue."""
    if into.resolve() in truth.resolve().parents:
        raise ConfigurationError(f"{truth}: the truth must not lie inside the catalogue {into}; name another file")
    if not into.exists():
        return
    if not into.is_dir():
        raise DataError(f"{into}: this is a file, a folder was expected")
    if not any(into.iterdir()):
        return
    if not (into / "taxonomy.csv").exists():
        raise DataError(f"{into}: holds something that is no catalogue; name another folder")
    if not replace:
        raise DataError(f"{into}: holds a catalogue already; add --replace to put the sample in its place")


@contextlib.contextmanager
def _truth_writer(path: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    with replacing(path) as temporary, pq.ParquetWriter(temporary, TRUTH, compression="zstd") as writer:
        yield lambda rows: writer.write_table(pa.Table.from_pandas(rows, TRUTH, preserve_index=False))


class _Writer:
    """Writes the days of a flow, first those of the import, then those of the operation."""

    def __init__(self, flow: Flow, folder: Path, tell: Callable[[pd.DataFrame], None], progress: Progress) -> None:
        self._flow, self._folder, self._tell, self._progress = flow, folder, tell, progress
        self._ids = [leaf.category_id for leaf in flow.leaves]
        self._number = {category_id: i for i, category_id in enumerate(self._ids)}
        self._neighbours = Neighbours(flow.leaves)
        self._model = PastModel(len(self._ids))

    def write(self) -> None:
        """Write all shards."""
        counts = self._flow.counts()
        dates = [FIRST_DAY + datetime.timedelta(days=i) for i in range(len(counts))]
        half = len(counts) // 2
        threshold = self._import(dates[:half], counts[:half])
        branch_ids = [leaf.branch.branch_id for leaf in self._flow.leaves]
        operation = Operation(self._ids, branch_ids, self._neighbours, threshold, self._flow.size.seed)
        for date, count in zip(dates[half:], counts[half:], strict=True):
            products, categories = self._flow.day(date, count)
            top, confidence = self._model.score(products["title"].tolist())
            predictions, labels, planted = operation.day(date, products, self._numbers(categories), top, confidence)
            if count:
                self._shard(products, "products", f"{date}")
                self._shard(predictions, "predictions", f"{date}")
            if len(labels):
                self._shard(labels, "labels", f"{date}")
            self._tell_truth(products, categories, planted)

    def _import(self, dates: list[datetime.date], counts: list[int]) -> float:
        """Write the labelled catalogue that was brought in; returns the threshold that was set with it."""
        parts: list[pa.Table] = []
        labels: list[pd.DataFrame] = []
        apart: list[tuple[str, int]] = []
        written, in_parts = 0, sum(counts) > _IMPORT_ROWS
        every = min(_KEPT_APART, len(dates))
        brought_in = pd.Timestamp(dates[-1], tz="UTC") + pd.Timedelta(hours=20)
        for day, (date, count) in enumerate(zip(dates, counts, strict=True)):
            products, categories = self._flow.day(date, count)
            answers, planted = self._import_labels(products, categories, date, brought_in)
            given = self._numbers(answers["category_id"].tolist())
            titles = products["title"].tolist()
            if day % every == every - 1 and len(apart) < _MOST_KEPT_APART:
                apart.extend(zip(titles, given.tolist(), strict=True))
            else:
                self._model.learn(titles, given)
            parts.append(conform(pa.Table.from_pandas(products, preserve_index=False), PRODUCTS, "products"))
            labels.append(answers)
            self._tell_truth(products, categories, planted)
            if sum(map(len, parts)) >= _IMPORT_ROWS or day == len(dates) - 1:
                written += 1
                name = f"{dates[-1]}-import" + (f"-{written:04d}" if in_parts else "")
                write_shard(pa.concat_tables(parts), "products", self._folder / "products" / f"{name}.parquet")
                self._shard(pd.concat(labels), "labels", name)
                parts, labels = [], []
        self._model.finish()
        titles = [title for title, _ in apart]
        right = np.array([number for _, number in apart], dtype=np.int64)
        self._model.calibrate(titles, right)
        top, confidence = self._model.score(titles)
        return past_threshold(confidence, top == right)

    def _import_labels(
        self, products: pd.DataFrame, categories: list[str], date: datetime.date, brought_in: pd.Timestamp
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        rng = np.random.default_rng([self._flow.size.seed, 51, date.toordinal()])
        truth = self._numbers(categories)
        wrong = rng.random(len(truth)) < WRONG
        answer = np.where(wrong, self._neighbours.of(truth, rng), truth)
        labels = pd.DataFrame(
            {
                "product_id": products["product_id"],
                "revision": products["revision"],
                "category_id": np.array(self._ids, dtype=object)[answer],
                "origin": "import",
                "status": "answered",
                "adjudicated": False,
                "labelled_at": brought_in,
                "audit_probability": 1.0,
                "inclusion_probability": 1.0,
            }
        )
        return labels, labels.loc[wrong, ["product_id", "origin", "category_id"]]

    def _numbers(self, category_ids: list[str]) -> npt.NDArray[np.int64]:
        return np.array([self._number[category_id] for category_id in category_ids], dtype=np.int64)

    def _shard(self, rows: pd.DataFrame, table: str, name: str) -> None:
        write_shard(rows, table, self._folder / table / f"{name}.parquet")

    def _tell_truth(self, products: pd.DataFrame, categories: list[str], planted: pd.DataFrame) -> None:
        self._tell(truth_rows(products, categories, planted))
        self._progress(len(products))


def truth_rows(products: pd.DataFrame, categories: list[str], planted: pd.DataFrame | None = None) -> pd.DataFrame:
    """Rows of the truth file for some products."""
    wrong: dict[str, tuple[str, str]] = {}
    if planted is not None:
        for product_id, origin, category_id in planted.itertuples(index=False):
            wrong[product_id] = (category_id, origin)
    found = [wrong.get(product_id, (None, None)) for product_id in products["product_id"]]
    return pd.DataFrame(
        {
            "product_id": products["product_id"].to_numpy(),
            "category_id": categories,
            "planted_category_id": [category_id for category_id, _ in found],
            "planted_origin": [origin for _, origin in found],
        }
    )


def past_threshold(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """The lowest confidence from which on the past target was met on rows kept apart; 0.99 where none is."""
    order = np.argsort(-confidence, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    met = np.flatnonzero(accuracy >= _PAST_TARGET)
    return float(confidence[order][met[-1]]) if len(met) else 0.99
