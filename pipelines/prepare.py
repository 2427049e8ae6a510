"""Stage `prepare`: the tables of `data/` become the frames that training, threshold and test read."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import yaml

from aisle.catalogue.preparing import needs_predictions, prepare
from aisle.catalogue.tables import SCHEMAS, read_table, require_catalogue, shards_of, write_frame
from aisle.catalogue.taxonomy import read_taxonomy
from aisle.config import read_parameters
from aisle.errors import exit_code_of
from aisle.files import sha256_of, write_json

DATA = Path("data")
PREPARED = Path("work/prepared")


def main() -> None:
    """Read `params.yaml` and `data/`, write `work/prepared/`."""
    parameters = read_parameters()
    data = require_catalogue(DATA)
    prepared = prepare(
        products=read_table(data, "products"),
        labels=read_table(data, "labels"),
        taxonomy=read_taxonomy(data / "taxonomy.csv"),
        split=parameters.split,
        train=parameters.train,
        predictions=read_table(data, "predictions") if needs_predictions(parameters.train) else None,
    )
    write_frame(prepared.train, PREPARED / "train.parquet")
    write_frame(prepared.calibration, PREPARED / "calibration.parquet")
    write_frame(prepared.test, PREPARED / "test.parquet")
    write_json(PREPARED / "split.json", {"data_version": data_version(data), **prepared.facts})


def data_version(folder: Path) -> str:
    """What names the state of `folder`: the hash in `FOLDER.dvc` where it fits, else one of the files.

    DVC's hash is trusted while number and size of the files are those that it was taken from.
    The other one is a SHA-256 over the names and the SHA-256 of `taxonomy.csv` and all shards.
    """
    return _hash_of_dvc(folder) or _hash_of_files(folder)


def _hash_of_dvc(folder: Path) -> str | None:
    try:
        (tracked,) = yaml.safe_load(folder.with_name(f"{folder.name}.dvc").read_text(encoding="utf-8"))["outs"]
        fits = (tracked["path"], tracked["nfiles"], tracked["size"]) == (folder.name, *_files_and_bytes(folder))
        version = str(tracked["md5"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):  # not there, or not what DVC writes
        return None
    return version if fits and re.fullmatch(r"[0-9a-f]{32}\.dir", version) else None


def _files_and_bytes(folder: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def _hash_of_files(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in [folder / "taxonomy.csv", *(shard for table in SCHEMAS for shard in shards_of(folder, table))]:
        digest.update(f"{path.relative_to(folder).as_posix()} {sha256_of(path)}\n".encode())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
