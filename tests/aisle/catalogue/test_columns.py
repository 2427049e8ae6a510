from __future__ import annotations

import pandas as pd
import pytest

from aisle.catalogue.columns import Columns, some_rows


def test_columns_answer_as_a_frame_does():
    values = {"title": ["drill", "sofa", "router"], "price": [1.5, None, 3.0]}
    columns = Columns(values)
    assert len(columns) == len(pd.DataFrame(values))
    assert list(columns.columns) == list(pd.DataFrame(values).columns)
    assert "title" in columns.columns
    assert columns["title"].tolist() == pd.DataFrame(values)["title"].tolist()


def test_rows_are_taken_in_the_form_that_products_came_in():
    values = {"title": ["drill", "sofa", "router"]}
    assert some_rows(Columns(values), 1, 9)["title"].tolist() == ["sofa", "router"]
    assert some_rows(pd.DataFrame(values), 1, 9)["title"].tolist() == ["sofa", "router"]
    assert len(some_rows(Columns(values), 3, 4)) == 0


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"different lengths: \[1, 2\]"):
        Columns({"title": ["drill"], "brand": ["a", "b"]})


def test_no_columns_are_no_products():
    assert len(Columns({})) == 0
