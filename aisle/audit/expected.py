"""Accuracy to be expected while audits are few: from the confidence and the champion's held-out frame. An estimate.

The mean confidence of the window says what the model believes; the held-out frame says by how much such beliefs
were wrong, and where. So the estimate is the mean confidence of the window's automatic decisions plus the mean of
(right − confidence) over held-out rows, these weighted so that they have the window's mix of confidence and
branch:

    mean over the window of c  +  Σ v · (right − c) / Σ v,   v = weight · share of the cell in the window / in the frame

Cells are bands of confidence × branch; a cell with few held-out rows is joined with the others of its band. The
estimate is right where either the confidence is calibrated or products of a cell are alike (Robins, Rotnitzky & Zhao
1994), and is the difference of confidences of Guillory, Shankar, Ebrahimi, Darrell & Schmidt (2021, "Predicting with
confidence on unseen distributions") taken in each cell.

What it cannot see: a change in what a confidence is worth. Where P(right | confidence, branch) has changed (a new
kind of product that the model is sure of and wrong about, categories whose meaning moved, a model that learnt
from its own answers), it goes on saying what used to be true (no estimate without labels can do otherwise: Garg et al.
2022, "Leveraging unlabeled data to predict out-of-distribution performance"). Audits decide; this one is for the days
before there are enough, and `track_record` says how it did.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aisle.audit.agreement import Share, exact_share
from aisle.bounds import weighted_interval, worth_in_rows
from aisle.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

BANDS = 10
LEAST_CELL = 20  # held-out rows of a cell that stands on its own
LEAST_REFERENCE = 30  # worth in rows
LEVEL = 0.95
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Expected:
    """Accuracy among automatic decisions that is to be expected; an estimate without labels.

    Attributes
    ----------
    value, low, high : float in [0, 1]
        With an interval for chance alone, of the held-out frame and the window; (nan, 0, 1) where nothing can be said.
    rows : int
        Automatic decisions of the window.
    reference_rows : float
        How many held-out rows of equal weight the estimate rests on.
    mix : float
        What the change of the mix (of confidence and branch) does to the accuracy: value − accuracy of the
        held-out automatic decisions.
    supported : float in [0, 1]
        Share of the window's decisions in cells with held-out rows of their own.
    estimate : bool
        True, always: to be shown as one.
    basis : str
    """

    value: float
    low: float
    high: float
    rows: int
    reference_rows: float
    mix: float
    supported: float
    estimate: bool = True
    basis: str = ""


def expected_accuracy(
    window: pd.DataFrame, reference: pd.DataFrame, level: float = LEVEL, bands: int = BANDS
) -> Expected:
    """Accuracy to be expected among the automatic decisions of `window`.

    Parameters
    ----------
    window : DataFrame
        `confidence`, `decision`, perhaps `branch_id`: all products of the window, audited or not.
    reference : DataFrame
        The champion's held-out frame: `confidence`, `right`, perhaps `weight`, `branch_id`, `decision`.
    level : float in (0, 1)
        Of the interval: for a share of unequal weights (`aisle.bounds.weighted_interval`) for the held-out rows, joined
        by squares with the chance in the window's own decisions.
    bands : int
        Of confidence, each with as many of the window's decisions.
    """
    _need(window, ("confidence", "decision"), "the window")
    _need(reference, ("confidence", "right"), "the reference")
    auto = window[(window["decision"] == "auto").to_numpy()]
    cells = _Cells(reference, auto, bands)
    if not len(auto) or cells.worth < LEAST_REFERENCE:
        basis = f"not known: {len(auto)} automatic decisions, held-out rows worth {cells.worth:.0f} like them"
        return Expected(float("nan"), 0.0, 1.0, len(auto), cells.worth, float("nan"), cells.supported, basis=basis)
    share, low, high = weighted_interval(cells.right, cells.weight, level)
    shift = float(cells.window_confidence.mean()) - float(np.average(cells.confidence, weights=cells.weight))
    value = float(np.clip(share + shift, 0, 1))
    own = float(special.ndtri((1 + level) / 2)) * np.sqrt(max(value * (1 - value), 0.0) / len(auto))
    automatic = (
        (reference["decision"] == "auto").to_numpy() if "decision" in reference else np.ones(len(reference), bool)
    )
    before = weighted_interval(reference["right"].to_numpy()[automatic], _weights(reference)[automatic], level)[0]
    basis = (
        f"estimate, not audited: mean confidence of {len(auto):,} automatic decisions, set right by held-out rows "
        f"worth {cells.worth:,.0f}, with the window's mix of confidence and branch; it cannot see a change in what a "
        "confidence is worth"
    )
    return Expected(
        value,
        float(max(value - np.hypot(share - low, own), 0.0)),
        float(min(value + np.hypot(high - share, own), 1.0)),
        len(auto),
        cells.worth,
        value - before,
        cells.supported,
        basis=basis,
    )


def expected_errors(window: pd.DataFrame, reference: pd.DataFrame, bands: int = BANDS) -> _Floats:
    """Probability that each row's decision is wrong, by its confidence and branch, shape (n,), in [0, 1].

    As `expected_accuracy`, row by row; what is known of a branch in a band counts as `LEAST_CELL` rows of the
    band more. For comparing slices with what was to be expected of them.
    """
    _need(window, ("confidence",), "the window")
    _need(reference, ("confidence", "right"), "the reference")
    cells = _Cells(reference, window, bands)
    confidence = window["confidence"].to_numpy(dtype=np.float64)
    if not cells.right.size:
        return np.asarray(np.clip(1 - confidence, 0.0, 1.0), dtype=np.float64)
    return np.asarray(np.clip(1 - confidence - cells.offsets(), 0.0, 1.0), dtype=np.float64)


class _Cells:
    """Held-out rows of the window's range of confidence, weighted to its mix."""

    def __init__(self, reference: pd.DataFrame, window: pd.DataFrame, bands: int):
        self.window_confidence = window["confidence"].to_numpy(dtype=np.float64)
        least = self.window_confidence.min() if self.window_confidence.size else 0.0
        kept = reference[(reference["confidence"] >= least).to_numpy()]
        self.confidence = kept["confidence"].to_numpy(dtype=np.float64)
        self.right = kept["right"].to_numpy(dtype=np.float64)
        self._given = _weights(kept)
        self.supported, self.worth = 0.0, 0.0
        self.weight = self._given
        if not self.right.size or not self.window_confidence.size:
            return
        inner = np.quantile(self.window_confidence, np.arange(1, bands) / bands)
        edges = self._merged(np.unique(inner))
        self._band, own_band = (
            np.searchsorted(edges, one, side="right") for one in (self.confidence, self.window_confidence)
        )
        self._own_band, self._many = own_band, edges.size + 1
        branch, self._own_branch = _codes(kept, window)
        self._branches = int(max(branch.max(initial=0), self._own_branch.max(initial=0))) + 1
        self._branch = branch
        size = self._many * self._branches
        count = np.bincount(self._band * self._branches + branch, minlength=size)
        alone = count >= LEAST_CELL
        place, own = (
            np.where(alone[band * self._branches + one], band * self._branches + one, size + band)
            for band, one in ((self._band, branch), (own_band, self._own_branch))
        )
        self.supported = float((own < size).mean())
        wanted = np.bincount(own, minlength=size + self._many) / own.size
        # A joined cell without held-out rows of its own leans on all of its band.
        held = np.bincount(place, weights=self._given, minlength=size + self._many)
        for band in np.flatnonzero((held[size:] == 0) & (wanted[size:] > 0)).tolist():
            inside = np.arange(band * self._branches, (band + 1) * self._branches)
            wanted[inside] += wanted[size + band] * held[inside] / held[inside].sum()
        self.weight = self._given * (wanted / np.where(held > 0, held, 1.0))[place]
        some = self.weight > 0
        self.confidence, self.right, self.weight = self.confidence[some], self.right[some], self.weight[some]
        self._band, self._branch, self._given = self._band[some], self._branch[some], self._given[some]
        self.worth = worth_in_rows(self.weight)

    def _merged(self, edges: _Floats) -> _Floats:
        """Edges of bands with at least `LEAST_CELL` held-out rows each."""
        kept: list[float] = []
        ordered = np.sort(self.confidence)
        done = 0
        for edge in edges.tolist():
            below = int(np.searchsorted(ordered, edge, side="left"))
            if below - done >= LEAST_CELL and ordered.size - below >= LEAST_CELL:
                kept.append(edge)
                done = below
        return np.array(kept)

    def offsets(self) -> _Floats:
        """Mean of right − confidence to be expected of each row of the window, by band and branch, shape (n,)."""
        scaled = self._given / self._given.mean()
        residual = scaled * (self.right - self.confidence)
        by_band, in_band = (np.bincount(self._band, weights=one, minlength=self._many) for one in (residual, scaled))
        overall = residual.sum() / scaled.sum()
        band = (by_band + LEAST_CELL * overall) / (in_band + LEAST_CELL)
        cell = self._band * self._branches + self._branch
        size = self._many * self._branches
        by_cell, in_cell = (np.bincount(cell, weights=one, minlength=size) for one in (residual, scaled))
        mean = (by_cell + LEAST_CELL * np.repeat(band, self._branches)) / (in_cell + LEAST_CELL)
        return np.asarray(mean[self._own_band * self._branches + self._own_branch])


def _codes(reference: pd.DataFrame, window: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    import pandas as pd

    if "branch_id" not in reference or "branch_id" not in window:
        return np.zeros(len(reference), dtype=np.int64), np.zeros(len(window), dtype=np.int64)
    joined = pd.concat([reference["branch_id"], window["branch_id"]], ignore_index=True).fillna("").astype(str)
    number = pd.factorize(joined, sort=True)[0].astype(np.int64)
    return number[: len(reference)], number[len(reference) :]


def _weights(frame: pd.DataFrame) -> _Floats:
    return frame["weight"].to_numpy(dtype=np.float64) if "weight" in frame else np.ones(len(frame))


def _need(frame: pd.DataFrame, columns: tuple[str, ...], what: str) -> None:
    for one in columns:
        if one not in frame:
            raise DataError(f"expected accuracy: {what} has no column '{one}'")


@dataclass(frozen=True)
class TrackRecord:
    """How earlier estimates did once audits were in.

    Attributes
    ----------
    days : int
        Spans (days, or windows) with both.
    audits, first, last : int; date or None
        Answered audits of these (or spans), and their days, where they are told.
    agreed : Share
        Of those in which the estimate lay within the audited interval; exact interval. With few audits these are so
        wide that almost anything lies in them: read it with `width`.
    difference : Share
        Mean of estimate − audited accuracy, weighted by answered audits (not by intervals, which are narrow where no
        error was found), with a 95 % interval (Student's t); positive: the estimates promise too much.
    width : float
        Mean width of the audited intervals.
    text : str
        For people.
    """

    days: int
    agreed: Share
    difference: Share
    width: float
    text: str
    audits: int = 0
    first: dt.date | None = None
    last: dt.date | None = None


def track_record(days: pd.DataFrame, level: float = LEVEL) -> TrackRecord:
    """The record of estimates against later audits.

    Parameters
    ----------
    days : DataFrame
        One row a span: `estimated`, `audited`, `audited_low`, `audited_high`, all in [0, 1], rows where one is missing
        are left out; `answered` audits, the weight (equal without it); perhaps its `first` and `last` day (dates).
    """
    columns = ["estimated", "audited", "audited_low", "audited_high"]
    _need(days, tuple(columns), "the record of days")
    rows = days.dropna(subset=columns)
    count = len(rows)
    counted = "answered" in rows and rows["answered"].sum() > 0
    worth = rows["answered"].to_numpy(dtype=np.float64) if counted else np.ones(count)
    estimated, audited, low, high = (rows[one].to_numpy(dtype=np.float64) for one in columns)
    agreed = exact_share(int(((low <= estimated) & (estimated <= high)).sum()), count, level)
    if not count:
        nothing = Share(float("nan"), -1.0, 1.0, 0)
        return TrackRecord(0, agreed, nothing, nothing.value, "no day has both an estimate and audits yet")
    difference = float(np.average(estimated - audited, weights=worth))
    ends = (-1.0, 1.0)
    if count > 1:
        spread = worth * (estimated - audited - difference)
        error = float(np.sqrt((spread**2).sum() * count / (count - 1)) / worth.sum())
        reach = float(special.stdtrit(count - 1, (1 + level) / 2)) * error
        ends = (max(difference - reach, -1.0), min(difference + reach, 1.0))
    width = float((high - low).mean())
    first, last = (rows["first"].min(), rows["last"].max()) if {"first", "last"} <= set(rows) else (None, None)
    told = f"{count} spans of days" + (f" from {first} to {last}" if first is not None else "")
    told += f", {worth.sum():,.0f} audits" if counted else ""
    text = (
        f"{round(agreed.value * count)} of {count} estimates lay within the audited interval ({told}; intervals "
        f"{100 * width:.1f} points wide on average); by audits they were {100 * abs(difference):.1f} points too "
        f"{'high' if difference >= 0 else 'low'}"
    )
    return TrackRecord(count, agreed, Share(difference, *ends, count), width, text, round(worth.sum()), first, last)
