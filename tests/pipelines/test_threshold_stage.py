from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

from aisle.catalogue.tables import write_frame
from aisle.decision.policy import Policy, read_policy
from aisle.errors import ConfigurationError, DataError, exit_code_of
from aisle.files import write_json, write_text
from pipelines import threshold

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "policy.schema.json").read_text(encoding="utf-8"))
BRANCHES = {"hose": "garden", "doll": "toys", "rare": "toys"}


def labelled(rows: int, seed: int) -> pd.DataFrame:
    category = np.random.default_rng(seed).choice(["hose", "doll"], rows).astype(object)
    return pd.DataFrame(
        {
            "product_id": [f"{seed}:{row}" for row in range(rows)],
            "category_id": category,
            "branch_id": [BRANCHES[one] for one in category],
            "seller": [f"shop-{row % 40}.example" for row in range(rows)],
        }
    )


def scores_of(products: pd.DataFrame, seed: int, error: float = 0.5) -> pd.DataFrame:
    """The wrong category with a chance that falls from `error` to nothing with confidence."""
    rng = np.random.default_rng(seed)
    confidence = rng.random(len(products))
    wrong = rng.random(len(products)) < error * (1 - confidence) ** 3
    other = np.where(products["category_id"] == "hose", "doll", "hose")
    category = np.where(wrong, other, products["category_id"]).astype(object)
    return pd.DataFrame(
        {
            "product_id": products["product_id"],
            "category_id": category,
            "confidence": confidence,
            "branch_id": [BRANCHES[one] for one in category],
            "branch_confidence": confidence,
        }
    )


@pytest.fixture(autouse=True)
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A current folder with everything that the stage reads."""
    monkeypatch.chdir(tmp_path)
    write_text("params.yaml", "policy: {target_accuracy: 0.95}\n")
    write_json("work/choice/candidate.json", {"candidate": "plain"})
    train = labelled(1500, 1).assign(weight=1.0)
    train.loc[:2, ["category_id", "branch_id"]] = ["rare", "toys"]
    write_frame(train, "work/prepared/train.parquet")
    write_frame(scores_of(train, 2), "work/candidates/plain/out_of_fold.parquet")
    write_calibration(labelled(1200, 3))


def write_calibration(products: pd.DataFrame, error: float = 0.5, audit_probability: object = 0.1) -> pd.DataFrame:
    chance = np.broadcast_to(np.asarray(audit_probability, dtype=float), len(products))
    write_frame(products.assign(weight=chance.min(initial=1.0) / chance), "work/prepared/calibration.parquet")
    scores = scores_of(products, 4, error)
    write_frame(scores, "work/scores/plain/calibration.parquet")
    return scores


def settled() -> Policy:
    threshold.main()
    content = json.loads(Path("work/policy.json").read_text(encoding="utf-8"))
    jsonschema.validate(content, SCHEMA)
    return read_policy("work/policy.json")


def test_a_certified_threshold_is_written_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    policy = settled()
    assert policy.automatic
    assert policy.certificate == "holdout"
    assert policy.target_accuracy == 0.95
    assert policy.always_review == ("rare",)
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert "of products are decided automatically" in told
    assert "1,200 calibration rows" in told


def test_running_again_gives_the_same_bytes() -> None:
    threshold.main()
    first = Path("work/policy.json").read_bytes()
    threshold.main()
    assert Path("work/policy.json").read_bytes() == first


def test_the_level_of_audits_does_not_matter_their_inequality_does() -> None:
    one_in_ten = settled()
    write_calibration(labelled(1200, 3), audit_probability=0.9)
    assert settled() == one_in_ten
    write_calibration(labelled(1200, 3), audit_probability=np.where(np.arange(1200) % 2, 0.2, 0.4))
    unequal = settled()
    assert unequal.certificate == "holdout"
    assert unequal.threshold is not None
    assert one_in_ten.threshold is not None
    assert unequal.threshold >= one_in_ten.threshold


def test_without_calibration_rows_automation_is_off_and_the_stage_ends_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_calibration(labelled(1200, 3)[:0])
    assert exit_code_of(threshold.main) == 0
    policy = read_policy("work/policy.json")
    assert (policy.automatic, policy.threshold, policy.expected["accuracy"]) == (False, None, None)
    assert policy.expected["coverage"] == 0
    told = capsys.readouterr()
    assert told.out.startswith("Automation is off, every product goes to people: there are no calibration rows")
    assert told.err == ""


def test_where_nothing_qualifies_automation_is_off_and_the_stage_ends_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_calibration(labelled(1200, 3), error=5)
    write_text("params.yaml", "policy: {target_accuracy: 0.99}\n")
    assert exit_code_of(threshold.main) == 0
    assert not read_policy("work/policy.json").automatic
    assert "no threshold keeps an accuracy of 0.99" in capsys.readouterr().out


def test_categories_of_few_labels_are_never_accepted() -> None:
    """All labels of one category, one row each of another: only the former is decided automatically."""
    write_text("params.yaml", "policy: {target_accuracy: 0.8, min_labels: 700}\n")
    train = pd.read_parquet("work/prepared/train.parquet")
    scarce = train["category_id"].value_counts().loc[lambda counts: counts < 700].index
    policy = settled()
    assert policy.always_review == tuple(sorted(scarce))
    scores = pd.read_parquet("work/scores/plain/calibration.parquet")
    decision = policy.decide(scores["confidence"], scores["category_id"], scores["branch_id"])
    assert set(scores["category_id"][decision == "auto"]) == {"hose", "doll"} - set(scarce)
    assert policy.expected["coverage"] == pytest.approx(np.mean(decision == "auto"))


def test_copies_of_a_rare_product_do_not_make_its_category_less_rare() -> None:
    train = pd.read_parquet("work/prepared/train.parquet")
    copied = pd.concat([train, *[train[train["category_id"] == "rare"]] * 10], ignore_index=True)
    write_frame(copied, "work/prepared/train.parquet")
    write_frame(scores_of(copied, 2), "work/candidates/plain/out_of_fold.parquet")
    assert settled().always_review == ("rare",)


@pytest.mark.parametrize("kind", ["coverage", "cost"])
def test_other_policies_promise_nothing(kind: str) -> None:
    write_text("params.yaml", f"policy: {{kind: {kind}, coverage: 0.5}}\n")
    policy = settled()
    assert policy.kind == kind
    assert policy.certificate is None
    assert policy.automatic


def test_a_threshold_for_each_branch() -> None:
    write_text("params.yaml", "policy: {target_accuracy: 0.9, by_branch: true}\nthreshold: {min_branch_rows: 100}\n")
    policy = settled()
    assert policy.threshold is None
    assert policy.branch_thresholds.keys() == {"garden", "toys"}
    assert policy.certificate == "holdout"


def test_at_level_branch_the_branch_is_what_is_promised(capsys: pytest.CaptureFixture[str]) -> None:
    """Categories of one branch are taken for each other; the branch is nearly always right."""
    write_text("params.yaml", "policy: {target_accuracy: 0.9, level: branch, min_labels: 600}\n")
    for path in ("work/candidates/plain/out_of_fold.parquet", "work/scores/plain/calibration.parquet"):
        scores = pd.read_parquet(path)
        write_frame(scores.assign(category_id="rare", confidence=0.01), path)
    policy = settled()
    assert policy.level == "branch"
    assert policy.automatic
    assert policy.always_review == ()  # both branches have many labels
    assert policy.expected["accuracy"] > 0.9
    assert policy.branch_start is None
    told = capsys.readouterr().out
    assert told.startswith("At branch confidence ≥ ")
    assert "are put into a branch automatically" in told


def test_people_start_in_a_branch_where_it_is_certain(capsys: pytest.CaptureFixture[str]) -> None:
    write_text("params.yaml", "policy: {target_accuracy: 0.97}\n")
    for seed, products, path in (
        (2, "train", "work/candidates/plain/out_of_fold.parquet"),
        (4, "calibration", "work/scores/plain/calibration.parquet"),
    ):
        scores, truth = pd.read_parquet(path), pd.read_parquet(f"work/prepared/{products}.parquet")
        chance = np.random.default_rng(seed).random(len(truth))
        write_frame(scores.assign(branch_id=truth["branch_id"], branch_confidence=0.9 + chance / 10), path)
    policy = settled()
    assert policy.branch_start is not None
    assert policy.branch_start_accuracy == 0.85
    assert policy.expected["start_accuracy"] == 1
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert "a person starts in the suggested branch" in told


def test_scores_without_a_branch_confidence_are_refused() -> None:
    path = Path("work/scores/plain/calibration.parquet")
    write_frame(pd.read_parquet(path).drop(columns="branch_confidence"), path)
    with pytest.raises(DataError, match=r"calibration\.parquet: no column branch_confidence.*dvc repro"):
        threshold.main()
    assert not Path("work/policy.json").exists()


def shops_that_err_alike(seed: int, products: str, path: str) -> None:
    """Scores of these products whose errors are those of a few shops."""
    truth = pd.read_parquet(products)
    rng = np.random.default_rng(seed)
    shop = truth["seller"].str.extract(r"(\d+)")[0].astype(int).to_numpy()
    confidence = rng.random(len(truth))
    wrong = rng.random(len(truth)) < np.where(shop < 6, 3, 0.1) * (0.02 + (1 - confidence) ** 3)
    other = np.where(truth["category_id"] == "hose", "doll", "hose")
    category = np.where(wrong, other, truth["category_id"]).astype(object)
    scores = pd.DataFrame({"product_id": truth["product_id"], "category_id": category, "confidence": confidence})
    write_frame(scores.assign(branch_id=[BRANCHES[one] for one in category], branch_confidence=confidence), path)


def test_whole_sellers_may_count_instead_of_products(capsys: pytest.CaptureFixture[str]) -> None:
    shops_that_err_alike(2, "work/prepared/train.parquet", "work/candidates/plain/out_of_fold.parquet")
    shops_that_err_alike(4, "work/prepared/calibration.parquet", "work/scores/plain/calibration.parquet")
    by_product = settled()
    assert by_product.clusters == "none"
    assert "sellers" not in capsys.readouterr().out
    write_text("params.yaml", "policy: {target_accuracy: 0.95}\nthreshold: {clusters: seller}\n")
    by_seller = settled()
    assert by_seller.clusters == "seller"
    assert by_seller.threshold is not None
    assert by_product.threshold is not None
    assert by_seller.threshold > by_product.threshold + 0.01  # errors that come together count for less
    assert "with probability 0.95, whole sellers counted." in capsys.readouterr().out


def test_without_sellers_each_product_counts_as_one_of_its_own() -> None:
    for path in ("work/prepared/train.parquet", "work/prepared/calibration.parquet"):
        write_frame(pd.read_parquet(path).assign(seller=None), path)
    write_text("params.yaml", "policy: {target_accuracy: 0.95}\nthreshold: {clusters: seller}\n")
    assert settled().automatic


def test_prices_of_an_unknown_branch_are_refused() -> None:
    write_text("params.yaml", "policy: {kind: cost, branch_costs: {gardn: {error: 3}}}\n")
    with pytest.raises(ConfigurationError, match=r"policy\.branch_costs\.gardn .*did you mean garden\?"):
        threshold.main()
    assert not Path("work/policy.json").exists()


def test_scores_of_other_rows_are_refused() -> None:
    write_frame(labelled(1200, 9).assign(weight=1.0), "work/prepared/calibration.parquet")
    with pytest.raises(DataError, match=r"scores/plain/calibration\.parquet: not the products"):
        threshold.main()
