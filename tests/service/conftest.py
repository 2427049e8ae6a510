"""The little shop behind the service, learnt once for all tests of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisle.catalogue.taxonomy import Category, Taxonomy
from aisle.decision.policy import Policy
from aisle.model.candidates import make_candidate
from aisle.model.categorizer import Categorizer
from service.engine import Engine
from tests.aisle.model.shop import BRANCH_OF, WORDS, shop
from tests.service.asking import package

_EXPECTED = ("coverage", "coverage_low", "coverage_high", "accuracy", "accuracy_low", "accuracy_high", "rows")


@pytest.fixture(scope="session")
def categorizer() -> Categorizer:
    """The candidate on all fields, fitted on 600 products."""
    train = shop(600)
    candidate = make_candidate("linear_fields", {}, BRANCH_OF)
    return candidate.fit(train, train["category_id"], train["weight"], train["fold"])


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    """The tree of the little shop."""
    branches = [Category(branch, None, branch.title()) for branch in WORDS]
    return Taxonomy([*branches, *(Category(leaf, branch, leaf.title()) for leaf, branch in BRANCH_OF.items())])


@pytest.fixture(scope="session")
def policy() -> Policy:
    """Automatic where sure, but never for kites, nor in any category of home."""
    thresholds = {"home": None, "rest": 0.6}
    expected = dict.fromkeys(_EXPECTED, 0.9)
    return Policy(
        "target_accuracy", 0.9, 0.95, "holdout", None, thresholds, ("kite",), expected, "leaf", 0.5, 0.9
    )  # fmt: skip


@pytest.fixture(scope="session")
def engine(categorizer: Categorizer, policy: Policy, taxonomy: Taxonomy) -> Engine:
    """What answers in most tests."""
    identity = {"model_name": "aisle", "model_version": "7", "policy_id": policy.policy_id, "bento_tag": "aisle:abc"}
    return Engine(categorizer, policy, taxonomy, identity)


@pytest.fixture(scope="session")
def packaged(
    categorizer: Categorizer, policy: Policy, taxonomy: Taxonomy, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same as a packaged model; only to be read."""
    return package(tmp_path_factory.mktemp("packaged"), categorizer, policy, taxonomy)
