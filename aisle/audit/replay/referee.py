"""Who watches: audits of automatic decisions, what they estimate, and the alarm that they may ring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.audit.alarms.alarm import ErrorAlarm
from aisle.audit.estimates import RIGHT, WRONG, audit_sums, estimate
from aisle.bounds import hash_order


@dataclass(frozen=True)
class Watched:
    """What the audits of a round say of its automatic decisions; the interval holds the truth in 95 % of rounds.

    Attributes
    ----------
    audited : int
    estimate, low, high : float or None
    """

    audited: int
    estimate: float | None
    low: float | None
    high: float | None


class Watch:
    """Audits of automatic decisions, in the order of the draw; remembers when the alarm first rang.

    Parameters
    ----------
    target : float in (0, 1)
    smallest_probability : float in (0, 1]

    Attributes
    ----------
    alarm : ErrorAlarm
    alarm_round : int or None
    """

    def __init__(self, target: float, smallest_probability: float) -> None:
        self.alarm = ErrorAlarm(1 - target, smallest_probability)
        self.alarm_round: int | None = None

    def look(
        self,
        number: int,
        product_id: NDArray[np.object_],
        wrong: NDArray[np.bool_],
        probability: NDArray[np.float64],
        smallest_probability: float,
    ) -> Watched:
        """Take the audits of automatic decisions of round `number`; arrays of shape (n,).

        Parameters
        ----------
        wrong : whether the decision was wrong, as the audit settled it
        probability : each one's chance to be audited
        smallest_probability : the least of any product of the round, audited or not
        """
        self.alarm.reckon_with(smallest_probability)
        order = hash_order(product_id)
        if wrong.size:
            self.alarm.update(wrong[order], probability[order])
        if self.alarm.alarmed and self.alarm_round is None:
            self.alarm_round = number
        if not wrong.size:
            return Watched(0, None, None, None)
        found = estimate(audit_sums(np.where(wrong, WRONG, RIGHT), probability, smallest_probability))
        return Watched(wrong.size, float(found.accuracy), float(found.low), float(found.high))
