"""Columns that describe products and predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.catalogue.columns import PRODUCT_FIELDS
from aisle.model.text import ProductText
from monitoring.describing import (
    DATA_COLUMNS,
    MISSING_FIELDS,
    NOTHING,
    NUMBERS,
    PREDICTION_COLUMNS,
    UNKNOWN,
    described,
    language_of,
    vocabulary_of,
)


def products(**columns: list) -> pd.DataFrame:
    return pd.DataFrame({"title": ["Cordless drill 18 V", "Pot lid"], **columns})


def test_each_column_of_two_products():
    rows = products(
        description=["With two batteries and a case", None],
        brand=[None, "Halden"],
        seller_category=["Tools > Drills/Cordless", " "],
        price=[np.e**3, 0.0],
        currency=["EUR", None],
        seller=["Toolbarn", None],
        category_id=["tools.drills", "household.lids"],
        branch_id=["tools", "household"],
        confidence=[0.9, 0.4],
        decision=["auto", "review"],
    )

    table = described(rows, ProductText({"title_words": 1.0}).fit(products(title=["Drill 18 volt", "Lamp"])))

    assert list(table.columns) == [*DATA_COLUMNS, *PREDICTION_COLUMNS]
    assert table.iloc[0].to_dict() == {
        "title_length": 19,
        "description_length": 29,
        "unseen_tokens": 0.5,  # cordless, v
        "log_price": pytest.approx(3.0),
        "breadcrumb_depth": 3,
        "language": "en",
        "currency": "EUR",
        "seller": "Toolbarn",
        "breadcrumb_start": "Tools",
        "missing_title": "no",
        "missing_description": "no",
        "missing_brand": "yes",
        "missing_breadcrumb": "no",
        "missing_price": "no",
        "confidence": 0.9,
        "category_id": "tools.drills",
        "branch_id": "tools",
        "decision": "auto",
    }
    second = table.iloc[1]
    assert second[["description_length", "log_price", "breadcrumb_depth"]].isna().all()
    assert (second[["currency", "seller", "breadcrumb_start"]] == NOTHING).all()
    assert (second[["missing_description", "missing_breadcrumb", "missing_price"]] == "yes").all()
    assert (second[["missing_title", "missing_brand"]] == "no").all()


def test_fields_that_are_no_column_are_missing_and_predictions_left_out():
    table = described(products())

    assert set(DATA_COLUMNS) - set(table.columns) == {"unseen_tokens"}
    assert not set(PREDICTION_COLUMNS) & set(table.columns)
    assert (table["missing_price"] == "yes").all()
    assert (table["seller"] == NOTHING).all()


def test_without_rows_the_columns_keep_their_types():
    table = described(products().head(0), ProductText({"title_words": 1.0}).fit(products()))

    assert len(table) == 0
    assert [name for name in table.columns if table[name].dtype == np.float64] == [n for n in NUMBERS if n in table]


@pytest.mark.parametrize("price", [np.nan, np.inf, -1.0, 0.0])
def test_a_price_that_is_none_counts_as_missing(price: float):
    table = described(products(price=[price, 5.0]))

    assert table["missing_price"].tolist() == ["yes", "no"]
    assert np.isnan(table["log_price"][0])


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The cool box you have been looking for", "en"),
        ("Deckel für den Topf, passend für 24 cm", "de"),
        ("Couvercle pour la casserole, livraison sous 48 heures", "fr"),
        ("Deksel voor het potje, geschikt voor 24 cm", "nl"),
        ("Bosch GSR 18V-55", UNKNOWN),
        ("", UNKNOWN),
        ("the der", UNKNOWN),  # as many of either
        ("Крышка для кастрюли Bosch", "cyrillic"),
        ("鍋蓋 24", "cjk"),
        ("Αντάπτορας", "greek"),
        ("İçecek şişesi ısı", UNKNOWN),  # letters of Latin script with marks
        ("ΩΩ Bosch drill for the house", "en"),
    ],
)
def test_languages_by_stop_words_and_script(text: str, language: str):
    assert language_of(text) == language


def test_the_sample_s_own_languages_are_told():
    from aisle.catalogue.sample.offers import _SENTENCES

    for language, sentences in _SENTENCES.items():
        told = [language_of(" ".join(sentences).format(noun="x", brand="y", model="z", detail="w"))]
        assert told == [language]


def test_no_stop_word_belongs_to_two_languages():
    from monitoring import describing

    listed = [word for words in describing._STOP_WORDS.values() for word in words.split()]
    assert len(listed) == len(set(listed))


class _Model:
    def __init__(self, classifier: object) -> None:
        self.classifier_ = classifier


def test_vocabulary_of_views_of_pipelines_and_of_none():
    text = ProductText({"title_words": 1.0})
    views = type("Views", (), {"text_": text})()
    pipeline = type("Pipeline", (), {"steps": [("text", text), ("machine", object())]})()

    assert vocabulary_of(_Model(views)) is text
    assert vocabulary_of(_Model(pipeline)) is text
    assert vocabulary_of(_Model(object())) is None


texts = st.one_of(st.none(), st.text(max_size=40))
rows_of_products = st.lists(
    st.fixed_dictionaries(
        {name: texts for name in PRODUCT_FIELDS if name != "price"} | {"price": st.one_of(st.none(), st.floats())}
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(rows_of_products, st.randoms())
def test_any_product_is_described_alone_as_among_others(rows, random):
    frame = pd.DataFrame(rows).astype({"price": float})
    order = list(range(len(frame)))
    random.shuffle(order)

    table = described(frame)

    pd.testing.assert_frame_equal(described(frame.iloc[order]), table.iloc[order])
    assert set(table[list(MISSING_FIELDS)].to_numpy().ravel()) <= {"yes", "no"}
    assert table["seller"].map(bool).all()
    assert (table["breadcrumb_depth"].isna() == (table["breadcrumb_start"] == NOTHING)).all()
