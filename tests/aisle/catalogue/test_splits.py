from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.catalogue.splits import DROPPED, ROLES, assign_folds, assign_roles, normalise_title
from aisle.config import Split
from aisle.errors import DataError

COLUMNS = ("shard", "product_id", "title", "group_id", "split")
Row = tuple[str, str, str, str | None, str | None]


def products_of(rows: Sequence[Row]) -> pd.DataFrame:
    """Products by shard, product_id, title, group_id, split; a product that comes again is a revision."""
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    return frame.assign(revision=frame.groupby("product_id").cumcount() + 1, received_at=pd.NaT)


def roles_of(rows: Sequence[Row], split: Split | None = None) -> dict[str, str]:
    roles = assign_roles(products_of(rows), split or Split())
    return dict(zip(roles["product_id"], roles["role"], strict=True))


def title_with_role(role: str) -> str:
    """A title whose own key draws `role`."""
    titles = (f"title {number}" for number in range(1000))
    return next(title for title in titles if roles_of([("1", "p", title, None, None)])["p"] == role)


# ---------------------------------------------------------------------------------------- titles


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Crème Brûlée", "creme brulee"),
        ("Cre\u0300me", "crème"),
        ("DRILL-BIT  10mm!", "drill bit 10mm"),
        (" a\u00a0b\tc ", "a b c"),
        ("Straße", "STRASSE"),
        ("ＦＵＬＬ　width", "full width"),
        ("Ac\u00adme™ Saw®", "acme saw"),
        ("İstanbul", "istanbul"),
        ("ΟΔΟΣ", "οδος"),
        ("10 m²", "10 m2"),
    ],
)
def test_titles_that_read_the_same_are_the_same(one: str, other: str) -> None:
    assert normalise_title(one) == normalise_title(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("drill 10", "drill 1 0"), ("1.5 l", "15 l"), ("हिंदी", "हद"), ("がき", "かき夏"), ("пила", "пилы")],
)
def test_titles_that_differ_stay_apart(one: str, other: str) -> None:
    assert normalise_title(one) != normalise_title(other)


def test_titles_without_letters_are_empty() -> None:
    assert [normalise_title(title) for title in ("", " ", "-- !?", "…", "\u200b")] == [""] * 5


@given(st.text())
def test_normalising_twice_changes_nothing(title: str) -> None:
    once = normalise_title(title)
    assert normalise_title(once) == once
    assert once == " ".join(once.split())


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_titles_come_out_the_same_as_by_the_general_way(title: str) -> None:
    assert normalise_title(title + "\u00ad") == normalise_title(title)  # an invisible character forces the general way


# ----------------------------------------------------------------------------------------- roles


def test_shares_are_roughly_those_asked_for() -> None:
    n = 20_000
    rows: list[Row] = [("1", f"p{number}", f"title {number}", None, None) for number in range(n)]
    counts = pd.Series(roles_of(rows, Split(calibration=0.25, test=0.1))).value_counts()
    for role, share in (("train", 0.65), ("calibration", 0.25), ("test", 0.1)):
        assert abs(counts[role] / n - share) < 4 * np.sqrt(share * (1 - share) / n)
    assert DROPPED not in counts


def test_another_key_gives_other_roles() -> None:
    rows: list[Row] = [("1", f"p{number}", f"title {number}", None, None) for number in range(2_000)]
    one, other = pd.Series(roles_of(rows, Split(key="one"))), pd.Series(roles_of(rows, Split(key="other")))
    agreement = 0.6**2 + 0.2**2 + 0.2**2  # of independent draws
    assert abs((one == other).mean() - agreement) < 0.05


def test_a_key_may_be_empty_or_long() -> None:
    assert roles_of([("1", "p", "saw", None, None)], Split(key=""))["p"] in ROLES
    assert roles_of([("1", "p", "saw", None, None)], Split(key="é" * 500))["p"] in ROLES


def test_another_share_of_calibration_moves_no_test_row() -> None:
    rows: list[Row] = [("1", f"p{number}", f"title {number}", None, None) for number in range(2_000)]
    few, many = pd.Series(roles_of(rows, Split(calibration=0.1))), pd.Series(roles_of(rows, Split(calibration=0.4)))
    assert few[few == "test"].index.equals(many[many == "test"].index)


def test_a_role_depends_on_the_thing_and_not_on_the_offer() -> None:
    for number in range(50):
        title, group = f"title {number}", f"g{number}"
        alone = roles_of([("1", "a", title, None, None)])["a"]
        assert roles_of([("1", "0", "other", None, None), ("2", "z", title.upper() + "!", None, None)])["z"] == alone
        grouped = roles_of([("1", "a", "one", group, None)])["a"]
        assert roles_of([("1", "z", "another", group, None)])["z"] == grouped


def test_empty_titles_bind_nothing() -> None:
    rows: list[Row] = [("1", f"p{number}", "!!", None, None) for number in range(200)]
    roles = assign_roles(products_of(rows), Split())
    assert roles["group"].nunique() == 200
    assert set(roles["role"]) == set(ROLES)


def test_the_order_of_arrival_is_shard_then_time_with_unknown_last_then_id() -> None:
    frame = pd.DataFrame(
        {
            "product_id": ["late", "b", "a", "unknown", "early"],
            "title": [f"t{number}" for number in range(5)],
            "shard": ["2", "1", "1", "1", "1"],
            "received_at": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-02-01", None, "2024-01-15"], utc=True),
        }
    )
    assert assign_roles(frame, Split())["product_id"].tolist() == ["early", "a", "b", "unknown", "late"]


def test_merging_groups_keep_the_role_of_the_oldest_and_drop_the_others_for_ever() -> None:
    train, test = title_with_role("train"), title_with_role("test")
    apart: list[Row] = [("1", "old", train, None, None), ("2", "young", test, None, None)]
    assert roles_of(apart) == {"old": "train", "young": "test"}
    # One product is offered under both titles, so they name the same thing.
    merged: list[Row] = [*apart, ("3", "bridge", train, None, None), ("4", "bridge", test, None, None)]
    assert roles_of(merged[:3]) == {"old": "train", "young": "test", "bridge": "train"}
    roles = roles_of([*merged, ("5", "more", train, None, None), ("5", "copy", test, None, None)])
    assert (roles["old"], roles["more"]) == ("train", "train")
    assert roles["young"] == DROPPED
    # Whoever carries the title of `young` may not train either: a model was tested on it.
    assert (roles["bridge"], roles["copy"]) == (DROPPED, DROPPED)


def test_what_arrives_at_once_is_not_dropped() -> None:
    train, test = title_with_role("train"), title_with_role("test")
    rows: list[Row] = [("1", "a", train, "g", None), ("1", "b", test, "g", None), ("1", "c", test, None, None)]
    assert len(set(roles_of(rows).values())) == 1
    assert DROPPED not in roles_of(rows).values()


def test_an_official_split_overrides_the_hash_and_takes_its_group_along() -> None:
    for role in ROLES:
        rows: list[Row] = [("1", "a", "saw", None, None), ("1", "b", "saw", None, role), ("2", "c", "saw", None, None)]
        assert roles_of(rows) == {"a": role, "b": role, "c": role}


def test_official_members_keep_theirs_where_titles_straddle_and_the_others_leave() -> None:
    rows: list[Row] = [("1", "a", "saw", None, "train"), ("1", "b", "saw", None, "test"), ("1", "c", "saw", None, None)]
    assert roles_of(rows) == {"a": "train", "b": "test", "c": DROPPED}


def test_an_official_split_that_comes_late_drops_who_had_another_role() -> None:
    title = title_with_role("train")
    first: list[Row] = [("1", "a", title, None, None)]
    assert roles_of([*first, ("2", "a", title, None, "test")]) == {"a": DROPPED}
    assert roles_of([*first, ("2", "a", title, None, "train")]) == {"a": "train"}
    assert roles_of([*first, ("2", "b", title, None, "test")]) == {"a": DROPPED, "b": "test"}


def test_a_split_that_is_no_role_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"product 'p' has the split 'validation', which is no role; write train"):
        assign_roles(products_of([("1", "p", "saw", None, "validation")]), Split())


# ------------------------------------------------------- roles for ever, over random catalogues

rows_of_a_shard = st.lists(
    st.tuples(
        st.sampled_from([f"p{number}" for number in range(12)]),
        st.sampled_from(["", *(f"title {number}" for number in range(9))]),
        st.sampled_from([None, None, None, "g1", "g2", "g3"]),
        st.sampled_from([None] * 12 + list(ROLES)),
    ),
    max_size=5,
)
catalogues = st.lists(rows_of_a_shard, min_size=1, max_size=7).map(
    lambda shards: [(f"{number:02}", *row) for number, shard in enumerate(shards) for row in shard]
)
KEYS = st.sampled_from(["aisle", "one", "two", "three"])


def versions_of(rows: Sequence[Row]) -> list[list[Row]]:
    """The catalogue after each of its shards."""
    return [[row for row in rows if row[0] <= shard] for shard in sorted({row[0] for row in rows})]


def keys_of(row: Row) -> list[tuple[str, str]]:
    return [(kind, value) for kind, value in (("title", row[2]), ("group", row[3] or "")) if value]


@functools.cache
def role_alone(product: str, title: str, group: str | None, split: Split) -> str:
    return roles_of([("1", product, title, group, None)], split)[product]


def by_definition(rows: Sequence[Row], split: Split) -> dict[str, str]:
    """Roles by the words of the definition: look at every version anew, and remember."""
    history: dict[str, list[str | None]] = {}
    official: dict[str, str] = {}
    for version in versions_of(rows):
        shard = version[-1][0]
        ordered = sorted(version, key=lambda row: (row[0], row[1]))
        groups: dict[str, set[str]] = {}
        carriers: dict[tuple[str, str], set[str]] = {}
        for row in ordered:
            groups.setdefault(row[1], {row[1]})
            for key in keys_of(row):
                carriers.setdefault(key, set()).add(row[1])
        for together in carriers.values():
            merged = set().union(*(groups[product] for product in together))
            groups |= dict.fromkeys(merged, merged)
        for product in groups:
            given = [row[4] for row in ordered if row[1] == product and row[0] == shard and row[4]]
            if given and product not in history:
                official[product] = given[0]
        order = list(dict.fromkeys(row[1] for row in ordered))
        for product, members in groups.items():
            splits = {row[4] for row in ordered if row[1] in members and row[4]}
            first = next(row for row in ordered if row[1] == min(members, key=order.index))
            drawn = role_alone(first[1], first[2], first[3], split)
            role = drawn if not splits else splits.pop() if len(splits) == 1 else None
            history.setdefault(product, []).append(role)
    steady = {product: len(set(roles)) == 1 and roles[0] is not None for product, roles in history.items()}
    ordered = sorted(rows, key=lambda row: (row[0], row[1]))
    result = {}
    for product, roles in history.items():
        keys = [key for row in rows if row[1] == product for key in keys_of(row)]
        first_carriers = [next(row[1] for row in ordered if key in keys_of(row)) for key in keys]
        stays = steady[product] and all(steady[carrier] for carrier in first_carriers)
        result[product] = official.get(product) or (roles[0] if stays else None) or DROPPED
    return result


@settings(deadline=None, max_examples=150)
@given(rows=catalogues, key=KEYS)
def test_roles_are_those_of_the_definition(rows: list[Row], key: str) -> None:
    split = Split(key=key, calibration=0.3, test=0.3)
    assert roles_of(rows, split) == by_definition(rows, split)


@settings(deadline=None, max_examples=150)
@given(rows=catalogues, key=KEYS, order=st.randoms(use_true_random=False))
def test_a_product_never_goes_from_one_role_to_another(rows: list[Row], key: str, order: Any) -> None:
    split = Split(key=key, calibration=0.3, test=0.3)
    before: Mapping[str, str] = {}
    for version in versions_of(rows):
        now = roles_of(version, split)
        assert {product: now[product] for product in before} == {
            product: role if now[product] != DROPPED else DROPPED for product, role in before.items()
        }
        assert all(now[product] == DROPPED for product, role in before.items() if role == DROPPED)
        before = now
    shuffled = products_of(rows).sample(frac=1, random_state=order.randrange(2**32))
    roles = assign_roles(shuffled, split)
    assert dict(zip(roles["product_id"], roles["role"], strict=True)) == before


@settings(deadline=None, max_examples=150)
@given(rows=catalogues, key=KEYS)
def test_no_thing_is_trained_on_in_one_version_and_tested_in_another(rows: list[Row], key: str) -> None:
    split = Split(key=key, calibration=0.3, test=0.3)
    roles_seen: dict[tuple[str, str], set[str]] = {}
    for version in versions_of(rows):
        roles = assign_roles(products_of(version), split).set_index("product_id")
        for row in version:
            if roles.at[row[1], "official"] or roles.at[row[1], "role"] == DROPPED:
                continue
            for key_of_thing in keys_of(row):
                roles_seen.setdefault(key_of_thing, set()).add(str(roles.at[row[1], "role"]))
    assert {thing: roles for thing, roles in roles_seen.items() if len(roles) > 1} == {}


# ----------------------------------------------------------------------------------------- folds


def test_folds_hold_whole_groups_and_are_of_like_size() -> None:
    groups = [f"g{number // 2}" for number in range(6_000)]
    folds = assign_folds(groups, 3, "aisle")
    assert (folds[0::2] == folds[1::2]).all()
    assert abs(np.bincount(folds, minlength=3) / 6_000 - 1 / 3).max() < 0.04
    assert (folds != assign_folds(groups, 3, "other")).mean() > 0.5


def test_folds_are_drawn_apart_from_roles() -> None:
    rows: list[Row] = [("1", f"title:t{number}", f"t{number}", None, None) for number in range(3_000)]
    roles = assign_roles(products_of(rows), Split())
    folds = assign_folds(roles["group"], 3, "aisle")
    table = pd.crosstab(roles["role"], folds, normalize="index")
    assert (abs(table - 1 / 3) < 0.08).all().all()


def test_many_products_take_seconds() -> None:
    n = 200_000
    numbers = np.random.default_rng(1).integers(0, n // 2, n)
    frame = pd.DataFrame({"product_id": np.arange(n).astype(str), "title": pd.Series(numbers).map("saw {}".format)})
    frame["shard"] = [f"{number * 100 // n:03}" for number in range(n)]
    start = time.perf_counter()
    roles = assign_roles(frame, Split())
    assert time.perf_counter() - start < 20  # about 1.5 s on an idle machine; a quadratic way takes hours
    assert roles["group"].nunique() == len(set(numbers))
