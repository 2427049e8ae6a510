from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from aisle.catalogue.preparing import prepare
from aisle.catalogue.sample import write_sample
from aisle.catalogue.tables import read_table
from aisle.catalogue.taxonomy import read_taxonomy
from aisle.config import Split, Train
from aisle.errors import DataError
from aisle.model.candidates import make_candidate
from aisle.model.suspects import (
    LEAST_CERTAINTY,
    certainty_of,
    group_votes,
    judged,
    label_certainty,
    suspects,
    vote_strength,
)

CATEGORIES = ("hose", "spade", "pot", "car", "doll")


def frames(
    labels: list[str], scores: list[dict[str, float]], groups: list[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Out-of-fold scores and training rows; each of `scores` names the categories told, in any order."""
    ids = [f"p{row}" for row in range(len(labels))]
    told = [sorted(one.items(), key=lambda item: -item[1]) for one in scores]
    out_of_fold = pd.DataFrame(
        {
            "product_id": ids,
            "category_id": [one[0][0] for one in told],
            "confidence": [one[0][1] for one in told],
            "top_categories": [[name for name, _ in one] for one in told],
            "top_probabilities": [[value for _, value in one] for one in told],
        }
    )
    train = pd.DataFrame({"product_id": ids, "category_id": labels, "group": groups or ids})
    return out_of_fold, train


def plain(rows: int = 40) -> tuple[list[str], list[dict[str, float]]]:
    """Labels that their scores find likely."""
    labels = [CATEGORIES[row % 5] for row in range(rows)]
    return labels, [
        {one: 0.9, other: 0.08} for one, other in zip(labels, [*labels[1:], CATEGORIES[rows % 5]], strict=True)
    ]


@st.composite
def catalogues(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A few products with any labels, groups and scores of the best few categories."""
    rows = draw(st.integers(1, 12))
    labels = draw(st.lists(st.sampled_from(CATEGORIES), min_size=rows, max_size=rows))
    groups = draw(st.lists(st.sampled_from("abcdefgh"), min_size=rows, max_size=rows))
    scores = []
    for _ in range(rows):
        weights = draw(st.lists(st.floats(0.001, 1), min_size=6, max_size=6))
        names = draw(st.permutations(CATEGORIES))[: draw(st.integers(1, 5))]
        shares = np.sort(np.array(weights) / sum(weights))[::-1]  # the last share is nobody's
        scores.append(dict(zip(names, shares.tolist(), strict=False)))
    return frames(labels, scores, groups)


def dense(out_of_fold: pd.DataFrame, train: pd.DataFrame, strength: float) -> np.ndarray[Any, Any]:
    """P(label), by the whole table of all categories and one vote after the other."""
    names = sorted({*train["category_id"], *(one for listed in out_of_fold["top_categories"] for one in listed)})
    result = []
    for row, scored in enumerate(out_of_fold.itertuples()):
        told = dict(zip(scored.top_categories, scored.top_probabilities, strict=True))
        left = max(1 - sum(told.values()), 0) / max(len(names) - len(told), 1)
        logs = {name: np.log(told.get(name, max(min(left, *told.values(), 1), 1e-6))) for name in names}
        for other in range(len(train)):
            if other != row and train["group"][other] == train["group"][row]:
                logs[train["category_id"][other]] += strength
        total = np.logaddexp.reduce(list(logs.values()))
        result.append(np.exp(logs[train["category_id"][row]] - total))
    return np.array(result)


def test_a_label_that_the_models_find_improbable_comes_first() -> None:
    labels, scores = plain()
    scores[7] = {"spade": 0.999, labels[7]: 0.0001}
    scores[9] = {"car": 0.6, labels[9]: 0.2}
    rows = suspects(*frames(labels, scores))
    assert rows["product_id"].tolist() == ["p7", "p9"]
    assert rows["suggested_category_id"].tolist() == ["spade", "car"]
    assert rows["certainty"].is_monotonic_increasing
    assert rows.loc[7, "certainty"] < 0.5 < rows.loc[9, "certainty"]
    assert rows.index.tolist() == [7, 9]


def test_a_label_outside_the_best_categories_is_no_likelier_than_the_last_of_them() -> None:
    labels, scores = plain()
    scores[3] = {"hose": 0.5, "spade": 0.2, "pot": 0.1}  # the rest would give "car" 0.1 and "doll" 0.1
    scores[4] = {"hose": 0.5, "spade": 0.3, "pot": 0.001}
    rows = judged(*frames(labels, scores))
    assert rows.loc[3, "model_probability"] == pytest.approx(0.1)
    assert rows.loc[4, "model_probability"] == pytest.approx(0.001 / (0.5 + 0.3 + 3 * 0.001))


def test_the_group_clears_a_label_or_doubts_it() -> None:
    labels, scores = plain()
    doubted = {"spade": 0.99, "pot": 0.0005}
    labels[2], labels[12], labels[22], labels[32] = "pot", "pot", "pot", "spade"
    scores[2] = scores[12] = scores[22] = doubted
    scores[32] = {"spade": 0.99}
    groups = [f"g{row}" for row in range(40)]
    groups[12] = groups[2]  # both say pot
    groups[22] = groups[32]  # pot, and spade
    rows = judged(*frames(labels, scores, groups))
    alone = judged(*frames(labels, scores))
    assert (alone.loc[[2, 22], "model_probability"] == alone.loc[[2, 22], "label_probability"]).all()
    assert rows.loc[2, "certainty"] > alone.loc[2, "certainty"]
    assert rows.loc[22, "certainty"] <= alone.loc[22, "certainty"]
    assert rows.loc[22, "label_probability"] < alone.loc[22, "label_probability"]
    assert rows.loc[[2, 22], ["mates", "agreeing"]].to_numpy().tolist() == [[1, 1], [1, 0]]


def test_what_the_group_says_is_suggested() -> None:
    labels, scores = plain()
    scores[0] = {"spade": 0.5, "doll": 0.29, labels[0]: 0.2}
    groups = ["same", "same", "same", *(f"g{row}" for row in range(37))]
    labels[0], labels[1], labels[2] = "hose", "car", "car"
    groups[10:14], groups[20:23] = ["agreed"] * 4, ["alike"] * 3
    labels[10:14], labels[20:23] = ["pot"] * 4, ["doll"] * 3
    assert judged(*frames(labels, scores, groups)).loc[0, "suggested_category_id"] == "car"
    assert judged(*frames(labels, scores)).loc[0, "suggested_category_id"] == "spade"


def test_votes_are_counted_without_ones_own() -> None:
    votes = group_votes(np.array(["a", "a", "a", "b"], dtype=object), np.array([1, 1, 2, 1]))
    cast = sorted(zip(votes.row.tolist(), votes.category.tolist(), votes.votes.tolist(), strict=True))
    assert cast == [(0, 1, 1), (0, 2, 1), (1, 1, 1), (1, 2, 1), (2, 1, 2)]
    assert votes.mates.tolist() == [2, 2, 2, 0]
    assert votes.agreeing.tolist() == [1, 1, 0, 0]


def test_groups_that_do_not_agree_say_nothing() -> None:
    many = np.arange(600) // 2
    apart = group_votes(many, np.arange(600) % 2)
    together = group_votes(many, many % 2)
    assert vote_strength(apart, 2, 0.02) == 0
    assert vote_strength(together, 2, 0.02) == pytest.approx(np.log(0.98 / 0.02))  # no surer than labels are
    assert vote_strength(together, 200, 0.02) == pytest.approx(np.log(0.98 * 199 / 0.02))
    assert vote_strength(together, 1, 0.02) == 0


@given(catalogues(), st.floats(0.01, 0.3))
def test_the_sparse_sum_is_that_of_the_whole_table(
    catalogue: tuple[pd.DataFrame, pd.DataFrame], error_rate: float
) -> None:
    out_of_fold, train = catalogue
    rows = judged(out_of_fold, train, error_rate)
    names = {*train["category_id"], *(one for listed in out_of_fold["top_categories"] for one in listed)}
    codes = pd.factorize(train["category_id"])[0]
    strength = vote_strength(group_votes(train["group"].to_numpy(), codes), len(names), error_rate)
    np.testing.assert_allclose(rows["model_probability"], dense(out_of_fold, train, 0.0), rtol=1e-9)
    np.testing.assert_allclose(rows["label_probability"], dense(out_of_fold, train, strength), rtol=1e-9)
    assert (rows["suggested_category_id"] != rows["category_id"]).all()
    assert rows["certainty"].between(LEAST_CERTAINTY, 1).all()


@given(catalogues(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(catalogue: tuple[pd.DataFrame, pd.DataFrame], shuffler: Any) -> None:
    out_of_fold, train = catalogue
    order = list(range(len(train)))
    shuffler.shuffle(order)
    shuffled = label_certainty(out_of_fold.iloc[order], train.iloc[order])
    np.testing.assert_allclose(shuffled, label_certainty(out_of_fold, train)[order], rtol=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.001, 0.4))
def test_doubts_add_up_to_what_is_thought_wrong_and_rise_as_the_probability_falls(
    probability: list[float], error_rate: float
) -> None:
    given_labels = np.array(probability)
    certainty = certainty_of(given_labels, error_rate)
    assert certainty.min() >= LEAST_CERTAINTY
    assert certainty.max() <= 1
    assert (1 - certainty).mean() <= error_rate + 1e-6  # less only where a doubt was cut at the least certainty
    if certainty.min() > LEAST_CERTAINTY:
        assert (1 - certainty).mean() == pytest.approx(error_rate, abs=1e-6)
    assert (np.diff(certainty[np.argsort(given_labels)]) >= -1e-12).all()


def test_a_label_beyond_doubt_is_certain_whatever_the_scores() -> None:
    certainty = certainty_of(np.array([1e-9, 1e-9, 0.9, 0.9]), np.array([0.0, 0.02, 0.02, 0.0]))
    assert certainty[[0, 3]].tolist() == [1, 1]
    assert certainty[1] < certainty[2] < 1
    assert certainty_of(np.array([1e-9, 0.5]), 0).tolist() == [1, 1]


@pytest.mark.parametrize("error_rate", [-0.1, 1.0, float("nan")])
def test_an_error_rate_that_is_none(error_rate: float) -> None:
    with pytest.raises(ValueError, match=r"error rate does not lie in \[0, 1\)"):
        certainty_of(np.array([0.5]), error_rate)


def test_scores_of_other_products_are_refused() -> None:
    out_of_fold, train = frames(*plain())
    with pytest.raises(DataError, match="not those of the prepared training rows"):
        judged(out_of_fold[::-1], train)
    with pytest.raises(DataError, match="not those of the prepared training rows"):
        suspects(out_of_fold[:-1], train)


def test_no_rows_and_one_category() -> None:
    out_of_fold, train = frames(*plain())
    assert suspects(out_of_fold.head(0), train.head(0)).empty
    only = judged(*frames(["hose", "hose"], [{"hose": 1.0}, {"hose": 1.0}], ["a", "a"]))
    assert only["suggested_category_id"].tolist() == [None, None]
    assert suspects(*frames(["hose", "hose"], [{"hose": 1.0}, {"hose": 1.0}])).empty


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Out-of-fold scores and training rows of a small sample, and which labels were planted wrong."""
    folder = tmp_path_factory.mktemp("planted")
    truth_file = folder / "truth.parquet"
    write_sample(folder / "data", truth_file, products=3500, categories=60, branches=6, seed=11)
    return learnt(folder / "data", truth_file)


def learnt(data: Path, truth_file: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    taxonomy = read_taxonomy(data / "taxonomy.csv")
    train = prepare(read_table(data, "products"), read_table(data, "labels"), taxonomy, Split(), Train()).train
    model = make_candidate("linear_fields", {}, {leaf: taxonomy.branch_of(leaf) for leaf in taxonomy.leaves})
    with threadpool_limits(1):
        out_of_fold = model.cross_fit(train, train["category_id"], train["weight"], train["fold"])
    truth = pd.read_parquet(truth_file).set_index("product_id")["category_id"].reindex(train["product_id"])
    return out_of_fold, train, pd.Series(truth.to_numpy() != train["category_id"].to_numpy())


def test_planted_wrong_labels_are_found(planted: tuple[pd.DataFrame, pd.DataFrame, pd.Series]) -> None:
    out_of_fold, train, wrong = planted
    length = 2 * int(wrong.sum())
    rows = suspects(out_of_fold, train)
    found = wrong[rows.index[:length]].sum() / wrong.sum()
    naive = wrong[judged(out_of_fold, train)["model_probability"].nsmallest(length).index].sum() / wrong.sum()
    assert found >= 0.55  # a random list of that length holds 4 %
    assert found > naive
    assert wrong[rows.index].sum() >= 0.8 * wrong.sum()


def test_doubts_are_about_as_great_as_labels_are_wrong(planted: tuple[pd.DataFrame, pd.DataFrame, pd.Series]) -> None:
    out_of_fold, train, wrong = planted
    doubt = pd.Series(1 - label_certainty(out_of_fold, train))
    for low, high in ((0.0, 0.02), (0.02, 0.2), (0.2, 1.0)):
        band = doubt.between(low, high)
        assert 0.4 * wrong[band].sum() <= doubt[band].sum() <= 2.5 * wrong[band].sum() + 1
