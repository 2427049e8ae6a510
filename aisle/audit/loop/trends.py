"""What changes over the days of a window: confidence against audited accuracy, and categories that grow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.stats import false_discovery_control

from aisle.audit.blame.errors import excess_p_value

LEAST_DAYS = 5
LEAST_AUDITS = 3  # of a category, for a word on whether audits contradict
_Floats = NDArray[np.float64]
_Texts = NDArray[np.object_]


class Slope(NamedTuple):
    """Change from the first to the last day along a fitted line, its interval, and p of "it does not rise"."""

    change: float
    low: float
    high: float
    p_value: float


def slope(day: _Floats, value: _Floats, weight: _Floats, level: float = 0.95) -> Slope:
    """Weighted line of `value` over `day`, shape (n,), with an error that lets days err together.

    Sandwich variance by day (Liang & Zeger 1986) with Student's t of days − 2 degrees of freedom: products of one day
    come together, and weights are probabilities of being drawn, not precision. (nan, −inf, inf, 1) below three days.
    """
    days, number = np.unique(day, return_inverse=True)
    many = days.size
    centred = day - np.average(day, weights=weight) if many else day
    spread = float((weight * centred**2).sum())
    if many < 3 or spread <= 0:
        return Slope(float("nan"), -np.inf, np.inf, 1.0)
    steep = float((weight * centred * value).sum()) / spread
    residual = value - np.average(value, weights=weight) - steep * centred
    pull = np.bincount(number, weights=weight * centred * residual)
    error = float(np.sqrt((pull**2).sum() * many / (many - 2))) / spread
    length = float(days[-1] - days[0])
    reach = float(special.stdtrit(many - 2, (1 + level) / 2)) * error
    p_value = float(special.stdtr(many - 2, -steep / error)) if error > 0 else (0.0 if steep > 0 else 1.0)
    return Slope(steep * length, (steep - reach) * length, (steep + reach) * length, p_value)


class Growing(NamedTuple):
    """A category that grows among automatic decisions while audits of it contradict.

    `share_before` and `share` are of all automatic decisions, then and now; `error` is the weighted share of its
    audits that found it wrong; `q_value` of both together, over all categories.
    """

    category_id: str
    share_before: float
    share: float
    error: float
    audits: int
    p_value: float
    q_value: float


def growing_categories(
    before: _Texts,
    before_weight: _Floats,
    now: _Texts,
    audited: _Texts,
    wrong: _Floats,
    weight: _Floats,
    limit: float,
    spread: float = 1.0,
) -> list[Growing]:
    """All categories with enough audits, the smallest q-value first.

    Two one-sided tests each, of which the larger p-value counts (Berger 1982): "its share did not grow" (of the two
    counts, given their sum; counts divided by `spread`), and "at most `limit` of its decisions are wrong". Over
    categories by Benjamini & Yekutieli (2001), since shares depend on each other negatively.

    Parameters
    ----------
    before, before_weight : arrays of shape (m,)
        Categories of earlier automatic decisions, and their weights.
    now : array of shape (n,)
        Of the window's automatic decisions.
    audited, wrong, weight : arrays of shape (a,)
        Of its answered audits: category that was decided, confirmed wrong (0, 1), 1 / audit_probability.
    limit : float in (0, 1)
        1 − target.
    spread : float ≥ 1
        How much more counts vary than those of independent products.
    """
    names, code = np.unique(np.concatenate([now, audited, before]).astype(str), return_inverse=True)
    if not now.size or not before.size or not audited.size:
        return []
    now_code, audited_code, before_code = np.split(code, [now.size, now.size + audited.size])
    count = np.bincount(audited_code, minlength=names.size)
    chosen = np.flatnonzero(count >= LEAST_AUDITS)
    if not chosen.size:
        return []

    def sums(codes: NDArray[np.int64], values: _Floats) -> _Floats:
        return np.asarray(np.bincount(codes, weights=values, minlength=names.size), dtype=np.float64)[chosen]

    worth = float(before_weight.sum() ** 2 / (before_weight**2).sum())
    share_before = sums(before_code, before_weight) / before_weight.sum()
    share = sums(now_code, np.ones(now.size)) / now.size
    hits, hits_before = share * now.size / spread, share_before * worth / spread
    part = now.size / (now.size + worth)
    grown = np.where(hits > 0, special.betainc(np.maximum(hits, 1e-12), hits_before + 1, part), 1.0)
    ones = (np.ones(audited.size), weight, weight * wrong, weight**2, weight**2 * wrong)
    parts = [sums(audited_code, one) for one in ones]
    contradicted = excess_p_value(parts[0], parts[1], parts[2], parts[3], parts[4], weight.max(), limit)
    p_value = np.maximum(grown, contradicted)
    q_value = false_discovery_control(p_value, method="by")
    found = [
        Growing(str(names[one]), float(a), float(b), float(c), int(count[one]), float(p), float(q))
        for one, a, b, c, p, q in zip(chosen, share_before, share, parts[2] / parts[1], p_value, q_value, strict=True)
    ]
    return sorted(found, key=lambda one: (one.q_value, one.p_value, one.category_id))
