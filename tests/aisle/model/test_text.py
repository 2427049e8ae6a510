"""Cleaning, words and features."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.model.text import VIEWS, HashedWords, ProductText, price_band
from aisle.model.words import clean, skeletons, words


@given(st.text(max_size=200))
def test_clean_twice_is_clean_once_for_readable_text(text: str) -> None:
    once = clean(text)
    assert once == once.strip()
    assert "\x00" not in once
    assert "\ufffd" not in once
    if "&" not in once and "<" not in once:
        assert clean(once) == once


@given(st.text(alphabet="abcdefghijklmnop -", max_size=60))
def test_case_and_accents_do_not_matter(text: str) -> None:
    accented = unicodedata.normalize("NFC", text.replace("a", "á").replace("o", "ö"))
    assert clean(accented) == clean(text.upper())


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("<b>Sofa</b>&nbsp;bed", "sofa bed"),
        ("Monitor (23\ufffd) IPS", "monitor (23 ) ips"),
        ("see https://shop.example/a?b=1 now", "see now"),
        ("a < b and c", "a < b and c"),
        ("  many\t\nspaces ", "many spaces"),
    ],
)
def test_clean_examples(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


def test_numbers_stand_apart_from_their_units() -> None:
    assert words("router rt19 58.4cm") == ["router", "rt", "19", "58", "4", "cm"]


def test_a_word_and_its_abbreviation_share_a_skeleton() -> None:
    assert skeletons("slp") == skeletons("sleep") == ["slp"]
    assert "19" not in skeletons("rt 19")


@given(st.floats(min_value=0.01, max_value=1e6))
def test_price_bands_rise_with_the_price(price: float) -> None:
    low, high = price_band(price), price_band(price * 1.5)
    assert low is not None
    assert high is not None
    assert low < high


@pytest.mark.parametrize("price", [None, float("nan"), 0.0, -3.0, float("inf")])
def test_no_band_without_a_price(price: float | None) -> None:
    assert price_band(price) is None


def test_fields_that_are_missing_are_empty(train: pd.DataFrame, test: pd.DataFrame) -> None:
    text = ProductText(dict.fromkeys(VIEWS, 1.0))
    width = text.fit_transform(train).shape[1]
    assert text.transform(test[["title"]]).shape == (len(test), width)


def test_a_catalogue_of_empty_titles_gives_empty_features() -> None:
    text = ProductText({"title_words": 1.0})
    features = text.fit_transform(pd.DataFrame({"title": ["", "  ", "!!"]}))
    assert features.shape[0] == 3
    assert features.nnz == 0
    assert text.transform(pd.DataFrame({"title": ["drill"]})).nnz == 0


def test_transform_equals_fit_transform(train: pd.DataFrame) -> None:
    text = ProductText(dict.fromkeys(VIEWS, 1.0))
    first = text.fit_transform(train)
    assert abs(first - text.transform(train)).max() < 1e-6


@settings(max_examples=40)
@given(st.lists(st.text("ab1 -,é<fur for", max_size=12), min_size=1, max_size=6), st.sampled_from(list(VIEWS)))
def test_any_text_is_read_as_it_was_learnt(texts: list[str], view: str) -> None:
    products = pd.DataFrame(dict.fromkeys(("title", "description", "seller_category", "seller", "brand"), texts))
    text = ProductText({view: 2.0})
    learnt, read = text.fit_transform(products), text.transform(products)
    assert read.dtype == learnt.dtype == np.float32
    np.testing.assert_allclose(read.toarray(), learnt.toarray(), atol=1e-6)
    lengths = np.linalg.norm(read.toarray(), axis=1)
    assert ((lengths < 1e-6) | (abs(lengths - 2) < 1e-5)).all()


def test_columns_of_views_are_those_of_their_features(train: pd.DataFrame) -> None:
    text = ProductText(dict.fromkeys(VIEWS, 1.0))
    features = text.fit_transform(train)
    np.testing.assert_array_equal(text.columns(), np.arange(features.shape[1]))
    both = text.columns(["facts", "title_edges"])
    assert (np.diff(both) > 0).all()
    for view in ("title_edges", "facts", "seller_characters"):
        alone = ProductText({view: 1.0}).fit_transform(train)
        np.testing.assert_allclose(features[:, text.columns([view])].toarray(), alone.toarray(), atol=1e-6)
    assert len(both) == len(text.columns(["facts"])) + len(text.columns(["title_edges"]))
    assert text.columns(["no such view"]).size == 0


def test_views_without_a_term_are_left_out(train: pd.DataFrame) -> None:
    text = ProductText({"title_words": 1.0, "description_words": 1.0})
    width = text.fit_transform(train[["title"]]).shape[1]
    assert list(text.vectorizers_) == ["title_words"]
    assert text.columns(["description_words"]).size == 0
    assert text.transform(train).shape == (len(train), width)


@pytest.mark.parametrize("text", [ProductText({"title_words": 1.0}), HashedWords(4096)])
def test_unseen_share(text: ProductText | HashedWords, train: pd.DataFrame) -> None:
    text.fit(train, train["category_id"])
    asked = pd.DataFrame({"title": ["cordless drill", "zyx cordless drill qwv", "!!"]})
    np.testing.assert_allclose(text.unseen_share(asked), [0.0, 0.5, 1.0])
