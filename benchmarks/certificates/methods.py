"""Ways to choose a threshold on calibration rows, each for many calibrations at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.bounds import binomial_p_value, clustered_p_value, design_effect
from aisle.decision.threshold.certifying import clustered_steps
from aisle.decision.threshold.lookahead import look_ahead
from aisle.decision.threshold.planning import plan_walk
from benchmarks.certificates.pools import ROUND_CONFIDENCES, Counts, Drawn, Pool

LEVEL = 0.05

# From calibrations to the index of the threshold chosen in each, −1 for none; shape (d,).
Method = Callable[[Drawn], Counts]


@dataclass(frozen=True)
class Cell:
    """What calibrations are drawn for."""

    pool: Pool
    rows: int
    target: float


def naive(cell: Cell) -> Method:
    """The largest coverage at which the accuracy on the calibration rows reaches the target."""

    def choose(drawn: Drawn) -> Counts:
        enough = drawn.errors <= (1 - cell.target) * drawn.accepted + 1e-9
        return _last(enough & (drawn.accepted > 0))

    return choose


def uncorrected(cell: Cell) -> Method:
    """The largest coverage at which the exact test passes, as if it were the only one made."""

    def choose(drawn: Drawn) -> Counts:
        return _last(binomial_p_value(drawn.errors, drawn.accepted, 1 - cell.target) <= LEVEL)

    return choose


def mapie(cell: Cell) -> Method:
    """MAPIE's risk control as its users call it.

    `BinaryClassificationController(confidence, precision, target, confidence_level=0.95)` of "is
    the category right?": thresholds 0, .01, … .99, Hoeffding-Bentkus p-values, Bonferroni-Holm, and
    of those that are controlled the one of greatest recall. Where no row is accepted at some of the
    thresholds (version 1.6 then controls nothing) those count as not controlled. A test compares with
    the library's call.
    """
    from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value

    round_ones = np.flatnonzero(np.isin(cell.pool.thresholds, ROUND_CONFIDENCES))

    def choose(drawn: Drawn) -> Counts:
        accepted, errors = drawn.accepted[:, round_ones], drawn.errors[:, round_ones]
        # Worked out as the library does, since it rounds up: a last digit may cost an error.
        rate = (1 - (accepted - errors) / np.maximum(accepted, 1)).ravel()
        p_values = compute_hoeffding_bentkus_p_value(
            rate, np.maximum(accepted, 1).ravel(), 1 - cell.target, binary=True
        )[:, 0].reshape(accepted.shape)
        p_values[accepted == 0] = 1.0
        chosen = _last(_holm(p_values, LEVEL))
        return np.where(chosen >= 0, round_ones[chosen], -1)

    return choose


def _holm(p_values: NDArray[np.float64], level: float) -> NDArray[np.bool_]:
    """Which hypotheses Holm's procedure rejects in each row."""
    order = np.argsort(p_values, axis=1, kind="stable")
    many = p_values.shape[1]
    passes = np.take_along_axis(p_values, order, axis=1) <= level / (many - np.arange(many))
    rejected = np.zeros(p_values.shape, dtype=bool)
    np.put_along_axis(rejected, order, np.logical_and.accumulate(passes, axis=1), axis=1)
    return rejected


def aisle(cell: Cell) -> Method:
    """Aisle's certified threshold; rows count as independent."""
    start = plan_walk(cell.pool.training, cell.rows, cell.target, LEVEL).start

    def choose(drawn: Drawn) -> Counts:
        if start is None:
            return np.full(len(drawn.accepted), -1)
        begin = int(cell.pool.place(np.array([start]))[0])
        accepted, errors = drawn.accepted[:, begin:], drawn.errors[:, begin:]
        sets = look_ahead(int(accepted.max(initial=1)), 1 - cell.target, LEVEL)
        last, _ = sets.reached(accepted, errors)
        return np.where(last >= 0, last + begin, -1)

    return choose


def aisle_by_seller(cell: Cell) -> Method:
    """Aisle's certified threshold with `threshold.clusters: seller`."""
    sellers = np.unique(cell.pool.rows.cluster).size
    steps, effect = clustered_steps(
        cell.pool.training, cell.rows, len(cell.pool.rows) / sellers, cell.target, LEVEL, 200
    )
    places = cell.pool.place(steps)
    errors, accepted = (one[:, places] for one in cell.pool.by_seller)

    def choose(drawn: Drawn) -> Counts:
        if not places.size:
            return np.full(len(drawn.accepted), -1)
        assert drawn.times is not None
        seen = np.maximum(design_effect(errors, accepted, drawn.times), effect)
        counts = (drawn.errors[:, places].astype(float), drawn.accepted[:, places].astype(float))
        p_values = clustered_p_value(*counts, drawn.times @ (accepted > 0), 1 - cell.target, seen)
        passed = np.logical_and.accumulate(p_values <= LEVEL, axis=1).sum(axis=1)
        return np.where(passed > 0, places[np.maximum(passed - 1, 0)], -1)

    return choose


def _last(passes: NDArray[np.bool_]) -> Counts:
    """Index of the last true value in each row, −1 for none."""
    last = passes.shape[1] - 1 - np.argmax(passes[:, ::-1], axis=1)
    return np.where(passes.any(axis=1), last, -1)
