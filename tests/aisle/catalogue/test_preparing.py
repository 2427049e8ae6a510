from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aisle.catalogue.preparing import COLUMNS, Prepared, needs_predictions, prepare
from aisle.catalogue.splits import DROPPED, ROLES, assign_roles, normalise_title
from aisle.catalogue.taxonomy import Category, Taxonomy
from aisle.config import Split, Train
from aisle.errors import DataError

TAXONOMY = Taxonomy(
    [
        Category("tools", None, "Tools"),
        Category("saw", "tools", "Saws"),
        Category("drill", "tools", "Drills"),
        Category("home", None, "Home"),
        Category("lamp", "home", "Lamps"),
        Category("rug", "home", "Rugs"),
    ]
)
LEAVES = np.array(TAXONOMY.leaves, dtype=object)
START = pd.Timestamp("2024-01-01", tz="UTC")


def catalogue(n: int = 1_500, shards: int = 10, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Products and labels in shards; many titles and groups come again later, under another case or spelling."""
    rng = np.random.default_rng(seed)
    thing = rng.integers(0, n // 2, n)
    shard = np.sort(rng.integers(0, shards, n))
    loud = rng.random(n) < 0.5
    products = pd.DataFrame(
        {
            "product_id": [f"s{number % 7}:{number:05}" for number in range(n)],
            "revision": 1,
            "title": [f"Thing no. {t}".upper() if up else f"thing, NO {t}!" for t, up in zip(thing, loud, strict=True)],
            "description": None,
            "brand": None,
            "seller_category": None,
            "price": rng.random(n).round(2),
            "currency": "EUR",
            "seller": [f"s{number % 7}" for number in range(n)],
            "received_at": START + pd.to_timedelta(shard, unit="D"),
            "group_id": np.where(rng.random(n) < 0.3, [f"g{g}" for g in rng.integers(0, n // 2, n)], None),
            "split": None,
            "shard": [f"2024-01-{number + 1:02}" for number in shard],
        }
    )
    origin = rng.choice(["import", "audit", "review", "correction", "model"], n, p=[0.5, 0.15, 0.15, 0.05, 0.15])
    labels = pd.DataFrame(
        {
            "product_id": products["product_id"],
            "revision": 1,
            "category_id": LEAVES[thing % len(LEAVES)],
            "origin": origin,
            "status": "answered",
            "adjudicated": False,
            "labelled_at": products["received_at"],
            "labeller": "ann",
            "suggested_category_id": None,
            "audit_probability": np.where(origin == "audit", 0.1, np.nan),
            "inclusion_probability": np.where(np.isin(origin, ["audit", "review"]), 0.5, np.nan),
            "model_version": None,
            "shard": products["shard"],
        }
    )
    return products, labels[rng.random(n) < 0.9].reset_index(drop=True)


def prepared(products: pd.DataFrame, labels: pd.DataFrame, split: Split | None = None, **train: Any) -> Prepared:
    return prepare(products, labels, TAXONOMY, split or Split(), Train(**train))


def frames_of(result: Prepared) -> dict[str, pd.DataFrame]:
    return {"train": result.train, "calibration": result.calibration, "test": result.test}


def things_of(frame: pd.DataFrame, products: pd.DataFrame) -> dict[str, set[str]]:
    """What names the things of a frame: product_id, group_id and every title that they ever had."""
    rows = products[products["product_id"].isin(frame["product_id"])]
    return {
        "product_id": set(frame["product_id"]),
        "group_id": set(rows["group_id"].dropna()),
        "title": {normalise_title(title) for title in rows["title"]},
    }


# ---------------------------------------------------------------------------------------- leakage


@pytest.mark.parametrize("regime", ["representative", "everything"])
def test_no_product_group_or_title_occurs_in_two_frames(regime: str) -> None:
    products, labels = catalogue()
    result = prepared(products, labels, regime=regime)
    for one, other in combinations(frames_of(result).values(), 2):
        assert len(one) > 50
        assert len(other) > 50
        mine, others = things_of(one, products), things_of(other, products)
        assert {kind: mine[kind] & others[kind] for kind in mine} == {
            "product_id": set(),
            "group_id": set(),
            "title": set(),
        }
    assert result.facts["straddling_titles"] == 0


def test_nothing_trained_on_in_one_version_is_tested_in_another() -> None:
    products, labels = catalogue()
    seen: dict[str, dict[str, set[str]]] = {role: {} for role in ROLES}
    dropped = 0
    for day in sorted(products["shard"].unique()):
        now = products[products["shard"] <= day]
        result = prepared(now, labels[labels["shard"] <= day])
        dropped = result.facts["dropped"]
        for role, frame in frames_of(result).items():
            for kind, things in things_of(frame, now).items():
                seen[role].setdefault(kind, set()).update(things)
    for one, other in combinations(ROLES, 2):
        for kind, things in seen[one].items():
            assert things & seen[other][kind] == set(), (one, other, kind)
    assert dropped > 0  # merged groups were among them, or this proves little


def test_calibration_and_test_hold_random_labels_with_their_probability_only() -> None:
    products, labels = catalogue()
    result = prepared(products, labels)
    for frame in (result.calibration, result.test):
        assert set(frame["origin"]) == {"import", "audit"}
        assert frame["audit_probability"].tolist() == frame["origin"].map({"import": 1.0, "audit": 0.1}).tolist()


def test_a_correction_or_a_review_never_changes_a_test_row() -> None:
    products, labels = catalogue()
    before = prepared(products, labels)
    changed = labels[np.arange(len(labels)) % 3 > 0]
    more = [
        changed.assign(category_id="rug", origin=origin, adjudicated=True, labelled_at=START + pd.Timedelta(days=90))
        for origin in ("correction", "review", "model")
    ]
    after = prepared(products, pd.concat([labels, *more], ignore_index=True))
    pd.testing.assert_frame_equal(after.test, before.test)
    pd.testing.assert_frame_equal(after.calibration, before.calibration)
    assert (after.train["category_id"] == "rug").mean() > 0.5
    assert after.facts["calibration_hash"] == before.facts["calibration_hash"]


# ----------------------------------------------------------------------------------------- frames


def test_the_frames_have_their_columns_and_a_fixed_order() -> None:
    products, labels = catalogue()
    result = prepared(products, labels)
    assert list(result.train) == [*COLUMNS, "weight", "fold"]
    assert list(result.calibration) == list(result.test) == [*COLUMNS, "audit_probability", "weight"]
    for frame in frames_of(result).values():
        assert frame["product_id"].is_monotonic_increasing
        assert frame["product_id"].is_unique
        assert frame.index.equals(pd.RangeIndex(len(frame)))
        never_null = ["product_id", "revision", "title", "group", "category_id", "branch_id", "origin"]
        assert frame[never_null].notna().all().all()
        assert (frame["branch_id"] == frame["category_id"].map(TAXONOMY.branch_of)).all()
    assert result.train["weight"].mean() == pytest.approx(1)
    assert set(result.train["fold"]) == {0, 1, 2}
    assert result.train.groupby("group")["fold"].nunique().max() == 1


def test_the_same_rows_in_another_order_give_the_same_frames() -> None:
    products, labels = catalogue(400)
    one = prepared(products, labels)
    other = prepared(products.sample(frac=1, random_state=1), labels.sample(frac=1, random_state=2))
    for role in ROLES:
        pd.testing.assert_frame_equal(frames_of(one)[role], frames_of(other)[role])
    assert one.facts == other.facts


def test_the_text_is_that_of_the_labelled_revision() -> None:
    products, labels = catalogue(300)
    revised = products.assign(revision=2, title=products["title"] + " revised", shard="2024-02-01")
    both = pd.concat([products, revised], ignore_index=True)
    for revision in (1, 2):
        result = prepared(both, labels.assign(revision=revision))
        for frame in frames_of(result).values():
            assert (frame["revision"] == revision).all()
            assert (frame["title"].str.endswith("revised") == (revision == 2)).all()


def test_the_regime_chooses_the_training_rows_and_leaves_the_others_alone() -> None:
    products, labels = catalogue()
    results = {regime: prepared(products, labels, regime=regime) for regime in
               ("representative", "audited", "human", "mixed", "everything")}  # fmt: skip
    origins = {regime: set(result.train["origin"]) for regime, result in results.items()}
    human = {"import", "audit", "review", "correction"}
    assert origins == {
        "representative": human,
        "audited": {"import", "audit"},
        "human": human,
        "mixed": human,
        "everything": {*human, "model"},
    }
    for result in results.values():
        pd.testing.assert_frame_equal(result.test, results["human"].test)
        assert result.facts["regime"] in results
    assert results["human"].train["weight"].nunique() == 1
    assert results["mixed"].facts["weights"]["audit_share"] == pytest.approx(0.3)


def test_certainty_reads_the_latest_confidence_of_a_model_label() -> None:
    products, labels = catalogue()
    labels.loc[labels["origin"] == "import", "adjudicated"] = True
    model = labels[labels["origin"] == "model"]
    answers = model[["product_id", "revision", "category_id"]]
    late = answers.assign(confidence=0.5, predicted_at=START + pd.Timedelta(days=9))
    early = answers.assign(confidence=0.9, predicted_at=START + pd.Timedelta(days=3))
    predictions = pd.concat([late, early], ignore_index=True)
    train = Train(regime="everything", certainty_weights=True)
    assert needs_predictions(train)
    assert not needs_predictions(Train(regime="human", certainty_weights=True))
    result = prepare(products, labels, TAXONOMY, Split(), train, predictions).train
    by_origin = result.groupby("origin")["weight"].mean()
    assert (by_origin / by_origin["import"])[["model", "audit"]].tolist() == pytest.approx([0.5, 0.98])
    with pytest.raises(DataError, match=r"train\.certainty_weights needs the confidence of the model labels"):
        prepare(products, labels, TAXONOMY, Split(), train, predictions.iloc[:0])


# ------------------------------------------------------------------------------------------ facts


def test_every_labelled_product_is_used_or_idle_for_a_reason() -> None:
    products, labels = catalogue()
    labels.loc[labels.index[labels["origin"] == "audit"][:40], "audit_probability"] = np.nan
    labels.loc[labels.index[labels["origin"] == "import"][:5], "revision"] = 7
    labels.loc[len(labels)] = labels.iloc[0].to_dict() | {"product_id": "nobody's"}
    roles = assign_roles(products, Split()).set_index("product_id")["role"]
    for regime in ("representative", "audited"):
        facts = prepared(products, labels, regime=regime).facts
        rows = sum(facts["roles"][role]["rows"] for role in ROLES)
        assert rows + facts["idle"] == labels["product_id"].nunique()
        assert sum(facts["idle_reasons"].values()) == facts["idle"]
        assert facts["unlabelled"] == len(set(products["product_id"]) - set(labels["product_id"]))
        assert facts["dropped"] == (roles == DROPPED).sum()
        role = labels["product_id"].map(roles)
        reasons = facts["idle_reasons"]
        assert reasons["unknown_product"] == 1
        assert reasons["dropped"] == (role == DROPPED).sum()
        kept = labels["revision"] == 1
        train, random = role == "train", labels["origin"].isin(["import", "audit"])
        unknown = (labels["origin"] == "audit") & labels["audit_probability"].isna()
        wrong_origin = ~random if regime == "audited" else labels["origin"] == "model"
        assert reasons["outside_regime"] == (train & wrong_origin).sum()
        assert reasons["no_random_label"] == (role.isin(["calibration", "test"]) & ~random).sum()
        needs_it = role.isin(ROLES) if regime == "audited" else role.isin(["calibration", "test"])
        assert reasons["audit_without_probability"] == (unknown & needs_it).sum() > 0
        assert reasons["unknown_revision"] == (~kept & role.isin(ROLES)).sum()


def test_the_facts_count_what_is_in_the_frames() -> None:
    products, labels = catalogue()
    result = prepared(products, labels)
    for role, frame in frames_of(result).items():
        facts = result.facts["roles"][role]
        assert facts["rows"] == len(frame)
        assert facts["groups"] == frame["group"].nunique() < len(frame)
        assert (facts["categories"], facts["sellers"]) == (4, 7)
        assert facts["by_origin"] == frame["origin"].value_counts().sort_index().to_dict()
    weights = result.facts["weights"]
    assert weights["mean"] == pytest.approx(1)
    assert weights["min"] < 1 < weights["max"]
    assert 0 < weights["effective_rows"] < len(result.train)
    assert result.facts["rare"] == {"without_rows": 0, "below_5": 0, "below_15": 0}


def test_rare_categories_are_counted() -> None:
    products, labels = catalogue(300)
    labels["category_id"] = "saw"
    train = prepared(products, labels.assign(category_id=LEAVES[np.arange(len(labels)) % 2])).train["product_id"]
    labels.loc[labels["product_id"].isin(train[:3]), "category_id"] = "drill"
    labels.loc[labels["product_id"].isin(train[3:13]), "category_id"] = "lamp"
    assert prepared(products, labels, folds=2).facts["rare"] == {"without_rows": 1, "below_5": 1, "below_15": 2}


def test_the_hash_of_calibration_follows_its_labels() -> None:
    products, labels = catalogue(400)
    one = prepared(products, labels)
    first = one.calibration.iloc[0]
    another = "rug" if first["category_id"] != "rug" else "saw"
    changed = labels.assign(
        category_id=labels["category_id"].mask(labels["product_id"] == first["product_id"], another)
    )
    assert prepared(products, changed).facts["calibration_hash"] != one.facts["calibration_hash"]
    assert prepared(products, labels, regime="human").facts["calibration_hash"] == one.facts["calibration_hash"]


def test_official_splits_stand_and_straddling_titles_are_counted() -> None:
    products, labels = catalogue()
    official = np.array(ROLES, dtype=object)[np.random.default_rng(2).integers(0, 3, len(products))]
    result = prepared(products.assign(split=official), labels.assign(origin="import"))
    expected = dict(zip(products["product_id"], official, strict=True))
    titles: dict[str, set[str]] = {}
    for role, frame in frames_of(result).items():
        assert frame["product_id"].map(expected).eq(role).all()
        for title in frame["title"]:
            titles.setdefault(normalise_title(title), set()).add(role)
    assert sum(len(frame) for frame in frames_of(result).values()) == len(labels)
    assert result.facts["straddling_titles"] == sum(len(roles) > 1 for roles in titles.values()) > 0


# ---------------------------------------------------------------------------------------- bad data


def refused(products: pd.DataFrame, labels: pd.DataFrame, split: Split | None = None, **train: Any) -> str:
    with pytest.raises(DataError) as caught:
        prepared(products, labels, split, **train)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_no_labels() -> None:
    products, labels = catalogue(60)
    assert refused(products, labels.iloc[:0]).startswith("labels: no answered label; bring labels with `aisle import`")
    skipped = labels.assign(status="skipped", category_id=None)
    assert refused(products, skipped).startswith("labels: no answered label")


def test_one_category_only() -> None:
    products, labels = catalogue(300)
    assert "one category only: all" in refused(products, labels.assign(category_id="saw"))


@pytest.mark.parametrize(
    ("role", "line"),
    [("test", "no training rows"), ("calibration", "no training rows"), ("train", "no test rows")],
)
def test_all_rows_in_one_split(role: str, line: str) -> None:
    products, labels = catalogue(120)
    told = refused(products.assign(split=role), labels.assign(origin="import"))
    assert told.startswith(f"{line}: {len(labels)} labelled products give ")
    assert f"{len(labels)} {role}" in told
    assert "split column" in told


def test_labels_of_no_use_to_the_regime() -> None:
    products, labels = catalogue(200)
    told = refused(products, labels.assign(origin="model"))
    assert told.startswith("no training rows")
    assert "regime 'representative' trains on import, audit, review, correction labels" in told
    assert refused(products, labels.assign(origin="review")).startswith("no test rows")


def test_too_few_rows_for_the_folds() -> None:
    products, labels = catalogue(40)
    assert "too few rows for 20 folds" in refused(products, labels, folds=20)


def test_a_category_that_is_no_leaf() -> None:
    products, labels = catalogue(40)
    assert "category_id 'tools', which is not a leaf" in refused(products, labels.assign(category_id="tools"))


def test_without_calibration_rows_the_run_goes_on() -> None:
    products, labels = catalogue(300)
    result = prepared(products, labels, Split(calibration=0))
    assert result.calibration.empty
    assert list(result.calibration) == [*COLUMNS, "audit_probability", "weight"]
    assert result.facts["roles"]["calibration"] == {
        "rows": 0,
        "groups": 0,
        "categories": 0,
        "sellers": 0,
        "by_origin": {},
    }
