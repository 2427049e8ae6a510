"""Texts of others, made fit to be printed: a seller's name must not move the cursor, or clear the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def printable(text: str) -> str:
    """`text` on one line, with a space in the place of what no line can show: control and format characters."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def all_printable(value: Any) -> Any:
    """Plain data, with every text in it made printable; names of fields stay."""
    if isinstance(value, str):
        return value if value.isprintable() else printable(value)
    if isinstance(value, Mapping):
        return {name: all_printable(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [all_printable(one) for one in value]
    return value
