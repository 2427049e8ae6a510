"""People who answer in a rehearsal: audits, second opinions and reviews of one day, from the truth, with errors."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.catalogue.sample.confusion import Neighbours
from aisle.catalogue.sample.people import LABELLERS, work_through
from aisle.catalogue.sample.vocabulary import Leaf

WRONG = 0.02  # of the answers of one person
SKIPPED = 0.03  # of the audits
NEXT_DAY = 0.2  # of the audits, which wait until the next day


@dataclass
class Crew:
    """Answers what the days bring; days must come in order.

    An audit is answered on the day of its prediction or on the next one. Where it contradicts an automatic
    decision, or is to be labelled twice anyway, a second person looks on the day after, without a suggestion;
    where they contradict, what the second one says settles it. Reviews are worked to the end each day.

    Parameters
    ----------
    leaves : list of Leaf
        All categories, for what people take a product for when they err.
    seed : int
        The same seed, the same answers.
    """

    leaves: list[Leaf]
    seed: int
    _waiting: list[pd.DataFrame] = field(default_factory=list)
    _seconds: list[pd.DataFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._neighbours = Neighbours(self.leaves)
        self._ids: NDArray[Any] = np.array([leaf.category_id for leaf in self.leaves], dtype=object)
        self._number = {name: place for place, name in enumerate(self._ids.tolist())}

    def day(self, date: dt.date, predictions: pd.DataFrame, truth: pd.Series) -> pd.DataFrame:
        """The labels that are given on `date`, by the moment: those of the model, and what people answer.

        Parameters
        ----------
        predictions : DataFrame
            Rows of the table of this day, and `double`.
        truth : Series of str, indexed by product_id
        """
        rng = np.random.default_rng([self.seed, 71, date.toordinal()])
        asked = self._asked(predictions, truth)
        is_audit = (asked["origin"] == "audit").to_numpy()
        later = is_audit & (rng.random(len(asked)) < NEXT_DAY)
        now = pd.concat([*self._take(self._waiting), asked[~later]], ignore_index=True)
        self._waiting.append(asked[later])
        first = self._answered(now, rng, may_skip=True)
        second = self._second_opinions(rng)
        people = work_through(_together([first, second]), date, rng)
        people = people.assign(labeller=_another(people))
        self._note_seconds(people)
        labels = _together([_accepted(predictions), people])
        return labels.drop(columns=["truth", "decided", "automatic", "double", "second", "before"], errors="ignore")

    def _asked(self, predictions: pd.DataFrame, truth: pd.Series) -> pd.DataFrame:
        """What people are asked about: audits, whatever the decision, and all others under review."""
        automatic = (predictions["decision"] == "auto").to_numpy()
        drawn = predictions["audit_drawn"].to_numpy(dtype=bool)
        blind = drawn & predictions["blind"].to_numpy(dtype=bool)
        rows = _common(predictions).assign(
            origin=np.where(drawn, "audit", "review"),
            suggested_category_id=predictions["category_id"].mask(blind, None),
            truth=predictions["product_id"].map(truth).to_numpy(),
            decided=predictions["category_id"].to_numpy(),
            automatic=automatic,
            double=predictions["double"].to_numpy(dtype=bool),
            second=False,
            before="",
        )
        return rows[drawn | ~automatic].sort_values("origin", kind="stable")

    def _answered(self, asked: pd.DataFrame, rng: np.random.Generator, *, may_skip: bool) -> pd.DataFrame:
        number = asked["truth"].map(self._number)
        known = number.notna().to_numpy()
        near = asked["truth"].to_numpy(dtype=object, copy=True)
        near[known] = self._ids[self._neighbours.of(number[known].to_numpy(dtype=np.int64), rng)]
        answer = np.where(rng.random(len(asked)) < WRONG, near, asked["truth"].to_numpy(dtype=object))
        skipped = (rng.random(len(asked)) < SKIPPED) & (asked["origin"] == "audit").to_numpy() & may_skip
        return asked.assign(
            category_id=pd.Series(answer, index=asked.index, dtype=object).mask(skipped, None),
            status=np.where(skipped, "skipped", "answered"),
            adjudicated=False,
        )

    def _second_opinions(self, rng: np.random.Generator) -> pd.DataFrame:
        """Second opinions of what was contradicted, or to be labelled twice, the day before; they settle it."""
        rows = _together([*self._take(self._seconds)])
        if rows.empty:
            return rows
        contradicted = ((rows["category_id"] != rows["decided"]) & rows["automatic"]).to_numpy()
        seconds = self._answered(rows.assign(before=rows["labeller"], suggested_category_id=None), rng, may_skip=False)
        return seconds.assign(adjudicated=contradicted, second=True).drop(columns=["labeller", "labelled_at"])

    def _note_seconds(self, people: pd.DataFrame) -> None:
        if people.empty:
            return
        audits = (people["origin"] == "audit") & (people["status"] == "answered") & ~people["second"].astype(bool)
        contradicted = (people["category_id"] != people["decided"]) & people["automatic"].astype(bool)
        self._seconds.append(people[(audits & (contradicted | people["double"].astype(bool))).to_numpy()])

    @staticmethod
    def _take(rows: list[pd.DataFrame]) -> list[pd.DataFrame]:
        taken, rows[:] = list(rows), []
        return taken


def _common(predictions: pd.DataFrame) -> pd.DataFrame:
    audited = predictions["audit_probability"].to_numpy(dtype=np.float64)
    return pd.DataFrame(
        {
            "product_id": predictions["product_id"].to_numpy(),
            "revision": predictions["revision"].to_numpy(),
            "audit_probability": audited,
            # all reviews are answered: under review every product is labelled
            "inclusion_probability": np.where(predictions["decision"] == "auto", audited, 1.0),
            "model_version": predictions["model_version"].to_numpy(),
        }
    )


def _accepted(predictions: pd.DataFrame) -> pd.DataFrame:
    """The labels that the model gave by deciding."""
    labels = _common(predictions).assign(
        category_id=predictions["category_id"].to_numpy(),
        origin="model",
        status="answered",
        adjudicated=False,
        labelled_at=predictions["predicted_at"].array,
    )
    return labels[(predictions["decision"] == "auto").to_numpy()]


def _another(people: pd.DataFrame) -> list[str]:
    """Labellers, none of whom looks at what he answered before."""
    following = dict(zip(LABELLERS, (*LABELLERS[1:], LABELLERS[0]), strict=True))
    return [
        following.get(name, f"{name} (second)") if name == before else name
        for name, before in zip(people["labeller"], people["before"], strict=True)
    ]


def _together(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all frames; empty ones take no part, so that they cannot change a column's type."""
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
