"""Words, and where in a title they stand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.model.words import clean, edges, roles_of_words, skeletons, words

_WORD = re.compile(r"[^\W_]+")
_BETWEEN_LETTERS_AND_DIGITS = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


@given(st.text(max_size=120) | st.text(alphabet="aéß1٣²½_-. /", max_size=30))
def test_words_are_cut_at_what_is_no_letter_or_digit_and_between_the_two(text: str) -> None:
    assert words(text) == _WORD.findall(_BETWEEN_LETTERS_AND_DIGITS.sub(" ", text))
    assert words(clean(text)) == _WORD.findall(_BETWEEN_LETTERS_AND_DIGITS.sub(" ", clean(text)))


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("womens team color scuff slipper - navy blue", ["<womens", "slipper>", "scuff slipper>", "blue>>"]),
        ("drill", ["<drill", "drill>", "drill>>"]),
        ("cordless drill 18v", ["<cordless", "drill>", "cordless drill>", "drill>>"]),
        ("battery for drill", ["<battery", "battery>", "drill>>"]),
        ("tasche fur laptop", ["<tasche", "tasche>", "laptop>>"]),
        ("usb-c cable, 2 m", ["<usb", "cable>", "usb cable>", "cable>>"]),
        ("(new) phone (blue)", ["<new", "phone>", "new phone>", "blue>>"]),
        ("- sofa", ["<sofa", "sofa>", "sofa>>"]),
        ("18 400 - lamp", ["lamp>>"]),
        ("58.4 x 19", []),
        ("a b c", []),
        ("", []),
        (" - , ", []),
    ],
)
def test_edges(title: str, found: list[str]) -> None:
    assert edges(title) == found


@given(st.text(alphabet="ab1 -,(", max_size=40) | st.text(max_size=80))
def test_edges_are_words_of_the_title_and_the_last_comes_last(title: str) -> None:
    title = clean(title)
    named = [word for word in words(title) if word.isalpha() and len(word) > 1]
    found = edges(title)
    assert (found[-1] == f"{named[-1]}>>") if named else (found == [])
    assert {word.strip("<>") for edge in found for word in edge.split()} <= set(named)
    assert len(found) <= 4


def test_what_is_changed_in_an_answer_is_not_in_the_next() -> None:
    edges("corner sofa").clear()
    assert edges("corner sofa") == ["<corner", "sofa>", "corner sofa>", "sofa>>"]


def test_a_title_of_half_a_million_characters_is_read() -> None:
    title = clean("sofa <b>bed</b> - " * 30_000)
    assert edges(title) == ["<sofa", "bed>", "sofa bed>", "bed>>"]
    assert len(words(title)) == 60_000
    assert len(skeletons(title)) == 60_000
    assert roles_of_words(title) == []
