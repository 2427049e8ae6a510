"""Active audits: rates that follow the confidence, with as many audits to be expected as even ones would give."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.audit.planning import flow_of, plan_audits
from aisle.audit.sampling import exact_probability

FLOOR = 0.25  # of the even rate: no product is audited more rarely
_DAYS = (1, 5)  # rounds that the estimate is planned for

_Floats = NDArray[np.float64]


def audit_chances(
    expected: _Floats, automatic: NDArray[np.bool_], confidence: _Floats, share: float, volume: float
) -> _Floats:
    """The chance of an audit of each of n products, shape (n,), in (0, 1].

    Parameters
    ----------
    expected, automatic : arrays of shape (m,)
        Confidence of products as they are expected, such as those of the round before, and which of them are
        decided automatically: those are whose accuracy is asked for.
    confidence : array of shape (n,)
        Of the products of the round.
    share : float in (0, 1]
        Of all products to be audited.
    volume : float
        Products a round.
    """
    even = np.full(confidence.size, float(exact_probability(share)))
    if expected.size < 20 or not automatic.any():
        return even
    flow = flow_of(expected, automatic, volume)
    rates = plan_audits(flow, [share * volume], _DAYS, max(share * FLOOR, 1e-6))[0].rates
    return rates.within_budget(volume, expected).of(confidence)
