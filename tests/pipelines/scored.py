"""A scorer of a few lines, and files of products, for tests of scoring."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from aisle.client import ModelIdentity
from pipelines.scoring.scorers import ANSWERS, Answers


class MadeScorer:
    """Answers with the title; counts what it is asked, and may fail when asked too often."""

    def __init__(self, version: str = "3", fails_at: int | None = None) -> None:
        self.identity = ModelIdentity("aisle", version, "5468c33398c6", None)
        self.fingerprint: dict[str, str | None] = {**vars(self.identity)}
        self.asked: list[int] = []
        self._fails_at = fails_at

    def score(self, ids: Sequence[str | None], revisions: Sequence[int], products: Mapping[str, list[Any]]) -> Answers:
        if len(self.asked) == self._fails_at:
            raise ConnectionError("gone")
        self.asked.append(len(ids))
        columns: dict[str, list[Any]] = {name: [None] * len(ids) for name in ANSWERS}
        columns |= {"category_id": [f"c-{title}" for title in products["title"]], "branch_id": products["seller"]}
        columns |= {"confidence": [0.1 + 0.2] * len(ids), "branch_confidence": [0.9] * len(ids)}
        columns |= {"decision": ["auto"] * len(ids), "threshold": products["price"]}
        errors = {place: "title is odd" for place, title in enumerate(products["title"]) if title == "odd"}
        return Answers(columns, errors)


def rows(n: int) -> list[dict[str, Any]]:
    return [
        {"product_id": f"p{number}", "title": f"Bohrer „{number}“, 8 mm", "price": number / 2, "seller": "shop"}
        for number in range(n)
    ]


def write(path: Path, content: list[dict[str, Any]]) -> Path:
    """The rows in the format of the file's ending; all have the same columns."""
    names = list(dict.fromkeys(name for row in content for name in row))
    if path.name.endswith(".parquet"):
        pq.write_table(pa.table({name: [row.get(name) for row in content] for name in names}), path)
        return path
    with gzip.open(path, "wt", newline="") if path.name.endswith(".gz") else path.open("w", newline="") as file:
        if ".jsonl" in path.name:
            file.writelines(json.dumps(row) + "\n" for row in content)
        else:
            writer = csv.DictWriter(file, names, delimiter="\t" if ".tsv" in path.name else ",")
            writer.writeheader()
            writer.writerows(content)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of an output; what is empty in a CSV file is None."""
    if path.name.endswith(".parquet"):
        return list(pq.ParquetFile(path).read().to_pylist())
    with gzip.open(path, "rt", newline="") if path.name.endswith(".gz") else path.open(newline="") as file:
        if ".jsonl" in path.name:
            return [json.loads(line) for line in file]
        delimiter = "\t" if ".tsv" in path.name else ","
        numbers = ("confidence", "branch_confidence", "threshold")
        return [
            {name: None if value == "" else float(value) if name in numbers else value for name, value in row.items()}
            for row in csv.DictReader(file, delimiter=delimiter)
        ]
