from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aisle.catalogue.tables import write_frame
from aisle.errors import ConfigurationError, DataError, exit_code_of
from aisle.files import read_json, write_json, write_text
from pipelines import choose

ROWS = 600
PARAMETERS = "candidates: {plain: {}, clever: {}, untrained: {}}\npolicy: {target_accuracy: 0.95, min_labels: 5}\n"


def out_of_fold(train: pd.DataFrame, noise: float) -> pd.DataFrame:
    """Scores of the same 85 % right, ordered the worse the more `noise`."""
    rng = np.random.default_rng(1)
    right = np.arange(len(train)) % 20 < 17
    other = np.where(train["category_id"] == "hose", "doll", "hose")
    order = np.argsort(np.argsort(right + noise * rng.normal(size=len(train))))
    return pd.DataFrame(
        {
            "product_id": train["product_id"],
            "category_id": np.where(right, train["category_id"], other),
            "confidence": (order + 1) / len(train),
            "branch_id": train["branch_id"],
        }
    )


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """A current folder in which two of three candidates are trained."""
    monkeypatch.chdir(tmp_path)
    write_text("params.yaml", PARAMETERS)
    train = pd.DataFrame(
        {
            "product_id": [f"p{row}" for row in range(ROWS)],
            "category_id": np.where(np.arange(ROWS) % 2, "hose", "doll"),
            "branch_id": np.where(np.arange(ROWS) % 2, "garden", "toys"),
            "weight": np.where(np.arange(ROWS) % 3, 1.0, 2.0),
        }
    )
    write_frame(train, "work/prepared/train.parquet")
    for name, noise, score_us in (("plain", 1.5, 20.0), ("clever", 0.3, 80.0)):
        write_frame(out_of_fold(train, noise), f"work/candidates/{name}/out_of_fold.parquet")
        facts = {"candidate": name, "fit_seconds": 1.0, "score_us": score_us, "peak_mb": 300.0, "model_mb": 2.0}
        write_json(f"work/candidates/{name}/facts.json", facts)
    return train


def test_the_candidate_that_orders_best_is_chosen(trained: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    choose.main()
    assert read_json("work/choice/candidate.json") == {"candidate": "clever"}
    comparison = read_json("work/choice/comparison.json")
    assert (comparison["target_accuracy"], comparison["chosen"]) == (0.95, "clever")
    assert [row["candidate"] for row in comparison["candidates"]] == ["plain", "clever"]
    assert {"accuracy", "coverage", "gap", "ece", "score_us", "fit_seconds", "peak_mb", "model_mb", "curve"} <= set(
        comparison["candidates"][0]
    )
    assert capsys.readouterr().out == f"chosen: clever ({comparison['reason']})\n"


def test_running_again_gives_the_same_bytes(trained: pd.DataFrame) -> None:
    choose.main()
    first = Path("work/choice/comparison.json").read_bytes()
    choose.main()
    assert Path("work/choice/comparison.json").read_bytes() == first


def test_nothing_trained(trained: pd.DataFrame) -> None:
    write_text("params.yaml", "candidates: {untrained: {}}\n")
    with pytest.raises(DataError, match=r"none of the candidates .* is trained \(untrained\); run `dvc repro`"):
        choose.main()
    write_text("params.yaml", "candidates: {}\n")
    with pytest.raises(DataError, match="it names none"):
        choose.main()


def test_scores_of_other_products_are_refused(trained: pd.DataFrame) -> None:
    write_frame(out_of_fold(trained[::-1], 0.5), "work/candidates/plain/out_of_fold.parquet")
    with pytest.raises(DataError, match=r"plain/out_of_fold\.parquet: not the products of the prepared data"):
        choose.main()
    write_frame(out_of_fold(trained[:-1], 0.5), "work/candidates/plain/out_of_fold.parquet")
    with pytest.raises(DataError, match="not the products"):
        choose.main()


def test_a_confidence_that_is_none_is_refused(trained: pd.DataFrame) -> None:
    scores = out_of_fold(trained, 0.5)
    scores.loc[6, "confidence"] = np.nan
    write_frame(scores, "work/candidates/plain/out_of_fold.parquet")
    with pytest.raises(DataError, match=r"row 7, column confidence is nan, not in \[0, 1\]"):
        choose.main()


def test_a_misspelt_parameter_leaves_what_stands(trained: pd.DataFrame) -> None:
    choose.main()
    first = Path("work/choice/candidate.json").read_bytes()
    write_text("params.yaml", PARAMETERS.replace("target_accuracy", "target_acuracy"))
    with pytest.raises(ConfigurationError, match="did you mean target_accuracy"):
        choose.main()
    assert Path("work/choice/candidate.json").read_bytes() == first


def test_a_stage_before_its_time_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_text("params.yaml", PARAMETERS)
    assert exit_code_of(choose.main) == 2
    assert capsys.readouterr().err == "aisle: work/prepared/train.parquet: not there yet; run `dvc repro`\n"
