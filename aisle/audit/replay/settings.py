"""What is replayed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from aisle.config import Regime, Within, suggest
from aisle.errors import ConfigurationError

REGIMES: tuple[Regime, ...] = ("everything", "human", "mixed", "audited", "representative")
DRAWS_AUDITS: frozenset[Regime] = frozenset(("mixed", "audited", "representative"))
ReviewOrder = Literal["least_sure", "queue"]
assert set(REGIMES) == set(get_args(Regime))

_RANGES = {
    "target": Within(0, 1, open_low=True, open_high=True),
    "rounds": Within(1, 1000),
    "round_size": Within(20),
    "start": Within(50),
    "cap": Within(1),
    "audit_share": Within(0, 1, open_low=True),
    "person_error_rate": Within(0, 0.5, open_high=True),
    "folds": Within(2, 20),
    "min_labels": Within(0),
    "max_weight": Within(1),
}


@dataclass(frozen=True)
class ReplaySettings:
    """One experiment; every regime meets the same products, audits and slips of people.

    Attributes
    ----------
    target : float in (0, 1)
        Accuracy among automatic decisions that is asked for.
    rounds : int
        At most; fewer where the catalogue ends before.
    round_size, start : int
        Products a round; labels to begin with.
    cap : int
        Answers of people a round, of every kind.
    audit_share : float in (0, 1]
        Of all products, drawn at random: by the regimes that draw audits, and by the referee of the others.
    regimes : tuple of regimes
    seeds : tuple of int
        Each one is a repetition: another order of the shops (where there are no dates), other draws, other slips.
    candidate : str
        What is trained, one of `aisle.model.candidates.CANDIDATES`, with default parameters.
    person_error_rate : float in [0, 0.5)
        Of each answer of each person.
    certainty_weights : bool
        Labels weigh by how sure they are (`train.certainty_weights`).
    active_audits : bool
        Audit rates rise where the model is unsure (`rates.active_rates`); as many audits are to be expected.
    review_order : "least_sure" or "queue"
        Whom people review first. "queue": at random, as products came.
    folds : int
        Of the cross-fitting.
    min_labels : int
        A category with fewer training labels always goes to people.
    max_weight : float ≥ 1
        Where training weights are clipped (`train.max_weight`); thresholds and estimates never are.
    """

    target: float = 0.92
    rounds: int = 12
    round_size: int = 1000
    start: int = 1000
    cap: int = 300
    audit_share: float = 0.1
    regimes: tuple[Regime, ...] = REGIMES
    seeds: tuple[int, ...] = (0, 1, 2)
    candidate: str = "linear_title"
    person_error_rate: float = 0.02
    certainty_weights: bool = False
    active_audits: bool = False
    review_order: ReviewOrder = "least_sure"
    folds: int = 3
    min_labels: int = 5
    max_weight: float = 10.0

    def __post_init__(self) -> None:
        for name, within in _RANGES.items():
            if getattr(self, name) not in within:
                raise ConfigurationError(f"replay: {name} is {getattr(self, name)}; it must lie in {within}")
        for regime in self.regimes:
            if regime not in REGIMES:
                raise ConfigurationError(f"replay: '{regime}' is no regime{suggest(regime, REGIMES)}")
        for name in ("regimes", "seeds"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ConfigurationError(f"replay: {name} must be named, each once")
        if self.review_order not in get_args(ReviewOrder):
            raise ConfigurationError(
                f"replay: review_order is '{self.review_order}'{suggest(self.review_order, get_args(ReviewOrder))}"
            )

    @property
    def steps(self) -> int:
        """Rounds of all seeds and regimes together."""
        return len(self.seeds) * len(self.regimes) * self.rounds

    def record(self) -> dict[str, Any]:
        """As plain values, in a fixed order."""
        return dataclasses.asdict(self) | {"regimes": list(self.regimes), "seeds": list(self.seeds)}

    @classmethod
    def of_record(cls, content: Mapping[str, Any]) -> ReplaySettings:
        """From what `record` gave."""
        lists = {"regimes": tuple(content["regimes"]), "seeds": tuple(content["seeds"])}
        return cls(**{**content, **lists})
