"""Active audits: more of them where the model is unsure, and as many to be expected as even ones would be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.audit.rates import ABOVE_ALL, Band, Rates

FLOOR = 0.5  # of the even rate: no product is audited more rarely, or the few that are would outweigh all others
_BANDS = 8
_FEWEST = 20  # products without which nothing is known of the flow
_LEAST_ERROR = 0.005

_Floats = NDArray[np.float64]


def active_rates(expected: _Floats, share: float, volume: float) -> Rates:
    """Rates in proportion to the error that the confidence leads to expect, above the floor, within the budget.

    Parameters
    ----------
    expected : array of shape (m,)
        Confidence of products as they are expected, such as those of the round before.
    share : float in (0, 1]
        Of all products to be audited.
    volume : float
        Products a round.
    """
    budget = share * volume
    if expected.size < _FEWEST:
        return Rates(floor=share, daily_budget=budget)
    edges = np.unique(np.round(np.quantile(expected, np.arange(1, _BANDS) / _BANDS), 4))
    place = np.searchsorted(edges, expected, side="right")
    ends = [*edges.tolist(), ABOVE_ALL]
    bands = tuple(
        Band(end, float(max(1 - expected[place == number].mean(), _LEAST_ERROR)))
        for number, end in enumerate(ends)
        if end > 0 and (place == number).any()
    )
    return Rates(floor=FLOOR * share, bands=bands, daily_budget=budget).within_budget(volume, expected)


def audit_chances(expected: _Floats, confidence: _Floats, share: float, volume: float) -> _Floats:
    """The chance of an audit under `active_rates` of each of n products, shape (n,), in (0, 1]."""
    return active_rates(expected, share, volume).of(confidence)
