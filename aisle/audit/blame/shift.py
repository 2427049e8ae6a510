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
by Benjamini & Yekutieli's procedure (2001), which allows any dependence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import false_discovery_control

from aisle.audit.blame.comparing import Change, Comparison, Left
from aisle.audit.blame.slices import LEVEL, SLICES, Blamed, same_rows, slice_name
from aisle.audit.blame.slices import slices_of as _slices_of
from aisle.audit.blame.telling import telling_rows
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
    found = _slices_of(both, [one for one in slices if one in window], pairs)
    if len(found.codes) == 1 and not known:
        raise DataError(f"blame of a shift: none of the columns {', '.join([*slices, *columns])} is in both frames")
    comparison = Comparison(found, both, is_window, known)
    first = comparison.changes()
    p_value = np.array([one.p_value for one in first])
    if not len(p_value):
        return []
    q_value = dict(zip([one.key for one in first], false_discovery_control(p_value, method="by"), strict=True))
    same = same_rows(found, len(both))
    at_first = {one.key: one for one in first}
    chosen: list[Change] = []
    every = np.ones(len(both), dtype=bool)
    left = Left(every, every)
    while len(chosen) < most:
        changes = comparison.changes(left) if chosen else first
        gone = {one.slice for one in chosen}
        held = [
            one
            for one in changes
            if q_value.get(one.key, 1.0) <= level and same[one.slice] == one.slice and one.slice not in gone
        ]
        best = max(held, key=lambda one: one.evidence, default=None)
        if best is None or best.evidence <= LEAST_EVIDENCE:
            break
        chosen.append(best)
        left = left.without(best, found.members(best.slice))
    return [_blamed(comparison, at_first[one.key], one.evidence, float(q_value[one.key]), both, same) for one in chosen]


def _blamed(
    comparison: Comparison,
    change: Change,
    evidence: float,
    q_value: float,
    both: pd.DataFrame,
    same: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> Blamed:
    slices, number = comparison.slices, change.slice
    inside = slices.members(number) & comparison.is_window
    others = np.flatnonzero((same == number) & (np.arange(len(slices)) != number))
    rate, expected = comparison.rates(change)
    return Blamed(
        column=slices.columns[number],
        value=slices.values[number],
        rows=int(inside.sum()),
        share_explained=change.share_explained,
        rate=rate,
        expected_rate=expected,
        p_value=change.p_value,
        q_value=q_value,
        products=telling_rows(both[inside], comparison.places(change)[inside]),
        change=change.what,
        evidence=evidence,
        same=tuple(slice_name(slices.columns[one], slices.values[one]) for one in others),
    )
