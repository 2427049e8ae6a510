"""Daily operation: predictions, audits, reviews and corrections of one day's products."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from aisle.catalogue.sample.confusion import Neighbours
from aisle.catalogue.sample.people import work_through

WRONG = 0.02  # of the answers that one person gave alone
_AUDIT_WRONG = 0.002  # what two persons overlook
_SKIPPED = 0.03
_BLIND = 0.3
_FLOOR, _MIDDLE, _UNSURE = 0.15, 0.25, 0.4  # audit probability by confidence
_UNSURE_BELOW = 0.5
_QUEUE_FINISHED = 0.7  # share of the days
_CORRECTED, _CORRECTED_AFTER = 0.3, 4  # share of wrong categories that somebody notices, and how many days later
_PREDICTED_AFTER = np.timedelta64(90, "s")
MODEL_VERSION, POLICY_ID, BENTO_TAG = "1", "sample-policy-1", "aisle:sample1"


@dataclass
class Operation:
    """What happens to the products after they arrived; days must come in order.

    Parameters
    ----------
    category_ids : sequence of str
        The leaves, by number.
    branch_ids : sequence of str
        The branch of each leaf.
    threshold : float
        Decide automatically from this confidence on.
    """

    category_ids: Sequence[str]
    branch_ids: Sequence[str]
    neighbours: Neighbours
    threshold: float
    seed: int
    _open: list[tuple[datetime.date, pd.DataFrame]] = field(default_factory=list)

    def day(
        self,
        date: datetime.date,
        products: pd.DataFrame,
        truth: npt.NDArray[np.int64],
        top: npt.NDArray[np.int64],
        confidence: npt.NDArray[np.float64],
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Predictions, labels, and the labels planted wrong (`product_id, origin, category_id`) of one day."""
        rng = np.random.default_rng([self.seed, 41, date.toordinal()])
        n = len(products)
        auto = confidence >= self.threshold
        audit = np.where(auto, _FLOOR, np.where(confidence < _UNSURE_BELOW, _UNSURE, _MIDDLE))
        drawn = rng.random(n) < audit
        blind = drawn & (rng.random(n) < _BLIND)
        predictions = self._predictions(products, top, confidence, auto, audit, drawn, blind)

        answered, share = self._queue(rng, ~auto & ~drawn, confidence)
        inclusion = np.where(auto, audit, 1.0 - (1.0 - audit) * (1.0 - share))
        common = pd.DataFrame(
            {
                "product_id": products["product_id"].to_numpy(),
                "revision": products["revision"].to_numpy(),
                "audit_probability": audit,
                "inclusion_probability": np.round(inclusion, 6),
            }
        )
        ids = np.array(self.category_ids, dtype=object)
        skipped = drawn & (rng.random(n) < _SKIPPED)
        audit_answer = np.where(rng.random(n) < _AUDIT_WRONG, self.neighbours.of(truth, rng), truth)
        review_answer = np.where(rng.random(n) < WRONG, self.neighbours.of(truth, rng), truth)
        audits = common.assign(
            category_id=_unless(skipped, ids[audit_answer]),
            origin="audit",
            status=np.where(skipped, "skipped", "answered"),
            adjudicated=auto & ~skipped & (audit_answer != top),
            suggested_category_id=_unless(blind, ids[top]),
        )[drawn]
        reviews = common.assign(
            category_id=ids[review_answer],
            origin="review",
            status="answered",
            adjudicated=False,
            suggested_category_id=ids[top],
        )[answered]
        accepted = common.assign(
            category_id=ids[top],
            origin="model",
            status="answered",
            adjudicated=False,
            labelled_at=predictions["predicted_at"].to_numpy(),
        )[auto]
        by_people = work_through(_together([audits, reviews, *self._due(date)]), date, rng)
        labels = _together([accepted, by_people]).assign(model_version=MODEL_VERSION)
        self._notice(date, rng, common.assign(category_id=ids[truth]), (auto & ~drawn) & (top != truth))

        wrong_audit = drawn & ~skipped & (audit_answer != truth)
        wrong_review = answered & (review_answer != truth)
        planted = pd.concat([audits[wrong_audit[drawn]], reviews[wrong_review[answered]]])
        return predictions, labels, planted[["product_id", "origin", "category_id"]]

    def _predictions(
        self,
        products: pd.DataFrame,
        top: npt.NDArray[np.int64],
        confidence: npt.NDArray[np.float64],
        auto: npt.NDArray[np.bool_],
        audit: npt.NDArray[np.float64],
        drawn: npt.NDArray[np.bool_],
        blind: npt.NDArray[np.bool_],
    ) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "product_id": products["product_id"].to_numpy(),
                "revision": products["revision"].to_numpy(),
                "predicted_at": products["received_at"] + _PREDICTED_AFTER,
                "category_id": np.array(self.category_ids, dtype=object)[top],
                "branch_id": np.array(self.branch_ids, dtype=object)[top],
                "confidence": confidence,
                "threshold": self.threshold,
                "decision": np.where(auto, "auto", "review"),
                "audit_probability": audit,
                "audit_drawn": drawn,
                "blind": blind,
                "model_version": MODEL_VERSION,
                "policy_id": POLICY_ID,
                "bento_tag": BENTO_TAG,
            }
        )

    def _queue(
        self, rng: np.random.Generator, queued: npt.NDArray[np.bool_], confidence: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
        """Which of the queue people answered that day, and the share answered in each product's band."""
        finished = rng.random() < _QUEUE_FINISHED
        worked = 1.0 if finished else 0.4 + 0.5 * rng.random()
        lot = rng.random(len(queued))
        answered = np.zeros(len(queued), dtype=bool)
        share = np.full(len(queued), worked)
        for band in (confidence < _UNSURE_BELOW, confidence >= _UNSURE_BELOW):
            rows = np.flatnonzero(queued & band)
            done = rows[np.argsort(lot[rows], kind="stable")[: int(np.ceil(worked * len(rows)))]]
            answered[done] = True
            if len(rows):
                share[band] = len(done) / len(rows)
        return answered, share

    def _notice(
        self, date: datetime.date, rng: np.random.Generator, right: pd.DataFrame, wrong: npt.NDArray[np.bool_]
    ) -> None:
        noticed = right[wrong & (rng.random(len(wrong)) < _CORRECTED)]
        due = date + datetime.timedelta(days=_CORRECTED_AFTER + int(rng.integers(10)))
        self._open.append((due, noticed.assign(origin="correction", status="answered", adjudicated=False)))

    def _due(self, date: datetime.date) -> list[pd.DataFrame]:
        due = [rows for day, rows in self._open if day <= date]
        self._open = [(day, rows) for day, rows in self._open if day > date]
        return due


def _unless(hidden: npt.NDArray[np.bool_], values: npt.NDArray[np.object_]) -> pd.Series[str]:
    return pd.Series(values, dtype=object).mask(hidden, None)


def _together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all frames; empty ones take no part, so that they cannot change a column's type."""
    return pd.concat([frame for frame in frames if len(frame)] or list(frames[:1]), ignore_index=True)
