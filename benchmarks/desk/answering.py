"""Tasks and answers of simulated people, for `filled`."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np

from benchmarks.desk.flow import DAY, Flow, Shape, leaf

_LATER = 4 * 3600.0  # seconds from one look to the next
_UNSETTLED = 0.1  # share of second looks and adjudications that nobody got to yet
Rows = list[tuple[Any, ...]]


class _People:
    """Writes tasks and answers; who answers errs and skips at random."""

    def __init__(self, shape: Shape, flow: Flow, first: list[int], people: list[int], end: float,
                 random: np.random.Generator) -> None:  # fmt: skip
        self.shape, self.flow, self.first, self.people, self.end, self.random = shape, flow, first, people, end, random
        self.tasks: Rows = []
        self.answers: Rows = []
        self.settled: dict[int, str] = {}

    def task(self, kind: str, place: int, at: float, answered: bool, first: int | None = None,
             priority: int = 0, skipped: bool = False) -> int:  # fmt: skip
        key = self.first[3] + len(self.tasks)
        product, revision, prediction = (start + place for start in self.first[:3])
        state = ("skipped" if skipped else "answered") if answered else "open"
        hidden = bool(self.flow.blind[place]) or first is not None
        done = at + _LATER if answered else None
        self.tasks.append((key, kind, product, revision, prediction, first, hidden, priority, state, at, done, None))
        return key

    def answer(self, task: int, place: int, person: int, at: float, category: int | None, shown: bool) -> None:
        product, revision = self.first[0] + place, self.first[1] + place
        names = None if category is None else leaf(self.shape, category)
        suggested = leaf(self.shape, int(self.flow.top[place])) if shown else None
        status = "skipped" if category is None else "answered"
        seconds = 1.5 + float(self.random.exponential(4.0))
        self.answers.append(
            (uuid.UUID(bytes=self.random.bytes(16)).hex, task, product, revision, self.people[person], status, names,
             "not enough told" if category is None else "", "", suggested, at - seconds, at)
        )  # fmt: skip

    def says(self, place: int) -> int:
        """What a person answers: the truth, or with their error rate a neighbour of it."""
        truth = int(self.flow.truth[place])
        if self.random.random() >= self.shape.people_err:
            return truth
        size = self.shape.leaves
        return truth // size * size + (truth + 1 + int(self.random.integers(size - 1))) % size

    def ask(self, place: int) -> None:
        """An audit or a review, with all that follows."""
        flow, random = self.flow, self.random
        audit, auto = bool(flow.drawn[place]), bool(flow.auto[place])
        at = float(flow.seconds[place]) + 2
        kind, priority = ("audit", 10 if auto else 20) if audit else ("review", 0)
        if at > self.end - self.shape.open_days * DAY:
            self.task(kind, place, at, False, priority=priority)
            return
        skipped = bool(random.random() < self.shape.skipped)
        task = self.task(kind, place, at, True, priority=priority, skipped=skipped)
        one, other, judge = random.permutation(len(self.people))[:3].tolist()
        shown = not flow.blind[place]
        if skipped:
            self.answer(task, place, one, at + _LATER, None, shown)
            return
        said = self.says(place)
        self.answer(task, place, one, at + _LATER, said, shown)
        against = audit and auto and said != flow.top[place]
        final: int | None = said
        if against or flow.double[place]:
            final = self._again(place, task, said, other, judge, at + 2 * _LATER)
        if final is not None and (not auto or final != flow.top[place]):
            self.settled[place] = leaf(self.shape, final)

    def _again(self, place: int, first: int, said: int, other: int, judge: int, at: float) -> int | None:
        """A second look, and an adjudication where it differs; None where it is not settled."""
        done = bool(self.random.random() >= _UNSETTLED)
        second = self.task("confirm", place, at - _LATER, done, first, 30)
        if not done:
            return None
        seen = self.says(place)
        self.answer(second, place, other, at, seen, False)
        if seen == said:
            return said
        done = bool(self.random.random() >= _UNSETTLED)
        third = self.task("adjudicate", place, at, done, first, 40)
        if not done:
            return None
        self.answer(third, place, judge, at + _LATER, int(self.flow.truth[place]), False)
        return int(self.flow.truth[place])


def asked(
    shape: Shape, flow: Flow, first: list[int], people: list[int], now: np.datetime64, random: np.random.Generator
) -> tuple[Rows, Rows, dict[int, str]]:
    """Tasks and answers as rows whose times are seconds after the origin; what people made of products, by place.

    `first` are the first keys of products, revisions, predictions and tasks.
    """
    end = float((now - flow.origin) / np.timedelta64(1, "s"))
    work = _People(shape, flow, first, people, end, random)
    for place in np.flatnonzero(flow.drawn | ~flow.auto).tolist():
        work.ask(place)
    return work.tasks, work.answers, work.settled
