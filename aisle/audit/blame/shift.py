"""Which slice explains that products, or predictions, are no longer like the reference.

Two things can have happened to a slice: its *share* grew or shrank (a new seller; a category that grows), or its rows
*changed* in some column (a seller whose titles are cut). Both are measured by the gain in likelihood of letting this
one slice have changed, so that they compare: for a share n · KL of the two samples against their common share,
for a column half the square of the difference of mean ranks over its standard error (ranks of both samples
together, as ridits: Bross 1958; a test of Wilcoxon's kind that allows weights and unequal spread). After each
slice its rows are taken out of both samples (where only what they are like changed, not for the shares), and what
the rest still shows is asked again.

Products of one seller come together. How much more counts vary from day to day than those of independent products,
in the median of a column's slices (quasi-likelihood; McCullagh & Nelder 1989), divides the evidence for shares.

Shares of one column sum to one, so that their tests depend on each other negatively; false discoveries are held down
by Benjamini & Yekutieli's procedure (2001), which allows any dependence, over slices by themselves and slices since a
day (`aisle.audit.blame.families`).

A slice that has changed since a day is looked for, too: its rows from then on against all others of it, those of the
reference and of the days before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisle.audit.blame.choosing import one_after_the_other
from aisle.audit.blame.comparing import Changes, Comparison, Left
from aisle.audit.blame.families import discovered
from aisle.audit.blame.slices import LEVEL, SINCE, SLICES, UNKNOWN, Blamed, texts_of
from aisle.audit.blame.slices import slices_of as _slices_of
from aisle.audit.blame.telling import telling_rows
from aisle.audit.blame.timing import TIMES, Candidates
from aisle.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

LEAST_EVIDENCE = 3.0


def blame_shift(
    reference: pd.DataFrame,
    window: pd.DataFrame,
    columns: Sequence[str] = (),
    slices: Sequence[str] = SLICES,
    pairs: Sequence[tuple[str, str]] = (),
    level: float = LEVEL,
    most: int = 10,
) -> list[Blamed]:
    """The slices that explain how the window differs from the reference, the one that explains most first.

    Parameters
    ----------
    reference, window : DataFrame
        Columns of the slices, `columns`, perhaps `weight` (1 where missing), and in the window `product_id`. A slice
        is compared by its share where both have its column; `day` and `model_version` by `columns` alone, against
        the whole reference.
    columns : sequence of str
        What describes a product or its prediction: numbers (`title_length`, `confidence`; a missing one is left
        out), or text (`language`), whose common values are looked at one by one.
    slices, pairs : sequences
        Slices to look at.
    level : float in (0, 1)
        Share of false discoveries: slices with a q-value at most this are blamed.
    most : int
        How many slices at most.

    Returns
    -------
    list of Blamed
        `change` says what: `share`, or a column. Each explains what those before it leave.

    Raises
    ------
    DataError
        Where neither frame has any of the columns.
    """
    import pandas as pd

    if not len(reference) or not len(window):
        return []
    known = [one for one in columns if one in reference and one in window]
    both = pd.concat([reference, window], ignore_index=True, sort=False)
    is_window = np.arange(len(both)) >= len(reference)
    if "day" in both:
        both["day"] = texts_of(both["day"]).where(is_window, UNKNOWN)  # the reference is of before, whatever its days
    held = [one for one in slices if one in window]
    found = _slices_of(both, [one for one in held if one not in TIMES], pairs)
    if not held and not known:
        raise DataError(f"blame of a shift: none of the columns {', '.join([*slices, *columns])} is in both frames")
    candidates = Candidates(found, both, held, inside=(SINCE,))
    selection = _Selection(Comparison(candidates, both, is_window, known), level)
    steps = one_after_the_other(selection, most, LEAST_EVIDENCE)
    return [selection.blamed(number, evidence) for number, evidence in steps]


class _Selection:
    """Changes as flat numbers: number of the mark + 1 (0 for shares) · m + candidate."""

    def __init__(self, comparison: Comparison, level: float):
        self.comparison, self.candidates = comparison, comparison.candidates
        self.first: Changes = comparison.changes()
        self.many = len(self.candidates)
        self.same = self.candidates.same_rows(across=False)
        tested = self.first.tested.ravel()
        inside = np.tile(self.candidates.inside, len(self.first.tested))
        self.q_value = discovered(self.first.p_value.ravel(), tested, inside, "by")
        own = np.tile(self.same == np.arange(self.many), len(self.first.tested))
        self.found = tested & own & (self.q_value <= level)

    def _of(self, number: int) -> tuple[int, int]:
        """Candidate and mark of a change."""
        return number % self.many, number // self.many - 1

    def evidence(self, before: Sequence[int]) -> NDArray[np.float64]:
        """Of all changes, once those `before` explain their rows; none is left of their slices."""
        if not before:
            return self.first.evidence.ravel()
        every = np.ones(len(self.comparison.both), dtype=bool)
        left, gone = Left(every, every), np.zeros(self.many, dtype=bool)
        for number in before:
            candidate, mark = self._of(number)
            left = left.without(mark, self.candidates.members(candidate))
            base = self.candidates.base
            gone |= (base == base[candidate]) & (base > 0)
            gone[candidate] = True
        found = self.comparison.changes(left, [self._of(number)[0] for number in before]).evidence
        return np.where(gone, -np.inf, found).ravel()

    def parts(self, number: int) -> NDArray[np.bool_]:
        """Slices that changed in the same way at the same time, for a change of all rows."""
        candidate, mark = self._of(number)
        found = np.zeros_like(self.first.tested)
        found[mark + 1] = self.candidates.parts(candidate)
        return np.asarray(found.ravel() & self.found)

    def allowed(self, before: Sequence[int]) -> NDArray[np.bool_]:
        """All that are found, whatever stands `before` them."""
        return np.asarray(self.found)

    def covered(self, number: int, parts: Sequence[int]) -> float:
        """Share of the rows of a time that are of its `parts`."""
        return self.candidates.covered(self._of(number)[0], [self._of(one)[0] for one in parts])

    def blamed(self, number: int, evidence: float) -> Blamed:
        """For people."""
        comparison, candidates = self.comparison, self.candidates
        candidate, mark = self._of(number)
        inside = candidates.members(candidate) & comparison.is_window
        rate, expected = comparison.rates(candidate, mark)
        column, value = candidates.slice(candidate)
        since, within = candidates.when(candidate)
        return Blamed(
            column=column,
            value=value,
            rows=int(inside.sum()),
            share_explained=float(self.first.share_explained.ravel()[number]),
            rate=rate,
            expected_rate=expected,
            p_value=float(self.first.p_value.ravel()[number]),
            q_value=float(self.q_value[number]),
            products=telling_rows(comparison.both[inside], comparison.places(mark)[inside]),
            change=comparison.what(mark),
            evidence=evidence,
            same=candidates.others(candidate, self.same),
            since=since,
            within=within,
        )
