"""Days as people write them on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aisle.errors import ConfigurationError

if TYPE_CHECKING:
    import datetime as dt


def day_of(text: str | None, option: str) -> dt.date | None:
    """The day of `option`, None where it was left out; `ConfigurationError` for what is no day."""
    import datetime as dt

    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} '{text}' is no day; write YYYY-MM-DD") from error
