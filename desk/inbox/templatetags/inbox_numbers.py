"""Numbers as people read them."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def grouped(value: float | None) -> str:
    """A whole number with thousands apart, `12,345`; empty for None."""
    return "" if value is None else f"{value:,.0f}"


@register.filter
def percent(part: float, whole: float) -> str:
    """The share of `part` in `whole`, `93.5 %`."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


@register.filter
def permille(part: float, whole: float) -> str:
    """The share of `part` in `whole` in thousandths, for widths."""
    return f"{1000 * part / whole:.1f}" if whole else "0"


@register.filter
def megabytes(value: float) -> str:
    """Bytes as `12.3 MB`."""
    return f"{value / 1e6:,.1f} MB"
