"""The little shop, learnt once for all tests of the models."""

from __future__ import annotations

import pandas as pd
import pytest

from aisle.model.candidates import make_candidate
from aisle.model.categorizer import Categorizer
from tests.aisle.model.shop import BRANCH_OF, shop


@pytest.fixture(scope="session")
def train() -> pd.DataFrame:
    """600 labelled products."""
    return shop(600)


@pytest.fixture(scope="session")
def test() -> pd.DataFrame:
    """400 products that no model saw."""
    return shop(400, seed=1, noise=0.0)


@pytest.fixture(scope="session")
def fitted(train: pd.DataFrame) -> Categorizer:
    """The candidate on all fields, fitted."""
    candidate = make_candidate("linear_fields", {}, BRANCH_OF)
    return candidate.fit(train, train["category_id"], train["weight"], train["fold"])
