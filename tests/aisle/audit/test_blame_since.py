"""What lasts since a day, and who is behind it: errors and shifts that begin within the window."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from aisle.audit.blame import blame_errors, blame_shift
from tests.aisle.audit.test_blame_errors import audits, spoilt
from tests.aisle.audit.test_blame_shift import COLUMNS, products

BEGAN = pd.Timestamp("2025-06-09")
DAY = "2025-06-09"


def later(frame: pd.DataFrame) -> pd.Series:
    return frame["day"] >= BEGAN


def apart(one: str) -> int:
    return abs((pd.Timestamp(one) - BEGAN).days)


def test_what_lasts_is_blamed_since_its_day_and_not_on_its_days() -> None:
    rng = np.random.default_rng(1)
    first = 0
    for _ in range(10):
        frame = audits(700, rng)
        found = blame_errors(spoilt(frame, later(frame), 0.3, rng), frame["chance"])
        assert all(one.column != "day" for one in found)
        first += found[0].column == "since" and apart(found[0].value) <= 1 and found[0].since == found[0].value
    assert first >= 9


@pytest.mark.parametrize(
    ("column", "value", "share"),
    [("seller", "seller 3", 0.9), ("branch_id", "pets", 0.4), ("category_id", "tools.4", 1.0)],
)
def test_a_slice_that_went_wrong_on_a_day_is_named_with_it(column: str, value: str, share: float) -> None:
    rng = np.random.default_rng(2)
    first = 0
    for _ in range(10):
        frame = audits(1_200, rng)
        found = blame_errors(spoilt(frame, later(frame) & (frame[column] == value), share, rng), frame["chance"])
        assert found[0].products
        first += (found[0].column, found[0].value) == (column, value) and apart(found[0].since or "2024-01-01") <= 2
    assert first >= 9


def test_a_slice_that_was_always_wrong_is_named_without_a_day() -> None:
    rng = np.random.default_rng(3)
    without = 0
    for _ in range(20):
        frame = audits(1_200, rng)
        found = blame_errors(spoilt(frame, frame["seller"] == "seller 3", 0.6, rng), frame["chance"])
        without += found[0].name == "seller = seller 3"
    assert without >= 18


def test_many_categories_that_went_wrong_on_one_day_are_all_named_in_its_place() -> None:
    """Together they explain more than their days do, and no day is blamed beside them."""
    rng = np.random.default_rng(4)
    swapped = [
        f"{branch}.{one}" for branch, one in (("garden", 1), ("garden", 7), ("office", 2), ("pets", 5), ("tools", 3))
    ]
    for _ in range(5):
        frame = audits(1_500, rng)
        frame = spoilt(frame, later(frame) & frame["category_id"].isin(swapped), 0.9, rng)
        frame["answered_category_id"] = np.where(frame["error"], "toys.1", frame["category_id"])
        found = blame_errors(frame, frame["chance"])
        assert {one.value for one in found[:5]} == set(swapped)
        assert all(apart(one.since) <= 1 for one in found[:5])
        assert max(Counter(one.since for one in found[:5]).values()) >= 3  # a day that is named costs the next nothing
        assert found[0].name == f"category_id = {found[0].value} since {found[0].since}"
        assert found[0].answers[0][0] == "toys.1"


def test_who_went_wrong_on_one_day_only_is_named_within_it() -> None:
    rng = np.random.default_rng(5)
    frame = audits(2_800, rng)
    bad = (frame["day"] == BEGAN) & (frame["branch_id"] == "pets")
    found = blame_errors(spoilt(frame, bad, 0.9, rng), frame["chance"])[0]
    assert found.name == f"branch_id = pets within day = {DAY}"
    assert (found.within, found.since, found.rows) == (f"day = {DAY}", "", int(bad.sum()))


def test_who_went_wrong_under_a_model_version_is_named_within_it() -> None:
    rng = np.random.default_rng(6)
    frame = audits(1_500, rng)
    frame["model_version"] = np.where(rng.random(len(frame)) < 0.3, "2", "1")
    bad = (frame["model_version"] == "2") & (frame["branch_id"] == "pets")
    assert blame_errors(spoilt(frame, bad, 0.5, rng), frame["chance"])[0].within == "model_version = 2"


def test_false_discoveries_validity_beside_a_slice_that_went_wrong_since_a_day() -> None:
    """Whatever shares no row with what was planted is at most a tenth of what is blamed."""
    rng = np.random.default_rng(7)
    shares = []
    for _ in range(50):
        frame = audits(900, rng)
        bad = later(frame) & (frame["seller"] == "seller 3")
        found = blame_errors(spoilt(frame, bad, 0.8, rng), frame["chance"])
        false = [one for one in found if one.column == "seller" and one.value != "seller 3"]
        false += [one for one in found if one.column == "day" and one.value < DAY]
        shares.append(len(false) / max(len(found), 1))
    assert np.mean(shares) <= 0.1


def test_false_alarm_of_dates_without_days_nothing_is_blamed_since_one() -> None:
    rng = np.random.default_rng(8)
    frame = spoilt(audits(700, rng).drop(columns="day"), pd.Series(True, index=range(700)), 0.3, rng)
    assert all(not one.since for one in blame_errors(frame, frame["chance"]))


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_a_seller_who_is_new_since_a_day_is_named_with_it(share: float) -> None:
    rng = np.random.default_rng(9)
    for _ in range(5):
        window = products(1_500, rng)
        window.loc[later(window) & (rng.random(1_500) < share), "seller"] = "newcomer"
        first = blame_shift(products(1_500, rng), window, COLUMNS)[0]
        assert (first.column, first.value, first.change) == ("seller", "newcomer", "share")
        assert apart(first.since) <= 1
        assert first.expected_rate == 0
        assert first.rate == pytest.approx(share, abs=0.04)  # of the products since then


def test_sellers_whose_titles_are_cut_since_a_day_are_named_in_its_place() -> None:
    rng = np.random.default_rng(10)
    some = [f"seller {one}" for one in range(0, 20, 4)]
    for _ in range(5):
        window = products(3_000, rng)
        cut = later(window) & window["seller"].isin(some)
        window["title_length"] = window["title_length"].where(~cut, window["title_length"].clip(upper=20))
        found = blame_shift(products(1_500, rng), window, COLUMNS)
        assert {one.value for one in found[:5]} == set(some)
        assert all(apart(one.since) <= 1 and one.change == "title_length" for one in found[:5])


def test_what_all_products_show_since_a_day_is_blamed_on_the_time() -> None:
    rng = np.random.default_rng(11)
    window = products(1_500, rng)
    window["title_length"] = window["title_length"].where(~later(window), window["title_length"] / 2)
    found = blame_shift(products(1_500, rng), window, COLUMNS)
    assert (found[0].name, found[0].change, found[0].share_explained) == (f"since {DAY}", "title_length", 1.0)
    assert len(found) == 1


def test_false_alarm_of_one_day_of_many_products_of_a_seller() -> None:
    """What comes on the last day alone does not last yet: no slice is blamed since then."""
    rng = np.random.default_rng(12)
    window = products(1_500, rng)
    last = window["day"] == window["day"].max()
    window.loc[last, "seller"] = "newcomer"
    assert all(one.since < str(window["day"].max())[:10] for one in blame_shift(products(1_500, rng), window, COLUMNS))
