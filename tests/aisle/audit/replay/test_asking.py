from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.audit.replay.asking import Asked, Decided, ask, drawn, model_labels
from aisle.audit.replay.people import FIRST, People
from aisle.audit.replay.settings import ReviewOrder
from aisle.catalogue.labels import resolve_labels
from aisle.model.suggestions import Suggestions

NOBODY_ERRS = People(0.0, "key")


def decided(n: int = 400, threshold: float = 0.6, seed: int = 0) -> Decided:
    """Products whose top category "a" is right with the probability that the confidence says."""
    rng = np.random.default_rng(seed)
    confidence = rng.random(n)
    right = rng.random(n) < confidence
    top = np.full((n, 2), ["a", "b"], dtype=object)
    branch = np.full(n, "root", dtype=object)
    suggested = Suggestions(top[:, 0], confidence, branch, confidence, confidence, top, np.ones((n, 2)))
    products = pd.DataFrame(
        {"product_id": [f"{seed}-{i}" for i in range(n)], "revision": 1, "category_id": np.where(right, "a", "b")}
    )
    return Decided(products, suggested, confidence >= threshold, np.ones(n, dtype=bool), "1")


def asked(
    of: Decided, share: float | None, cap: int, order: ReviewOrder = "least_sure", people: People = NOBODY_ERRS
) -> Asked:
    probability = None if share is None else np.full(len(of.products), share)
    return ask(of, probability, cap, order, people, "key")


@given(
    share=st.one_of(st.none(), st.floats(0.01, 1)),
    cap=st.integers(1, 500),
    order=st.sampled_from(["least_sure", "queue"]),
    error_rate=st.sampled_from([0.0, 0.02, 0.3]),
    threshold=st.floats(0, 1.1),
)
def test_the_cap_is_never_exceeded_and_every_answer_is_counted(
    share: float | None, cap: int, order: ReviewOrder, error_rate: float, threshold: float
) -> None:
    one = decided(120, threshold)
    found = asked(one, share, cap, order, People(error_rate, "key"))
    assert sum(found.spent.values()) == len(found.labels) <= cap
    assert found.spent["audit"] == found.audited.sum()
    assert found.spent["audit"] + found.spent["review"] == found.answered.sum()
    assert not (found.answered & ~found.audited & one.automatic).any(), "an automatic product was reviewed"
    assert set(found.labels["product_id"]) == set(one.product_id[found.answered])


def test_audits_come_first_then_the_least_sure() -> None:
    one = decided()
    found = asked(one, 0.1, 100)
    assert (found.audited == drawn(one.product_id, np.full(400, 0.1), "key")).all()
    reviewed = found.answered & ~found.audited
    waiting = ~one.automatic & ~found.answered
    assert one.suggested.confidence[reviewed].max() < one.suggested.confidence[waiting].min()


def test_only_contradicted_automatic_decisions_go_to_a_second_person() -> None:
    one = decided()
    found = asked(one, 0.3, 400)
    second = found.labels.loc[found.labels["labeller"] == "second", "product_id"]
    contradicted = found.audited & one.automatic & ~one.right
    assert set(second) == set(one.product_id[contradicted])
    assert len(second) == found.spent["second"] > 0
    assert found.spent["third"] == 0
    assert (found.wrong == (found.audited & ~one.right)).all()


def test_a_slip_that_contradicts_is_cleared_by_others() -> None:
    one = decided(4000)
    people = People(0.1, "key")
    found = asked(one, 0.5, 4000, people=people)
    slipped = found.audited & one.automatic & one.right & people.slips(one.product_id, FIRST)
    assert slipped.sum() > 30
    assert found.wrong[slipped].mean() < 0.3  # two more would have to err, too
    assert found.spent["third"] > 0
    resolved = resolve_labels(found.labels).set_index("product_id")["category_id"]
    assert (resolved[one.product_id[found.answered]].to_numpy() == found.final[found.answered]).all()


def test_what_nobody_answered_keeps_the_top_category() -> None:
    one = decided()
    found = asked(one, None, 50)
    assert (found.final[~found.answered] == "a").all()
    assert (found.final[found.answered] == one.truth[found.answered]).all()
    assert not found.audited.any()
    assert found.labels["audit_probability"].isna().all()


@pytest.mark.parametrize("order", ["least_sure", "queue"])
@pytest.mark.parametrize("cap", [15, 90, 400])
def test_validity_of_the_chances_labels_stand_for_the_whole_flow(order: ReviewOrder, cap: int) -> None:
    """Over many draws, labels weighing 1 / inclusion_probability add up to the products above any confidence."""
    sums, errors = [], []
    for seed in range(150):
        one = decided(200, seed=seed)
        found = asked(one, 0.2, cap, order)
        once = found.labels.drop_duplicates("product_id")
        sure = pd.Series(one.suggested.confidence, index=one.product_id)
        weight = 1 / once["inclusion_probability"].to_numpy()
        for limit in (0.0, 0.3, 0.6):
            above = (sure[once["product_id"]] >= limit).to_numpy()
            all_above = one.suggested.confidence >= limit
            sums.append((limit, weight[above].sum() - all_above.sum()))
            wrong = (once["category_id"] != "a").to_numpy() & above
            errors.append((limit, weight[wrong].sum() - (all_above & ~one.right).sum()))
    for differences in (sums, errors):
        for _, group in pd.DataFrame(differences, columns=["limit", "difference"]).groupby("limit"):
            mean, error = group["difference"].mean(), group["difference"].sem()
            assert abs(mean) <= 4 * error + 0.5


def test_labels_of_a_model_have_no_chance_and_no_person() -> None:
    one = decided(50)
    labels = model_labels(one, one.automatic)
    assert set(labels["origin"]) == {"model"}
    assert labels[["audit_probability", "inclusion_probability", "labeller"]].isna().all(axis=None)
    assert (labels["category_id"] == "a").all()
    assert len(labels) == one.automatic.sum()
