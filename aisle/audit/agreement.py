"""How far people can be trusted: agreement of two answers, error rates, and what showing a suggestion does.

Two people who answer at random agree sometimes, and measures of agreement differ in what they take off for
that. Cohen's kappa (1960, "A coefficient of agreement for nominal scales") takes what the two people's own
shares of categories would give; where nearly all answers fall into one category, as "right" does among
audits, it calls people who agree in 95 of 100 items no better than chance (the paradox of Feinstein &
Cicchetti 1990). Gwet's AC1 (2008, "Computing inter-rater reliability and its variance in the presence of
high agreement") takes off what is left to chance only where an item is hard, and keeps near the raw
agreement there. Read AC1; kappa is printed for those who compare with other work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy.stats import fisher_exact

from aisle.bounds import clopper_pearson

LEVEL = 0.95
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """A share with its interval; (nan, 0, 1) where nothing is known."""

    value: float
    low: float
    high: float
    count: int


def exact_share(hits: int, count: int, level: float = LEVEL) -> Share:
    """`hits` of `count` with the exact interval of Clopper & Pearson (1934)."""
    return Share(hits / count if count else float("nan"), *clopper_pearson(hits, count, level), count)


@dataclass(frozen=True)
class Agreement:
    """Agreement of two people over the items that both answered.

    `raw` is the share of equal answers, `ac1` Gwet's coefficient, `kappa` Cohen's; the latter two lie
    in [-1, 1] and are nan where they are not defined (no items; kappa also where both people only ever
    gave one and the same answer).
    """

    raw: Share
    ac1: Share
    kappa: Share


def agreement(first: ArrayLike, second: ArrayLike, level: float = LEVEL) -> Agreement:
    """Agreement of two answers to each of n items.

    Parameters
    ----------
    first, second : array-like of shape (n,)
        Categories, or whether the decision was found right; of the same kind.
    level : float in (0, 1)
        Intervals: exact for the raw share; for AC1 and kappa from their linearised variances
        (Gwet 2008; Fleiss, Cohen & Everitt 1969), read from Student's t on a scale on which the ends
        stay below 1, with half a disagreement added so that perfect agreement on few items does not pass
        as certainty. These two are approximate: 93 % or more in simulations at 95 %.
    """
    one, other = np.asarray(first), np.asarray(second)
    _, codes = np.unique(np.concatenate([one, other]).astype(str), return_inverse=True)
    count = one.size
    if not count:
        nothing = Share(float("nan"), -1.0, 1.0, 0)
        return Agreement(exact_share(0, 0, level), nothing, nothing)
    a, b = codes[:count], codes[count:]
    categories = max(int(codes.max()) + 1, 2)
    equal = (a == b).astype(np.float64)
    raw = exact_share(int(equal.sum()), count, level)
    share_a, share_b = (np.bincount(part, minlength=categories) / count for part in (a, b))
    mean = (share_a + share_b) / 2

    chance = float((mean * (1 - mean)).sum() / (categories - 1))
    value = (raw.value - chance) / (1 - chance)
    # What one item adds, linearised: it moves the agreement and the shares of both its categories.
    gradient = (1 - 2 * mean) / (categories - 1)
    moved = (gradient[a] + gradient[b]) / 2 - float((gradient * mean).sum())
    influence = (equal - raw.value - (1 - value) * moved) / (1 - chance)
    ac1 = _coefficient(value, influence, chance, equal, level)

    expected = float((share_a * share_b).sum())
    if expected >= 1 - 1e-12:
        return Agreement(raw, ac1, Share(float("nan"), -1.0, 1.0, count))
    value = (raw.value - expected) / (1 - expected)
    moved = share_b[a] + share_a[b] - 2 * expected
    influence = (equal - raw.value - (1 - value) * moved) / (1 - expected)
    return Agreement(raw, ac1, _coefficient(value, influence, expected, equal, level))


def _coefficient(value: float, influence: _Floats, chance: float, equal: _Floats, level: float) -> Share:
    """An interval on the scale of log(1 − coefficient), where perfect agreement is infinitely far."""
    count = influence.size
    softened = (equal.sum() + 0.5) / (count + 1)
    least = softened * (1 - softened) / (1 - chance) ** 2  # the binomial part, never 0
    variance = max(float((influence**2).sum()) / count, least) / max(count - 1, 1)
    times = float(special.stdtrit(max(count - 1, 1), (1 + level) / 2))
    centre = max(1 - value, 0.5 / (count + 1))
    spread = min(times * np.sqrt(variance) / centre, 50.0)
    low, high = 1 - centre * np.exp(spread), 1 - centre * np.exp(-spread)
    return Share(value, float(np.clip(low, -1.0, value)), float(np.clip(max(high, value), value, 1.0)), count)


def error_rate(wrong: ArrayLike, labeller: ArrayLike, level: float = LEVEL) -> dict[str, Share]:
    """Each person's share of wrong answers, with an exact interval, by name.

    Parameters
    ----------
    wrong : array-like of truth values, shape (n,)
        Of answers whose truth is known: items settled by somebody else, and test items.
    labeller : array-like of n str
        Who answered. Each interval holds alone; of 20 people one will lie outside theirs.
    """
    names, number = np.unique(np.asarray(labeller, dtype=str), return_inverse=True)
    hits = np.bincount(number, weights=np.asarray(wrong, dtype=np.float64), minlength=names.size)
    counts = np.bincount(number, minlength=names.size)
    return {
        str(name): exact_share(int(hit), int(count), level)
        for name, hit, count in zip(names, hits, counts, strict=True)
    }


@dataclass(frozen=True)
class SuggestionEffect:
    """Agreement with the suggestion where it is shown, against blind audits.

    Attributes
    ----------
    shown, blind : Share
    difference : Share
        shown − blind, in [-1, 1].
    p_value : float
        Fisher's exact test (1935, "The design of experiments") of "showing changes nothing", against
        "shown audits agree more".
    """

    shown: Share
    blind: Share
    difference: Share
    p_value: float

    def calibrate_on_blind(self, most: float = 0.02, level: float = LEVEL) -> bool:
        """Whether calibration must leave the audits with a suggestion out.

        So when shown audits agree more than blind ones by more than `most` and chance does not explain that
        (p ≤ 1 − level): a difference of a few audits is no reason to throw most labels away.
        """
        return bool(self.difference.value > most and self.p_value <= 1 - level)


def suggestion_effect(
    agreed_shown: int, shown: int, agreed_blind: int, blind: int, level: float = LEVEL
) -> SuggestionEffect:
    """What showing the suggestion does to agreement with it.

    Which audits are blind is drawn apart from everything else, so the two groups of audits are alike
    and are compared as they are, without weights. The interval of the difference joins two exact ones by
    the squares of their distances (Newcombe 1998, "Interval estimation for the difference between
    independent proportions", with Clopper & Pearson's in place of Wilson's; Zou & Donner 2008).
    """
    one, other = exact_share(agreed_shown, shown, level), exact_share(agreed_blind, blind, level)
    if not shown or not blind:
        return SuggestionEffect(one, other, Share(float("nan"), -1.0, 1.0, 0), 1.0)
    value = one.value - other.value
    low = value - np.hypot(one.value - one.low, other.high - other.value)
    high = value + np.hypot(one.high - one.value, other.value - other.low)
    table = np.array([[agreed_shown, shown - agreed_shown], [agreed_blind, blind - agreed_blind]])
    p_value = float(fisher_exact(table, alternative="greater").pvalue)
    return SuggestionEffect(one, other, Share(value, float(low), float(high), shown + blind), p_value)
