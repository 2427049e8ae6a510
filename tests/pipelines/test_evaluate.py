from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aisle.catalogue.tables import read_frame, write_frame
from aisle.decision.evidence.gathering import plain_data
from aisle.decision.policy import Policy, write_policy
from aisle.errors import DataError
from aisle.files import read_json, write_json
from pipelines.evaluate import main
from pipelines.report.figures import FIGURES, Drawn
from tests.pipelines.made_run import CANDIDATES, CHOSEN, CORRUPTIONS, MadeRun

PICTURES = {"accuracy_coverage", "branch_confusion", "price_of_accuracy", "reliability"}
TABLES = {"accuracy_coverage", "price_of_accuracy", "reliability", "robustness"}
SMALL: dict[str, Any] = {"leaves": 36, "training": 900, "test": 500}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> MadeRun:
    """A run of full size after the stage."""
    made = MadeRun(tmp_path_factory.mktemp("run"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made.folder)
        main()
    return made


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadeRun:
    """A small run before the stage, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return MadeRun(tmp_path, **SMALL)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out, which take most of the time, where a test looks at numbers and words."""
    empty = {name: Drawn("<svg></svg>", b"") for name in FIGURES}
    monkeypatch.setattr("pipelines.report.files.draw", lambda evidence: empty)


def evidence_of(made: MadeRun) -> dict[str, Any]:
    found = read_json(made.work / "evidence/evidence.json")
    assert isinstance(found, dict)
    return found


def test_everything_is_written(run: MadeRun) -> None:
    names = {path.name for path in (run.work / "evidence").iterdir()}
    assert names == {"evidence.json", *(f"{one}.png" for one in PICTURES), *(f"{one}.csv" for one in TABLES)}
    assert (run.work / "report.html").stat().st_size < 3e6
    assert all((run.work / f"evidence/{one}.png").read_bytes().startswith(b"\x89PNG") for one in PICTURES)


def test_the_metrics_are_flat_and_those_of_the_evidence(run: MadeRun) -> None:
    found = read_json(run.folder / "metrics.json")
    assert found == evidence_of(run)["metrics"]
    assert {name for name, value in found.items() if isinstance(value, dict)} == {"coverage_at"}
    assert found["data_version"] == "5d41402abc4b2a76b9719d911017c592.dir"
    assert found["candidate"] == CHOSEN
    assert found["test_size"] == 2000
    assert 0.85 < found["title_branch_accuracy"] < found["branch_accuracy"] + 0.05


@pytest.mark.usefixtures("undrawn")
def test_metrics_without_the_title_candidate_do_not_name_it(small: MadeRun) -> None:
    comparison = read_json(small.work / "choice/comparison.json")
    comparison["candidates"] = [one for one in comparison["candidates"] if one["candidate"] != "linear_title"]
    write_json(small.work / "choice/comparison.json", comparison)
    main()
    assert "title_branch_accuracy" not in read_json(small.folder / "metrics.json")


def test_the_evidence_tells_all_of_it(run: MadeRun) -> None:
    found = evidence_of(run)
    assert set(found["curves"]["candidates"]) == set(CANDIDATES)
    assert [one["corruption"] for one in found["robustness"]] == ["clean", *CORRUPTIONS]
    assert [one["seller"] for one in found["unseen_sellers"]] == ["unknown", "known"]
    assert found["unseen_categories"]["rows"] == 600
    assert found["unseen_categories"]["to_people"]["value"] > 0.85
    assert found["by_seller"]["sellers"] == 60
    assert found["slices"]["found"][0]["name"] == "shop-07.example"
    assert found["slices"]["found"][0]["worse"] is True
    assert [one["chosen"] for one in found["candidates"]] == [True, False, False, False, False]
    assert found["rare"]["min_labels"] == 5
    assert sum(one["rows"] for one in found["categories"]) == 2000


def test_the_reference_is_the_test_set_with_its_decisions(run: MadeRun) -> None:
    found = read_frame(run.work / "reference.parquet")
    assert found["product_id"].tolist() == run.test["product_id"].tolist()
    assert set(run.test.columns) - {"category_id", "branch_id"} <= set(found.columns)
    assert found["true_category_id"].tolist() == run.test["category_id"].tolist()
    assert (found["right"] == (found["category_id"] == found["true_category_id"])).all()
    metrics = read_json(run.folder / "metrics.json")
    assert (found["decision"] == "auto").mean() == pytest.approx(metrics["coverage"])
    assert found["threshold"].eq(0.805).all()


def test_tables_for_plots_have_the_same_columns_in_every_run(run: MadeRun) -> None:
    columns = {one: list(pd.read_csv(run.work / f"evidence/{one}.csv").columns) for one in TABLES}
    assert columns["accuracy_coverage"][:3] == ["coverage", "chosen", "perfect_ordering"]
    assert columns["price_of_accuracy"] == ["target_accuracy", "coverage"]
    assert columns["reliability"] == ["confidence", "right", "honest"]
    assert columns["robustness"] == ["titles", "accuracy", "coverage", "accuracy_all"]
    curve = pd.read_csv(run.work / "evidence/accuracy_coverage.csv")
    assert len(curve) == 100
    assert (curve["chosen"] <= curve["perfect_ordering"] + 5e-3).all()


def test_the_same_inputs_give_the_same_bytes(small: MadeRun) -> None:
    def written() -> dict[str, bytes]:
        paths = [*(small.work / "evidence").iterdir(), small.work / "report.html", small.work / "reference.parquet"]
        return {path.name: path.read_bytes() for path in [*paths, small.folder / "metrics.json"]}

    main()
    first = written()
    main()
    assert written() == first


def test_automation_off_ends_well_and_is_said(small: MadeRun) -> None:
    ends = ("coverage_low", "coverage_high", "accuracy", "accuracy_low", "accuracy_high")
    expected = {"coverage": 0.0, **dict.fromkeys(ends), "rows": 500}
    write_policy(Policy("target_accuracy", 0.99, 0.95, None, None, expected=expected), small.work / "policy.json")
    main()
    metrics = read_json(small.folder / "metrics.json")
    assert (metrics["coverage"], metrics["certified"]) == (0, False)
    assert [metrics[one] for one in ("threshold", "accuracy", "accuracy_low", "accuracy_high")] == [None] * 4
    page = (small.work / "report.html").read_text()
    assert "Automation is off" in page
    assert "all 100 go to people" in page
    assert read_frame(small.work / "reference.parquet")["decision"].eq("review").all()


@pytest.mark.usefixtures("undrawn")
def test_where_people_start_is_told(small: MadeRun) -> None:
    started = {"start_coverage": 0.1, "start_accuracy": 0.9, "start_accuracy_low": 0.87, "start_accuracy_high": 0.93}
    policy = dataclasses.replace(
        small.policy,
        branch_start=0.8,
        branch_start_accuracy=0.85,
        expected={**small.policy.expected, **started},
    )
    write_policy(policy, small.work / "policy.json")
    main()
    metrics = read_json(small.folder / "metrics.json")
    assert 0 < metrics["started"] < 1
    assert 0 < metrics["start_accuracy"] <= 1
    assert read_frame(small.work / "reference.parquet")["started"].any()
    page = (small.work / "report.html").read_text()
    assert "From a branch confidence of 0.8000 on, people start in that branch" in page
    assert "come with a branch to start in" in page


@pytest.mark.usefixtures("undrawn")
def test_at_level_branch_right_means_the_branch(small: MadeRun) -> None:
    write_policy(dataclasses.replace(small.policy, level="branch", always_review=()), small.work / "policy.json")
    main()
    metrics = read_json(small.folder / "metrics.json")
    assert metrics["level"] == "branch"
    assert metrics["accuracy_all"] == metrics["branch_accuracy"] > metrics["leaf_accuracy"]
    page = (small.work / "report.html").read_text()
    assert "A decision names a branch alone" in page
    assert "are put into a branch automatically" in page


@pytest.mark.usefixtures("undrawn")
def test_when_fresh_audits_are_due_is_told(small: MadeRun) -> None:
    main()
    page = (small.work / "report.html").read_text()
    youngest = small.test["received_at"].max().date()
    assert f"the youngest calibration product came in ({youngest})" in page
    write_frame(small.test.assign(received_at=pd.NaT), small.work / "prepared/calibration.parquet")
    main()
    assert "how old the calibration products are is not known" in (small.work / "report.html").read_text()


@pytest.mark.parametrize("kind", ["coverage", "cost"])
@pytest.mark.usefixtures("undrawn")
def test_a_policy_without_promise_says_so(small: MadeRun, kind: str) -> None:
    prices = {"cost_per_product": 0.31, "cost_per_product_low": 0.29, "cost_per_product_high": 0.34}
    expected = {**small.policy.expected, **(prices if kind == "cost" else {})}
    policy = dataclasses.replace(small.policy, kind=kind, certificate=None, expected=expected)
    write_policy(policy, small.work / "policy.json")
    main()
    page = (small.work / "report.html").read_text()
    assert "Not certified" in page
    assert "allow for the threshold having been chosen on the same products" in page
    assert ("interval 0.290 to 0.340" in page) == (kind == "cost")
    assert "at least 95 are right" not in page
    assert ("costs 0.310 on average" in page) == (kind == "cost")
    assert read_json(small.folder / "metrics.json")["certified"] is False


def test_thresholds_a_branch_are_listed(small: MadeRun) -> None:
    policy = dataclasses.replace(small.policy, threshold=None, branch_thresholds={"b00": 0.7, "b01": None, "rest": 0.9})
    write_policy(policy, small.work / "policy.json")
    main()
    assert read_json(small.folder / "metrics.json")["threshold"] is None
    assert evidence_of(small)["promise"]["branches"][1] == {"branch_id": "b01", "name": "Kitchen", "threshold": None}
    page = (small.work / "report.html").read_text()
    assert "2 of 3 decide automatically" in page
    assert "all other branches" in page


@pytest.mark.usefixtures("undrawn")
def test_unequal_audits_count_by_their_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = MadeRun(tmp_path, **SMALL, unequal=True)
    main()
    found = read_frame(made.work / "reference.parquet")
    weight = 1 / found["audit_probability"]
    metrics = read_json(made.folder / "metrics.json")
    accepted = found["decision"] == "auto"
    assert metrics["coverage"] == pytest.approx(weight[accepted].sum() / weight.sum(), abs=1e-6)
    assert metrics["coverage"] != pytest.approx(accepted.mean(), abs=1e-4)
    right = (weight * found["right"])[accepted].sum() / weight[accepted].sum()
    assert metrics["accuracy"] == pytest.approx(right, abs=1e-6)


@pytest.mark.usefixtures("undrawn")
def test_what_was_not_measured_is_said(small: MadeRun) -> None:
    for path in (small.work / "stress").iterdir():
        path.unlink()
    (small.work / f"candidates/{CHOSEN}/out_of_fold.parquet").unlink()
    main()
    found = evidence_of(small)
    assert (found["robustness"], found["unseen_sellers"], found["unseen_categories"]) == ([], [], None)
    assert (small.work / "report.html").read_text().count("Not measured in this run.") == 3


@pytest.mark.usefixtures("undrawn")
def test_empty_trials_are_not_measured(small: MadeRun) -> None:
    for name in ("held_out_sellers", "held_out_categories"):
        path = small.work / f"stress/{name}.parquet"
        write_frame(read_frame(path).head(0), path)
    main()
    assert (small.work / "report.html").read_text().count("Not measured in this run.") == 2


@pytest.mark.usefixtures("undrawn")
def test_copies_of_rare_examples_are_compared_where_they_were_tried(small: MadeRun) -> None:
    tried = [small.scores(small.test, worse).assign(copies_of_rare=copies) for copies, worse in ((1, 0.2), (15, 0.0))]
    write_frame(pd.concat(tried, ignore_index=True), small.work / "stress/copies_of_rare.parquet")
    main()
    assert [one["copies"] for one in evidence_of(small)["rare"]["effect_of_copies"]] == [1, 1, 15, 15]
    assert "What repeating does" in (small.work / "report.html").read_text()


def test_one_small_catalogue_without_sellers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = MadeRun(tmp_path, leaves=12, training=60, test=12)
    write_frame(made.test.assign(seller=None), made.work / "prepared/test.parquet")
    main()
    assert read_json(tmp_path / "metrics.json")["test_size"] == 12


@pytest.mark.usefixtures("undrawn")
def test_categories_and_branches_that_the_tree_has_lost_stand_for_themselves(small: MadeRun) -> None:
    tree = small.folder / "data/taxonomy.csv"
    tree.write_text("".join(line for line in tree.read_text().splitlines(keepends=True) if not line.startswith("c035")))
    main()
    assert "c035" in {one["name"] for one in evidence_of(small)["categories"]}


@pytest.mark.parametrize(
    "name",
    [
        "prepared/test.parquet",
        "scores/naive_bayes/test.parquet",
        "policy.json",
        "choice/candidate.json",
        "prepared/split.json",
        "validation/result.json",
    ],
)
def test_a_missing_file_is_one_line_that_names_it(small: MadeRun, name: str) -> None:
    (small.work / name).unlink()
    with pytest.raises(DataError, match=rf"work/{name}: .*run `dvc repro"):
        main()
    assert not (small.folder / "metrics.json").exists()
    assert not (small.work / "evidence").exists()


def test_scores_of_other_products_are_refused(small: MadeRun) -> None:
    path = small.work / f"scores/{CHOSEN}/test.parquet"
    write_frame(read_frame(path).assign(product_id=lambda rows: "x" + rows["product_id"]), path)
    with pytest.raises(DataError, match="product xtest:0 has no row"):
        main()


def test_broken_split_facts_are_named(small: MadeRun) -> None:
    (small.work / "prepared/split.json").write_text('{"roles": \n oops}')
    with pytest.raises(DataError, match=r"split\.json: line 2: not JSON"):
        main()


@pytest.mark.usefixtures("undrawn")
def test_facts_of_the_split_may_be_few(small: MadeRun) -> None:
    write_json(small.work / "prepared/split.json", {"data_version": "v", "roles": {"test": {"rows": 500}}})
    main()
    assert json.loads((small.folder / "metrics.json").read_text())["data_version"] == "v"


def test_plain_data_has_no_number_that_json_lacks() -> None:
    import numpy as np

    value = {"a": np.float64("nan"), "b": [np.int64(3), float("inf")], 4: (np.bool_(True), np.array([1.5])), "s": "NaN"}
    assert plain_data(value) == {"a": None, "b": [3, None], "4": [True, [1.5]], "s": "NaN"}
