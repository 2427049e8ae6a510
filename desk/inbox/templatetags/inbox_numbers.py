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
def file_size(value: int) -> str:
    """Bytes as `12.3 MB`, below a megabyte as `12.3 kB`, below a kilobyte one by one."""
    if value < 1000:
        return f"{value} byte{'' if value == 1 else 's'}"
    return f"{value / 1e3:.1f} kB" if value < 999_950 else f"{value / 1e6:,.1f} MB"
