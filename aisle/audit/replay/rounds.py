"""One regime, one round after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.audit.replay.asking import Asked, Decided, ask, drawn, model_labels
from aisle.audit.replay.order import Known, cut_into_rounds, in_order
from aisle.audit.replay.people import People
from aisle.audit.replay.rates import FLOOR, audit_chances
from aisle.audit.replay.referee import Watch, Watched
from aisle.audit.replay.regimes import Taught, start_labels, teach
from aisle.audit.replay.results import Round
from aisle.audit.replay.settings import DRAWS_AUDITS, ReplaySettings
from aisle.audit.replay.thresholds import Choice, choose
from aisle.config import Regime
from aisle.decision.selective import coverage_at

_Bools = NDArray[np.bool_]
_Floats = NDArray[np.float64]


def first_taught(known: Known, settings: ReplaySettings, seed: int) -> Taught:
    """The model of the first round, which is the same for every regime: all of them begin with the same labels."""
    start, _ = cut_into_rounds(in_order(known, seed), settings)
    return teach(known, start_labels(start), "human", settings, seed)


def play(
    known: Known,
    settings: ReplaySettings,
    regime: Regime,
    seed: int,
    first: Taught | None = None,
    look: Callable[[Decided, Asked, Taught], None] | None = None,
) -> Iterator[Round]:
    """The rounds of one regime.

    Parameters
    ----------
    first : Taught, optional
        What `first_taught` gave, to save a fit.
    look : function, optional
        Is shown what was decided, asked and learnt in each round; for trials.

    Raises
    ------
    DataError
        For a catalogue that is too small.
    """
    start, rounds = cut_into_rounds(in_order(known, seed), settings)
    game = _Game(known, settings, regime, seed, start)
    taught = first if first is not None else first_taught(known, settings, seed)
    for number, products in enumerate(rounds, 1):
        if number > 1:
            taught = game.taught()
        choice = choose(taught, regime, settings.target)
        decided = decide(products, taught, choice, str(number))
        chance = game.chances(taught, decided)
        asked = ask(
            decided,
            chance if regime in DRAWS_AUDITS else None,
            settings.cap,
            settings.review_order,
            game.people,
            game.key,
        )
        watched = game.watched(number, decided, asked, chance)
        yield game.round(number, decided, asked, taught, choice, watched)
        if look is not None:
            look(decided, asked, taught)
        game.learn(decided, asked)


def decide(products: pd.DataFrame, taught: Taught, choice: Choice, version: str) -> Decided:
    """Score the products of a round, and decide those that are sure enough; the right categories are not looked at."""
    suggested = taught.model.suggest(products.drop(columns="category_id"))
    allowed = ~np.isin(suggested.category_id, list(taught.always_review))
    sure = suggested.confidence >= (np.inf if choice.threshold is None else choice.threshold)
    return Decided(products, suggested, allowed & sure, allowed, version)


class _Game:
    """What one regime remembers from round to round."""

    def __init__(self, known: Known, settings: ReplaySettings, regime: Regime, seed: int, start: pd.DataFrame) -> None:
        self.known, self.settings, self.regime, self.seed = known, settings, regime, seed
        self.key = f"aisle replay {seed}"
        self.people = People(settings.person_error_rate, self.key)
        self.labels = start_labels(start)
        self.sure: dict[str, float] = {}  # how sure the model was of each of its labels
        self.right: dict[str, str] = {}  # of the model's labels, the right category: for the record alone
        least = settings.audit_share * (FLOOR if settings.active_audits else 1.0)
        self.watch = Watch(settings.target, least)
        self.last: Decided | None = None

    def taught(self) -> Taught:
        """The model of the next round."""
        sure = pd.Series(self.sure, dtype=np.float64) if self.sure else None
        return teach(self.known, self.labels, self.regime, self.settings, self.seed, sure)

    def chances(self, taught: Taught, decided: Decided) -> _Floats:
        """The chance of an audit, by the regime or the referee, of each product of the round."""
        share = self.settings.audit_share
        if not self.settings.active_audits or self.regime not in DRAWS_AUDITS:
            return np.full(len(decided.products), share)
        expected = taught.confidence if self.last is None else self.last.suggested.confidence
        return audit_chances(expected, decided.suggested.confidence, share, self.settings.round_size)

    def watched(self, number: int, decided: Decided, asked: Asked, chance: _Floats) -> Watched:
        """What audits say of the automatic decisions: the regime's own, or a referee's that nobody else sees."""
        if self.regime in DRAWS_AUDITS:
            seen, wrong, probability = asked.audited, asked.wrong, asked.audit_probability
        else:
            seen, wrong, probability = drawn(decided.product_id, chance, self.key), ~decided.right, chance
        rows = seen & decided.automatic
        smallest = float(probability.min())
        return self.watch.look(number, decided.product_id[rows], wrong[rows], probability[rows], smallest)

    def learn(self, decided: Decided, asked: Asked) -> None:
        """Keep the answers of people, and, where the regime takes them, the model's own."""
        parts = [self.labels, asked.labels]
        if self.regime == "everything":
            kept = ~asked.answered
            parts.append(model_labels(decided, kept))
            names = decided.product_id[kept].tolist()
            self.sure.update(zip(names, decided.suggested.confidence[kept].tolist(), strict=True))
            self.right.update(zip(names, decided.truth[kept].tolist(), strict=True))
        self.labels = pd.concat([part for part in parts if len(part)], ignore_index=True)
        self.last = decided

    def round(
        self, number: int, decided: Decided, asked: Asked, taught: Taught, choice: Choice, watched: Watched
    ) -> Round:
        """The record of a round."""
        right, automatic = decided.right, decided.automatic
        labels = taught.labels
        of_model = labels[(labels["origin"] == "model").to_numpy()]
        return Round(
            seed=self.seed,
            regime=self.regime,
            round=number,
            products=len(right),
            coverage=float(automatic.mean()),
            automatic=int(automatic.sum()),
            believed=choice.believed,
            true_accuracy=_mean(right[automatic]),
            oracle_coverage=oracle_coverage(decided, self.settings.target),
            flow_accuracy=float((asked.final == decided.truth).mean()),
            accuracy_all=float(right.mean()),
            threshold=choice.threshold,
            answers=dict(asked.spent),
            labels_by_origin={str(name): int(n) for name, n in labels["origin"].value_counts().sort_index().items()},
            model_label_share=len(of_model) / len(labels),
            model_labels_right=_mean((of_model["product_id"].map(self.right) == of_model["category_id"]).to_numpy()),
            left_over=int((~automatic & ~asked.answered).sum()),
            audited=watched.audited,
            estimate=watched.estimate,
            low=watched.low,
            high=watched.high,
            alarm=self.watch.alarm.alarmed,
            alarm_round=self.watch.alarm_round,
            alarm_audits=self.watch.alarm.alarm_at,
        )


def oracle_coverage(decided: Decided, target: float) -> float:
    """The coverage that the best threshold of all would give in this round: it knows every right category."""
    may = decided.allowed
    if not may.any():
        return 0.0
    return coverage_at(target, decided.suggested.confidence[may], decided.right[may]) * float(may.mean())


def _mean(values: _Bools) -> float | None:
    return float(values.mean()) if values.size else None
