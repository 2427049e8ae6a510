"""The command: `python -m benchmarks.serving [--quick] [--bento FOLDER]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd

from aisle.catalogue.columns import PRODUCT_FIELDS
from aisle.catalogue.tables import read_frame
from aisle.config import Parameters
from aisle.errors import DataError, exit_code_of
from benchmarks.catalogues import PROJECT, catalogue, prepared
from benchmarks.results import Result, report, with_the_others
from benchmarks.serving import generated, killed, servers, shipped, throughput

PARTS = ("linear", "start", "shipped", "memory", "generated", "killed")  # rows are called by them


def main() -> None:
    """Measure everything, one after the other, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few requests each")
    parser.add_argument("--bento", type=Path, help="an exported Bento's folder (default: the newest of this checkout)")
    parser.add_argument("--only", choices=PARTS, help="one part; the results of the others stay as they are")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aisle-bento-") as folder:
        bento = arguments.bento or newest(Path(folder) / "bento")
        rows = measured(bento, arguments.quick, arguments.only)
    if arguments.only and not arguments.quick:
        rows = with_the_others("serving", arguments.only, PARTS, rows)
    report("serving", rows, quick=arguments.quick)


def measured(bento: Path, quick: bool, only: str | None = None) -> list[Result]:
    """The rows of all parts, or of one."""
    parts = dict(zip(PARTS, (_linear, _start, _shipped, _memory, _generated, _killed), strict=True))
    rows: list[Result] = []
    for name, part in parts.items():
        if only in (None, name):
            with tempfile.TemporaryDirectory(prefix="aisle-serving-") as folder:
                print(f"{name} …", file=sys.stderr, flush=True)
                rows += part(bento, Path(folder), quick)
    return rows


def newest(into: Path) -> Path:
    """The newest Bento of this checkout, unpacked with its model.

    Raises
    ------
    DataError
        Where there is none.
    """
    from pipelines.bento import store

    found = store.bentos(store.home())
    if not found:
        raise DataError(f"{store.home()}: there is no Bento; `make run`, `aisle promote` and `aisle package` make one")
    store.export(found[0], into)
    return into


def sample_products() -> list[dict[str, Any]]:
    """Test products of the sample, as a shop system would send them."""
    frame = read_frame(PROJECT / "work" / "prepared" / "test.parquet", ["product_id", *PRODUCT_FIELDS])
    records: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")  # type: ignore[assignment]
    return records


def _linear(bento: Path, folder: Path, quick: bool) -> list[Result]:
    name = "small_sample" if quick else "sample"
    ready, _ = prepared(name, Parameters())
    train: pd.DataFrame = ready.train
    with catalogue(name) as into:
        rounds, seconds = (1, 1.0) if quick else (7, 4.0)
        titles, categories = train["title"].tolist(), train["category_id"].tolist()
        return throughput.linear_rows(titles, categories, into / "taxonomy.csv", folder, rounds, seconds)


def _served(bento: Path, folder: Path) -> AbstractContextManager[servers.Server]:
    return servers.our_bento(bento, folder / "predictions", folder / "aisle.log")


def _start(bento: Path, folder: Path, quick: bool) -> list[Result]:
    return throughput.start_rows(bento, folder, 1 if quick else 5)


def _shipped(bento: Path, folder: Path, quick: bool) -> list[Result]:
    products, model = sample_products(), servers.model_folder(bento)
    with _served(bento, folder) as server:
        rows = shipped.overhead_rows(server, model, products, 1 if quick else 9)
        return rows + shipped.steadiness_rows(server, products, 3.0 if quick else 60.0)


def _memory(bento: Path, folder: Path, quick: bool) -> list[Result]:
    with _served(bento, folder) as server:
        return shipped.memory_rows(server, sample_products(), *((200, 1000) if quick else (10_000, 100_000)))


def _generated(bento: Path, folder: Path, quick: bool) -> list[Result]:
    with _served(bento, folder) as server:
        return generated.generated_rows(f"http://127.0.0.1:{server.port}", 200 if quick else 10_000)


def _killed(bento: Path, folder: Path, quick: bool) -> list[Result]:
    log_folder, into = folder / "predictions", folder / "data"

    def collect() -> Sequence[str]:
        from aisle.catalogue.collecting import collect
        from aisle.catalogue.tables import read_table

        collect(log_folder, into)
        return [str(one) for one in read_table(into, "predictions")["product_id"]]

    return killed.killed_rows(
        lambda _: _served(bento, folder), sample_products(), log_folder, collect, 2 if quick else 20
    )


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
