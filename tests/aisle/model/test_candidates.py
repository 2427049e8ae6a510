"""Parameters of candidates are checked by name, type and range."""

from __future__ import annotations

from typing import Any

import pytest

from aisle.errors import ConfigurationError
from aisle.model.candidates import make_candidate


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("linear_titel", {}, "did you mean linear_title"),
        ("linear_title", {"strenght": 1.0}, "did you mean strength"),
        ("linear_title", {"strength": 0.0}, "must lie in"),
        ("linear_title", {"kept": 1.5}, "must lie in"),
        ("hashed_network", {"buckets": 1024.5}, "a whole number"),
        ("hashed_network", {"epochs": True}, "a whole number"),
        ("naive_bayes", {"smoothing": "much"}, "a number"),
    ],
)
def test_wrong_parameters_are_named(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make_candidate(name, parameters, {})


def test_parameters_reach_the_estimator() -> None:
    categorizer = make_candidate("hashed_network", {"buckets": 64, "hidden_units": 8, "epochs": 2}, {})
    assert categorizer.classifier[0].buckets == 64
    assert categorizer.classifier[1].epochs == 2
