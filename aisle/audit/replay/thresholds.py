"""How a regime chooses its threshold from its own labels: here the loop bites, or does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from aisle.audit.replay.regimes import Taught
from aisle.config import Regime
from aisle.decision.selective import accuracy_coverage_curve
from aisle.model.confidence import log_odds

MARGIN = 0.75  # standard errors that the regime `representative` stays on the safe side
_BENDS = (0.8, 0.95)  # confidences at which the smoothed curve may bend
_FEWEST = 20  # labels below which there is no smooth curve

_Bools = NDArray[np.bool_]
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """A threshold, and the accuracy among automatic decisions that it is thought to give.

    Attributes
    ----------
    threshold : float or None
        None: no threshold reaches the target on these labels, automation is off.
    believed : float or None
    """

    threshold: float | None
    believed: float | None


def choose(taught: Taught, regime: Regime, target: float) -> Choice:
    """The threshold of the regime, from out-of-fold scores of the labels that it has.

    ============== ==========================================================================
    everything,    read off the accuracy-coverage curve of the labels that it trains on, as they
    human, mixed   weigh in training: what a team without a random sample has to go by
    audited        read off the curve of its random labels, start and audits
    representative `steady` on all labels of people, each weighing 1 / inclusion_probability
    ============== ==========================================================================
    """
    may = taught.allowed
    confidence, right = taught.confidence[may], taught.right[may]
    if regime != "representative":
        return read_off(confidence, right, taught.weight[may], target)
    probability = taught.labels["inclusion_probability"].to_numpy(dtype=np.float64)
    return steady(confidence, right, 1 / probability[may], target)


def read_off(confidence: _Floats, right: _Bools, weight: _Floats, target: float) -> Choice:
    """The threshold of largest coverage whose accuracy on these rows reaches the target: no margin, no promise.

    Parameters
    ----------
    confidence, right, weight : arrays of shape (n,)
    """
    curve = accuracy_coverage_curve(confidence, right, weight)
    enough = np.flatnonzero(curve.accuracy >= target)
    if not enough.size:
        return Choice(None, None)
    return Choice(float(curve.threshold[enough[-1]]), float(curve.accuracy[enough[-1]]))


def steady(confidence: _Floats, right: _Bools, weight: _Floats, target: float, margin: float = MARGIN) -> Choice:
    """The threshold of largest coverage whose smoothed accuracy is `margin` standard errors above the target.

    Every label of a person has a known chance to exist: reviewed products the share of their confidence
    band that was reviewed, others that of the audit. Weighing 1 / that chance they stand for the whole flow
    (Hájek 1971), and what was reviewed to the last product adds no variance, where audits alone say little.

    The curve of so few errors has steps, and the largest coverage is found where they happen to be kind. So
    the share right is smoothed first, as a function of the confidence's log-odds with two bends.

    What it guarantees: nothing in finite samples. It aims at the target itself, with a margin
    for the noise of the sample and none for tomorrow's shops being unlike yesterday's; so it is no certificate,
    which needs random rows that trained nothing (`aisle.decision.threshold`). Slips of people in answers that nobody
    confirms read as errors of the model, and make it more cautious by about their rate.

    Parameters
    ----------
    confidence, right : arrays of shape (n,)
        Out of fold.
    weight : array of shape (n,)
        1 / inclusion_probability.
    """
    if right.size < _FEWEST or right.all() or not right.any():
        return read_off(confidence, right, weight, target)
    curve = accuracy_coverage_curve(confidence, smoothed(confidence, right, weight), weight)
    raw = accuracy_coverage_curve(confidence, right, weight)
    error = np.sqrt(target * (1 - target) / _worth(confidence, weight))
    enough = np.flatnonzero(curve.accuracy - margin * error >= target)
    if not enough.size:
        return Choice(None, None)
    return Choice(float(curve.threshold[enough[-1]]), float(raw.accuracy[enough[-1]]))


def smoothed(confidence: _Floats, right: _Bools, weight: _Floats) -> _Floats:
    """P(right) as a smooth function of the confidence, shape (n,); weighted logistic regression on hinges."""
    odds = log_odds(confidence)
    columns = np.column_stack([odds, *(np.maximum(odds - bend, 0.0) for bend in log_odds(np.array(_BENDS)))])
    model = LogisticRegression(C=1.0, max_iter=1000).fit(columns, right, sample_weight=weight / weight.mean())
    return np.asarray(model.predict_proba(columns)[:, 1])


def _worth(confidence: _Floats, weight: _Floats) -> _Floats:
    """Rows of equal weight that those above each point of the curve are worth, (Σ w)² / Σ w² (Kish 1965)."""
    order = np.argsort(-confidence, kind="stable")
    last_of_ties = np.append(np.diff(confidence[order]) != 0, True)
    total, squares = np.cumsum(weight[order]), np.cumsum(weight[order] ** 2)
    return np.asarray((total**2 / squares)[last_of_ties])
