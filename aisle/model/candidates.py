"""The candidates: ways to categorise that compete on the same folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import Pipeline

from aisle.config import Within, suggest
from aisle.errors import ConfigurationError
from aisle.model.categorizer import Categorizer
from aisle.model.classifiers import FixedEpochs, SparseLinear, TreeClassifier
from aisle.model.text import HashedWords, ProductText
from aisle.model.views import Views

TITLE = {"title_words": 1.0, "title_characters": 1.0, "title_skeletons": 0.5, "title_roles": 2.0}
ALL_FIELDS = TITLE | {
    "description_words": 1.0,
    "seller_category_words": 0.7,
    "seller_category_characters": 0.5,
    "seller_characters": 0.25,
    "facts": 0.3,
}


def _hashed_network(branch_of: Mapping[str, str], seed: int, buckets: int, hidden_units: int, epochs: int) -> Pipeline:
    """Cleaned words hashed into buckets, a neural network: small, and the reference for all others."""
    return Pipeline([("text", HashedWords(buckets)), ("network", FixedEpochs(hidden_units, epochs, seed))])


def _naive_bayes(branch_of: Mapping[str, str], seed: int, smoothing: float) -> Pipeline:
    """Complement naive Bayes on the words of the title (Rennie, Shih, Teevan & Karger 2003)."""
    return Pipeline([("text", ProductText({"title_words": 1.0})), ("bayes", ComplementNB(alpha=smoothing))])


def _linear_title(branch_of: Mapping[str, str], seed: int, strength: float, kept: float) -> Pipeline:
    """A linear machine on words, characters and word skeletons of the title."""
    return Pipeline([("text", ProductText(TITLE)), ("linear", SparseLinear(strength, kept, seed))])


def _linear_fields(branch_of: Mapping[str, str], seed: int, strength: float, kept: float) -> Pipeline:
    """The same with description, the seller's own category, brand, price band and seller."""
    return Pipeline([("text", ProductText(ALL_FIELDS)), ("linear", SparseLinear(strength, kept, seed))])


def _linear_tree(branch_of: Mapping[str, str], seed: int, strength: float, kept: float) -> Pipeline:
    """All fields, first into a branch, then into a leaf of it."""
    tree = TreeClassifier(SparseLinear(strength, kept, seed), dict(branch_of))
    return Pipeline([("text", ProductText(ALL_FIELDS)), ("tree", tree)])


def _reranked(branch_of: Mapping[str, str], seed: int, strength: float, kept: float, balance: float) -> Views:
    """Several views of a product, and a re-ranker that weighs what they say."""
    text = ProductText(ALL_FIELDS | {"title_edges": 0.5})
    return Views(text, dict(branch_of), strength, kept, balance, seed)


_LINEAR = {"strength": (1.0, Within(0, open_low=True)), "kept": (0.3, Within(0, 1, open_low=True))}
# For each candidate: its maker, and each parameter with its default and range.
CANDIDATES: dict[str, tuple[Callable[..., Any], dict[str, tuple[Any, Within]]]] = {
    "hashed_network": (
        _hashed_network,
        {"buckets": (1024, Within(2)), "hidden_units": (256, Within(1)), "epochs": (12, Within(1))},
    ),
    "naive_bayes": (_naive_bayes, {"smoothing": (0.3, Within(0, open_low=True))}),
    "linear_title": (_linear_title, _LINEAR),
    "linear_fields": (_linear_fields, _LINEAR),
    "linear_tree": (_linear_tree, _LINEAR),
    "reranked": (_reranked, _LINEAR | {"strength": (2.0, Within(0, open_low=True)), "balance": (0.25, Within(0, 1))}),
}


def make_candidate(
    name: str,
    parameters: Mapping[str, Any],
    branch_of: Mapping[str, str],
    copies_of_rare: int = 1,
    seed: int = 0,
    jobs: int = 1,
) -> Categorizer:
    """An unfitted categorizer of the kind `name`.

    Parameters
    ----------
    name : one of `CANDIDATES`
    parameters : its own parameters; those left out take their default
    branch_of : leaf to branch, from the taxonomy

    Raises
    ------
    ConfigurationError
        For an unknown candidate or parameter, a wrong type, or a number out of its range.
    """
    if name not in CANDIDATES:
        raise ConfigurationError(f"params.yaml: candidates.{name} is no candidate{suggest(name, CANDIDATES)}")
    maker, known = CANDIDATES[name]
    values = {parameter: default for parameter, (default, _) in known.items()}
    for parameter, value in parameters.items():
        where = f"params.yaml: candidates.{name}.{parameter}"
        if parameter not in known:
            raise ConfigurationError(f"{where} is not a parameter{suggest(parameter, known)}")
        default, within = known[parameter]
        if isinstance(value, bool) or not isinstance(value, (int, float) if isinstance(default, float) else int):
            raise ConfigurationError(
                f"{where} must be {'a number' if isinstance(default, float) else 'a whole number'}"
            )
        if value not in within:
            raise ConfigurationError(f"{where} is {value}; it must lie in {within}")
        values[parameter] = value
    return Categorizer(maker(branch_of, seed, **values), dict(branch_of), copies_of_rare, seed=seed, jobs=jobs)
