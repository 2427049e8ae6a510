"""When a Bento counts as answering as the registry's model does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aisle.decision.answers import ANSWER_COLUMNS
from aisle.errors import ModelError
from pipelines.bento.comparing import check_same

ASKED = pd.DataFrame({"title": ["a", "b"]})


def test_a_product_that_the_service_refuses_is_left_out_but_not_all() -> None:
    expected = pd.DataFrame({name: ["x", "y"] for name in ANSWER_COLUMNS})
    said = {name: ["x", None] for name in ANSWER_COLUMNS}
    assert check_same(expected, ASKED, [{**said, "errors": [{"detail": "title: too long"}]}]) == 1
    nothing = {name: [None, None] for name in ANSWER_COLUMNS}
    with pytest.raises(ModelError, match=r"refuses all .* \(title: too long\)"):
        check_same(expected, ASKED, [{**nothing, "errors": [{"detail": "title: too long"}]}])


def test_too_few_answers() -> None:
    expected = pd.DataFrame({name: ["x", "y"] for name in ANSWER_COLUMNS})
    with pytest.raises(ModelError, match="answered 1 of 2 products"):
        check_same(expected, ASKED, [{**{name: ["x"] for name in ANSWER_COLUMNS}, "errors": []}])


def test_missing_is_missing_whoever_says_it() -> None:
    expected = pd.DataFrame({name: ["x", None] for name in ANSWER_COLUMNS})
    expected = expected.assign(threshold=[0.5, np.nan], category_id=["x", "c"])
    said = {name: ["x", None] for name in ANSWER_COLUMNS} | {"threshold": [0.5, None], "category_id": ["x", "c"]}
    assert check_same(expected, ASKED, [{**said, "errors": []}]) == 2
    with pytest.raises(ModelError, match="example row 1, decided_id 'x' instead of None"):
        check_same(expected, ASKED, [{**said, "decided_id": ["x", "x"], "errors": []}])
