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


@pytest.mark.parametrize('MUT',['none','unweighted','pending_right','squeezed'])
def test_the_interval_of_the_page_holds_the_truth(MUT, monkeypatch) -> None:
    mutate(MUT, monkeypatch)

    """Rates, skips, late answers and people who err, all at random: of 95 % intervals hardly one in twenty misses."""
    held = {"automatic": 0, "whole": 0, "suggestions": 0}
    widths = []
    z = []
    for seed in range(ROUNDS):
        filled, page = looked(replace(SHAPE, seed=seed, accuracy=(0.9, 0.95, 0.98)[seed % 3]))
        flow = filled.flow
        shown = flow.accuracy
        # People's answers are right but for their errors, and reviews are as people answer them.
        whole = flow.auto.mean() * shown + (1 - flow.auto.mean()) * (1 - SHAPE.people_err)
        held["automatic"] += page.machine.low <= shown <= page.machine.high
        held["whole"] += page.whole.low <= whole <= page.whole.high
        held["suggestions"] += page.suggestions.low <= flow.right.mean() <= page.suggestions.high
        z.append((page.machine.accuracy-shown)/max(page.machine.standard_error,1e-9))
        widths.append(page.machine.high - page.machine.low)
    print('HELD', MUT, held, ROUNDS, np.median(widths), np.mean(z), np.std(z))
    assert np.median(widths) < 0.25  # an interval from nought to one would hold it, too



def mutate(name, mp):
    from desk.quality import results, figures
    import dataclasses
    if name=="unweighted":
        mp.setattr(results.Audits,"probability",property(lambda self: np.full(len(self.rows),0.04)))
    if name=="pending_right":
        old=results.states
        mp.setattr(results,"states",lambda r,s: np.where(old(r,s)==1,0,old(r,s)))
    if name=="squeezed":
        old=figures.estimate
        def half(*a,**k):
            e=old(*a,**k)
            return dataclasses.replace(e,low=e.accuracy-(e.accuracy-e.low)/2,high=e.accuracy+(e.high-e.accuracy)/2)
        mp.setattr(figures,"estimate",half)
