from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitoring.printing import all_printable, printable


def test_what_moves_a_cursor_is_gone() -> None:
    assert printable("evil\x1b[2J\x1b[1;1Hshop\r\nGreen: all is well") == "evil [2J [1;1Hshop Green: all is well"
    assert printable("a\u202egnp.exe\x9b31m") == "a gnp.exe 31m"


@given(st.text())
def test_it_is_one_line_that_can_be_printed(text: str) -> None:
    assert printable(text).isprintable()


def test_plain_text_stays_as_it_is() -> None:
    text = "97.5–99.3 %, Büro × 文具; “so”"
    assert printable(text) == text
    assert all_printable({"a  b": text + "  two spaces"}) == {"a  b": text + "  two spaces"}


def test_plain_data_keeps_its_shape() -> None:
    given_ = {"rows": [{"seller": "a\x07b", "n": 1, "none": None}], "pair": ("x\ny", 2.5)}
    assert all_printable(given_) == {"rows": [{"seller": "a b", "n": 1, "none": None}], "pair": ["x y", 2.5]}
