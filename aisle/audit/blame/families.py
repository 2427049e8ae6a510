"""False discoveries among two families of slices: those by themselves, and the many that look inside a time.

Which time is looked into is chosen by the same rows, so that a test inside it is not valid on its own. Instead every
slice inside every time is tested, looked into or not, and the share of false discoveries is held down over the union of
both families: there is no selection that a test would have to allow for. Each family has half of the level, shared
out evenly among its slices: weights that do not depend on the outcome (Genovese, Roeder & Wasserman 2006, "False
discovery control with p-value weighting"), so that the large family costs a slice by itself no more than a factor of
two. Weighted p-values rise with each other as p-values do, so that the guarantee is that of the plain procedure: under
positive dependence for `bh`, under any for `by` (Blanchard & Roquain 2008, "Two simple sufficient conditions for FDR
control").
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

_Floats = NDArray[np.float64]
_Truths = NDArray[np.bool_]


def discovered(p_value: _Floats, tested: _Truths, inside: _Truths, method: Literal["bh", "by"] = "bh") -> _Floats:
    """The smallest share of false discoveries at which each would be found; 1 for those not tested.

    Parameters
    ----------
    p_value : array of shape (m,)
    tested : array of bool, shape (m,)
        May depend on how many rows a slice has, and not on their outcome.
    inside : array of bool, shape (m,)
        Those of the second family.
    """
    result = np.ones(p_value.shape)
    families = [family for family in (tested & inside, tested & ~inside) if family.any()]
    if not families:
        return result
    weighted = np.ones(p_value.shape)
    for family in families:
        weight = tested.sum() / (len(families) * family.sum())  # their mean is 1
        weighted[family] = np.minimum(p_value[family] / weight, 1.0)
    result[tested] = false_discovery_control(weighted[tested], method=method)
    return result
