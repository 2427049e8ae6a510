from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from aisle.model.picking import Picked


@given(
    rows=st.integers(0, 6),
    width=st.integers(1, 12),
    density=st.floats(0, 1),
    seed=st.integers(0, 2**20),
    data=st.data(),
)
def test_the_same_entries_in_the_same_order_as_scipy_picks(rows, width, density, seed, data):
    columns = np.array(sorted(data.draw(st.sets(st.integers(0, width - 1)))), dtype=np.intp)
    X = sparse.csr_array(sparse.random(rows, width, density, format="csr", dtype=np.float32, rng=seed))
    picked, expected = Picked(columns, width).of(X), sparse.csr_array(X[:, columns])
    assert picked.shape == expected.shape
    np.testing.assert_array_equal(picked.indptr, expected.indptr)
    np.testing.assert_array_equal(picked.indices, expected.indices)
    np.testing.assert_array_equal(picked.data, expected.data)
