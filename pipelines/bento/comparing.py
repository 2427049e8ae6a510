"""Whether a Bento answers as the registry's model does: which products are asked, and every bit of the answers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from aisle.catalogue.tables import read_frame
from aisle.decision.answers import ANSWER_COLUMNS
from aisle.errors import ModelError
from aisle.files import read_json
from pipelines.registry.packaging import inputs_of

TEST_ROWS = 100


def questions(model: Path, folder: Path, data_version: str) -> pd.DataFrame:
    """The logged example rows of a downloaded model, then test rows where `folder` holds those of its data.

    Raises
    ------
    ModelError
        When the model was logged without an example.
    """
    example = model / "input_example.json"
    if not example.is_file():
        raise ModelError("the champion was logged without example rows; register it again with `make run`")
    logged = json.loads(example.read_text(encoding="utf-8"))
    rows = [inputs_of(pd.DataFrame(logged["data"], columns=logged["columns"]))]
    split, test = folder / "work" / "prepared" / "split.json", folder / "work" / "prepared" / "test.parquet"
    if split.is_file() and test.is_file() and read_json(split).get("data_version") == data_version:
        rows.append(inputs_of(read_frame(test).head(TEST_ROWS)))
    return pd.concat(rows, ignore_index=True)


def check_same(expected: pd.DataFrame, asked: pd.DataFrame, responses: Sequence[Mapping[str, Any]]) -> int:
    """Hold the Bento's answers against those of the registry's model, bit for bit.

    A product that the service refuses (its limits are narrower than those of training data) is left out, but
    at least one has to be answered. Gives the number of products that were compared.

    Parameters
    ----------
    expected : DataFrame
        Answers of the registry's model, one row a product.
    asked : DataFrame
        The products.
    responses : sequence
        What the Bento said, in order, each for the next products.

    Raises
    ------
    ModelError
        For the first answer that differs.
    """
    answered = {name: [value for one in responses for value in one[name]] for name in ANSWER_COLUMNS}
    if any(len(values) != len(asked) for values in answered.values()) or len(expected) != len(asked):
        raise ModelError(f"the Bento answered {len(answered['category_id'])} of {len(asked)} products")
    compared = [row for row, category_id in enumerate(answered["category_id"]) if category_id is not None]
    if not compared:
        why = next((problem["detail"] for one in responses for problem in one["errors"]), "no reason given")
        raise ModelError(f"the Bento refuses all of the champion's example rows ({why}); nothing was packaged")
    for name in ANSWER_COLUMNS:
        theirs = expected[name].tolist()
        for row in compared:
            if not _same(theirs[row], answered[name][row]):
                raise ModelError(
                    f"the Bento answers otherwise than the registry's model: example row {row}, {name} "
                    f"{answered[name][row]!r} instead of {theirs[row]!r}; nothing was packaged. The code has changed "
                    "since the model was registered: `make run` registers it anew"
                )
    return len(compared)


def _same(one: Any, other: Any) -> bool:
    return bool(_plain(one) == _plain(other))


def _plain(value: Any) -> Any:
    """Missing is None, whether a table calls it nan or a JSON text null."""
    return None if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)) else value
