"""In which order slices explain the rows: each given those before it, and many inside one time in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

MOST_COVERED = 0.9  # parts of more than this share of a time's rows are the time itself
_Truths = NDArray[np.bool_]


class Scan(Protocol):
    """What may be chosen from, by numbers."""

    def evidence(self, before: Sequence[int]) -> NDArray[np.float64]:
        """What each gains in log-likelihood, less its cost, given those chosen `before`."""

    def allowed(self, before: Sequence[int]) -> _Truths:
        """Which may be chosen."""

    def parts(self, number: int) -> _Truths:
        """Which may stand in the place of one: what is found inside its time; none where it is no time."""

    def covered(self, number: int, parts: Sequence[int]) -> float:
        """The share of its rows that these parts hold together."""


def one_after_the_other(scan: Scan, most: int, least: float) -> list[tuple[int, float]]:
    """Slices in the order in which they explain the rows, each given those before it, with their evidence.

    Forward selection: the first one explains most; the next one explains most of what the first left; and so
    on, until what is left is no more than `least`. A day that holds a seller whose products went wrong has an
    excess of errors, too, but none that the seller leaves, and is not blamed beside it.

    Where many things went wrong at once, what they share (their time) gains more than any of them. So before a time is
    blamed, what lies inside it is asked for: they stand in its place where together they explain more than it
    does, each of them paying for itself, and are not simply all of its rows.
    """
    chosen: list[tuple[int, float]] = []
    while len(chosen) < most:
        before = [number for number, _ in chosen]
        step = _next(scan, scan.allowed(before), before, least)
        if step is None:
            break
        inner: list[tuple[int, float]] = []
        within = scan.parts(step[0])
        while within.any() and len(chosen) + len(inner) < most:
            part = _next(scan, within, [*before, *(number for number, _ in inner)], least)
            if part is None:
                break
            inner.append(part)
        better = sum(gain - least for _, gain in inner) > step[1] - least
        apart = better and scan.covered(step[0], [number for number, _ in inner]) <= MOST_COVERED
        chosen += inner if apart else [step]
    return chosen


def _next(scan: Scan, allowed: _Truths, before: list[int], least: float) -> tuple[int, float] | None:
    found = np.where(allowed, scan.evidence(before), -np.inf)
    best = int(found.argmax()) if found.size else -1
    return None if best < 0 or found[best] <= least or best in before else (best, float(found[best]))
