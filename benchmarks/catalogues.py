"""The catalogues that benchmarks run on: real offers where they lie on this machine, and the sample."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aisle.catalogue.importing.mapping import read_mapping
from aisle.catalogue.importing.writing import import_files
from aisle.catalogue.preparing import Prepared, prepare
from aisle.catalogue.sample import write_sample
from aisle.catalogue.tables import read_table
from aisle.catalogue.taxonomy import Taxonomy, read_taxonomy
from aisle.config import Parameters
from aisle.errors import DataError

SHIPPED = "reranked"  # the candidate that a run with the shipped parameters chooses
PROJECT = Path(__file__).parents[1]


def real_offers() -> Path:
    """The folder of the real offers: AISLE_REAL_DATA, or `../shared/data` beside the checkout.

    Raises
    ------
    DataError
        Where they do not lie on this machine.
    """
    folder = Path(os.environ.get("AISLE_REAL_DATA") or PROJECT.parent / "shared" / "data")
    if not (folder / "wdc_gpc").is_dir():
        raise DataError(f"{folder}: there are no real offers; name their folder in AISLE_REAL_DATA")
    return folder


def _wdc(into: Path) -> None:
    files = [real_offers() / "wdc_gpc" / f"{part}.jsonl.gz" for part in ("train", "validation", "test")]
    import_files(read_mapping(PROJECT / "examples" / "wdc-gpc.yaml"), files, into)


def _pricerunner(into: Path) -> None:
    offers = [real_offers() / "pricerunner" / "offers.csv.gz"]
    import_files(read_mapping(PROJECT / "examples" / "pricerunner.yaml"), offers, into)


def _sample(into: Path) -> None:
    write_sample(into, into.with_name("truth.parquet"))


def _small_sample(into: Path) -> None:
    truth = into.with_name("truth.parquet")
    write_sample(into, truth, products=2000, categories=60, branches=6, sellers=20, days=60)


CATALOGUES: dict[str, Callable[[Path], None]] = {
    "wdc": _wdc,
    "pricerunner": _pricerunner,
    "sample": _sample,
    "small_sample": _small_sample,
}


@contextmanager
def catalogue(name: str) -> Iterator[Path]:
    """The folder of one of `CATALOGUES`, made for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="aisle-benchmark-") as folder:
        into = Path(folder) / name
        CATALOGUES[name](into)
        yield into


def prepared(name: str, parameters: Parameters) -> tuple[Prepared, Taxonomy]:
    """One of `CATALOGUES` as the frames of a run with `parameters`, and its tree."""
    with catalogue(name) as folder:
        taxonomy = read_taxonomy(folder / "taxonomy.csv")
        products, labels = (read_table(folder, table) for table in ("products", "labels"))
        return prepare(products, labels, taxonomy, parameters.split, parameters.train), taxonomy
