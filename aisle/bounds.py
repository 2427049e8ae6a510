"""Bounds for shares seen in a sample: exact binomial, weighted, and by betting.

Decisions (thresholds) and audits both stand on these. Nothing here knows about products.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

# Design effects are estimated from the few clusters that hold errors, and come out small just where
# a bad cluster was missed: in simulations on real offers promises by seller were broken in up to 6.9 % of
# the draws without caution, in 5.5 % with 4 / 3.
CAUTION = 1.6
# Fractions of the largest bet that cannot go bankrupt; an even mixture of them needs no tuning.
_BETS = (np.arange(40) + 0.5) / 40


def clopper_pearson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval of a share (Clopper & Pearson 1934, "The use of confidence or fiducial limits").

    Parameters
    ----------
    successes, trials : int
        0 ≤ successes ≤ trials. Without trials the interval is (0, 1).
    level : float in (0, 1)
        Probability that the interval holds the true share; at least this, whatever the share.
    """
    tail = (1 + level) / 2
    return lower_bound(successes, trials, tail), upper_bound(successes, trials, tail)


def lower_bound(successes: int, trials: int, level: float = 0.95) -> float:
    """Exact one-sided bound: the true share is at least this with probability ≥ `level`."""
    _check_counts(successes, trials)
    return float(special.betaincinv(successes, trials - successes + 1, 1 - level)) if successes > 0 else 0.0


def upper_bound(successes: int, trials: int, level: float = 0.95) -> float:
    """Exact one-sided bound: the true share is at most this with probability ≥ `level`."""
    _check_counts(successes, trials)
    return float(special.betaincinv(successes + 1, trials - successes, level)) if successes < trials else 1.0


def _check_counts(successes: int, trials: int) -> None:
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")


@overload
def binomial_p_value(errors: int, accepted: int, limit: float) -> float: ...
@overload
def binomial_p_value(errors: NDArray[np.int64], accepted: NDArray[np.int64], limit: float) -> NDArray[np.float64]: ...
def binomial_p_value(
    errors: int | NDArray[np.int64], accepted: int | NDArray[np.int64], limit: float
) -> float | NDArray[np.float64]:
    """Exact p-value of "the error rate is at least `limit`": P(Bin(accepted, limit) ≤ errors).

    Small values speak for an error rate below the limit. Arrays are taken element by element;
    where nothing is accepted the value is 1. `limit` lies in (0, 1).
    """
    value = special.bdtr(np.asarray(errors, dtype=np.float64), np.asarray(accepted, dtype=np.int64), limit)
    return float(value) if np.ndim(value) == 0 else np.asarray(value, dtype=np.float64)


def betting_p_value(errors: ArrayLike, weights: ArrayLike, limit: float) -> float:
    """P-value of "the weighted error rate is at least `limit`", for unequal audit probabilities.

    The null hypothesis is E[w · (error − limit)] ≥ 0, with w ∝ 1 / audit_probability. A gambler
    who bets against it multiplies the capital by 1 + λ · w · (limit − error) a row; under the
    null no predictable λ makes money, so 1 / (the largest capital ever held) is a p-value
    (Waudby-Smith & Ramdas 2023, "Estimating means of bounded random variables by betting";
    Ville 1939). λ is an even mixture over a fixed grid, which also is a martingale.

    Parameters
    ----------
    errors : array-like of shape (n,), of truth values
        In an order that does not depend on the errors or the confidence (see `hash_order`).
    weights : array-like of shape (n,), in (0, 1]
        1 / audit_probability, scaled by the smallest audit probability there can be.
    limit : float in (0, 1)
    """
    wrong = np.asarray(errors, dtype=np.float64)
    scaled = np.asarray(weights, dtype=np.float64)
    if wrong.size == 0:
        return 1.0
    if scaled.min() <= 0 or scaled.max() > 1:
        raise ValueError("weights must lie in (0, 1]")
    gain = scaled * (limit - wrong) / (1 - limit)  # ≥ −1, so that no bet below 1 can lose everything
    capital = np.cumsum(np.log1p(_BETS[:, None] * gain[None, :]), axis=1)
    return float(np.exp(-max(_log_mean_exp(capital).max(), 0.0)))


def betting_count_p_value(errors: NDArray[np.int64], accepted: NDArray[np.int64], limit: float) -> NDArray[np.float64]:
    """`betting_p_value` for rows of weight 1, from counts alone: 1 / (the capital at the end), shape (m,).

    To foresee what a test by betting will need, before there are rows; never below the p-value
    that takes the largest capital on the way.
    """
    wrong = np.asarray(errors, dtype=np.float64)
    gain, loss = np.log1p(_BETS * limit / (1 - limit))[:, None], np.log1p(-_BETS)[:, None]
    capital = _log_mean_exp((np.asarray(accepted) - wrong) * gain + wrong * loss)
    return np.exp(-np.maximum(capital, 0.0))


def design_effect(
    errors: NDArray[np.float64], accepted: NDArray[np.float64], times: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """How much more an error rate varies when whole clusters are drawn than when rows are, shape (d, m).

    The linearised variance of a ratio of cluster totals over the binomial one (Kish 1965,
    "Survey sampling"); 0 where nothing is wrong or everything is, or less than two clusters count.

    Parameters
    ----------
    errors, accepted : arrays of shape (k, m)
        Of each of k clusters, at each of m thresholds.
    times : array of shape (d, k), optional
        How often each cluster was drawn, in d samples; once each in one sample by default.
    """
    drawn = np.ones((1, errors.shape[0])) if times is None else times
    wrong, all_ = drawn @ errors, drawn @ accepted
    rate = wrong / np.maximum(all_, 1)
    spread = drawn @ errors**2 - 2 * rate * (drawn @ (errors * accepted)) + rate**2 * (drawn @ accepted**2)
    many = drawn @ (accepted > 0)
    binomial = all_ * rate * (1 - rate)
    known = (binomial > 0) & (many > 1)
    effect = np.maximum(spread, 0) * many / np.maximum(many - 1, 1) / np.where(known, binomial, 1)
    return np.where(known, effect, 0.0)


def clustered_p_value(
    errors: NDArray[np.float64],
    accepted: NDArray[np.float64],
    clusters: NDArray[np.float64],
    limit: float,
    effect: NDArray[np.float64],
) -> NDArray[np.float64]:
    """P-value of "the error rate is at least `limit`" when whole clusters were drawn; all arrays of one shape.

    Approximate. Rows count as `accepted` / (`CAUTION` · `effect`) independent ones (`effect` below
    1 counts as 1), the binomial tail is taken as a Beta probability, and its normal score is read from
    Student's t with clusters − 1 degrees of freedom (Korn & Graubard 1998, "Confidence intervals
    for proportions with small expected number of positive counts estimated from survey data").
    1 where less than two clusters have anything accepted.
    """
    rows = accepted / (CAUTION * np.maximum(effect, 1.0))
    wrong = np.divide(errors, accepted, out=np.ones_like(rows), where=accepted > 0) * rows
    tail = special.betainc(np.maximum(rows - wrong, 1e-9), wrong + 1, 1 - limit)
    value = special.stdtr(np.maximum(clusters - 1, 1), special.ndtri(tail))
    return np.where((clusters > 1) & (accepted > 0), value, 1.0)


def worth_in_rows(weight: NDArray[np.float64]) -> float:
    """How many rows of equal weight these are worth: (Σ w)² / Σ w² (Kish 1965, "Survey sampling")."""
    return float(weight.sum() ** 2 / np.sum(weight**2)) if weight.size else 0.0


def _log_mean_exp(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
    top = logarithms.max(axis=0)
    mean: NDArray[np.float64] = np.log(np.exp(logarithms - top).mean(axis=0)) + top
    return mean


def keyed_uniform(identifiers: Iterable[str], key: str, purpose: str) -> NDArray[np.float64]:
    """A keyed hash (BLAKE2b) of each identifier as a number in [0, 1), shape (n,): random, the same everywhere.

    `purpose`, of at most 16 bytes, makes draws for different ends independent of each other.
    """
    secret = hashlib.blake2b(key.encode()).digest()  # a key of any length becomes one of 64 bytes
    keyed = hashlib.blake2b(key=secret, digest_size=8, person=purpose.encode())
    digests = bytearray()
    for identifier in identifiers:
        one = keyed.copy()
        one.update(identifier.encode())
        digests += one.digest()
    whole = np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64)
    return (whole >> np.uint64(11)).astype(np.float64) * 2.0**-53  # 53 bits: what a float holds exactly


def hash_order(identifiers: Iterable[str], key: str = "aisle") -> NDArray[np.int64]:
    """Indices that put `identifiers` into the order of their keyed hash.

    Betting takes rows one after the other; this order knows neither the confidence nor the answer.
    """
    return np.argsort(keyed_uniform(identifiers, key, "aisle order"), kind="stable")


def weighted_interval(
    right: ArrayLike, weight: ArrayLike | None = None, level: float = 0.95
) -> tuple[float, float, float]:
    """Share right in the population, estimated from a sample of unequal probabilities, with an interval.

    The estimate is Hájek's, Σ w·right / Σ w (Hájek 1971). With equal weights the interval is the
    exact one of Clopper & Pearson. Else each end is the Beta quantile of Clopper & Pearson for
    the sample with one imagined row more, of the greatest weight, and as many rows as its
    linearised variance is worth (after Fay & Feuer 1997, "Confidence intervals for directly
    standardized rates", and Korn & Graubard 1998, "Confidence intervals for proportions with
    small expected number of positive counts"). The imagined row stands for the error that the
    sample might have missed, so few or no errors do not give an interval that is too short.

    Parameters
    ----------
    right : array-like of shape (n,), of truth values
    weight : array-like of shape (n,), positive, optional
        1 / audit_probability; equal by default.
    level : float in (0, 1)

    Returns
    -------
    estimate, low, high : float in [0, 1]
        Without rows (nan, 0, 1).
    """
    hit = np.asarray(right, dtype=np.float64)
    if hit.size == 0:
        return float("nan"), 0.0, 1.0
    mass = np.ones_like(hit) if weight is None else np.asarray(weight, dtype=np.float64)
    if mass.min() <= 0:
        raise ValueError("weights must be positive")
    if np.allclose(mass, mass[0], rtol=1e-9):
        successes = int(hit.sum())
        return successes / hit.size, *clopper_pearson(successes, hit.size, level)
    estimate = float(np.average(hit, weights=mass))
    tail = (1 - level) / 2
    low = _augmented_quantile(hit, mass, 0.0, tail)
    high = _augmented_quantile(hit, mass, 1.0, 1 - tail)
    return estimate, min(low, estimate), max(high, estimate)


def _augmented_quantile(hit: NDArray[np.float64], mass: NDArray[np.float64], imagined: float, quantile: float) -> float:
    hit, mass = np.append(hit, imagined), np.append(mass, mass.max())
    share = float(np.average(hit, weights=mass))
    if share in (0.0, 1.0):
        return share
    variance = float(np.sum((mass * (hit - share)) ** 2) / mass.sum() ** 2)
    rows = min(share * (1 - share) / variance, float(hit.size))
    return float(special.betaincinv(share * rows, (1 - share) * rows, quantile))
