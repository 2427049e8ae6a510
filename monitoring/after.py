"""After an alarm: which brake the desk should hold, by the audits of the last days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from aisle.audit.estimates import PENDING, RIGHT, WRONG
from aisle.decision.scored import ScoredProducts
from aisle.decision.threshold import certified_threshold
from monitoring.reference import Reference
from monitoring.settings import Settings
from monitoring.window import read_window

if TYPE_CHECKING:
    import pandas as pd

Scope = Literal["all", "branch", "seller"]
COLUMNS: Mapping[Scope, str] = {"branch": "branch_id", "seller": "seller"}


@dataclass(frozen=True)
class Brake:
    """A brake to be set at the desk.

    Attributes
    ----------
    scope, value : str
        What it holds: `all` (without a value), a `branch` by its id, or a `seller`.
    kind : str
        `stop`, or `tighten` to `confidence`.
    confidence : float or None
    why : str
        For the history of the desk.
    """

    scope: Scope
    value: str
    kind: Literal["stop", "tighten"]
    confidence: float | None
    why: str

    @property
    def told(self) -> str:
        """What it holds and how, in a few words, as the desk says it."""
        where = "all products" if self.scope == "all" else f"{self.scope} {self.value}"
        how = "stopped" if self.confidence is None else f"only from confidence {self.confidence:g} on"
        return f"{where}: {how}"


@dataclass(frozen=True)
class Certified:
    """What recent audits certify.

    Attributes
    ----------
    confidence : float or None
        From which on the promise is kept; None where no confidence is certified.
    audits, wrong : int
        That it rests on; a contradiction that waits for a second person counts as wrong.
    days : int
    """

    confidence: float | None
    audits: int
    wrong: int
    days: int


def certified_confidence(
    folder: Path | str, reference: Reference, last: dt.date, days: int, scope: Scope = "all", value: str = ""
) -> Certified:
    """The confidence from which on automatic decisions of the last `days` keep the promise, by their audits.

    The certificate is that of the learning loop (`aisle.decision.threshold`), with the champion's held-out frame
    for where to begin and the audits of its automatic decisions as calibration rows: with the policy's confidence
    level, accuracy from there on is at least the target. It speaks of the days it was made from.
    """
    window = read_window(folder, last - dt.timedelta(days=days - 1), last, known_models=reference.known_models)
    rows = window.population
    mine = (
        (rows["decision"] == "auto")
        & (rows["model_version"] == reference.model_version)
        & (rows["policy_id"] == reference.policy_id)
        & rows["state"].isin((RIGHT, WRONG, PENDING))
    )
    frame = reference.frame
    if scope != "all":
        mine &= rows[COLUMNS[scope]].astype(str) == value
        frame = frame[(frame[COLUMNS[scope]].astype(str) == value).to_numpy(dtype=bool)]
    audits = rows[mine.fillna(False).to_numpy(dtype=bool)].reset_index(drop=True)
    right = (audits["state"] == RIGHT).to_numpy(dtype=bool)
    found = None
    if len(audits) and len(frame):
        calibration = _scored(audits, right, 1 / audits["audit_probability"].to_numpy(dtype=np.float64))
        known = _scored(frame, frame["right"].to_numpy(dtype=bool), frame["weight"].to_numpy(dtype=np.float64))
        found = certified_threshold(known, calibration, reference.target_accuracy, reference.confidence_level)
    return Certified(found, len(audits), int((~right).sum()), days)


def _scored(rows: pd.DataFrame, right: Any, weight: Any) -> ScoredProducts:
    return ScoredProducts(
        product_id=rows["product_id"].to_numpy(dtype=object),
        branch_id=rows["branch_id"].fillna("").to_numpy(dtype=object),
        confidence=rows["confidence"].to_numpy(dtype=np.float64),
        right=right,
        allowed=np.ones(len(rows), dtype=bool),
        weight=weight,
    )


def reach_of(verdict: Mapping[str, Any], settings: Settings) -> tuple[Scope, str]:
    """What a brake should hold: the seller or branch that explains enough of the errors, or all."""
    if settings.brake == "blamed":
        for one in verdict["blame"]:
            scope: Scope | None = {"seller": "seller", "branch_id": "branch"}.get(one["column"])  # type: ignore[assignment]
            if one["change"] == "errors" and scope is not None and one["share_explained"] >= settings.blamed_share:
                return scope, str(one["value"])
    return "all", ""


def tightened(certified: Certified, reference: Reference, scope: Scope, value: str, why: str) -> Brake | None:
    """The brake at what recent audits certify; a stop where they certify nothing; None where nothing needs holding.

    Nothing does where they certify the threshold that holds now.
    """
    evidence = f"{certified.wrong} of {certified.audits} audits of {certified.days} days were wrong"
    if certified.confidence is None:
        text = f"{why} Stopped: no confidence is certified ({evidence})."
        return Brake(scope, value, "stop", None, text)
    if reference.threshold is not None and certified.confidence <= reference.threshold:
        return None
    text = f"{why} Tightened to what audits certify ({evidence})."
    return Brake(scope, value, "tighten", min(round(certified.confidence + 5e-7, 6), 1.0), text)
