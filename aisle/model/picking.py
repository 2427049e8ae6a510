"""Some columns of a sparse matrix, at the price of its entries: scipy's own way costs as much as it has columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


class Picked:
    """Columns to be picked out of matrices of `width` columns, again and again.

    Parameters
    ----------
    columns : array of int, rising
    width : int
    """

    def __init__(self, columns: NDArray[np.intp], width: int) -> None:
        self._place = np.full(width, -1, dtype=np.int32)
        self._place[columns] = np.arange(len(columns), dtype=np.int32)
        self._columns = len(columns)

    def of(self, X: sparse.csr_array) -> sparse.csr_array:
        """The same as `X[:, columns]`, entries in the same order; X is sparse of shape (n, width)."""
        places = self._place[X.indices]
        kept = places >= 0
        ends = np.append(0, np.cumsum(kept, dtype=np.int32))[X.indptr]
        return sparse.csr_array((X.data[kept], places[kept], ends), shape=(X.shape[0], self._columns))
