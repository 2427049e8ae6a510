"""Which audit rates give the smallest interval for the money, before people's time is spent.

An audit is worth most where the answer is most in doubt: the best rate of a group of products is proportional
to √(error · (1 − error) + (error − mean error)²) there (Neyman 1934, "On the two different aspects
of the representative method"; Hájek's ratio adds the second term), above the floor. What error to expect is
what the calibrated confidence says: 1 − confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisle.audit.intervals import share_interval
from aisle.audit.rates import ABOVE_ALL, Band, Rates
from aisle.errors import ConfigurationError

BUDGETS = (5, 10, 20, 50, 100, 200, 500, 1000)
BANDS = 8
# No error is expected to be rarer: the plan must not stake the audit on the confidence that it is to check.
_LEAST_ERROR = 0.005
_MOST_APART = 10.0  # between the floor and the highest rate; a product at the floor must not outweigh all others
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Flow:
    """Products as they are expected, cut into bands of confidence.

    Attributes
    ----------
    edges : array of shape (b - 1,)
        Confidence at which a band ends and the next one begins, rising.
    share : array of shape (b,)
        Of the flow.
    error : array of shape (b,)
        Expected.
    aimed : array of shape (b,)
        Share of the band whose accuracy is asked for: automatic decisions, or 1 for all products.
    volume : float
        Products a day.
    """

    edges: _Floats
    share: _Floats
    error: _Floats
    aimed: _Floats
    volume: float


def flow_of(
    confidence: ArrayLike, aimed: ArrayLike, volume: float, weight: ArrayLike | None = None, bands: int = BANDS
) -> Flow:
    """The flow that products with these confidences stand for.

    Parameters
    ----------
    confidence : array-like of shape (n,), in [0, 1]
    aimed : array-like of truth values, shape (n,)
        Whose accuracy is asked for.
    volume : float
        Products a day.
    weight : array-like of shape (n,), optional
    bands : int
        At most; equally many products in each.

    Raises
    ------
    ConfigurationError
        For fewer than 20 products, or none that is asked for.
    """
    sure, asked = np.asarray(confidence, dtype=np.float64), np.asarray(aimed, dtype=np.float64)
    mass = np.ones_like(sure) if weight is None else np.asarray(weight, dtype=np.float64)
    if sure.size < 20:
        raise ConfigurationError(f"{sure.size} scored products are too few to plan with; 20 are the least")
    if not (asked * mass).sum() > 0:
        raise ConfigurationError("no product was decided automatically; plan for the accuracy of all products instead")
    inner = np.quantile(sure, np.arange(1, bands) / bands)
    edges = np.unique(np.round(inner, 4))
    edges = edges[(edges > sure.min()) & (edges <= sure.max())]
    place = np.searchsorted(edges, sure, side="right")

    def total(values: _Floats) -> _Floats:
        return np.asarray(np.bincount(place, weights=values, minlength=edges.size + 1), dtype=np.float64)

    held, wanted = total(mass), total(mass * asked)
    # Where products are asked for, their error counts; elsewhere that of the band.
    among = np.where(wanted > 0, wanted, held)
    error = np.where(wanted > 0, total(mass * asked * (1 - sure)), total(mass * (1 - sure))) / among
    return Flow(edges, held / mass.sum(), np.clip(error, _LEAST_ERROR, 1.0), wanted / held, volume)


@dataclass(frozen=True)
class AuditPlan:
    """What a daily budget gives.

    Attributes
    ----------
    budget : float
        Audits a day that were asked for.
    rates : Rates
    expected : float
        Audits a day to be expected; above the budget where the floor alone takes more.
    width : array of shape (d,)
        Expected width of the 95 % interval of the accuracy after each number of days.
    even : array of shape (d,)
        The same with the same number of audits drawn evenly.
    """

    budget: float
    rates: Rates
    expected: float
    width: _Floats
    even: _Floats


def plan_audits(
    flow: Flow, budgets: Sequence[float], days: Sequence[int], floor: float, blind_share: float = 0.2
) -> list[AuditPlan]:
    """For each budget the rates with the smallest expected interval, and its width after some days.

    The rates are those of Neyman's allocation, or even ones where these give the smaller interval over
    the longest time, as they do with few audits: unequal weights cost width there.

    Raises
    ------
    ConfigurationError
        For a budget, a number of days, a floor or a volume out of range.
    """
    if not flow.volume > 0 or not 0 < floor <= 1:
        raise ConfigurationError("the volume must be positive, and the floor lie in (0, 1]")
    if not budgets or min(budgets) <= 0 or not days or min(days) < 1:
        raise ConfigurationError("budgets and days must be positive")
    plans = []
    for budget in budgets:
        share = float(np.clip(budget / flow.volume, floor, 1.0))
        evenly = np.full(flow.share.size, share)
        even = _widths(flow, evenly, days)
        best = (even[-1], evenly)
        for rate in _candidates(flow, share, floor):
            width = _widths(flow, rate, days)[-1]
            best = min(best, (width, rate), key=lambda one: one[0])
        chosen = best[1]
        rates = _as_rates(flow, chosen, budget, blind_share)
        expected = float(flow.volume * (flow.share * chosen).sum())
        plans.append(AuditPlan(budget, rates, expected, _widths(flow, chosen, days), even))
    return plans


def _candidates(flow: Flow, share: float, floor: float) -> list[_Floats]:
    """Neyman's allocation with the highest rate at most so many times the lowest."""
    mean = float((flow.share * flow.aimed * flow.error).sum() / (flow.share * flow.aimed).sum())
    wish = np.sqrt(flow.aimed * (flow.error * (1 - flow.error) + (flow.error - mean) ** 2))
    found = []
    for apart in (1.5, 2.0, 3.0, 5.0, _MOST_APART):
        # Products whose accuracy is not asked for keep the floor; the others stay within reach of each other.
        bounded = np.where(flow.aimed > 0, np.clip(wish, wish.max() / apart, None), 0.0)
        low, high = 0.0, 1 / float(bounded[bounded > 0].min())
        for _ in range(80):
            middle = (low + high) / 2
            spent = float((flow.share * np.clip(middle * bounded, floor, 1.0)).sum())
            low, high = (middle, high) if spent <= share else (low, middle)
        found.append(np.clip(low * bounded, floor, 1.0))
    return found


def _widths(flow: Flow, rate: _Floats, days: Sequence[int]) -> _Floats:
    """Width of the interval at the sums that are to be expected after each number of days."""
    products = np.asarray(days, dtype=np.float64)[:, None] * flow.volume * flow.share * flow.aimed
    wrong = products * flow.error
    most = 1 / rate[flow.aimed > 0].min()
    _, low, high = share_interval(
        (products * rate).sum(axis=1),
        products.sum(axis=1),
        wrong.sum(axis=1),
        (products / rate).sum(axis=1),
        (wrong / rate).sum(axis=1),
        most,
    )
    return high - low


def _as_rates(flow: Flow, rate: _Floats, budget: float, blind_share: float) -> Rates:
    """The rates as a file holds them; the floor is the lowest of them."""
    floor = float(rate.min())
    ends = [*flow.edges, ABOVE_ALL]
    bands = tuple(
        Band(float(ends[place]), float(rate[place]))
        for place in range(rate.size)
        if place == rate.size - 1 or rate[place] != rate[place + 1]  # neighbours alike are one band
    )
    return Rates(floor=floor, bands=bands, daily_budget=float(budget), blind_share=blind_share)
