"""The rules as plain functions, against slow and obvious versions of themselves."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations import rules

NAMES = st.sampled_from("abcdef")


@given(st.dictionaries(NAMES, st.none() | NAMES, min_size=1))
def test_a_row_of_a_cycle_meets_itself_on_the_way_up(parent_of: dict[str, str | None]) -> None:
    def meets_itself(start: str) -> bool:
        node = parent_of[start]
        for _ in parent_of:
            if node is None or node == start:
                break
            node = parent_of.get(node)
        return node == start

    category_id = pd.Series(list(parent_of), dtype=object)
    parent_id = pd.Series(list(parent_of.values()), dtype=object)
    kept = rules.outside_cycles(category_id, parent_id)
    assert kept.tolist() == [not meets_itself(one) for one in parent_of]


@given(
    st.lists(st.tuples(st.sampled_from(["ada", "ben", None]), st.none() | st.integers(0, 300)), max_size=40),
    st.integers(1, 5),
)
def test_the_pace_is_that_of_every_sixty_seconds(answers: list[tuple[str | None, int | None]], limit: int) -> None:
    def kept(person: str | None, second: int | None) -> bool:
        if person is None or second is None:
            return True
        mine = [then for who, then in answers if who == person and then is not None]
        return all(
            sum(start <= then < start + 60 for then in mine) <= limit for start in mine if start <= second < start + 60
        )

    moments = pd.to_datetime(pd.Series([second for _, second in answers], dtype=float), unit="s", utc=True)
    people = pd.Series([person for person, _ in answers], dtype=object)
    people.index = moments.index = pd.Index(range(7, 7 + len(answers)))  # rows that a condition has picked
    found = rules.calm_pace(people, moments, limit)
    assert found.tolist() == [kept(person, second) for person, second in answers]
    assert found.index.equals(people.index)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Drill", True),
        ("7", True),
        ("帐篷", True),
        ("<b>Saw</b>", True),
        ("R&D;", True),  # a letter is left
        ("< 2 kg", True),
        (None, False),
        ("", False),
        (" \t", False),
        ("<br/>", False),
        ("<a href='x'></a>&nbsp;&#160;&#xA0;", False),
        ("\u200b\xa0", False),
        ("`", True),  # little, but not nothing
    ],
)
def test_mark_up_and_blanks_say_nothing(text: str | None, says: bool) -> None:
    assert rules.says_something(pd.Series([text], dtype=object)).tolist() == [says]


def test_a_group_with_two_values_is_torn_and_nulls_take_no_part() -> None:
    group = pd.Series(["a", "a", "b", "b", None, None, "c"], dtype=object)
    value = pd.Series(["train", "test", "train", None, "train", "test", None], dtype=object)
    assert rules.one_value_a_group(group, value).tolist() == [False, False, True, True, True, True, True]


def test_one_adjudicated_answer_settles_its_revision_alone() -> None:
    kept = rules.answers_agree(
        pd.Series(["p", "p", "p", "p", "q", "q"]),
        pd.Series([1, 1, 2, 2, 1, 1]),
        pd.Series(["x", "y", "x", "y", "x", None], dtype=object),
        pd.Series([False, True, False, False, False, False]),
    )
    assert kept.tolist() == [True, True, False, False, True, True]


def test_empty_tables_keep_every_rule() -> None:
    text = pd.Series([], dtype=object)
    number = pd.Series([], dtype=float)
    moment = pd.Series([], dtype="datetime64[us, UTC]")
    assert rules.parent_known(text, text).empty
    assert rules.outside_cycles(text, text).empty
    assert rules.says_something(text).empty
    assert rules.one_value_a_group(text, text).empty
    assert rules.calm_pace(text, moment, 3).empty
    assert rules.answers_agree(text, number, text, pd.Series([], dtype=bool)).empty
    assert rules.confident_enough(text, number, number).empty
