"""What was labelled under the same key before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from skops.io import dump, load

from aisle.model.memory import KEYS, Memory
from aisle.model.storage import TRUSTED_TYPES

SELLERS = pd.DataFrame({"seller": ["North", "north ", "South", None, "", "North"]})
CODES = np.array([0, 2, 1, 0, 0, 2])


def test_counts_by_category_under_the_same_key() -> None:
    memory = Memory("seller").fit(SELLERS, CODES, 4)
    asked = pd.DataFrame({"seller": ["NORTH", "south", "elsewhere", None, ""]})
    counts = memory.counts(asked)
    np.testing.assert_array_equal(counts, [[1, 0, 2, 0], [0, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4])
    assert counts.dtype == np.float32


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text("ab \n>", max_size=3), st.integers(0, 2)), max_size=12), st.sampled_from(list(KEYS)))
def test_counts_equal_counting_by_hand(rows: list[tuple[str, int]], key: str) -> None:
    text = [text for text, _ in rows]
    products = pd.DataFrame({"title": text, "seller": text, "seller_category": text}, dtype=object)
    codes = np.array([code for _, code in rows], dtype=np.intp)
    keys = KEYS[key](products)
    expected = np.zeros((len(rows), 3))
    for row, own in enumerate(keys):
        for other, code in zip(keys, codes, strict=True):
            expected[row, code] += bool(own) and own == other
    np.testing.assert_array_equal(Memory(key).fit(products, codes, 3).counts(products), expected)


@pytest.mark.parametrize("key", KEYS)
def test_a_catalogue_without_the_column_has_no_memory_of_it(key: str) -> None:
    nothing = pd.DataFrame({"title": ["18", "", "--"]})
    memory = Memory(key).fit(nothing, np.array([0, 1, 1]), 2)
    assert memory.keys_ == ""
    assert not memory.counts(pd.DataFrame({"title": ["", "lamp"], "seller": ["", "x"]})).any()
    assert memory.counts(nothing.head(0)).shape == (0, 2)


@pytest.mark.parametrize(
    ("key", "row", "found"),
    [
        ("last_step", {"seller_category": "Home > Lamps > "}, "lamps"),
        ("last_step", {"seller_category": "Home/Garden & Yard"}, "garden & yard"),
        ("last_step", {"seller_category": "Home &gt; Sofas"}, "sofas"),
        ("last_step", {"seller_category": " > "}, ""),
        ("breadcrumb", {"seller_category": "Home\n> Lamps"}, "home > lamps"),
        ("seller_breadcrumb", {"seller": "North", "seller_category": "Home"}, "north\thome"),
        ("seller_breadcrumb", {"seller": "North", "seller_category": None}, ""),
        ("seller_breadcrumb", {"seller": None, "seller_category": "Home"}, ""),
        ("thing", {"title": "Scuff Slipper - navy"}, "slipper>"),
        ("thing", {"title": "42"}, ""),
        ("last_word", {"title": "Scuff Slipper - navy"}, "navy>>"),
        ("last_word", {"title": ""}, ""),
    ],
)
def test_keys(key: str, row: dict[str, Any], found: str) -> None:
    assert KEYS[key](pd.DataFrame([row])) == [found]


def test_keys_with_line_breaks_stay_one_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(KEYS, "seller", lambda products: products["seller"].tolist())
    products = pd.DataFrame({"seller": ["a\nb", "b", "a\u2028b", "a\r\nb", "a"]})
    memory = Memory("seller").fit(products, np.arange(5), 5)
    dump(memory, tmp_path / "memory.skops")
    for one in (memory, load(tmp_path / "memory.skops", trusted=TRUSTED_TYPES)):
        np.testing.assert_array_equal(one.counts(products), np.eye(5))


def test_stored_and_read_it_counts_the_same(tmp_path: Path) -> None:
    memory = Memory("seller").fit(SELLERS, CODES, 4)
    dump(memory, tmp_path / "unused.skops")
    before = memory.counts(SELLERS)
    dump(memory, tmp_path / "used.skops")
    for name in ("unused", "used"):
        read = load(tmp_path / f"{name}.skops", trusted=TRUSTED_TYPES)
        np.testing.assert_array_equal(read.counts(SELLERS), before)
        assert vars(read).keys() == vars(clone(memory).fit(SELLERS, CODES, 4)).keys() | {"_place"}


def test_fitted_again_it_forgets_what_it_counted() -> None:
    memory = Memory("seller").fit(SELLERS, CODES, 4)
    memory.counts(SELLERS)
    other = pd.DataFrame({"seller": ["south", "west"]})
    np.testing.assert_array_equal(memory.fit(other, np.array([0, 1]), 2).counts(other), np.eye(2))
