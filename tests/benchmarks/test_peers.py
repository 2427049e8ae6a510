from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aisle.config import Parameters
from benchmarks import results
from benchmarks.catalogues import CATALOGUES
from benchmarks.peers import __main__ as peers
from benchmarks.peers.measuring import (
    FIGURES,
    Measured,
    chance_ece,
    coverage_gain_low,
    in_batches,
    one_core,
    weighted_f1_of_levels,
)
from benchmarks.peers.methods import PEERS, LinearFields, OnText, linear_titles
from benchmarks.peers.suspects import suspects_recall
from benchmarks.peers.tasks import Task, task


@pytest.fixture(scope="module")
def small() -> Task:
    return task("small_sample", Parameters())


def test_a_quick_run_measures_all_and_touches_nothing_tracked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["peers", "--quick"])
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    monkeypatch.setattr(results, "QUICK_FOLDER", tmp_path / "elsewhere")
    peers.main()
    rows = json.loads((tmp_path / "elsewhere" / "peers.json").read_text())
    assert not (tmp_path / "results").exists()
    value = {row["id"]: row["value"] for row in rows}
    assert {row["reach"] for row in rows} == {None}  # a small catalogue has no aims
    for prefix in ("small_sample", *(f"small_sample.peer.{peer}" for peer in peers.QUICK_PEERS)):
        assert {f"{prefix}.{figure}" for figure in FIGURES} <= set(value)
        assert 0.65 < value[f"{prefix}.accuracy"] < 0.95
        assert 0 < value[f"{prefix}.gap"] < 0.15
        falling = [value[f"{prefix}.coverage_{target}"] for target in (90, 95, 98, 99)]
        assert falling == sorted(falling, reverse=True)
    # What must hold of any model worth its name, however small the catalogue.
    assert value["small_sample.accuracy"] > value["small_sample.peer.naive_bayes.accuracy"]
    assert value["small_sample.ece"] < value["small_sample.peer.linear_titles.ece"]
    assert value["small_sample.suspects_recall"] > 0.3
    assert "small sample: fastText: accuracy" in capsys.readouterr().out


def test_a_full_run_holds_every_aim() -> None:
    ids = {f"{catalogue}.{figure}" for catalogue in peers.CATALOGUES for figure in FIGURES}
    beside = {"wdc.coverage_98_gain_low", "wdc.fit_ratio", "wdc.branch_accuracy_titles", "sample.suspects_recall"}
    assert set(peers.REACH) <= ids | beside
    assert set(peers.CATALOGUES) <= set(CATALOGUES)
    assert {peers.QUICK_CATALOGUE} & set(peers.CATALOGUES) == set()


@pytest.mark.parametrize("name", sorted(PEERS))
def test_every_peer_learns_and_is_sure_within_bounds(name: str, small: Task) -> None:
    category_id, confidence = PEERS[name][1]().fit(small.train).answer(small.test)
    assert np.mean(category_id == small.truth) > 0.6
    assert ((confidence > 0) & (confidence <= 1)).all()
    assert set(category_id) <= set(small.train["category_id"])


def test_a_linear_machine_on_two_categories_has_a_confidence() -> None:
    titles = ["red shoe", "blue shoe", "oak table", "pine table"] * 3
    machine = linear_titles().fit_texts(titles, np.array(["shoes", "shoes", "tables", "tables"] * 3))
    assert isinstance(machine, OnText)
    category_id, confidence = machine.answer_texts(["green shoe", "table"])
    assert category_id.tolist() == ["shoes", "tables"]
    assert (confidence > 0.5).all()


def test_all_fields_do_without_those_that_are_empty(small: Task) -> None:
    bare = small.train.assign(description=None, seller_category=None)
    method = LinearFields().fit(bare)
    assert [name for name, _ in method.parts] == ["title"]
    assert len(method.answer(small.test)[0]) == len(small.test)


def test_products_are_learnt_or_asked_and_groups_never_straddle(small: Task) -> None:
    trial = task("small_sample", Parameters(), "calibration")
    for one in (small, trial):
        assert not set(one.train["group"]) & set(one.test["group"])
    held_back = set(trial.test["product_id"])
    assert held_back <= set(small.train["product_id"])  # what calibrates in a run is learnt from here
    assert set(trial.train["product_id"]) | held_back <= set(small.train["product_id"])
    assert not set(small.test["product_id"]) & (held_back | set(trial.train["product_id"]))


def test_answers_in_batches_keep_their_order_and_have_a_time(small: Task) -> None:
    products = pd.concat([small.test] * 6, ignore_index=True).head(1200)
    sizes: list[int] = []

    def answer(batch: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        sizes.append(len(batch))
        return batch["product_id"].to_numpy(dtype=str), np.ones(len(batch))

    before = os.sched_getaffinity(0)
    with one_core():
        assert len(os.sched_getaffinity(0)) == 1
        (ids, _), micros = in_batches(answer, products)
    assert os.sched_getaffinity(0) == before
    assert sizes == [1000, 200]
    assert ids.tolist() == products["product_id"].tolist()
    assert micros > 0


def test_levels_above_forgive_a_mistake_within_the_branch(small: Task) -> None:
    answered = small.truth.copy()
    sisters = [leaf for leaf in small.taxonomy.leaves if small.branch_of[leaf] == small.branch_of[answered[0]]]
    answered[0] = next(leaf for leaf in sisters if leaf != answered[0])
    branch, *_, leaf = weighted_f1_of_levels(small, answered)
    assert branch == 1.0
    assert 0.95 < leaf < 1.0


def measured(confidence: np.ndarray, right: np.ndarray) -> Measured:
    return Measured(np.array(["a"] * len(right)), confidence, right, {})


def test_the_gain_is_certain_only_where_the_ordering_is_better() -> None:
    generator = np.random.default_rng(0)
    right = generator.random(800) < 0.85
    good = measured(np.where(right, 0.9, 0.4) + 0.1 * generator.random(800), right)
    blind = measured(generator.random(800), right)
    even = np.ones(800)
    assert coverage_gain_low(good, blind, 0.98, even, resamples=200) > 0.5
    assert coverage_gain_low(blind, good, 0.98, even, resamples=200) < -0.5
    assert coverage_gain_low(good, good, 0.98, even, resamples=200) == 0


def test_chance_alone_gives_a_small_sample_a_calibration_error() -> None:
    confidence = np.random.default_rng(0).uniform(0.5, 1, 6000)
    few, many = (chance_ece(confidence[:n], np.ones(n)) for n in (300, 6000))
    assert 0.04 < few < 0.1
    assert many < few / 3


def test_suspects_are_found_among_twice_as_many() -> None:
    ids = [f"p{row}" for row in range(40)]
    train = pd.DataFrame({"product_id": ids, "category_id": ["a"] * 40})
    scores = pd.DataFrame({"product_id": ids, "category_id": ["a"] * 40, "confidence": [0.9] * 40})
    scores["top_categories"] = [["a", "b"]] * 40
    scores["top_probabilities"] = [[0.9, 0.1]] * 40
    for row in (5, 6, 7):
        scores.at[row, "category_id"] = "b"
        scores.at[row, "top_categories"] = ["b", "a"]
    planted = pd.DataFrame({"product_id": ["p5", "p30", "p8"], "planted_category_id": ["a", "a", "b"]})
    recall, wrong = suspects_recall(scores, train, planted, error_rate=0.05)
    assert wrong == 2  # p8 trains on another label than the one that was planted
    assert recall == 0.5  # p30 looks as right as any
