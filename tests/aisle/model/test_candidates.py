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
        ("reranked", {"balance": 1.5}, "must lie in"),
        ("reranked", {"balance": -0.1}, "must lie in"),
        ("reranked", {"strength": 0}, "must lie in"),
        ("reranked", {"kept": "all"}, "a number"),
        ("reranked", {"candidates": 6}, "is not a parameter"),
    ],
)
def test_wrong_parameters_are_named(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make_candidate(name, parameters, {})


def test_parameters_reach_the_estimator() -> None:
    categorizer = make_candidate("hashed_network", {"buckets": 64, "hidden_units": 8, "epochs": 2}, {})
    assert categorizer.classifier[0].buckets == 64
    assert categorizer.classifier[1].epochs == 2


def test_parameters_reach_the_views() -> None:
    views = make_candidate("reranked", {"strength": 3, "kept": 0.5, "balance": 0}, {"sofa": "home"}, seed=7).classifier
    assert (views.strength, views.kept, views.balance, views.seed) == (3, 0.5, 0, 7)
    assert views.branch_of == {"sofa": "home"}
    assert set(views.text.views) >= {"title_words", "title_edges", "description_words"}
