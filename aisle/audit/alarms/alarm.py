"""The alarm on the error among automatic decisions, to be asked after every audit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from aisle.audit.alarms.processes import (
    EARLY_SHARE,
    FALSE_ALARM,
    HORIZON,
    Capital,
    Wager,
    audit_weights,
    check_smallest,
)
from aisle.errors import ConfigurationError, DataError

Which = Literal["early", "late"]


class Late(NamedTuple):
    """The statistic of the late detector: what it holds, and what would ring the alarm by itself."""

    value: float
    limit: float


class ErrorAlarm:
    """Watches errors among automatic decisions, audit by audit.

    What it guarantees: as long as the promise holds (at every audit, given all before it, the mean of
    w · (error − limit) is at most zero, with w ∝ 1 / audit_probability), the probability that it rings within
    any n audits is at most false_alarm · (0.35 + 0.65 · n / horizon): at most `false_alarm` within `horizon` audits,
    however often one looks, and for any weights, whatever they depend on. The part of it that is quick
    from the first audit is valid for ever (0.35 · false_alarm); the part that is quick after a late change is an
    e-detector, whose false alarms lie on average at least horizon / (0.65 · false_alarm) audits apart. See
    `processes` for the maths and the sources.

    Once it rang it stays so: audits are counted, the capital stands. After whatever was done about it, begin a new
    one (with a new model version, a new policy, or from a day on), which has its own `false_alarm`.

    Parameters
    ----------
    limit : float in (0, 1)
        1 − the target accuracy that the policy promises.
    smallest_probability : float in (0, 1]
        The least audit_probability of any product, drawn or not; the floor of the rates is always safe.
    false_alarm : float in (0, 1)
    horizon : int
        In audits.

    Attributes
    ----------
    count, errors : int
        Audits so far, and the errors among them.
    alarm_at : int or None
        After how many audits it rang.
    which : "early", "late" or None
        Which part held more of the capital then: bad from the start, or since a change.

    Raises
    ------
    ConfigurationError
        For a number out of its range.
    """

    def __init__(
        self,
        limit: float,
        smallest_probability: float,
        false_alarm: float = FALSE_ALARM,
        horizon: int = HORIZON,
    ) -> None:
        check_smallest(smallest_probability)
        self._capital = Capital(Wager(limit, false_alarm, horizon))
        self.limit, self.smallest_probability = limit, smallest_probability
        self.false_alarm, self.horizon = false_alarm, horizon
        self.count = 0
        self.errors = 0
        self.alarm_at: int | None = None
        self.which: Which | None = None

    def update(self, error: ArrayLike, audit_probability: ArrayLike) -> ErrorAlarm:
        """Take one audit, or several in the order of the draw.

        Parameters
        ----------
        error : truth value, or array-like of n of them
            Whether the automatic decision was wrong.
        audit_probability : float in (0, 1], or n of them

        Raises
        ------
        DataError
            For a probability below the smallest one or above 1; nothing is taken then.
        """
        wrong = np.atleast_1d(np.asarray(error, dtype=bool))
        weight = np.broadcast_to(audit_weights(audit_probability, self.smallest_probability), wrong.shape)
        for place in range(wrong.size):
            self._take(wrong[place : place + 1], weight[place : place + 1])
        return self

    def _take(self, wrong: Any, weight: Any) -> None:
        self.count += 1
        self.errors += int(wrong[0])
        if self.alarmed:
            return
        self._capital.step(wrong, weight)
        if self.capital >= self.goal:
            self.alarm_at = self.count
            self.which = "early" if self._capital.early[0] >= self._capital.late[0] else "late"

    def reckon_with(self, smallest_probability: float) -> None:
        """From the next audit on, products may have so small an audit_probability; a greater one changes nothing.

        It must be known before the answers, as the rates of a day are: then all guarantees stand.
        """
        check_smallest(smallest_probability)
        self.smallest_probability = min(self.smallest_probability, smallest_probability)

    @property
    def alarmed(self) -> bool:
        """Whether it has rung."""
        return self.alarm_at is not None

    @property
    def capital(self) -> float:
        """Evidence against the promise: the alarm rings where it reaches `goal`."""
        return float(self._capital.total[0])

    @property
    def goal(self) -> float:
        """1 / false_alarm."""
        return self._capital.wager.goal

    @property
    def beyond_horizon(self) -> bool:
        """Whether it has taken more audits than those for which `false_alarm` is stated."""
        return self.count > self.horizon

    @property
    def bound(self) -> float:
        """The probability, at most, that a false alarm rang within the audits so far: `bound_within(count)`."""
        return self.bound_within(self.count)

    def bound_within(self, audits: int) -> float:
        """The probability, at most, of a false alarm within so many audits; `false_alarm` at the horizon."""
        return min(self.false_alarm * (EARLY_SHARE + (1 - EARLY_SHARE) * audits / self.horizon), 1.0)

    @property
    def e_value(self) -> float:
        """Of the part that bets from the first audit on, alone: its mean is at most 1 while the promise holds."""
        return float(self._capital.early[0]) / EARLY_SHARE

    @property
    def late(self) -> Late:
        """The statistic of the part that is quick after a late change."""
        return Late(float(self._capital.late[0]), self.goal)

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, as plain values for JSON; floats are exact."""
        return {
            "limit": self.limit,
            "smallest_probability": self.smallest_probability,
            "false_alarm": self.false_alarm,
            "horizon": self.horizon,
            "count": self.count,
            "errors": self.errors,
            "alarm_at": self.alarm_at,
            "which": self.which,
            "weight": float(self._capital.weight[0]),
            "squares": float(self._capital.squares[0]),
            "held": self._capital.held[:, 0].tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ErrorAlarm:
        """The alarm that `state()` described.

        Raises
        ------
        DataError
            For values that no alarm of this release can have.
        """
        try:
            alarm = cls(*(state[name] for name in ("limit", "smallest_probability", "false_alarm", "horizon")))
            held = np.asarray(state["held"], dtype=np.float64)[:, None]
            numbers = [float(state[name]) for name in ("weight", "squares")]
            alarm.count, alarm.errors = int(state["count"]), int(state["errors"])
            alarm.alarm_at = None if state["alarm_at"] is None else int(state["alarm_at"])
            alarm.which = state["which"]
        except (KeyError, TypeError, ValueError, ConfigurationError) as error:
            raise DataError(f"not the state of an alarm ({error}); replay it from the labels") from error
        known = held.shape == alarm._capital.held.shape and alarm.which in (None, "early", "late")
        if not (known and np.isfinite(held).all() and held.min() >= 0 and all(map(math.isfinite, numbers))):
            raise DataError("the state is of another release, or was changed by hand; replay it from the labels")
        alarm._capital.held = held
        alarm._capital.weight, alarm._capital.squares = (np.array([number]) for number in numbers)
        return alarm
