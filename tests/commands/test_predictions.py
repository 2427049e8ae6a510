"""`aisle predictions`: what a person reads, and the exit code."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from commands.main import main
from tests.aisle.catalogue.prediction_logs import ids_in, line, write


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("logs"), 1, [line("a"), line("b", "2025-06-30"), line("c", "2025-06-30")])
    write(Path("logs"), 2, [line("d"), line("e")[:50]], ".jsonl.part")


def test_what_was_collected_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predictions", "logs"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "Collected 4 predictions of 2 days from 2 files.",
        "  2025-06-29  2",
        "  2025-06-30  2",
        "Written: 2 shards in data/predictions",
        "",
        "Next: dvc add data",
    ]
    assert said.err == (
        "aisle: warning: predictions-20250629T23-host-1-2.jsonl: its last line was cut off, and is left out\n"
    )
    assert ids_in(Path("data")) == Counter("abcd")
    assert main(["predictions", "logs"]) == 0
    assert capsys.readouterr().out == "Nothing to collect.\n"


def test_a_dry_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predictions", "logs", "--into", "elsewhere", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Would collect 4 predictions of 2 days from 2 files.\n")
    assert "Written" not in out
    assert not Path("elsewhere").exists()


def test_a_bad_line_is_code_2_when_the_rest_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("logs"), 3, [line("f"), "x\n"])
    assert main(["predictions", "logs", "--into", "elsewhere", "--delete"]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines()[-1].startswith("aisle: logs/predictions-20250629T23-host-1-3.jsonl: line 2: is no ")
    assert said.out.startswith("Collected 4 predictions")
    assert [path.name for path in Path("logs").glob("[!.]*")] == ["predictions-20250629T23-host-1-3.jsonl"]


def test_many_days_are_cut_short(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("logs"), 3, [line("x", f"2025-07-{day:02}") for day in range(1, 31)])
    assert main(["predictions", "logs"]) == 0
    assert "  … and 22 more days, up to 2025-07-30" in capsys.readouterr().out.splitlines()


def test_no_such_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predictions", "nowhere"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("aisle: nowhere: no such folder; name the one that AISLE_LOG_FOLDER")
