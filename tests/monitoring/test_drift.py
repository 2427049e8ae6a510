"""Which days are called drifted, and which are not."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.audit.alarms.lasting import lasting
from aisle.errors import DataError
from aisle.model.text import ProductText
from monitoring.describing import DATA_COLUMNS, PREDICTION_COLUMNS
from monitoring.drift import RESULT_COLUMNS, TEXT, Drift
from tests.monitoring.made_frames import frame

REFERENCE = frame(800, seed=1)
VOCABULARY = ProductText({"title_words": 1.0}).fit(frame(2_000, seed=2))


@pytest.fixture(scope="module")
def drift() -> Drift:
    return Drift(REFERENCE, VOCABULARY, days=600)


def drifted(table: pd.DataFrame) -> set[str]:
    return set(table["column"][table["drifted"].eq(True)])


def test_a_quiet_day_has_a_row_for_each_column_and_none_has_drifted(drift: Drift):
    table = drift.judged(frame(200, seed=3))

    assert list(table.columns) == list(RESULT_COLUMNS)
    assert set(table["column"]) == {*DATA_COLUMNS, *PREDICTION_COLUMNS, TEXT}
    assert table["drifted"].eq(False).all()
    assert (table["statistic"] <= table["limit"]).all()
    assert (table["p_value"] > 0.01).all()


def test_false_alarm_of_a_quiet_day_over_all_columns_keeps_its_level():
    """Reference and days from the same catalogue, without any tolerance: fresh references, fresh days."""
    level, wrong, days = 0.1, 0, 0
    for number in range(10):
        one = Drift(frame(300, seed=100 + number), VOCABULARY, level=level, tolerance=0.0, days=300)
        for day in range(12):
            wrong += bool(drifted(one.judged(frame(60, seed=1_000 + 12 * number + day))))
            days += 1
    assert wrong / days <= level


def test_false_alarm_keeps_its_level_where_rows_were_drawn_with_unequal_probability():
    """A catalogue of which cheap shops' rows were drawn five times less often, and weigh five times more."""
    level, wrong, days = 0.1, 0, 0
    for number in range(6):
        rng = np.random.default_rng(number)
        whole = frame(1_000, seed=200 + number)
        probability = np.where(whole["seller"].isin(["Toolbarn", "Megadeal"]), 0.15, 0.75)
        chosen = rng.random(len(whole)) < probability
        reference = whole[chosen].assign(weight=0.15 / probability[chosen])
        one = Drift(reference, VOCABULARY, level=level, tolerance=0.0, days=300)
        for day in range(12):
            wrong += bool(drifted(one.judged(frame(80, seed=3_000 + 12 * number + day))))
            days += 1
    assert "seller" in drifted(Drift(reference.assign(weight=1.0), days=300).judged(frame(400, seed=number)))
    assert wrong / days <= level


def _with(**columns) -> pd.DataFrame:
    rows = frame(200, seed=4)
    return rows.assign(**{name: change(rows) for name, change in columns.items()})


def _some(rows: pd.DataFrame, share: float) -> np.ndarray:
    return np.random.default_rng(9).random(len(rows)) < share


CHANGES = {
    "cut titles": (_with(title=lambda rows: rows["title"].str[:12]), {"title_length", TEXT}),
    "new words": (
        _with(title=lambda rows: rows["title"].mask(_some(rows, 0.4), "Sonic toothbrush " + rows["title"])),
        {"unseen_tokens", TEXT},
    ),
    "another language": (
        _with(description=lambda rows: rows["description"].mask(_some(rows, 0.5), "Das ist mit der Hand und von uns")),
        {"language"},
    ),
    "new seller": (_with(seller=lambda rows: rows["seller"].mask(_some(rows, 0.3), "Liquidation Lot")), {"seller"}),
    "dearer": (_with(price=lambda rows: 2.5 * rows["price"]), {"log_price"}),
    "no prices": (_with(price=lambda rows: rows["price"].mask(_some(rows, 0.5))), {"missing_price"}),
    "another currency": (_with(currency=lambda rows: "USD"), {"currency"}),
    "no titles": (_with(title=lambda rows: rows["title"].mask(_some(rows, 0.2), "")), {"missing_title"}),
    "no breadcrumbs": (_with(seller_category=lambda rows: None), {"missing_breadcrumb", "breadcrumb_start"}),
    "flat breadcrumbs": (
        _with(seller_category=lambda rows: rows["seller_category"].str.split(" > ").str[0]),
        {"breadcrumb_depth"},
    ),
    "less sure": (_with(confidence=lambda rows: rows["confidence"] ** 2), {"confidence"}),
    "fewer automatic": (_with(decision=lambda rows: "review"), {"decision"}),
    "one category": (_with(category_id=lambda rows: "c.sofa"), {"category_id"}),
    "a new branch": (_with(branch_id=lambda rows: rows["branch_id"].mask(_some(rows, 0.4), "pets")), {"branch_id"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_planted_change_is_found_in_its_columns(drift: Drift, name: str):
    rows, columns = CHANGES[name]
    table = drift.judged(rows)

    assert columns <= drifted(table)
    told = table.set_index("column").loc[sorted(columns)]
    assert (told["p_value"] < 0.05).all()
    assert told["change"].map(bool).all()


def test_the_change_is_told_in_words(drift: Drift):
    table = drift.judged(CHANGES["new seller"][0]).set_index("column")

    assert table.loc["seller", "change"].startswith("(rest) 0.0 % → 25")
    assert table.loc["title_length", "change"].startswith("mean ")


def test_trifles_in_a_huge_window_are_no_news(drift: Drift):
    rows = frame(10_000, seed=5)
    trifle = rows.assign(confidence=rows["confidence"] - 0.01)

    assert drifted(drift.judged(trifle)) == set()
    strict = Drift(frame(5_000, seed=6), tolerance=0.0, days=200)
    assert "confidence" in drifted(strict.judged(trifle))


def test_more_rows_narrow_the_limits_down_to_the_tolerance(drift: Drift):
    few, many = drift.limits(60), drift.limits(5_000)

    assert all(drift.tolerance <= many[name] <= few[name] for name in few)


def test_sellers_that_send_in_batches_widen_the_limits_of_their_column():
    """Each day most products come from one seller: no day is news, however unlike the whole."""
    rng = np.random.default_rng(3)
    rows = frame(900, seed=7, days=60)
    day = rows["received_at"].dt.floor("D")
    busy = {one: rng.choice(rows["seller"].unique()) for one in day.unique()}
    batched = rows.assign(seller=rows["seller"].mask(rng.random(len(rows)) < 0.7, day.map(busy)))
    one = Drift(batched, level=0.05, days=500)

    assert one.moved["seller"] > 1
    flagged = []
    for number in range(20):
        of_day = frame(100, seed=500 + number)
        sent = of_day["seller"].mask(rng.random(100) < 0.7, rng.choice(rows["seller"].unique()))
        flagged.append("seller" in drifted(one.judged(of_day.assign(seller=sent))))
    assert np.mean(flagged) <= 0.1


def test_too_few_rows_are_not_known(drift: Drift):
    for rows in (frame(29, seed=8), REFERENCE.head(0)):
        table = drift.judged(rows)
        assert table["drifted"].map(lambda one: one is None).all()
        assert table["limit"].isna().all()


def test_a_day_without_values_of_a_column_is_not_known_there_alone(drift: Drift):
    table = drift.judged(frame(100, seed=9).assign(price=np.nan)).set_index("column")

    assert table.loc["log_price", "drifted"] is None
    assert table.loc["missing_price", "drifted"] is True
    assert table.loc["title_length", "drifted"] is False


def test_a_reference_with_empty_constant_and_absent_columns():
    plain = REFERENCE.drop(columns=["received_at", "product_id", "brand", "currency"]).assign(
        description=None, price=np.nan, confidence=0.9, category_id="c.only", branch_id="only", decision="auto"
    )
    one = Drift(plain, days=300)

    assert {"description_length", "log_price", "unseen_tokens"}.isdisjoint(one.columns)
    same = frame(100, seed=10).assign(**{name: plain[name].iloc[0] for name in ("description", "price", "confidence")})
    same = same.assign(category_id="c.only", branch_id="only", decision="auto", brand=None, currency=None)
    assert drifted(one.judged(same)) == set()
    other = frame(100, seed=10)
    assert drifted(one.judged(other)) >= {"missing_description", "missing_price", "confidence", "category_id"}


def test_a_reference_without_rows_or_with_odd_weights_is_one_clear_line():
    with pytest.raises(DataError, match="no rows"):
        Drift(REFERENCE.head(0))
    for weight in (0.0, -1.0, np.nan):
        with pytest.raises(DataError, match="weight that is not above zero"):
            Drift(REFERENCE.assign(weight=weight))


def test_days_in_order_with_what_is_missing_and_a_shift_that_lasts(drift: Drift):
    days = [dt.date(2025, 7, 1) + dt.timedelta(days=i) for i in range(7)]
    parts = [frame(120, seed=20 + i).assign(day=day) for i, day in enumerate(days) if i != 2]
    parts = [part.assign(title=part["title"].str[:10]) if part["day"].iloc[0] >= days[4] else part for part in parts]

    table = drift.by_day(pd.concat(parts, ignore_index=True), days)

    flags = {column: of_column["drifted"].tolist() for column, of_column in table.groupby("column")}
    assert table["day"].unique().tolist() == days
    assert flags["title_length"] == [False, False, None, False, True, True, True]
    assert flags["seller"] == [False, False, None, False, False, False, False]
    states = [lasting(flags["title_length"][: i + 1]) for i in range(7)]
    assert states == ["unknown", "unknown", "unknown", "quiet", "look", "look", "alarm"]
    assert drift.by_day(REFERENCE.head(0).assign(day=None)).empty


@settings(max_examples=10, deadline=None)
@given(st.randoms(), st.integers(0, 50))
def test_the_order_of_rows_says_nothing(random, seed):
    reference = frame(120, seed=30).assign(weight=np.random.default_rng(seed).choice([0.4, 0.7, 1.0], 120))
    day = frame(60, seed=31)
    orders = [list(range(len(rows))) for rows in (reference, day)]
    for order in orders:
        random.shuffle(order)

    one = Drift(reference, VOCABULARY, days=60)
    other = Drift(reference.iloc[orders[0]], VOCABULARY, days=60)

    same = ["column", "statistic", "change"]
    pd.testing.assert_frame_equal(one.judged(day)[same], one.judged(day.iloc[orders[1]])[same])
    pd.testing.assert_frame_equal(one.judged(day)[same], other.judged(day)[same])


def test_the_same_seed_gives_the_same_figures():
    day = frame(60, seed=32)
    one, other = (Drift(frame(150, seed=33), days=100).judged(day) for _ in range(2))

    pd.testing.assert_frame_equal(one, other)
