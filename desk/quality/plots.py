"""Plots as SVG, made here: no scripts, colours from the style sheet, so that they are read in light and dark.

Each plot comes in two sizes, so that its letters have the size of the page's on a phone, too; the style
sheet shows one of them. What a plot says stands in its title, and its numbers in a table beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

_SIZES = (("wide", 960, 260), ("small", 330, 240))
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 26, 30
_LETTER = 7.2  # width of one, about


@dataclass(frozen=True)
class Point:
    """One point in time.

    Attributes
    ----------
    name : str
        Its day or days.
    value, low, high : float
        Shares; nan: nothing is known.
    tone : str
        `good`, `bad` or nothing.
    told : str
        What stands there in words.
    """

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    tone: str = ""
    told: str = ""

    @property
    def known(self) -> bool:
        """Whether there is anything to show."""
        return not math.isnan(self.value)


@dataclass(frozen=True)
class _Frame:
    width: int
    height: int
    count: int
    bottom: float  # the share at the lower edge

    def x(self, place: float) -> float:
        """Of the middle of a step."""
        return _LEFT + (place + 0.5) * (self.width - _LEFT - _RIGHT) / max(self.count, 1)

    def y(self, share: float) -> float:
        """Of a share; what lies below the frame stays at its edge."""
        inside = (max(share, self.bottom) - self.bottom) / (1 - self.bottom)
        return self.height - _BOTTOM - inside * (self.height - _TOP - _BOTTOM)


def accuracy_plot(points: Sequence[Point], target: float, title: str, text: str) -> SafeString:
    """Points with intervals against a promise."""
    bottom = _bottom(points, target)

    def drawn(frame: _Frame) -> SafeString:
        line, right = frame.y(target), frame.width - _RIGHT
        words = f"promised {short(target)}"
        begins = right - len(words) * _LETTER * 1.15 - 30
        marks = mark_safe("".join(_mark(frame, number, one) for number, one in enumerate(points) if one.known))
        return format_html(
            '{}<line class="promise" x1="{}" x2="{}" y1="{}" y2="{}"/>'
            '<line class="promise" x1="{}" x2="{}" y1="8" y2="8"/><text class="promise" x="{}" y="12">{}</text>{}',
            _grid(frame, points), _LEFT, right, _n(line), _n(line), _n(begins), _n(begins + 24), right, words, marks,
        )  # fmt: skip

    return _both(len(points), bottom, title, text, drawn)


def _mark(frame: _Frame, number: int, one: Point) -> SafeString:
    x = frame.x(number)
    return format_html(
        '<g class="mark {}"><title>{}</title><line x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<circle cx="{}" cy="{}" r="{}"/></g>',
        one.tone, f"{one.name}: {one.told}", _n(x), _n(x), _n(frame.y(one.high)), _n(frame.y(one.low)), _n(x),
        _n(frame.y(one.value)), 4 if frame.count < 40 else 3,
    )  # fmt: skip


def share_plot(points: Sequence[Point], title: str, text: str) -> SafeString:
    """Bars of shares, from 0 to 100 %."""

    def drawn(frame: _Frame) -> SafeString:
        step = (frame.width - _LEFT - _RIGHT) / max(frame.count, 1)
        wide = min(max(step * 0.72, 1.0), 46.0)
        bars = format_html_join(
            "",
            '<g class="bar"><title>{}</title><rect x="{}" y="{}" width="{}" height="{}" rx="{}"/></g>',
            (
                (
                    f"{one.name}: {one.told}",
                    _n(frame.x(number) - wide / 2),
                    _n(frame.y(one.value)),
                    _n(wide),
                    _n(frame.y(0) - frame.y(one.value)),
                    2 if wide > 5 else 0,
                )
                for number, one in enumerate(points)
                if one.known
            ),
        )
        return format_html("{}{}", _grid(frame, points), bars)

    return _both(len(points), 0.0, title, text, drawn)


def interval_bar(value: float, low: float, high: float, target: float, bottom: float, tone: str = "") -> SafeString:
    """A small bar for a row of a table: the interval, the estimate as a dot, the promise as a tick.

    The figures stand beside it, so it says nothing to those who do not see it.
    """
    frame = _Frame(160 + _LEFT + _RIGHT, 20, 1, bottom)

    def place(share: float) -> float:
        return 3 + 154 * (max(share, frame.bottom) - frame.bottom) / (1 - frame.bottom)

    known = value == value
    return format_html(
        '<svg class="interval {}" viewBox="0 0 160 20" width="160" height="20" aria-hidden="true" focusable="false">'
        '<rect class="track" x="0" y="7" width="160" height="6" rx="3"/>{}'
        '<line class="tick" x1="{}" x2="{}" y1="1" y2="19"/>{}</svg>',
        tone,
        format_html('<rect class="range" x="{}" y="7" width="{}" height="6" rx="3"/>', _n(place(low)),
                    _n(max(place(high) - place(low), 3))) if known else "",
        _n(place(target)), _n(place(target)),
        format_html('<circle cx="{}" cy="10" r="5"/>', _n(place(value))) if known else "",
    )  # fmt: skip


def scale_bottom(values: Sequence[float], target: float) -> float:
    """The lower end of a scale that shows all `values` and the promise well."""
    known = [one for one in values if one == one]
    least = min([target - 2 * (1 - target), *known])
    return max(math.floor(least * 10 - 1e-9) / 10, 0.0)


def _bottom(points: Sequence[Point], target: float) -> float:
    values = [one.value for one in points if one.known]
    lows = sorted(one.low for one in points if one.known)
    typical = [lows[len(lows) // 4]] if lows else []  # one day with two audits must not flatten all others
    return scale_bottom([*values, *typical], target)


def _both(count: int, bottom: float, title: str, text: str, drawn: object) -> SafeString:
    assert callable(drawn)
    parts = [
        format_html(
            '<svg class="plot {}" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}</svg>',
            name, width, height, f"{title}. {text}", title, drawn(_Frame(width, height, count, bottom)),
        )
        for name, width, height in _SIZES
    ]  # fmt: skip
    return mark_safe("".join(parts))


def _grid(frame: _Frame, points: Sequence[Point]) -> SafeString:
    lines = []
    span = 1 - frame.bottom
    step = next(one for one in (0.02, 0.05, 0.1, 0.2, 0.25) if span / one <= 5.01 or one == 0.25)
    ticks = [1 - step * number for number in range(int(span / step + 1e-6) + 1)]
    for share in ticks:
        y = frame.y(share)
        lines.append((_LEFT, frame.width - _RIGHT, _n(y), _n(y), _LEFT - 8, _n(y + 4), percent(share, 0)))
    grid = format_html_join(
        "", '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="up" x="{}" y="{}">{}</text>', lines
    )
    longest = max((len(one.name) for one in points), default=1) * _LETTER + 14
    fit = max(int((frame.width - _LEFT - _RIGHT) / longest), 1)
    every = max(-(-len(points) // fit), 1)
    shown = range(len(points) - 1, -1, -every)  # the newest always has its name
    names = [
        (_n(min(max(frame.x(place), longest / 2), frame.width - longest / 2 + 7)), frame.height - 8, points[place].name)
        for place in shown
    ]
    return format_html("{}{}", grid, format_html_join("", '<text class="across" x="{}" y="{}">{}</text>', names))


def percent(share: float, digits: int = 1) -> str:
    """A share as people read it: `94.9 %`; `–` for nan. Never rounded to 100 % or 0 % when it is not."""
    if share != share:
        return "–"
    text = f"{100 * share:.{digits}f}"
    if digits and share < 1 and float(text) == 100:
        text = f"{100 - 10**-digits:.{digits}f}"
    if digits and share > 0 and float(text) == 0:
        text = f"{10**-digits:.{digits}f}"
    return f"{text} %"


def short(share: float) -> str:
    """A share that somebody set: `93 %`, `97.5 %`."""
    return f"{round(100 * share, 3):g} %"


def _n(value: float) -> str:
    return f"{value:.1f}"
