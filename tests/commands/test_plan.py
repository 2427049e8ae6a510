from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aisle.catalogue.tables import write_frame
from aisle.decision.certificates import Outlook
from commands import main
from pipelines.report.outlook import Plan, rounded_up, table


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_run(rows: int = 600) -> None:
    rng = np.random.default_rng(1)
    confidence, products = rng.beta(3, 0.5, rows), [f"p{row}" for row in range(rows)]
    right = rng.random(rows) < confidence
    labels = {"product_id": products, "category_id": "hose", "branch_id": "garden", "seller": None, "weight": 1.0}
    write_frame(pd.DataFrame(labels), Path("work/prepared/train.parquet"))
    write_frame(pd.DataFrame(labels).head(200), Path("work/prepared/calibration.parquet"))
    scores = pd.DataFrame(
        {
            "product_id": products,
            "category_id": np.where(right, "hose", "doll"),
            "confidence": confidence,
            "branch_id": np.where(right, "garden", "toys"),
            "branch_confidence": confidence,
        }
    )
    for name in ("plain", "other"):
        write_frame(scores, Path(f"work/candidates/{name}/out_of_fold.parquet"))
    Path("work/choice").mkdir()
    Path("work/choice/candidate.json").write_text(json.dumps({"candidate": "plain"}))


def test_plans_from_the_scores_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    write_run()
    assert main.main(["plan", "certificate", "--targets", "0.8,0.95", "--most", "300"]) == 0
    told = capsys.readouterr().out
    assert "under a promise that is kept with 95 % confidence" in told
    assert "out-of-fold scores of plain (600 products)" in told
    assert "There are 200 of them already" in told
    assert "automatic 80 % 95 %" in " ".join(told.split())
    page = Path("work/audits.html").read_text()
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_plans_without_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "certificate", "--accuracy", "0.87", "--gap", "0.02", "--most", "200", "--targets", "0.9"]
    assert main.main([*words, "--power", "0.8", "--confidence-level", "0.9", "--plot", "plan.png"]) == 0
    told = capsys.readouterr().out
    assert "with 80 % probability" in told
    assert "kept with 90 % confidence" in told
    assert "an assumed model: 87.0 % of all products right, gap 0.02" in told
    assert Path("plan.png").read_bytes().startswith(b"\x89PNG")


def test_plans_from_a_curve(capsys: pytest.CaptureFixture[str]) -> None:
    Path("curve.csv").write_text("coverage,accuracy,note\n0.5,0.99,a\n1,0.9,b\n")
    words = ["plan", "certificate", "--curve", "curve.csv", "--most", "200", "--targets", "0.9", "--plot", "p.svg"]
    assert main.main(words) == 0
    assert "the curve in curve.csv" in capsys.readouterr().out
    assert Path("p.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--targets", "95"], "--targets 95 must lie between 0 and 1; write 95 % as 0.95"),
        (["--targets", "high"], "--targets 'high': write numbers with commas between"),
        (["--targets", ",".join(f"0.{n}" for n in range(50, 60))], "eight at a time"),
        (["--power", "1"], "--power 1 must lie between 0.5 and 1"),
        (["--confidence-level", "0.2"], "--confidence-level 0.2 must lie between 0.5 and 1"),
        (["--most", "7"], "--most 7 must lie between 100 and 100,000"),
        (["--plot", "plan.pdf"], "--plot plan.pdf: end it in .html, .png or .svg"),
        (["--gap", "0.1"], "--gap belongs to --accuracy"),
        (["--accuracy", "0.9", "--curve", "x.csv"], "--accuracy and --curve do not go together"),
        (["--accuracy", "0.9", "--gap", "0.9"], "--gap 0.9 is not possible with an accuracy of 0.9"),
        (["--accuracy", "90"], "--accuracy 90 must lie between 0 and 1; write 90 % as 0.9"),
        (["--curve", "none.csv"], "none.csv: no such file"),
        (["--curve", "text.csv"], "text.csv: a CSV file with numbers in columns coverage and accuracy is wanted"),
        (["--curve", "percent.csv"], "percent.csv: coverage must lie in (0, 1]"),
        (["--candidate", "plan"], "--candidate plan was not trained; did you mean plain?"),
    ],
)
def test_bad_input_is_one_clear_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(10)
    Path("text.csv").write_text("coverage,right\n1,a\n")
    Path("percent.csv").write_text("coverage,accuracy\n50,99\n")
    assert main.main(["plan", "certificate", *words]) == 2
    told = capsys.readouterr()
    assert line in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert not list(Path("work").glob("*.html"))


def test_without_a_run_says_what_to_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["plan", "certificate"]) == 2
    assert "no scores there yet; run `dvc repro`, or say what to expect with --accuracy" in capsys.readouterr().err


def test_the_table_says_never_and_more_than_was_tried() -> None:
    easy = Outlook(0.9, 0.6, np.array([100, 200, 400]), np.array([[0.0, 0.0], [0.2, 0.2], [0.4, 0.4]]))
    hard = Outlook(0.98, 0.05, np.array([100, 200, 400]), np.zeros((3, 2)))
    lines = table(Plan([easy, hard], 0.9, 0.95, "scores")).splitlines()
    rows = [" ".join(line.split()) for line in lines]
    assert {"any 200 > 400", "30 % 290 never", "50 % > 400 never", "at most 60 % 5 %"} <= set(rows)
    assert not any(row.startswith("70 %") for row in rows)


@pytest.mark.parametrize(("audits", "shown"), [(7, 7), (100, 100), (101, 110), (2345.2, 2400), (9999, 10_000)])
def test_plans_are_round(audits: float, shown: int) -> None:
    assert rounded_up(audits) == shown
