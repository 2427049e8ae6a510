"""Numbers as people read them."""

from __future__ import annotations

import math

from django import template

from desk.quality import plots
from desk.quality.plots import percent

register = template.Library()


@register.filter
def share(value: float | None) -> str:
    """A share as `94.9 %`; `–` where it is not known."""
    return percent(math.nan if value is None else value).replace(" ", "\N{NO-BREAK SPACE}")


@register.filter
def points(value: float | None) -> str:
    """A difference of shares in points of a per cent, with its sign."""
    return "–" if value is None or math.isnan(value) else f"{100 * value:+.1f}".replace("-", "−")


@register.filter
def grouped(value: float | None) -> str:
    """A number with thousands apart, `12,345`; one below 10 that is no whole one keeps a digit."""
    if value is None or math.isnan(value):
        return "–"
    return f"{value:,.1f}" if 0 < abs(value) < 9.95 and value != round(value) else f"{value:,.0f}"


@register.filter
def bare(value: float | None) -> str:
    """A share as `94.9`, for the ends of an interval."""
    return percent(math.nan if value is None else value).removesuffix(" %")


@register.filter
def short(value: float) -> str:
    """A share that somebody set, `93 %`."""
    return plots.short(value)
