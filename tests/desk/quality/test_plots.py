from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.quality.plots import Point, accuracy_plot, interval_bar, percent, scale_bottom, share_plot, short

SHARES = st.one_of(st.floats(0, 1), st.just(math.nan))
KNOWN = st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)).map(sorted)
NOTHING = st.just([0.0, math.nan, 1.0])


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.9489, "94.9 %"), (1.0, "100.0 %"), (0.9999, "99.9 %"), (0.0001, "0.1 %"), (0.0, "0.0 %"), (math.nan, "–")],
)
def test_a_share_is_never_rounded_to_certainty(share: float, expected: str) -> None:
    assert percent(share) == expected


def test_what_somebody_set_is_shown_as_it_was_set() -> None:
    assert [short(one) for one in (0.93, 0.975, 0.9999)] == ["93 %", "97.5 %", "99.99 %"]


def drawings(text: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(f"<all>{text}</all>"))


@given(st.lists(st.one_of(KNOWN, NOTHING), max_size=70), st.floats(0.01, 0.9999))
def test_plots_are_whole_and_stay_inside(shares: list[list[float]], target: float) -> None:
    points = [Point(f"{place} May", value, low, high) for place, (low, value, high) in enumerate(shares)]
    for text in (accuracy_plot(points, target, "T", "text"), share_plot(points, "T", "text")):
        for drawing in drawings(text):
            _, _, width, height = (float(one) for one in drawing.attrib["viewBox"].split())
            for part in drawing.iter():
                for name in ("x1", "x2", "cx"):
                    assert 0 <= float(part.attrib.get(name, 0)) <= width
                for name in ("y1", "y2", "cy"):
                    assert 0 <= float(part.attrib.get(name, 0)) <= height


def test_a_plot_says_in_words_what_it_shows_and_takes_no_markup() -> None:
    points = [Point("1 May", 0.9, 0.8, 0.95, told="<b>90 %</b>"), Point("2 May", math.nan)]
    wide, small = drawings(accuracy_plot(points, 0.93, "Accuracy <day>", "1 of 2 days & so on"))
    for drawing in (wide, small):
        assert drawing.attrib["role"] == "img"
        assert drawing.attrib["aria-label"] == "Accuracy <day>. 1 of 2 days & so on"
        marks = [one for one in drawing.iter("g") if "mark" in one.attrib["class"]]
        assert [one.findtext("title") for one in marks] == ["1 May: <b>90 %</b>"]
        assert not list(drawing.iter("b"))
        assert not [part for part in drawing.iter() if "style" in part.attrib]


def test_a_bar_without_audits_has_no_dot() -> None:
    (bar,) = drawings(interval_bar(math.nan, 0, 1, 0.93, 0.5))
    assert not list(bar.iter("circle"))
    (bar,) = drawings(interval_bar(0.9, 0.2, 0.95, 0.93, 0.5))
    assert len(list(bar.iter("circle"))) == 1


@given(st.lists(SHARES, max_size=5), st.floats(0.01, 0.9999))
def test_the_scale_holds_all_values_and_the_promise(values: list[float], target: float) -> None:
    bottom = scale_bottom(values, target)
    assert 0 <= bottom < 1
    assert bottom <= min([target, *(one for one in values if not math.isnan(one))])
