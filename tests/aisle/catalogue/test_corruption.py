from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalogue.corruption import CORRUPTIONS, corrupt, cut, drop_vowels, misspell
from aisle.errors import ConfigurationError

TITLES = ["Bramund cordless drill BX-240 18V", "4-season sleeping bag, olive", "Wheel", "Küchenmesser 20 cm"]
KINDS = sorted(CORRUPTIONS)


def test_the_table_holds_what_the_report_measures() -> None:
    assert set(KINDS) == {
        "cut_19",
        "cut_30",
        "vowels_dropped",
        "misspelt",
        "capitals",
        "shuffled",
        "last_word_missing",
    }


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("cut_19", ["Bramund cordless dr", "4-season sleeping b", "Wheel", "Küchenmesser 20 cm"]),
        ("cut_30", ["Bramund cordless drill BX-240", "4-season sleeping bag, olive", "Wheel", "Küchenmesser 20 cm"]),
        (
            "capitals",
            ["BRAMUND CORDLESS DRILL BX-240 18V", "4-SEASON SLEEPING BAG, OLIVE", "WHEEL", "KÜCHENMESSER 20 CM"],
        ),
        ("last_word_missing", ["Bramund cordless drill BX-240", "4-season sleeping bag,", "Wheel", "Küchenmesser 20"]),
        ("vowels_dropped", ["Brmnd crdlss drll BX-240 18V", "4-ssn slpng bg, olve", "Whl", "Kchnmssr 20 cm"]),
    ],
)
def test_a_corruption_by_hand(kind: str, expected: list[str]) -> None:
    assert corrupt(TITLES, kind, seed=1) == expected


def test_shuffling_keeps_the_words() -> None:
    shuffled = corrupt(TITLES * 5, "shuffled", seed=3)
    assert [sorted(title.split()) for title in shuffled] == [sorted(title.split()) for title in TITLES * 5]
    assert shuffled != TITLES * 5


def test_each_long_word_gets_one_slip_and_codes_none() -> None:
    (spoilt,) = corrupt(["sleeping bag for BX-240 children"], "misspelt", seed=5)
    words = spoilt.split()
    assert words[3] == "BX-240"
    assert words[0] != "sleeping"
    assert words[4] != "children"
    assert all(
        abs(len(a) - len(b)) <= 1 for a, b in zip(words, ["sleeping", "bag", "for", "BX-240", "children"], strict=True)
    )


def test_the_seed_decides() -> None:
    assert corrupt(TITLES, "misspelt", 1) == corrupt(TITLES, "misspelt", 1)
    assert corrupt(TITLES * 3, "misspelt", 1) != corrupt(TITLES * 3, "misspelt", 2)


def test_an_unknown_corruption_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'cut_12' is not known; choose one of cut_19"):
        corrupt(TITLES, "cut_12", 0)


@pytest.mark.parametrize("kind", KINDS)
@given(titles=st.lists(st.text(max_size=40), max_size=6), seed=st.integers(0, 2**32))
def test_as_many_titles_come_back_and_none_is_emptied(kind: str, titles: list[str], seed: int) -> None:
    spoilt = corrupt(titles, kind, seed)
    assert len(spoilt) == len(titles)
    assert [bool(new.strip()) for new in spoilt] == [bool(old.strip()) for old in titles]


@given(st.text(alphabet="aeioubcdfgABC", min_size=1, max_size=12))
def test_dropping_vowels_keeps_both_ends(word: str) -> None:
    short = drop_vowels(word)
    assert (short[0], short[-1]) == (word[0], word[-1])
    assert not set(short[1:-1]) & set("aeiouA")


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_cut_is_a_beginning_without_blanks_at_its_end(title: str, length: int) -> None:
    short = cut(title, length)
    assert title.startswith(short)
    assert len(short) <= length
    assert short == short.rstrip()


@given(st.integers(0, 1000))
def test_short_words_and_figures_are_spelt_right(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert [misspell(word, rng) for word in ("of", "18V", "BX-240", "")] == ["of", "18V", "BX-240", ""]
