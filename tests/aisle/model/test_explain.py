"""Explanations: faithful to the coefficients, labelled neighbours, and a reason for every doubt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from aisle.errors import DataError, ModelError
from aisle.model.candidates import CANDIDATES, make_candidate
from aisle.model.categorizer import Categorizer
from aisle.model.contributions import contributions
from aisle.model.explain import Explanation, explain
from aisle.model.reasons import SURE, Circumstances, confidence_if_usual, sentence, typical_signals
from aisle.model.reranking import evidence_of, scores_by
from aisle.model.scores import Known
from aisle.model.storage import load, save
from tests.aisle.model.shop import BRANCH_OF, WORDS, shop

PHRASES = sorted(phrase for leaves in WORDS.values() for phrases in leaves.values() for phrase in phrases)
FILLER = ["pro", "blue", "2 pack", "estella", "18v", "zzz", "for kids"]


@pytest.fixture(scope="module")
def reranked() -> Categorizer:
    rows = shop(900, seed=2)
    return make_candidate("reranked", {}, BRANCH_OF).fit(rows, rows["category_id"], rows["weight"], rows["fold"])


def margin_lead(categorizer: Categorizer, products: pd.DataFrame, category: str, rival: str) -> np.ndarray:
    said = categorizer.classifier_.opinions(products)["fields"]
    classes = list(categorizer.classes_)
    return np.asarray(said[:, classes.index(category)] - said[:, classes.index(rival)])


def full_products() -> pd.DataFrame:
    products = shop(40, seed=8).assign(brand=["Acme & Söhne", ""] * 20)
    products.loc[0, "title"] = "Fold-Out&nbsp;SOFA, (Estellá) drill for the 18V drill - <b>NEW</b>"
    return products.drop(columns=["category_id", "branch_id"])


def test_contributions_add_up_to_the_lead(reranked: Categorizer) -> None:
    products = full_products()
    views, machine = reranked.classifier_, reranked.classifier_.machines_["fields"]
    category, rival = np.full(40, 1), np.full(40, 5)
    said = contributions(views.text_, machine, products, category, rival)
    lead = margin_lead(reranked, products, *reranked.classes_[[1, 5]]) - (machine.intercept_[1] - machine.intercept_[5])
    np.testing.assert_allclose([sum(one.contribution for one in row) for row in said], lead, atol=1e-4)
    for row in said:
        assert len({(one.field, one.text) for one in row}) == len(row)
        assert [one.contribution for one in row] == sorted((one.contribution for one in row), reverse=True)


def test_people_read_words_and_whole_fields(reranked: Categorizer) -> None:
    products = full_products().head(1).assign(seller_category="Tools > Saws", price=12.5, description="a fine thing")
    views = reranked.classifier_
    (said,) = contributions(views.text_, views.machines_["fields"], products, np.array([1]), np.array([5]))
    title_words = {"fold-out", "sofa", "estella", "drill", "for", "the", "18v", "new", "-"}
    assert {one.text for one in said if one.field == "title"} <= title_words
    assert {"fold-out", "sofa", "estella", "drill"} <= {one.text for one in said if one.field == "title"}
    rest = {(one.field, one.text) for one in said if one.field not in ("title", "description")}
    assert rest <= {
        ("seller", products["seller"].iloc[0]),
        ("brand", "Acme & Söhne"),
        ("price", "12.50 EUR"),
        ("seller_category", "Tools > Saws"),
    }
    assert ("price", "12.50 EUR") in rest
    assert ("seller_category", "Tools > Saws") in rest


def test_without_its_strongest_word_a_category_leads_by_less(reranked: Categorizer) -> None:
    """Nearly always: what is left of a title weighs more once it is scaled to the same length."""
    titles = [f"{phrase} {filler} {other}" for phrase in PHRASES for filler in FILLER for other in PHRASES]
    found = explain(reranked, pd.DataFrame({"title": titles}))
    less = []
    for title, explained in zip(titles, found, strict=True):
        left = " ".join(word for word in title.split() if word != explained.spoke_for[0].text)
        both = pd.DataFrame({"title": [title, left]})
        before, after = margin_lead(reranked, both, explained.category_id, explained.rival_id)
        less.append(after < before)
    assert np.mean(less) > 0.95


def test_answers_are_those_of_the_score_frame(reranked: Categorizer) -> None:
    products = full_products()
    explained, scores = explain(reranked, products), reranked.score_frame(products)
    assert [one.category_id for one in explained] == list(scores["category_id"])
    assert [one.rival_id for one in explained] == [best[1] for best in scores["top_categories"]]
    np.testing.assert_allclose([one.confidence for one in explained], scores["confidence"])
    for one in explained:
        assert (one.reason is None) == (one.confidence >= SURE)
        assert all(voice.contribution > 0 for voice in one.spoke_for)
        assert all(voice.contribution < 0 for voice in one.spoke_against)


def test_nearest_are_labelled_and_sorted(reranked: Categorizer) -> None:
    labelled = shop(900, seed=2).set_index("product_id")
    for one in explain(reranked, full_products()):
        alike = [near.similarity for near in one.nearest]
        assert alike == sorted(alike, reverse=True)
        assert len(alike) <= 3
        assert all(0 < similarity <= 1 for similarity in alike)
        for near in one.nearest:
            assert near.title == labelled.loc[near.product_id, "title"]
            assert near.category_id == labelled.loc[near.product_id, "category_id"]


def test_long_ids_and_titles_of_labelled_products_are_clipped() -> None:
    rows = shop(200)
    rows["title"] = [f"{title}\n{'x' * 200} unique{row}" for row, title in enumerate(rows["title"])]
    model = make_candidate("reranked", {}, BRANCH_OF).fit(rows, rows["category_id"], fold=rows["fold"])
    (explained,) = explain(model, rows.iloc[[5]])
    assert explained.nearest
    assert all(len(one.title) == 120 and "\n" not in one.title for one in explained.nearest)


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_explains_what_it_can(name: str, train: pd.DataFrame, tmp_path: Path) -> None:
    model = make_candidate(name, {}, BRANCH_OF)
    model.fit(train, train["category_id"], train["weight"], train["fold"])
    titles = ["estella impact driver 18v nova", "", "zzz qqq www"]
    products = pd.DataFrame({"title": titles, "price": [None, 3.0, np.nan]})
    explained = explain(model, products)
    assert bool(explained[0].spoke_for) == (name not in ("hashed_network", "naive_bayes"))
    assert [bool(one.nearest) for one in explained] == [name == "reranked", False, False]
    assert all((one.reason is None) == (one.confidence >= SURE) for one in explained)
    save(model, tmp_path / "model.skops")
    assert explain(load(tmp_path / "model.skops"), products) == explained
    assert explain(model, products.head(0)) == []


def test_a_record_is_made_of_plain_values(reranked: Categorizer) -> None:
    (explained,) = explain(reranked, full_products().head(1))
    record = explained.record()
    assert set(record) == set(Explanation.__dataclass_fields__)
    assert set(record["spoke_for"][0]) == {"field", "text", "contribution"}
    assert set(record["nearest"][0]) == {"product_id", "title", "category_id", "similarity"}


def test_bad_input_is_one_line(reranked: Categorizer) -> None:
    with pytest.raises(DataError, match="no column title"):
        explain(reranked, pd.DataFrame({"name": ["drill"]}))
    old = Categorizer(reranked.classifier, {})
    old.__dict__.update({name: value for name, value in reranked.__dict__.items() if name != "typical_"})
    with pytest.raises(ModelError, match="dvc repro"):
        explain(old, pd.DataFrame({"title": ["drill"]}))


def test_typical_signals_are_those_of_right_and_sure_answers() -> None:
    signals = np.array([[1.0], [5.0], [7.0], [100.0]])
    right, confidence = np.array([True, True, True, False]), np.array([0.2, 0.8, 0.9, 0.99])
    assert typical_signals(signals, right, confidence) == [6.0]
    assert typical_signals(signals, ~np.ones(4, dtype=bool), confidence) == [6.0]


DOUBT = Circumstances(
    best=["saw", "lamp", "doll"],
    probability=[0.6, 0.01, 0.005],
    words=4,
    unseen_share=0.0,
    support=100,
    usual_support=80.0,
    nearest=("saw", 0.8),
    usual_similarity=0.6,
)
RAISED = {"rivals": 0.9, "views": 0.8, "likeness": 0.7, "seller": 0.6, "support": 0.5, "history": 0.4, "unknown": 0.95}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Looks like Saws, but less clearly than usual; lamp comes next"),
        ({"probability": [0.5, 0.4, 0.05]}, "Looks like two categories: Saws or lamp"),
        ({"probability": [0.3, 0.28, 0.25]}, "Looks like several categories: Saws, lamp or doll"),
        ({"by_title": "saw", "by_description": "lamp"}, "the title says Saws, the description says lamp"),
        ({"by_title": "lamp", "by_description": "lamp"}, "title and description, each alone, say lamp"),
        ({"by_title": "saw", "by_description": "saw"}, "less clearly"),
        ({"by_title": "saw", "by_description": "kite"}, "less clearly"),
        ({"nearest": None}, "Nothing similar was labelled before"),
        ({"nearest": ("saw", 0.2)}, "Nothing similar was labelled before"),
        ({"nearest": ("doll", 0.6)}, "The most similar labelled product is in doll"),
        ({"breadcrumb": "doll"}, "The seller's own category says doll"),
        ({"breadcrumb": "saw", "seller": "doll"}, "This seller's products are mostly doll"),
        ({"support": 3}, "Few labelled products of this category: 3 of Saws"),
        ({"answered": 30, "mistaken": ("lamp", 9)}, "What looked like Saws was often lamp (9 of 30 times)"),
        ({"answered": 300, "mistaken": ("lamp", 9)}, "less clearly"),
        ({"unseen_share": 0.7, "nearest": None}, "Most words of the title are unknown"),
        ({"words": 0, "unseen_share": 1.0}, "The title has no words"),
    ],
)
def test_reasons(changes: dict[str, Any], said: str) -> None:
    told = Circumstances(**{**DOUBT.__dict__, **changes})
    assert said in sentence(told, RAISED, {"saw": "Saws"})


def test_of_several_true_reasons_the_one_that_weighs_most_is_said() -> None:
    told = Circumstances(**{**DOUBT.__dict__, "breadcrumb": "doll", "support": 3})
    assert sentence(told, RAISED, {}).startswith("The seller's own category")
    assert sentence(told, RAISED | {"support": 0.99}, {}).startswith("Few labelled")


@pytest.fixture(scope="module")
def doubtful() -> Categorizer:
    """Learnt from labels of which a third is wrong, so that it is never sure."""
    rows = shop(700, seed=3, noise=0.35)
    return make_candidate("reranked", {}, BRANCH_OF).fit(rows, rows["category_id"], rows["weight"], rows["fold"])


def test_doubts_about_products(doubtful: Categorizer) -> None:
    titles = ["xqv wkk hhh estella", "", "blue cordless drill xl", "nova sofa bed with doll house pro"]
    unknown, empty, *others = explain(doubtful, pd.DataFrame({"title": titles}), {"drill": "Drills"})
    assert unknown.reason == "Most words of the title are unknown"
    assert empty.reason == "The title has no words"
    assert all(one.reason for one in others)
    assert others[0].category_id == "drill"
    assert "drill" not in str(others[0].reason).replace("drill_bit", "")  # by its name


def test_what_is_known_of_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = shop(900, seed=6, noise=0.0)
    rows["seller_category"] = rows["category_id"] + " shelf"
    rows["seller"] = np.where(rows["category_id"] == "towel", "towels & co", rows["seller"])
    model = make_candidate("reranked", {}, BRANCH_OF).fit(rows, rows["category_id"], fold=rows["fold"])
    seen: list[tuple[Circumstances, Mapping[str, float]]] = []

    def note(told: Circumstances, raised: Mapping[str, float], names: Mapping[str, str]) -> str:
        seen.append((told, raised))
        return "noted"

    monkeypatch.setattr("aisle.model.explain.sentence", note)
    monkeypatch.setattr("aisle.model.explain.SURE", 1.1)
    product = {"title": "blue corner sofa xl qqq", "description": "stunt kite", "seller_category": "lamp shelf"}
    explain(model, pd.DataFrame([{**product, "seller": "towels & co"}, {"title": "kite"}]))
    (first, raised), (second, _) = seen
    assert (first.breadcrumb, first.seller, first.by_title, first.by_description) == ("lamp", "towel", "sofa", "kite")
    assert (second.breadcrumb, second.seller, second.by_title, second.by_description) == (None, None, "kite", None)
    assert (first.words, first.unseen_share) == (5, 0.2)
    assert first.support == (rows["category_id"] == first.best[0]).sum()
    assert set(raised) == set(RAISED)
    assert all(0 <= value <= 1 for value in raised.values())


def test_a_circumstance_that_is_usual_makes_an_answer_surer(doubtful: Categorizer) -> None:
    """Over many unsure answers; a single one may be an exception."""
    products = shop(200, seed=11, noise=0.0)
    known = Known(doubtful.classes_, doubtful.support_, doubtful.branch_index_, len(doubtful.branches_))
    evidence = evidence_of(doubtful.classifier_, products, known)
    assert doubtful.reranker_ is not None
    scores = scores_by(doubtful.reranker_, evidence, known)

    def sure(signals: NDArray[np.float64]) -> NDArray[np.float64]:
        return doubtful.calibration_(doubtful.confidence_.predict_right(signals))

    raised = confidence_if_usual(doubtful.typical_, sure, scores, known, doubtful.reranker_, evidence)
    confidence = sure(scores.signals)
    unsure = confidence <= np.quantile(confidence, 0.3)
    assert raised["unknown"][unsure].mean() > confidence[unsure].mean()
    assert raised["rivals"][unsure].mean() > confidence[unsure].mean()
    assert all(values.shape == confidence.shape for values in raised.values())
