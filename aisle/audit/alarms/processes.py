"""Capital that a gambler wins against "the error is within its limit": the maths of `ErrorAlarm`.

The null hypothesis is that at every audit, given all before it, the mean of w · (error − limit) is at most zero,
with w = smallest audit probability / audit probability, in (0, 1]. A gambler who stakes the part
λ ≤ 1 / limit of a capital multiplies it by 1 + λ · w · (error − limit); under the null no λ that was chosen before
the audit makes money on average (Waudby-Smith & Ramdas 2023, "Estimating means of bounded random variables by
betting"). Two kinds of gamblers hold the capital:

early   Begin at the first audit, with `EARLY_SHARE` together, one for each of many error rates above the limit:
        a mixture (Robbins 1970, "Statistical methods related to the law of the iterated logarithm"). With equal
        weights the capital of each is the likelihood ratio of its rate to the limit.
late    One begins anew at every audit, with (1 − EARLY_SHARE) / horizon, betting on an error whose odds are
        `LATE_ODDS` times those of the limit: the sum is the statistic of Shiryaev and Roberts as an e-detector
        (Shin, Ramdas & Rinaldo 2023, "E-detectors: a nonparametric framework for sequential change detection").

What they hold together is compared with 1 / false_alarm. Together with what the late ones have not brought in yet,
it is a supermartingale that begins at EARLY_SHARE + (1 − EARLY_SHARE) · n / horizon, so within any n audits it
gets there with probability ≤ false_alarm times that (Ville 1939): proven, not simulated, for every limit and for any
weights, whatever they depend on. Two choices lose nothing of this, since they are made before each audit:

- Bets are scaled by Σ w / Σ w² so far, so that small weights are bet on as boldly as great ones.
- No more is staked than the next error needs to ring the alarm: capital above the goal would be of no use (after
  Fischer & Ramdas 2024, "Improving the (approximate) sequential probability ratio test by avoiding overshoot").
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisle.errors import ConfigurationError, DataError

FALSE_ALARM = 0.05
HORIZON = 5_000
# Shares and odds were chosen by simulation at a limit of 5 %, see `benchmarks/monitoring/alarms.py`: what detects an
# error of 8 or 10 % soonest without giving up on 20 %. They bear on how soon it rings, never on false alarms.
EARLY_SHARE = 0.35
LATE_ODDS = 2.3
_EARLY_ODDS = np.exp(np.linspace(np.log(1.1), np.log(5.0), 16))  # times the odds of the limit
_EARLY_WEIGHTS = np.exp(-((np.log(_EARLY_ODDS / 2) / 0.35) ** 2) / 2)  # about twice the odds, most likely
_BOLDEST = 0.9  # of the bet that one audit without an error could lose as a whole
_FIRST = 0.01  # weight of an imagined audit, so that a scale is known before the first one
_NOTHING = 1e-300  # a capital that has all but gone
_REACHED = 1 + 1e-9  # a stake that just reaches the goal must not miss it by rounding

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Wager:
    """How the gamblers bet.

    Attributes
    ----------
    limit : float in (0, 1)
        The error that was promised not to be exceeded.
    false_alarm : float in (0, 1)
        Probability that an alarm is false, at most, within `horizon` audits.
    horizon : int ≥ 1
    early_share : float in [0, 1]
        Of the capital that the early gamblers have; the rest comes in with the late ones.

    Raises
    ------
    ConfigurationError
        For a number out of its range.
    """

    limit: float
    false_alarm: float = FALSE_ALARM
    horizon: int = HORIZON
    early_share: float = EARLY_SHARE

    def __post_init__(self) -> None:
        for name in ("limit", "false_alarm"):
            value = getattr(self, name)
            if not 0 < value < 1:
                hint = f"; write {value:g} % as {value / 100:g}" if 1 < value < 100 else ""
                raise ConfigurationError(f"alarm: {name} is {value:g}; it must lie between 0 and 1{hint}")
        if not 0 <= self.early_share <= 1:
            raise ConfigurationError(f"alarm: early_share is {self.early_share:g}; it must lie in [0, 1]")
        if self.horizon < 1:
            raise ConfigurationError(f"alarm: a horizon of {self.horizon} audits; at least one is needed")

    @property
    def goal(self) -> float:
        """The capital that rings the alarm."""
        return 1 / self.false_alarm

    @cached_property
    def bets(self) -> Floats:
        """λ of each gambler for audits of weight 1, the late one last; shape (g, 1)."""
        odds = np.append(_EARLY_ODDS, LATE_ODDS)
        return np.asarray((odds - 1) / (1 + self.limit * (odds - 1)), dtype=np.float64)[:, None]

    @cached_property
    def start(self) -> Floats:
        """Capital of each gambler before the first audit; shape (g, 1)."""
        return np.append(self.early_share * _EARLY_WEIGHTS / _EARLY_WEIGHTS.sum(), 0.0)[:, None]

    @property
    def income(self) -> float:
        """What a late gambler brings in, at every audit."""
        return (1 - self.early_share) / self.horizon


class Capital:
    """What the gamblers hold in each of `runs` independent runs.

    Attributes
    ----------
    held : array of shape (g, runs)
        Of each gambler, the late one last.
    weight, squares : arrays of shape (runs,)
        Σ w and Σ w² so far, with the imagined first audit.
    """

    def __init__(self, wager: Wager, runs: int = 1) -> None:
        self.wager = wager
        self.held: Floats = np.repeat(wager.start, runs, axis=1)
        self.weight: Floats = np.full(runs, _FIRST)
        self.squares: Floats = np.full(runs, _FIRST)

    def step(self, wrong: NDArray[np.bool_], weight: Floats) -> None:
        """Take one audit of each run: whether it is an error, and its weight in (0, 1]; both of shape (runs,)."""
        limit = self.wager.limit
        self.held[-1] += self.wager.income
        scale = self.weight / self.squares
        stake = self.held * np.minimum(self.wager.bets * scale, _BOLDEST / limit)
        lacking = self.wager.goal * _REACHED - self.held.sum(axis=0)
        gain = stake.sum(axis=0) * (1 - limit) / scale  # if the next audit is an error, of the usual weight
        stake *= np.minimum(1.0, np.maximum(lacking, 0.0) / np.maximum(gain, _NOTHING))
        self.held += stake * (weight * (wrong - limit))
        self.weight = self.weight + weight
        self.squares = self.squares + weight**2

    @property
    def total(self) -> Floats:
        """Of all gamblers; shape (runs,)."""
        return np.asarray(self.held.sum(axis=0))

    @property
    def early(self) -> Floats:
        """Of those who began at the first audit; shape (runs,)."""
        return np.asarray(self.held[:-1].sum(axis=0))

    @property
    def late(self) -> Floats:
        """Of those who began at any audit; shape (runs,)."""
        return np.asarray(self.held[-1])

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Go on with some of the runs only."""
        self.held = self.held[:, chosen]
        self.weight, self.squares = self.weight[chosen], self.squares[chosen]


def audit_weights(audit_probability: ArrayLike, smallest_probability: float) -> Floats:
    """w = smallest_probability / audit_probability, in (0, 1].

    Raises
    ------
    DataError
        For a probability above 1 or below the smallest one.
    """
    probability = np.asarray(audit_probability, dtype=np.float64)
    least = smallest_probability * (1 - 1e-9)
    if not ((probability >= least) & (probability <= 1)).all():
        worst = probability[~((probability >= least) & (probability <= 1))].flat[0]
        raise DataError(
            f"an audit_probability of {worst:g} does not lie in [{smallest_probability:g}, 1], from the smallest one "
            "that a product can have; name the floor of the audit rates as the smallest"
        )
    return np.minimum(smallest_probability / probability, 1.0)


def check_smallest(smallest_probability: float) -> None:
    """`ConfigurationError` where it is no probability that something can be drawn with."""
    if not 0 < smallest_probability <= 1:
        raise ConfigurationError(
            f"alarm: the smallest audit_probability is {smallest_probability:g}; it must lie in (0, 1]"
        )


def alarm_times(
    errors: ArrayLike,
    probabilities: ArrayLike,
    limit: float,
    smallest_probability: float | None = None,
    false_alarm: float = FALSE_ALARM,
    horizon: int = HORIZON,
    early_share: float = EARLY_SHARE,
) -> Floats:
    """After how many audits the alarm rings in each of many runs, shape (runs,); inf where it does not.

    Parameters
    ----------
    errors : array-like of truth values, shape (runs, n)
    probabilities : array-like of float in (0, 1], broadcast to (runs, n)
        Of each audit.
    limit : float in (0, 1)
    smallest_probability : float in (0, 1], optional
        That any product can have; the smallest of `probabilities` by default.
    false_alarm, horizon, early_share
        See `Wager`.
    """
    wrong = np.asarray(errors, dtype=bool)
    probability = np.asarray(probabilities, dtype=np.float64)
    smallest = float(probability.min(initial=1.0)) if smallest_probability is None else smallest_probability
    check_smallest(smallest)
    weight = np.broadcast_to(audit_weights(probability, smallest), wrong.shape)
    capital = Capital(Wager(limit, false_alarm, horizon, early_share), len(wrong))
    times: Floats = np.full(len(wrong), np.inf)
    running = np.arange(len(wrong))
    for number in range(wrong.shape[1]):
        capital.step(wrong[running, number], weight[running, number])
        rung = capital.total >= capital.wager.goal
        if rung.any():
            times[running[rung]] = number + 1
            running = running[~rung]
            capital.keep(~rung)
        if not running.size:
            break
    return times
