"""Several views of a product: complete or not, and what they say together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from aisle.model.memory import KEYS
from aisle.model.text import VIEWS, ProductText
from aisle.model.views import COMPARED, MACHINES, Views, widened
from tests.aisle.model.shop import BRANCH_OF, shop

NEIGHBOURS = {f"{kind}_{name}" for kind in ("like", "nearest") for name in COMPARED}


def _views(**changes: Any) -> Views:
    return Views(ProductText(dict.fromkeys(VIEWS, 1.0)), BRANCH_OF, **changes)


@pytest.fixture(scope="module")
def fitted_views(train: pd.DataFrame) -> Views:
    return _views().fit(train, train["category_id"])


def test_every_view_has_an_opinion_on_every_category(fitted_views: Views, test: pd.DataFrame) -> None:
    said = fitted_views.opinions(test)
    assert set(said) == {*MACHINES, "branch", *NEIGHBOURS, *KEYS}
    for name, opinion in said.items():
        assert opinion.shape == (len(test), 8), name
        assert opinion.dtype == np.float32, name
        assert np.isfinite(opinion).all(), name
    assert max(said[f"nearest_{name}"].max() for name in COMPARED) <= 1 + 1e-5
    for branch in np.unique(fitted_views.branch_index_):
        assert (np.ptp(said["branch"][:, fitted_views.branch_index_ == branch], axis=1) == 0).all()


def test_the_mixture_is_a_distribution_and_mostly_right(fitted_views: Views, test: pd.DataFrame) -> None:
    mixture = fitted_views.predict_proba(test)
    np.testing.assert_allclose(mixture.sum(axis=1), 1)
    assert (mixture >= 0).all()
    assert (fitted_views.classes_[mixture.argmax(axis=1)] == test["category_id"]).mean() > 0.9


@pytest.mark.parametrize(
    "columns",
    [
        ["title"],
        ["title", "description"],
        ["title", "seller"],
        ["title", "seller_category"],
        ["product_id", "title", "price", "currency", "brand"],
    ],
)
def test_columns_that_are_missing_cost_a_view_and_nothing_else(
    columns: list[str], train: pd.DataFrame, test: pd.DataFrame
) -> None:
    views = _views().fit(train[columns], train["category_id"])
    assert ("description" in views.machines_) == ("description" in columns)
    assert ("breadcrumbs" in views.neighbours_) == ("seller_category" in columns)
    whole, part = views.opinions(test), views.opinions(test[["title"]])
    assert whole.keys() == part.keys()
    mixture = views.mixture(part)
    np.testing.assert_allclose(mixture.sum(axis=1), 1)
    assert (views.classes_[mixture.argmax(axis=1)] == test["category_id"]).mean() > 0.85


def test_titles_without_a_word_leave_a_distribution(train: pd.DataFrame) -> None:
    blank = train.assign(title="--", description=None)
    views = _views().fit(blank, train["category_id"])
    assert "words" not in views.neighbours_
    np.testing.assert_allclose(views.predict_proba(blank.head(5)).sum(axis=1), 1)
    nothing = pd.DataFrame({"title": ["", "\ufffd", " "]})
    views = _views().fit(nothing, ["sofa", "lamp", "kite"])
    assert not views.machines_
    np.testing.assert_allclose(views.predict_proba(nothing), 1 / 3)


def test_a_breadcrumb_that_everybody_has_is_no_likeness() -> None:
    products = shop(1500).assign(seller_category="Home > Things")
    views = _views().fit(products, products["category_id"])
    assert not views.opinions(products.head(3))["like_breadcrumbs"].any()


def test_two_categories_and_branches_that_say_nothing_new(train: pd.DataFrame) -> None:
    two = train[train["category_id"].isin(["sofa", "drill"])]
    views = _views().fit(two, two["category_id"])
    assert views.branch_machine_ is None  # as many branches as categories
    assert all(opinion.shape == (len(two), 2) for opinion in views.opinions(two).values())
    assert (views.classes_[views.predict_proba(two).argmax(axis=1)] == two["category_id"]).mean() > 0.9
    one_branch = train[train["category_id"].isin(["sofa", "lamp", "towel"])]
    assert _views().fit(one_branch, one_branch["category_id"]).branch_machine_ is None


def test_refitted_views_know_only_the_last_rows(train: pd.DataFrame, test: pd.DataFrame) -> None:
    other = train[train["category_id"].isin(["sofa", "drill", "lamp"])]
    views = _views().fit(train, train["category_id"])
    views.opinions(test)
    again = views.fit(other, other["category_id"]).opinions(test)
    for name, opinion in _views().fit(other, other["category_id"]).opinions(test).items():
        np.testing.assert_array_equal(again[name], opinion, err_msg=name)


def test_sample_weights_move_the_machines(train: pd.DataFrame) -> None:
    rows = pd.DataFrame({"title": ["thing"] * 40})
    labels = ["lamp", "sofa"] * 20
    for favourite in ("lamp", "sofa"):
        weight = [20.0 if label == favourite else 1.0 for label in labels]
        margins = _views().fit(rows, labels, weight).opinions(rows)["fields"][0]
        assert margins.argmax() == ["lamp", "sofa"].index(favourite)


def test_balance_lifts_small_categories() -> None:
    rows = pd.DataFrame({"title": ["thing"] * 44})
    labels = ["lamp"] * 40 + ["sofa"] * 4
    plain, balanced = (
        _views(balance=balance).fit(rows, labels).opinions(rows.head(1))["fields"][0] for balance in (0.0, 1.0)
    )
    assert balanced[1] - balanced[0] > plain[1] - plain[0]


def test_opinions_are_widened_to_categories_that_were_never_seen(train: pd.DataFrame, test: pd.DataFrame) -> None:
    known = train[train["category_id"] != "kite"]
    views = _views().fit(known, known["category_id"])
    said = views.opinions(test)
    everything = np.unique(train["category_id"])
    columns = np.searchsorted(everything, views.classes_)
    wide = widened(said, columns, len(everything))
    new = list(everything).index("kite")
    for name, opinion in said.items():
        np.testing.assert_array_equal(wide[name][:, columns], opinion)
        assert (wide[name][:, new] <= opinion.max(axis=1)).all(), name
        assert len(np.unique(wide[name][:, new])) == 1, name
    mixture = views.mixture(wide)
    assert (mixture.argmax(axis=1) != new).all()
    np.testing.assert_allclose(mixture.sum(axis=1), 1)
    assert widened(said, np.arange(len(views.classes_)), len(views.classes_)) is said


def test_nearest_labelled_products_share_words(fitted_views: Views, train: pd.DataFrame) -> None:
    for row, found in enumerate(fitted_views.nearest(train.head(20))):
        assert found[0].title == train["title"].iloc[row]
        assert found[0].similarity == pytest.approx(1, abs=1e-5)
        assert len(found) == 3
        for one in found:
            labelled = train.set_index("product_id").loc[one.product_id]
            assert (one.title, one.category_id) == (labelled["title"], labelled["category_id"])
