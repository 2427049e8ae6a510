"""Rounds of a replay put together: a curve a regime and measure, its spread over seeds, what is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aisle.audit.replay import summary
from aisle.audit.replay.settings import REGIMES
from aisle.config import Regime as RegimeName

if TYPE_CHECKING:
    from aisle.audit.replay.results import Round

LATE = summary.LAST  # rounds at the end that the table and the headline speak of
OfRound = Callable[["Round"], float | None]
OfRounds = Callable[[Sequence["Round"]], float | None]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """A measure by round: the mean of the seeds, and from the lowest to the highest of them.

    Attributes
    ----------
    rounds : array (n,) of round numbers, without holes
    middle, low, high : arrays (n,), NaN where no seed has a value
    """

    rounds: Numbers
    middle: Numbers
    low: Numbers
    high: Numbers


@dataclass(frozen=True)
class Spread:
    """A figure over seeds: `low` and `high` hold the mean of all seeds with 95 % (Student 1908), where known."""

    value: float | None
    low: float | None = None
    high: float | None = None
    seeds: int = 0


@dataclass(frozen=True)
class Regime:
    """All rounds of one regime, by seed and then by round number."""

    name: RegimeName
    by_seed: Mapping[int, Mapping[int, Round]]

    @property
    def rounds(self) -> list[Round]:
        """All rounds, seed after seed."""
        return [one for rounds in self.by_seed.values() for one in rounds.values()]

    @property
    def last(self) -> int:
        """The latest round that any seed has."""
        return max(max(rounds) for rounds in self.by_seed.values())

    def band(self, measure: OfRound) -> Band:
        """`measure` by round, over the seeds that have a value there."""
        numbers = range(min(min(rounds) for rounds in self.by_seed.values()), self.last + 1)
        values = [
            [value for rounds in self.by_seed.values() if n in rounds and (value := measure(rounds[n])) is not None]
            for n in numbers
        ]
        middle, low, high = (
            np.array([of(one) if one else np.nan for one in values], dtype=float) for of in (np.mean, min, max)
        )
        return Band(np.array(numbers, dtype=float), middle, low, high)

    def late(self, last: int | None = None) -> dict[int, list[Round]]:
        """The `LATE` rounds that end with `last` (by default the latest), for the seeds that have the last one."""
        last = self.last if last is None else last
        return {
            seed: [rounds[n] for n in range(last - LATE + 1, last + 1) if n in rounds]
            for seed, rounds in self.by_seed.items()
            if last in rounds
        }

    def alarms(self) -> list[int | None]:
        """The round in which each seed's alarm rang, None where it stayed quiet."""
        found = []
        for rounds in self.by_seed.values():
            rung = [one.alarm_round for one in rounds.values() if one.alarm_round is not None]
            found.append(min(rung) if rung else None)
        return found


def gather(rounds: Iterable[Round]) -> list[Regime]:
    """Regimes in the order of the page; a round that stands twice counts once, as last written."""
    found: dict[RegimeName, dict[int, dict[int, Round]]] = {}
    for one in sorted(rounds, key=lambda one: (one.seed, one.round)):
        found.setdefault(one.regime, {}).setdefault(one.seed, {})[one.round] = one
    place = {name: number for number, name in enumerate(REGIMES)}
    return [Regime(name, found[name]) for name in sorted(found, key=lambda name: place[name])]


def _known(figure: Callable[[Sequence[Round]], float]) -> OfRounds:
    """`figure`, None where it is not known."""

    def of(rounds: Sequence[Round]) -> float | None:
        value = figure(rounds)
        return None if math.isnan(value) else value

    return of


believed = _known(partial(summary.among_automatic, share=lambda one: one.believed))
told_by_audits = _known(partial(summary.among_automatic, share=lambda one: one.estimate))  # all that one could know
true = _known(summary.true_accuracy)
coverage = _known(summary.coverage)
share_of_oracle = _known(partial(summary.share_of_oracle, after=0))
flow = _known(summary.flow_accuracy)


def answers(rounds: Sequence[Round]) -> float | None:
    """Answers that a round spent, on average."""
    return float(np.mean([one.spent for one in rounds])) if rounds else None


def believed_too_much(rounds: Sequence[Round]) -> float | None:
    """How far the believed accuracy lies above the true one; negative where the model is too modest."""
    said, was = believed(rounds), true(rounds)
    return None if said is None or was is None else said - was


def spread(values: Iterable[float | None], *, share: bool = True) -> Spread:
    """Mean over seeds; from three that differ on with its 95 % interval (Student's t), cut to [0, 1] for a share."""
    known = np.array([value for value in values if value is not None], dtype=float)
    if len(known) == 0:
        return Spread(None)
    middle = float(known.mean())
    if len(known) < 3 or np.ptp(known) == 0:
        return Spread(middle, seeds=len(known))
    half = summary.half_width(known)
    low, high = middle - half, middle + half
    return Spread(middle, max(0.0, low) if share else low, min(1.0, high) if share else high, len(known))
