"""What many rounds come to: the figures by which regimes are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from aisle.audit.replay.results import Round
from aisle.config import Regime

Array = npt.NDArray[np.float64]
LAST = 3  # rounds that tell where a loop ends
WARM = 3  # rounds until a loop runs
FAR = 0.08  # below the target: no chance, something is wrong


def of_regime(rounds: Iterable[Round], regime: Regime, seed: int | None = None) -> list[Round]:
    """The rounds of one regime, of one seed or of all."""
    return [one for one in rounds if one.regime == regime and seed in (None, one.seed)]


def games(rounds: Iterable[Round]) -> list[list[Round]]:
    """The rounds of each seed and regime apart, in the order in which they stand."""
    found: dict[tuple[int, str], list[Round]] = {}
    for one in rounds:
        found.setdefault((one.seed, one.regime), []).append(one)
    return list(found.values())


def last_rounds(rounds: Iterable[Round]) -> list[Round]:
    """The last `LAST` rounds of each game."""
    return [one for game in games(rounds) for one in game[-LAST:]]


def among_automatic(rounds: Iterable[Round], share: Callable[[Round], float | None]) -> float:
    """A share of the automatic decisions of these rounds together, where it is known; nan without any."""
    some = [(one.automatic, known) for one in rounds if (known := share(one)) is not None]
    automatic = sum(number for number, _ in some)
    return sum(number * known for number, known in some) / automatic if automatic else float("nan")


def true_accuracy(rounds: Iterable[Round]) -> float:
    """Accuracy among all automatic decisions of these rounds together; nan without any."""
    return among_automatic(rounds, lambda one: one.true_accuracy)


def illusion(rounds: Iterable[Round]) -> float:
    """Mean of believed less true accuracy, over rounds that decided anything; nan without any."""
    return _mean(
        one.believed - one.true_accuracy for one in rounds if one.believed is not None and one.true_accuracy is not None
    )


def flow_accuracy(rounds: Iterable[Round]) -> float:
    """Share of all products of these rounds that end in their right category."""
    some = [(one.products, one.flow_accuracy) for one in rounds]
    return float(np.average([share for _, share in some], weights=[n for n, _ in some])) if some else float("nan")


def coverage(rounds: Iterable[Round]) -> float:
    """Share of all products of these rounds that are decided automatically."""
    some = list(rounds)
    return sum(one.automatic for one in some) / sum(one.products for one in some) if some else float("nan")


def share_of_oracle(rounds: Iterable[Round], after: int = WARM) -> float:
    """Coverage after a round, as a share of what thresholds chosen with the truth of each round would give."""
    late = [one for one in rounds if one.round > after]
    best = sum(one.oracle_coverage * one.products for one in late)
    return sum(one.automatic for one in late) / best if best else float("nan")


def first_far_below(game: Sequence[Round], target: float) -> int | None:
    """The first round of a game in which the true accuracy is `FAR` or more below the target."""
    return next((one.round for one in game if (one.true_accuracy or 1.0) <= target - FAR), None)


def rounds_to_alarm(game: Sequence[Round], target: float) -> float | None:
    """Rounds that it took from `first_far_below` to the alarm, that round itself counted as 1.

    0 where the alarm had rung before, infinite where it never rang; None where the truth was never so far below.
    """
    since = first_far_below(game, target)
    if since is None:
        return None
    rang = game[-1].alarm_round
    return float("inf") if rang is None else float(max(rang - since + 1, 0))


def paired_difference(
    one: Iterable[Round], other: Iterable[Round], figure: Callable[[list[Round]], float], level: float = 0.95
) -> tuple[float, float, float]:
    """Mean over the seeds of `figure` of one less the other, with Student's interval.

    Each of the two is one regime, played with the same seeds.

    Returns
    -------
    mean, low, high : float
        Low and high are infinite with a single seed.
    """
    by_seed = [{game[0].seed: figure(game) for game in games(some)} for some in (one, other)]
    differences = np.array([by_seed[0][seed] - by_seed[1][seed] for seed in sorted(by_seed[0])])
    mean, many = float(differences.mean()), differences.size
    half = half_width(differences, level) if many > 1 else float("inf")
    return mean, mean - half, mean + half


def half_width(values: Array, level: float = 0.95) -> float:
    """Half the width of Student's interval (1908) for the mean of two or more values."""
    return float(stats.t.ppf((1 + level) / 2, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size))


def _mean(values: Iterable[float]) -> float:
    some = list(values)
    return float(np.mean(some)) if some else float("nan")
