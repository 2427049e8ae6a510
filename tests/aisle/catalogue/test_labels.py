from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.catalogue.labels import (
    HUMAN,
    ORIGINS,
    answered_labels,
    clipped_rows,
    random_labels,
    resolve_labels,
    training_weights,
)
from aisle.config import Train
from aisle.errors import DataError

LEAVES = ["saw", "drill", "lamp"]


def day(number: int) -> pd.Timestamp:
    return pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=number)


def label(product_id: str, category_id: str | None, origin: str, **more: Any) -> dict[str, Any]:
    return {
        "product_id": product_id,
        "revision": 1,
        "category_id": category_id,
        "origin": origin,
        "status": "answered",
        "adjudicated": False,
        "labelled_at": day(0),
        "labeller": None,
        "audit_probability": np.nan,
        "inclusion_probability": np.nan,
        "model_version": None,
        "shard": "2024-01-01",
    } | more


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows) or [label("p", "saw", "import")]).iloc[: len(rows)]


def only(resolved: pd.DataFrame) -> pd.Series:
    assert len(resolved) == 1
    return resolved.iloc[0]


# --------------------------------------------------------------------------- whose answer counts


def test_skipped_labels_leave() -> None:
    rows = table(label("p", None, "audit", status="skipped"), label("q", "saw", "import"))
    assert answered_labels(rows, LEAVES)["product_id"].tolist() == ["q"]


def test_the_majority_of_people_stands_and_a_model_has_no_vote() -> None:
    resolved = only(
        resolve_labels(
            table(
                label("p", "saw", "review", labeller="ann"),
                label("p", "saw", "audit", labeller="bob", labelled_at=day(1)),
                label("p", "drill", "correction", labeller="eve", labelled_at=day(9)),
                label("p", "drill", "model", labelled_at=day(10)),
                label("p", "drill", "model", labelled_at=day(11)),
            )
        )
    )
    assert (resolved["category_id"], resolved["origin"], resolved["people"]) == ("saw", "audit", 2)
    assert resolved["labelled_at"] == day(1)


def test_a_tie_goes_to_the_latest_answer() -> None:
    rows = [label("p", "saw", "import", labelled_at=day(5)), label("p", "drill", "audit", labelled_at=day(3))]
    assert only(resolve_labels(table(*rows)))["category_id"] == "saw"
    assert only(resolve_labels(table(*rows[::-1])))["category_id"] == "saw"


def test_unknown_times_come_first_and_equal_times_in_the_order_of_the_rows() -> None:
    known, unknown = label("p", "saw", "import", labelled_at=day(5)), label("p", "drill", "audit", labelled_at=pd.NaT)
    assert only(resolve_labels(table(known, unknown)))["category_id"] == "saw"
    same = [label("p", category, "review") for category in ("saw", "lamp", "drill")]
    assert only(resolve_labels(table(*same)))["category_id"] == "drill"


def test_an_adjudicated_answer_beats_any_majority_and_the_latest_of_several_stands() -> None:
    rows = [label("p", "saw", "review", labeller=name, labelled_at=day(9)) for name in ("ann", "bob", "eve")]
    rows += [
        label("p", category, "audit", adjudicated=True, labelled_at=day(at))
        for category, at in (("lamp", 2), ("drill", 1))
    ]
    resolved = only(resolve_labels(table(*rows)))
    assert (resolved["category_id"], resolved["adjudicated"]) == ("lamp", True)


def test_without_people_the_latest_model_stands() -> None:
    rows = [label("p", "saw", "model", labelled_at=day(at), model_version=str(at)) for at in (3, 1)]
    rows += [label("p", "drill", "model", labelled_at=day(4), model_version="4")]
    resolved = only(resolve_labels(table(*rows)))
    assert (resolved["category_id"], resolved["origin"], resolved["people"], resolved["model_version"]) == (
        "drill",
        "model",
        0,
        "4",
    )


def test_the_text_is_that_of_the_latest_revision_with_this_answer() -> None:
    rows = [
        label("p", "saw", "review", revision=1, labelled_at=day(3), labeller="ann"),
        label("p", "saw", "review", revision=2, labelled_at=day(2), labeller="bob"),
        label("p", "drill", "review", revision=3, labeller="eve"),
        label("p", "saw", "model", revision=4),
    ]
    assert only(resolve_labels(table(*rows)))["revision"] == 2


def test_unnamed_people_count_as_one() -> None:
    assert only(resolve_labels(table(label("p", "saw", "import"), label("p", "saw", "import"))))["people"] == 1


def test_probabilities_are_the_greatest_of_the_product() -> None:
    rows = [
        label("p", "saw", "review", inclusion_probability=0.4),
        label("p", "saw", "audit", audit_probability=0.1, inclusion_probability=0.4),
        label("q", "saw", "audit", audit_probability=0.05),
        label("r", "saw", "import"),
        label("s", "saw", "correction"),
    ]
    resolved = resolve_labels(table(*rows)).set_index("product_id")
    assert resolved["audit_probability"].fillna(-1).tolist() == [0.1, 0.05, -1, -1]
    assert resolved["inclusion_probability"].fillna(-1).tolist() == [0.4, 0.05, 1.0, -1]


def test_no_labels_give_no_rows() -> None:
    assert resolve_labels(table()).empty


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("pqr"),
            st.sampled_from(LEAVES),
            st.sampled_from(ORIGINS),
            st.booleans(),
            st.one_of(st.none(), st.integers(0, 3)),
        ),
        min_size=1,
        max_size=15,
    )
)
def test_the_answer_is_that_of_the_rule(answers: list[tuple[str, str, str, bool, int | None]]) -> None:
    rows = [
        label(product, category, origin, adjudicated=settled, labelled_at=pd.NaT if at is None else day(at))
        for product, category, origin, settled, at in answers
    ]
    resolved = resolve_labels(table(*rows)).set_index("product_id")
    for product in {answer[0] for answer in answers}:
        ordered = sorted(
            (answer for answer in answers if answer[0] == product), key=lambda one: -1 if one[4] is None else one[4]
        )
        people = [one for one in ordered if one[2] in HUMAN]
        settled = [one for one in people if one[3]]
        if settled or not people:
            expected = (settled or ordered)[-1][1]
        else:
            votes = Counter(one[1] for one in people)
            expected = next(one[1] for one in people[::-1] if votes[one[1]] == max(votes.values()))
        assert resolved.at[product, "category_id"] == expected


# ------------------------------------------------------------------------------------- bad labels


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"category_id": "tools"}, "product 'p' has the category_id 'tools', which is not a leaf of taxonomy.csv"),
        ({"category_id": None}, "product 'p' has the category_id 'None', which is not a leaf"),
        ({"origin": "guess"}, "product 'p' has the origin 'guess', known are import, audit, review, correction, model"),
        ({"audit_probability": 0.0}, "has the audit_probability '0.0', which does not lie in"),
        ({"inclusion_probability": 1.5}, "has the inclusion_probability '1.5', which does not lie in"),
    ],
)
def test_a_label_that_cannot_be_is_refused_with_its_place(wrong: dict[str, Any], line: str) -> None:
    rows = table(label("fine", "saw", "import"), label("p", "saw", "audit", audit_probability=0.1) | wrong)
    with pytest.raises(DataError, match=rf"^labels/2024-01-01.parquet: .*{line}"):
        answered_labels(rows, LEAVES)


def test_more_like_it_are_counted() -> None:
    with pytest.raises(DataError, match=r"\(and 2 more like it\)"):
        answered_labels(table(*[label(name, "none", "import") for name in "pqr"]), LEAVES)


# ------------------------------------------------------------------------------- known probability


def test_random_labels_are_imports_and_audits_with_their_probability() -> None:
    rows = table(
        label("import", "saw", "import"),
        label("drawn import", "saw", "import", audit_probability=0.5),
        label("audit", "saw", "audit", audit_probability=0.2),
        label("audit without", "saw", "audit"),
        *(label(origin, "saw", origin, audit_probability=0.2) for origin in ("review", "correction", "model")),
    )
    known = random_labels(rows)
    assert dict(zip(known["product_id"], known["audit_probability"], strict=True)) == {
        "import": 1.0,
        "drawn import": 0.5,
        "audit": 0.2,
    }


# ---------------------------------------------------------------------------------------- weights


def weights_of(resolved: pd.DataFrame, confidence: pd.Series | None = None, **train: Any) -> np.ndarray:
    return training_weights(resolved, Train(**train), confidence)


def test_representative_weighs_by_the_chance_of_any_person() -> None:
    rows = [label(str(n), "saw", "review", inclusion_probability=p) for n, p in enumerate([1.0, 0.5, 0.01])]
    resolved = resolve_labels(table(*rows, label("3", "saw", "correction")))
    weights = weights_of(resolved, regime="representative", max_weight=10.0)
    assert weights == pytest.approx(np.array([1, 2, 10, 1]) / 3.5)
    assert clipped_rows(resolved, Train(max_weight=10.0)) == 1


def test_audited_weighs_by_the_chance_of_the_audit() -> None:
    rows = [label(str(n), "saw", "audit", audit_probability=p) for n, p in enumerate([1.0, 0.25, 0.02])]
    weights = weights_of(resolve_labels(table(*rows)), regime="audited", max_weight=20.0)
    assert weights == pytest.approx(np.array([1, 4, 20]) * 3 / 25)


def test_human_and_everything_weigh_nothing() -> None:
    rows = table(label("a", "saw", "audit", audit_probability=0.1), label("m", "saw", "model"))
    for regime in ("human", "everything"):
        assert weights_of(resolve_labels(rows), regime=regime).tolist() == [1, 1]


@pytest.mark.parametrize(("audits", "others", "share"), [(10, 40, 0.3), (10, 10, 0.3), (40, 10, 0.3), (5, 20, 0.5)])
def test_mixed_gives_audits_their_share(audits: int, others: int, share: float) -> None:
    rows = [label(f"a{n}", "saw", "audit", audit_probability=0.1) for n in range(audits)]
    rows += [label(f"r{n}", "saw", ["review", "import"][n % 2]) for n in range(others)]
    resolved = resolve_labels(table(*rows))
    weights = weights_of(resolved, regime="mixed", mixed_audit_share=share)
    assert weights[(resolved["origin"] == "audit").to_numpy()].sum() / weights.sum() == pytest.approx(share)


@pytest.mark.parametrize(("share", "ratio"), [(0.0, 0.2), (1.0, 5.0), (0.9, 5.0)])
def test_mixed_never_weighs_one_part_more_than_max_weight_times_the_other(share: float, ratio: float) -> None:
    rows = table(label("a", "saw", "audit", audit_probability=0.1), label("b", "saw", "review"))
    audit, review = weights_of(resolve_labels(rows), regime="mixed", mixed_audit_share=share, max_weight=5.0)
    assert audit / review == pytest.approx(ratio)


def test_mixed_without_audits_or_with_nothing_else_is_even() -> None:
    for origin in ("import", "audit"):
        rows = table(*[label(str(n), "saw", origin, audit_probability=0.1) for n in range(3)])
        assert weights_of(resolve_labels(rows), regime="mixed").tolist() == [1, 1, 1]


def test_certainty_knows_adjudicated_several_people_one_person_and_models() -> None:
    rows = [
        label("adjudicated", "saw", "audit", adjudicated=True),
        label("model", "saw", "model"),
        label("model unseen", "saw", "model"),
        label("one", "saw", "review", labeller="ann"),
        *(label("two", "saw", "review", labeller=name) for name in ("ann", "bob")),
    ]
    resolved = resolve_labels(table(*rows))
    confidence = resolved["product_id"].map({"model": 0.6})
    weights = weights_of(resolved, confidence, regime="everything", certainty_weights=True, person_error_rate=0.1)
    assert weights / weights[0] == pytest.approx([1, 0.6, 0.6, 0.9, 1])


def test_certainty_without_any_confidence_is_refused() -> None:
    resolved = resolve_labels(table(label("m", "saw", "model")))
    with pytest.raises(DataError, match=r"^predictions: train.certainty_weights needs the confidence .* set train"):
        weights_of(resolved, regime="everything", certainty_weights=True)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from(ORIGINS), st.floats(1e-6, 1), st.floats(0, 1)), min_size=1, max_size=30),
    st.sampled_from(["representative", "audited", "human", "mixed", "everything"]),
    st.booleans(),
)
def test_weights_are_positive_with_mean_one(rows: list[tuple[str, float, float]], regime: str, certain: bool) -> None:
    resolved = resolve_labels(
        table(
            *(
                label(str(n), "saw", origin, audit_probability=p, inclusion_probability=p)
                for n, (origin, p, _) in enumerate(rows)
            )
        )
    )
    confidence = resolved["product_id"].astype(int).map(lambda n: rows[n][2])
    weights = weights_of(resolved, confidence, regime=regime, certainty_weights=certain)
    assert (weights > 0).all()
    assert weights.mean() == pytest.approx(1)


def test_weighting_by_inclusion_stands_for_the_whole_flow() -> None:
    """Drawn many times, the weighted share of a category is that of the flow, the unweighted one is not."""
    rng = np.random.default_rng(3)
    n, weighted, plain = 400, [], []
    hard = rng.random(n) < 0.3
    chance = np.where(hard, 0.8, 0.15)
    for _ in range(200):
        seen = np.flatnonzero(rng.random(n) < chance)
        resolved = pd.DataFrame({"inclusion_probability": chance[seen]})
        weights = weights_of(resolved, regime="representative")
        weighted.append(np.average(hard[seen], weights=weights))
        plain.append(hard[seen].mean())
    assert abs(np.mean(weighted) - hard.mean()) < 0.01
    assert np.mean(plain) > hard.mean() + 0.2
