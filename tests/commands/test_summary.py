from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aisle.errors import DataError, RegistryError
from commands import main, summary
from pipelines.summary import read_run, text

ROOT = Path(__file__).parents[2]


def a_run() -> dict[str, dict[str, Any]]:
    def candidate(name: str, accuracy: float, coverage: float | None) -> dict[str, Any]:
        return {"candidate": name, "accuracy": accuracy, "coverage": coverage, "gap": 0.0312, "fit_seconds": 12.34}

    return {
        "work/choice/comparison.json": {
            "target_accuracy": 0.95,
            "chosen": "linear_tree",
            "reason": "largest coverage at 95 % accuracy",
            "candidates": [candidate("naive_bayes", 0.712, 0.201), candidate("linear_tree", 0.874, 0.612)],
        },
        "metrics.json": {
            "data_version": "0123456789abcdef.dir",
            "target_accuracy": 0.95,
            "confidence_level": 0.95,
            "certified": True,
            "threshold": 0.87123,
            "test_size": 1934,
            "coverage": 0.605,
            "accuracy": 0.961,
            "accuracy_low": 0.948,
            "accuracy_high": 0.971,
            "accuracy_all": 0.869,
        },
        "work/policy.json": {"kind": "target_accuracy", "threshold": 0.87123, "branch_thresholds": {}},
        "work/registration.json": {
            "model_name": "aisle",
            "version": "3",
            "run_id": "run",
            "alias": "challenger",
            "gate": {"result": "passed", "reasons": ["coverage +2.1 points (+0.4 to +3.8)"]},
        },
    }


def write(run: dict[str, dict[str, Any]], folder: Path) -> None:
    for name, content in run.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))


def summary_of(run: dict[str, dict[str, Any]], folder: Path) -> str:
    write(run, folder)
    return text(read_run(folder))


def test_tells_what_a_run_found(tmp_path: Path) -> None:
    told = summary_of(a_run(), tmp_path)
    for expected in (
        "Data 0123456789ab, target accuracy 95 %",
        "* linear_tree     87.4 %     61.2 %   0.031      12.3",
        "  naive_bayes     71.2 %     20.1 %",
        "* Chosen: largest coverage at 95 % accuracy",
        "with 95 % confidence: certified",
        "0.8712: from this confidence on",
        "1,934 products: 60.5 % decided automatically, 96.1 % of them right (interval 94.8 % to 97.1 %)",
        "work/report.html",
        "aisle version 3, alias challenger\n",
        "Gate       passed\n           coverage +2.1 points (+0.4 to +3.8)\n",
        "make ui",
        "aisle promote latest --by",
    ):
        assert expected in told
    assert max(map(len, told.splitlines())) <= 105


def test_puts_the_best_candidate_first(tmp_path: Path) -> None:
    told = summary_of(a_run(), tmp_path)
    assert told.index("linear_tree") < told.index("naive_bayes")


def test_says_plainly_that_automation_is_off(tmp_path: Path) -> None:
    run = a_run()
    run["metrics.json"] |= {
        "certified": False,
        "threshold": None,
        "coverage": 0.0,
        "accuracy": None,
        "accuracy_low": None,
        "accuracy_high": None,
    }
    run["work/choice/comparison.json"]["candidates"][0]["gap"] = None
    told = summary_of(run, tmp_path)
    assert "NOT certified" in told
    assert "automation is off, every product goes to people" in told
    assert "none decided automatically; 86.9 % of all would be right" in told


def test_does_not_offer_to_promote_what_the_gate_refused(tmp_path: Path) -> None:
    run = a_run()
    run["work/registration.json"]["gate"] = {"result": "failed", "reasons": ["accuracy −3 points"]}
    told = summary_of(run, tmp_path)
    assert "Gate       failed\n           accuracy −3 points" in told
    assert "aisle promote" not in told


def test_says_what_the_gate_says_of_a_first_version(tmp_path: Path) -> None:
    run = a_run()
    run["work/registration.json"]["gate"] = {"result": "no_champion", "reasons": ["there is no champion yet"]}
    told = summary_of(run, tmp_path)
    assert "Gate       there is no champion yet\n" in told
    assert "aisle promote latest" in told


def test_long_reasons_are_broken_into_lines(tmp_path: Path) -> None:
    run = a_run()
    run["work/registration.json"]["gate"]["reasons"] = ["one reason " * 30]
    run["work/choice/comparison.json"]["reason"] = "because " * 40
    told = summary_of(run, tmp_path)
    assert told.count("because") == 40
    assert max(map(len, told.splitlines())) <= 105
    assert "\n           reason one" in told or "\n           one reason" in told


def test_names_no_promise_where_the_policy_keeps_none(tmp_path: Path) -> None:
    run = a_run()
    run["work/policy.json"]["kind"] = "cost"
    assert "none: the policy is cost" in summary_of(run, tmp_path)


def test_says_how_worn_the_calibration_rows_are(tmp_path: Path) -> None:
    run = a_run()
    worn = {"uses": 3, "youngest": "2025-03-01", "refresh_after_uses": 4, "refresh_after_days": 180}
    run["work/registration.json"]["calibration"] = worn
    write(run, tmp_path)
    fresh, old = (text(read_run(tmp_path), today=date(2025, month, 1)) for month in (4, 10))
    assert "\n           3 thresholds were chosen on these calibration rows so far; together" in fresh
    told = " ".join(fresh.split())
    assert "hold with probability 0.85 at least, not 0.95; fresh audits are due after 4 thresholds" in told
    assert "fresh audits are due since 2025-08-28" in " ".join(old.split())


def test_says_where_people_start(tmp_path: Path) -> None:
    run = a_run()
    run["work/policy.json"] |= {"branch_start": 0.71, "branch_start_accuracy": 0.85}
    run["metrics.json"] |= {"started": 0.62, "start_accuracy": 0.9}
    told = " ".join(summary_of(run, tmp_path).split())
    assert "people start in a branch from a branch confidence of 0.7100 on: 85 % of these right, certified" in told
    assert "(test rows: 62 % of them, 90 % right)" in told


def test_says_that_a_policy_is_about_branches(tmp_path: Path) -> None:
    run = a_run()
    run["work/policy.json"]["level"] = "branch"
    told = summary_of(run, tmp_path)
    assert "95 % right among products put into a branch automatically" in told
    assert "0.8712: from this branch confidence on" in told


def test_counts_the_branches_with_a_threshold_of_their_own(tmp_path: Path) -> None:
    run = a_run()
    run["work/policy.json"]["branch_thresholds"] = {"a": 0.8, "b": None, "rest": 0.9}
    assert "2 of 3 branches" in summary_of(run, tmp_path)


def test_without_a_run_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.main(["summary"]) == 2
    assert "comparison.json: not there, so no run has ended here yet; `make run` makes one" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["[1, 2]", "{"])
def test_a_broken_result_is_named(tmp_path: Path, content: str) -> None:
    write(a_run(), tmp_path)
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(DataError, match=r"metrics\.json"):
        read_run(tmp_path)


def test_the_readme_shows_a_summary_of_this_shape(tmp_path: Path) -> None:
    def labels(told: str) -> list[str]:
        return re.findall(r"^ {0,2}([A-Z]\w+)", told, re.M)

    readme = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- what `aisle summary` prints -->\n```\n(.*?)\n```\n", readme, re.S)
    assert block
    expected = labels(summary_of(a_run(), tmp_path))
    assert {"Data", "Candidate", "Promise", "Threshold", "Gate", "Next"} <= set(expected)
    assert labels(block.group(1)) == expected


def test_registers_again_what_the_registry_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(a_run(), tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipelines.registry.presence.version_is_there", lambda registration: False)

    def register() -> None:
        run = a_run()
        run["work/registration.json"]["version"] = "4"
        write(run, tmp_path)

    monkeypatch.setattr(summary, "register_again", register)
    assert main.main(["summary"]) == 0
    told = capsys.readouterr()
    assert "registering it again" in told.err
    assert "aisle version 4" in told.out


@pytest.mark.parametrize(
    ("python", "called"),
    [("/home/ann/shop/.venv/bin/python", ".venv/bin/aisle"), ("/usr/bin/python3", "aisle")],
)
def test_says_how_to_call_the_next_command_from_here(python: str, called: str) -> None:
    assert summary.called_as(Path(python), Path("/home/ann/shop")) == called


def test_a_failed_registration_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, check: subprocess.CompletedProcess(command, returncode=1))
    with pytest.raises(RegistryError, match="could not be registered again"):
        summary.register_again()


def test_imports_nothing_heavy() -> None:
    code = """
import sys, commands.summary, pipelines.registry.presence
sys.exit(str([name for name in ("mlflow", "numpy", "pandas") if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.stderr.strip() == "[]"
