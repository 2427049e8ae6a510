from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from aisle.audit.blame import Blamed, blame_errors, excess_p_value
from aisle.errors import DataError

SELLERS = [f"seller {one}" for one in range(20)]
BRANCHES = ["garden", "office", "pets", "tools"]


def audits(many: int, rng: np.random.Generator, apart: float = 1.0) -> pd.DataFrame:
    """Audits in health: 4 % wrong, more where the model is unsure and audits are likelier."""
    branch = rng.integers(0, 4, many)
    unsure = rng.random(many)
    probability = 0.02 * apart**unsure
    drawn = rng.random(many) < probability / probability.max()
    chance = 0.02 + 0.04 * unsure
    return pd.DataFrame(
        {
            "product_id": [f"p{one}" for one in range(many)],
            "seller": np.array(SELLERS, dtype=object)[rng.integers(0, 20, many)],
            "branch_id": np.array(BRANCHES, dtype=object)[branch],
            "category_id": [
                f"{BRANCHES[one]}.{two}" for one, two in zip(branch, rng.integers(0, 10, many), strict=True)
            ],
            "day": pd.Timestamp("2025-06-01") + pd.to_timedelta(rng.integers(0, 14, many), unit="D"),
            "model_version": "1",
            "confidence": 1 - chance,
            "chance": chance,
            "weight": 1 / probability,
            "error": rng.random(many) < chance,
        }
    )[drawn].reset_index(drop=True)


def spoilt(frame: pd.DataFrame, inside: pd.Series, share: float, rng: np.random.Generator) -> pd.DataFrame:
    return frame.assign(error=frame["error"] | (inside & (rng.random(len(frame)) < share)))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.floats(0.005, 0.5), st.data())
def test_with_equal_weights_the_test_is_the_exact_binomial_one(count: int, limit: float, data: st.DataObject) -> None:
    wrong = data.draw(st.integers(0, count))
    found = excess_p_value(count, 7.0 * count, 7.0 * wrong, 49.0 * count, 49.0 * wrong, 7.0, limit)
    assert float(found) == pytest.approx(float(binom.sf(wrong - 1, count, limit)), rel=1e-6, abs=1e-12)


def test_a_rate_known_from_few_rows_is_held_against_nobody_so_easily() -> None:
    sure = excess_p_value(100, 100.0, 12.0, 100.0, 12.0, 1.0, 0.05)
    known = [float(excess_p_value(100, 100.0, 12.0, 100.0, 12.0, 1.0, 0.05, rows)) for rows in (50, 500, 50_000)]
    assert known == sorted(known, reverse=True)
    assert known[-1] == pytest.approx(float(sure), rel=0.05)


@pytest.mark.parametrize("count", [10, 60, 400])
@pytest.mark.parametrize("where", ["anywhere", "unsure", "sure"])
def test_validity_of_the_test_with_weights_ten_fold_apart(count: int, where: str) -> None:
    """At the limit itself it finds an excess in at most 5 %, and 1 %, of samples."""
    rng = np.random.default_rng([count, len(where)])
    share, weight, limit = np.array([0.5, 0.5]), np.array([10.0, 1.0]), 0.05
    error = {"anywhere": [0.05, 0.05], "unsure": [0.0, 0.1], "sure": [0.1, 0.0]}[where]
    among = share / weight / (share / weight).sum() * count
    wrong = rng.poisson(among * error, size=(20_000, 2))
    every = wrong + rng.poisson(among * (1 - np.array(error)), size=wrong.shape)
    sums = (every @ weight, wrong @ weight, every @ weight**2, wrong @ weight**2)
    p_value = excess_p_value(every.sum(axis=1), *sums, 10.0, limit)
    for level in (0.05, 0.01):
        assert np.mean(p_value <= level) <= level + 4 * np.sqrt(level / 20_000)


@pytest.mark.parametrize(("apart", "by_row"), [(1.0, True), (10.0, True), (10.0, False)])
def test_false_alarm_where_nothing_went_wrong_hardly_anyone_is_blamed(apart: float, by_row: bool) -> None:
    """False discoveries at 10 %: with nothing planted, somebody is blamed in at most 10 % of windows."""
    rng = np.random.default_rng(8)
    blamed = 0
    for _ in range(100):
        frame = audits(400 if apart == 1 else 1_000, rng, apart)
        limit = frame["chance"] if by_row else float(np.average(frame["chance"], weights=frame["weight"]))
        blamed += bool(blame_errors(frame, limit))
    assert blamed / 100 <= 0.1 + 2 * np.sqrt(0.09 / 100)


def test_false_discoveries_validity_beside_a_slice_that_did_go_wrong() -> None:
    """Of all that is blamed, slices that share no row with the seller who went wrong are at most a tenth."""
    rng = np.random.default_rng(9)
    shares = []
    for _ in range(60):
        frame = audits(600, rng)
        frame = spoilt(frame, frame["seller"] == "seller 3", 0.6, rng)
        found = blame_errors(frame, frame["chance"])
        others = [one for one in found if "seller 3" not in one.value and one.column == "seller"]
        shares.append(len(others) / max(len(found), 1))
    assert np.mean(shares) <= 0.1


@pytest.mark.parametrize(
    ("column", "value", "share"),
    [
        ("seller", "seller 3", 0.7),
        ("branch_id", "pets", 0.3),
        ("category_id", "tools.4", 0.9),
        ("day", "2025-06-05", 0.6),
    ],
)
def test_the_slice_that_went_wrong_stands_first(column: str, value: str, share: float) -> None:
    rng = np.random.default_rng(10)
    first = 0
    for _ in range(20):
        frame = audits(700, rng)
        frame = spoilt(frame, frame[column].astype(str).str[:10] == value, share, rng)
        found = blame_errors(frame, frame["chance"])
        first += bool(found) and (found[0].column, found[0].value) == (column, value)
    assert first >= 18


def test_a_day_that_holds_the_guilty_seller_is_not_blamed_beside_him() -> None:
    rng = np.random.default_rng(11)
    frame = audits(800, rng)
    guilty = frame["seller"] == "seller 3"
    frame["day"] = frame["day"].where(~guilty, pd.Timestamp("2025-06-05"))
    frame = spoilt(frame, guilty, 0.8, rng)
    found = blame_errors(frame, frame["chance"])
    assert (found[0].column, found[0].value) == ("seller", "seller 3")
    assert found[0].share_explained > 0.7
    assert all(one.column != "day" for one in found)


def test_where_everything_went_wrong_all_are_to_blame() -> None:
    rng = np.random.default_rng(12)
    frame = spoilt(audits(800, rng), pd.Series(True, index=range(800)), 0.15, rng)
    found = blame_errors(frame, 0.05)
    assert found[0].name == "all"
    assert "model_version = 1" in found[0].same  # no data can tell them apart


def test_two_guilty_slices_are_both_named() -> None:
    rng = np.random.default_rng(13)
    frame = audits(1_200, rng)
    frame = spoilt(frame, (frame["seller"] == "seller 3") | (frame["category_id"] == "pets.2"), 0.8, rng)
    assert {one.name for one in blame_errors(frame, frame["chance"])[:2]} == {
        "seller = seller 3",
        "category_id = pets.2",
    }


def test_shares_are_of_all_excess_and_each_adds_to_those_before_it() -> None:
    """Elsewhere nothing went wrong, so that what these brought is more than the excess of all."""
    rng = np.random.default_rng(17)
    sums = []
    for _ in range(10):
        frame = audits(900, rng).assign(error=False)
        names = [f"seller {one}" for one in range(4)]
        frame = spoilt(frame, frame["seller"].isin(names) | (frame["category_id"] == "pets.2"), 0.5, rng)
        found = blame_errors(frame, 0.08)
        assert len(found) >= 4
        sums.append(sum(one.share_explained for one in found))
    assert max(sums) <= 1 + 1e-9
    assert min(sums) > 0.8


def test_what_lies_within_a_slice_before_is_not_counted_again() -> None:
    rng = np.random.default_rng(18)
    frame = spoilt(audits(2_000, rng), pd.Series(True, index=range(2_000)), 0.2, rng)
    worse = frame["seller"] == "seller 3"
    found = blame_errors(spoilt(frame, worse, 0.9, rng), 0.04)
    inside = next(one for one in found if one.value == "seller 3")
    alone = (inside.rate - 0.04) * worse.sum() / ((frame["error"] | worse).mean() - 0.04) / len(frame)
    assert found.index(inside) > 0
    assert inside.share_explained < 0.9 * alone
    assert sum(one.share_explained for one in found) <= 1 + 1e-9


def test_the_most_telling_products_are_wrong_and_the_most_confident_first() -> None:
    rng = np.random.default_rng(14)
    frame = audits(600, rng)
    frame = spoilt(frame, frame["seller"] == "seller 3", 0.7, rng)
    found: Blamed = blame_errors(frame, 0.05)[0]
    rows = frame.set_index("product_id").loc[list(found.products)]
    assert len(rows) == 10
    assert rows["error"].all()
    assert (rows["seller"] == "seller 3").all()
    assert rows["confidence"].is_monotonic_decreasing
    worst = frame[(frame["seller"] == "seller 3") & frame["error"]]["confidence"].nlargest(10)
    assert rows["confidence"].tolist() == worst.tolist()


def test_rates_are_weighted() -> None:
    frame = pd.DataFrame({"error": [True] * 30 + [False] * 30, "weight": [1.0] * 30 + [9.0] * 30, "seller": "one"})
    assert blame_errors(frame, 0.02)[0].rate == pytest.approx(0.1)


def test_odd_input() -> None:
    empty = pd.DataFrame({"error": [], "seller": []})
    assert blame_errors(empty, 0.05) == []
    right = pd.DataFrame({"error": [False] * 50, "seller": [None] * 50})
    assert blame_errors(right, 0.05) == []
    assert blame_errors(right.assign(error=True), 0.05)[0].same == ("seller = (unknown)",)
    with pytest.raises(DataError, match="no column 'error'"):
        blame_errors(pd.DataFrame({"seller": ["one"]}), 0.05)
    with pytest.raises(DataError, match="not positive"):
        blame_errors(right.assign(weight=0.0), 0.05)
