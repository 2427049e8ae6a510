"""How often the alarm on audited errors is false, and how soon it rings when it is true: by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aisle.audit.alarms.processes import EARLY_SHARE, alarm_times
from benchmarks.results import Result

LIMIT = 0.05
AUDITS = 4_000
CHANGE = 2_000
RUNS, QUICK_RUNS = 2_000, 500
QUICK_FALSE_RUNS = 1_000  # a share of a few per cent takes more runs than a median

_FLOOR, _MOST = 0.02, 0.2  # audit probabilities ten-fold apart
_EVENLY = np.linspace(_FLOOR, _MOST, 10)


class Mix(NamedTuple):
    """Kinds of products whose true error among all automatic decisions, audited or not, is `LIMIT`.

    Attributes
    ----------
    share : of the products of each kind
    probability : of being audited
    error : relative to each other
    """

    share: Sequence[float] | NDArray[np.float64]
    probability: Sequence[float] | NDArray[np.float64]
    error: Sequence[float] | NDArray[np.float64]

    def drawn(self, random: np.random.Generator, runs: int, audits: int, error: float = LIMIT) -> tuple[NDArray, ...]:
        """Errors and probabilities of audits, both of shape (runs, audits); the true error is `error`."""
        share, probability, rate = (np.asarray(one, dtype=np.float64) for one in self)
        rate = rate * error / np.average(rate, weights=share)
        chance = share * probability
        kind = random.choice(len(share), size=(runs, audits), p=chance / chance.sum())
        return random.random(kind.shape) < rate[kind], probability[kind]


_TWO = (_FLOOR, _MOST)
MIXES = {
    "errors anywhere": Mix(np.ones(10), _EVENLY, np.ones(10)),
    "more errors among the unsure": Mix(np.ones(10), _EVENLY, np.arange(10.0)),
    "more errors among the sure": Mix(np.ones(10), _EVENLY, np.arange(10.0)[::-1]),
    "unsure ones mostly wrong": Mix((0.9, 0.1), _TWO, (0.2, 10)),
    "only unsure ones wrong": Mix((0.9, 0.1), _TWO, (0, 1)),
    "only sure ones wrong": Mix((0.9, 0.1), _TWO, (1, 0)),
    "a few sure ones wrong": Mix((0.3, 0.7), _TWO, (1, 0)),
    "fewer sure ones, all wrong": Mix((0.05, 0.95), _TWO, (1, 0)),
}


def measured(quick: bool) -> list[Result]:
    """The rows `alarm.*`."""
    runs = QUICK_RUNS if quick else RUNS
    random = np.random.default_rng(20250401)

    def equal(*parts: tuple[int, float], early_share: float = EARLY_SHARE, runs: int = runs) -> NDArray[np.float64]:
        error = np.concatenate([np.full(audits, rate) for audits, rate in parts])
        return alarm_times(random.random((runs, len(error))) < error, 1.0, LIMIT, early_share=early_share)

    def after(rate: float, early_share: float = EARLY_SHARE) -> float:
        times = equal((CHANGE, 0.04), (AUDITS - CHANGE, rate), early_share=early_share)
        return float(np.median(times[times > CHANGE] - CHANGE))  # the rest are false alarms

    false_runs = QUICK_FALSE_RUNS if quick else RUNS
    promised, kept = (equal((AUDITS, error), runs=false_runs) for error in (LIMIT, 0.04))
    rows = [
        _share("false", "false alarms in 4,000 audits, error as promised", promised, "≤ 0.05"),
        _median("median_10", "audits to the alarm, 5 % promised, 10 % true", equal((AUDITS, 0.10)), "≤ 190"),
        _median("median_8", "audits to the alarm, 8 % true", equal((AUDITS, 0.08)), "≤ 480"),
        Result("alarm.median_late", "audits after a change from 4 to 10 %, median", after(0.10), "audits", "≤ 300"),
    ]
    worst, name = max((_false_in(mix, random, false_runs), name) for name, mix in [*MIXES.items(), *_CHANGING.items()])
    what = f"false alarms, audits ten-fold unequal (worst: {name})"
    rows.append(Result("alarm.unequal_false", what, worst, "share", "≤ 0.05"))
    unequal = alarm_times(*MIXES["more errors among the unsure"].drawn(random, runs, AUDITS, 0.10), LIMIT, _FLOOR)
    return [
        *rows,
        _share("false_4", "false alarms in 4,000 audits, error 4 %", kept),
        _median("median_20", "audits to the alarm, 20 % true", equal((1_000, 0.20))),
        Result("alarm.median_late_8", "audits after a change from 4 to 8 %, median", after(0.08), "audits"),
        Result("alarm.median_late_20", "audits after a change from 4 to 20 %, median", after(0.20), "audits"),
        _median("median_unequal_10", "audits to the alarm, 10 % true, audits unequal", unequal),
        _share("early_false", "the early part alone: false alarms", equal((AUDITS, LIMIT), early_share=1)),
        _median("early_median_10", "the early part alone: 10 % true", equal((AUDITS, 0.10), early_share=1)),
        Result("alarm.early_median_late", "the early part alone: after a change", after(0.10, 1), "audits"),
        _share("late_false", "the late part alone: false alarms", equal((AUDITS, LIMIT), early_share=0)),
        _median("late_median_10", "the late part alone: 10 % true", equal((AUDITS, 0.10), early_share=0)),
        Result("alarm.late_median_late", "the late part alone: after a change", after(0.10, 0), "audits"),
    ]


def _halves(first: str, second: str, block: int) -> tuple[Mix, Mix, int]:
    return MIXES[first], MIXES[second], block


# The mix itself changes every so many audits: bets that fit the weights of yesterday meet others.
_CHANGING = {
    "who is wrong swaps, 50 audits": _halves("only sure ones wrong", "only unsure ones wrong", 50),
    "who is wrong swaps, 500 audits": _halves("fewer sure ones, all wrong", "only unsure ones wrong", 500),
    "few sure ones, then many": _halves("fewer sure ones, all wrong", "only sure ones wrong", AUDITS // 2),
}


def _false_in(mix: Mix | tuple[Mix, Mix, int], random: np.random.Generator, runs: int) -> float:
    """Share of runs with a false alarm where the true error is as promised."""
    if isinstance(mix, Mix):
        errors, probabilities = mix.drawn(random, runs, AUDITS)
    else:
        first, second = (one.drawn(random, runs, AUDITS) for one in mix[:2])
        turn = (np.arange(AUDITS) // mix[2]) % 2 == 0
        errors, probabilities = (np.where(turn, one, other) for one, other in zip(first, second, strict=True))
    return float(np.isfinite(alarm_times(errors, probabilities, LIMIT, _FLOOR)).mean())


def _share(name: str, what: str, times: NDArray[np.float64], reach: str | None = None) -> Result:
    return Result(f"alarm.{name}", what, float(np.isfinite(times).mean()), "share", reach)


def _median(name: str, what: str, times: NDArray[np.float64], reach: str | None = None) -> Result:
    return Result(f"alarm.{name}", f"{what}, median", float(np.median(times)), "audits", reach)
