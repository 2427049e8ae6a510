from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.desk.filled import Filled, fill
from benchmarks.desk.flow import Shape
from desk.ledger.models import Answer, Prediction, Product, Revision, Tally, Task
from desk.quality.look import Look, look
from desk.quality.windows import window

pytestmark = pytest.mark.django_db
SHAPE = Shape(products=2500, days=20, sellers=8, branches=4, leaves=5, floor=0.04, unsure=0.12, double=0.2, versions=1)
ROUNDS = 40


def looked(shape: Shape) -> tuple[Filled, Look]:
    """The page of a new ledger of this shape."""
    for model in (Answer, Task, Tally, Prediction, Revision, Product):
        model.objects.all()._raw_delete("default")  # type: ignore[attr-defined]
    return fill(shape), look(window("30"))


@pytest.mark.slow
def test_the_interval_of_the_page_holds_the_truth() -> None:
    """Rates, skips, late answers and people who err, all at random: of 95 % intervals hardly one in twenty misses."""
    held = {"automatic": 0, "whole": 0, "suggestions": 0}
    widths = []
    for seed in range(ROUNDS):
        filled, page = looked(replace(SHAPE, seed=seed, accuracy=(0.9, 0.95, 0.98)[seed % 3]))
        flow = filled.flow
        shown = flow.accuracy
        # People's answers are right but for their errors, and reviews are as people answer them.
        whole = flow.auto.mean() * shown + (1 - flow.auto.mean()) * (1 - SHAPE.people_err)
        held["automatic"] += page.machine.low <= shown <= page.machine.high
        held["whole"] += page.whole.low <= whole <= page.whole.high
        held["suggestions"] += page.suggestions.low <= flow.right.mean() <= page.suggestions.high
        widths.append(page.machine.high - page.machine.low)
    assert min(held.values()) >= ROUNDS - 4, held
    assert np.median(widths) < 0.25  # an interval from nought to one would hold it, too


def test_the_interval_holds_the_truth_of_branches() -> None:
    filled, page = looked(replace(SHAPE, products=6000, floor=0.1, unsure=0.2))
    flow = filled.flow
    branches = next(slices for slices in page.slices if slices.name == "branches")
    held = []
    for row in branches.rows:
        mine = flow.auto & (flow.top // SHAPE.leaves == int(row.accuracy.name[1:]))
        held.append(row.accuracy.found.low <= flow.right[mine].mean() <= row.accuracy.found.high)
        assert row.accuracy.products.auto == mine.sum()
    assert len(held) == 4
    assert sum(held) >= 3
