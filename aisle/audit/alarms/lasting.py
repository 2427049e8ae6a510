"""A lasting shift alarms, one odd day is a look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from aisle.errors import ConfigurationError

Lasting = Literal["alarm", "look", "quiet", "unknown"]


def lasting(flags: Sequence[bool | None], k: int = 3, n: int = 5) -> Lasting:
    """What the last n days that are known, of the last 2 · n, say together.

    Parameters
    ----------
    flags : sequence of bool or None
        Whether each day (or other window) shifted, in order of time; None where it is not known, such as a day with
        too few rows: it counts neither for nor against, and an earlier day takes its place.
    k, n : int, 1 ≤ k ≤ n

    Returns
    -------
    str
        "alarm": k of the last n known days shifted, and the latest of them is one of these; "look": any of them
        did, but not so; "quiet": none did; "unknown": fewer than k are known, so that none could alarm.

    Raises
    ------
    ConfigurationError
        For k and n out of range.
    """
    if not 1 <= k <= n:
        raise ConfigurationError(f"lasting: {k} of {n} windows; k must lie between 1 and n")
    known = [bool(flag) for flag in flags[-2 * n :] if flag is not None][-n:]
    if len(known) < k:
        return "unknown"
    if known[-1] and sum(known) >= k:
        return "alarm"
    return "look" if any(known) else "quiet"
