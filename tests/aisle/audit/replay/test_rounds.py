from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aisle.audit.replay.asking import Asked, Decided, drawn
from aisle.audit.replay.order import Known, cut_into_rounds, in_order
from aisle.audit.replay.regimes import Taught
from aisle.audit.replay.results import Round
from aisle.audit.replay.rounds import first_taught, play
from aisle.audit.replay.settings import DRAWS_AUDITS, REGIMES, ReplaySettings
from aisle.config import Regime
from aisle.errors import ConfigurationError

SEED = 3
Seen = tuple[Decided, Asked, Taught]


@pytest.fixture(scope="module")
def first(undated: Known, settings: ReplaySettings) -> Taught:
    return first_taught(undated, settings, SEED)


@pytest.fixture(scope="module")
def games(undated: Known, settings: ReplaySettings, first: Taught) -> dict[Regime, tuple[list[Round], list[Seen]]]:
    return {regime: played(undated, settings, regime, first) for regime in REGIMES}


def played(
    known: Known, settings: ReplaySettings, regime: Regime, first: Taught | None = None
) -> tuple[list[Round], list[Seen]]:
    seen: list[Seen] = []
    return list(play(known, settings, regime, SEED, first, lambda *shown: seen.append(shown))), seen


@pytest.mark.parametrize("regime", REGIMES)
def test_the_cap_is_never_exceeded(games: Any, settings: ReplaySettings, regime: Regime) -> None:
    rounds, _ = games[regime]
    assert [one.round for one in rounds] == [1, 2, 3]
    assert all(0 < one.spent <= settings.cap for one in rounds)
    assert all((one.answers["audit"] > 0) == (regime in DRAWS_AUDITS) for one in rounds)


def test_every_regime_trains_on_its_own_labels_alone(games: Any) -> None:
    origins = {regime: set(rounds[-1].labels_by_origin) for regime, (rounds, _) in games.items()}
    assert origins == {
        "everything": {"import", "review", "model"},
        "human": {"import", "review"},
        "mixed": {"import", "review", "audit"},
        "audited": {"import", "audit"},
        "representative": {"import", "review", "audit"},
    }
    assert games["everything"][0][-1].model_label_share > 0.3
    assert games["representative"][0][-1].model_label_share == 0


def test_whatever_the_regime_the_first_round_is_decided_by_the_same_model(games: Any) -> None:
    scores = [seen[0][0].suggested.confidence for _, seen in games.values()]
    assert all((one == scores[0]).all() for one in scores)


@pytest.mark.parametrize("regime", ["everything", "human"])
def test_what_the_referee_audits_reaches_no_model(
    undated: Known, settings: ReplaySettings, first: Taught, games: Any, regime: Regime
) -> None:
    """With a referee who looks at everything, nothing changes but what he says."""
    rounds, _ = played(undated, replace(settings, audit_share=1.0), regime, first)
    before, seen_before = games[regime]
    what_he_says = dict.fromkeys(("audited", "estimate", "low", "high", "alarm", "alarm_round", "alarm_audits"))
    assert [replace(one, **what_he_says) for one in rounds] == [replace(one, **what_he_says) for one in before]
    assert [one.audited for one in rounds] == [one.automatic for one in rounds]
    for (decided, asked, _), (_, _, taught) in pairwise(seen_before):
        refereed = drawn(decided.product_id, np.full(len(decided.products), settings.audit_share), "aisle replay 3")
        unasked = decided.product_id[refereed & ~asked.answered]
        labels = taught.labels.set_index("product_id")["origin"]
        assert len(unasked) > 0
        assert not labels.reindex(unasked).isin(["audit"]).any()
        if regime == "human":
            assert not labels.index.isin(unasked).any()


def test_no_model_sees_the_right_category_of_a_product_that_nobody_answered(
    undated: Known, settings: ReplaySettings, first: Taught, games: Any
) -> None:
    """Other truths of unanswered products change what is true, and nothing of what is decided, asked or learnt."""
    _, seen = games["everything"]
    unasked = np.concatenate([decided.product_id[~asked.answered] for decided, asked, _ in seen])
    leaves = sorted(undated.branch_of)
    moved = undated.products["category_id"].map(dict(zip(leaves, [*leaves[1:], leaves[0]], strict=True)))
    products = undated.products
    lied = products["category_id"].where(~products["product_id"].isin(unasked), moved)
    rounds, other = played(replace(undated, products=products.assign(category_id=lied)), settings, "everything", first)
    for (decided, asked, _), (same, asked_same, _) in zip(seen, other, strict=True):
        assert (decided.suggested.confidence == same.suggested.confidence).all()
        assert (decided.automatic == same.automatic).all()
        assert (asked.final == asked_same.final).all()
    assert rounds[-1].flow_accuracy < games["everything"][0][-1].flow_accuracy


@pytest.mark.parametrize("regime", REGIMES)
def test_no_product_is_scored_by_a_model_that_had_its_label(games: Any, regime: Regime) -> None:
    for decided, _, taught in games[regime][1]:
        assert not set(decided.product_id) & set(taught.labels["product_id"])


@pytest.mark.parametrize("regime", REGIMES)
def test_a_round_says_what_happened(games: Any, regime: Regime) -> None:
    for one, (decided, asked, taught) in zip(*games[regime], strict=True):
        right, automatic = decided.right, decided.automatic
        assert one.automatic == automatic.sum() == round(one.coverage * one.products)
        assert one.true_accuracy == (right[automatic].mean() if automatic.any() else None)
        assert one.flow_accuracy == (asked.final == decided.truth).mean() >= one.accuracy_all - 0.02
        assert one.left_over == (~automatic & ~asked.answered).sum()
        assert sum(one.labels_by_origin.values()) == len(taught.labels)
        assert 0 <= one.oracle_coverage <= 1
        if one.audited:
            assert one.low <= one.estimate <= one.high
        assert one.alarm == (one.alarm_round is not None)


def test_the_best_threshold_is_known_with_hindsight_alone(games: Any, settings: ReplaySettings) -> None:
    for one, (decided, _, _) in zip(*games["audited"], strict=True):
        sure = decided.suggested.confidence[decided.allowed]
        right = decided.right[decided.allowed]
        coverages = [0.0] + [
            (sure >= limit).sum() / one.products for limit in sure if right[sure >= limit].mean() >= settings.target
        ]
        assert one.oracle_coverage == pytest.approx(max(coverages))


@pytest.mark.parametrize("change", [{"certainty_weights": True}, {"active_audits": True}, {"review_order": "queue"}])
def test_options_play_to_the_end(undated: Known, settings: ReplaySettings, first: Taught, change: Any) -> None:
    for regime in ("everything", "representative"):
        rounds, _ = played(undated, replace(settings, rounds=2, **change), regime, first)
        assert len(rounds) == 2
        assert all(one.spent <= settings.cap for one in rounds)


def test_dated_products_are_played_in_time(known: Known, settings: ReplaySettings) -> None:
    _, seen = played(known, settings, "representative")
    _, rounds = cut_into_rounds(in_order(known, SEED), settings)
    for (decided, _, _), products in zip(seen, rounds, strict=True):
        pd.testing.assert_frame_equal(decided.products, products)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"target": 1.5}, "target is 1.5"),
        ({"regimes": ("all",)}, "'all' is no regime"),
        ({"seeds": ()}, "seeds must be named"),
        ({"seeds": (1, 1)}, "each once"),
        ({"review_order": "random"}, "review_order"),
        ({"cap": 0}, "cap is 0"),
    ],
)
def test_impossible_settings_are_refused(wrong: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ReplaySettings(**wrong)
