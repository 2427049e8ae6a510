from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from aisle.catalogue.tables import read_table
from aisle.errors import RegistryError
from commands.main import main
from monitoring import rehearsal
from monitoring.copying import copy_catalogue, is_rehearsed
from monitoring.rehearsal import Decider
from tests.monitoring import made


@pytest.fixture(scope="module")
def by(catalogue: Path) -> Decider:
    return made.decider(catalogue)


@pytest.fixture
def here(catalogue: Path, by: Decider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the small sample as `data`, tracked by DVC, and a champion."""
    shutil.copytree(catalogue, tmp_path / "data")
    (tmp_path / "data.dvc").write_text("outs:\n- path: data\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rehearsal, "champion_decider", lambda: by)
    monkeypatch.setattr(
        rehearsal.rehearse, "__kwdefaults__", rehearsal.rehearse.__kwdefaults__ | {"sample": made.SMALL_SAMPLE}
    )
    return tmp_path


def test_what_it_prints(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rehearse", "--plant", "cut_titles", "--days", "2", "--quiet-days", "3", "--per-day", "50"]) == 0
    output = capsys.readouterr()
    assert output.err == ""  # no progress bar outside a terminal
    lines = output.out.splitlines()
    assert lines[0] == f"Rehearsed into work/rehearsal: decided by version 3 (policy {made.POLICY.policy_id})"
    assert re.fullmatch(r"2025-03-02 – 03-04  quiet +150 +[\d.]+ % +[\d.]+ % +\d+", lines[3])
    assert re.fullmatch(r"2025-03-05 – 03-06  cut_titles +100 +[\d.]+ % +[\d.]+ % +\d+", lines[4])
    assert lines[-2] == "Right in truth, which no monitor knows: work/rehearsal-truth.parquet"
    assert lines[-1] == "Look at them: aisle monitor --into work/rehearsal --day 2025-03-06"
    assert is_rehearsed("work/rehearsal")
    assert not is_rehearsed("data")
    assert len({len(line) for line in lines[2:5]}) == 1  # a table
    assert len(read_table("work/rehearsal", "predictions", shards=["2025-03-06"])) == 50
    assert not (here / "data" / "products" / "2025-03-02.parquet").exists()


def test_the_rate_is_that_of_the_audits(here: Path) -> None:
    assert main(["rehearse", "--days", "1", "--quiet-days", "0", "--per-day", "60", "--rate", "1"]) == 0
    assert read_table("work/rehearsal", "predictions", shards=["2025-03-02"])["audit_drawn"].all()


def test_a_copy_of_rehearsed_days_is_marked_too(here: Path) -> None:
    assert main(["rehearse", "--days", "1", "--quiet-days", "0", "--per-day", "20"]) == 0
    assert is_rehearsed(copy_catalogue("work/rehearsal", "work/copy"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--into", "data"],
            "aisle: data: DVC tracks data, and made-up days must not get into it; name another folder",
        ),
        (["--from", "nowhere"], "aisle: nowhere: holds no catalogue"),
        (["--plant", "flood"], "aisle: plant 'flood' is not known; choose one of quiet, new_seller"),
        (["--days", "0"], "aisle: --days 0 is too few; 1 is the least"),
        (["--quiet-days", "-2"], "aisle: --quiet-days -2 is too few; 0 is the least"),
        (["--per-day", "0"], "aisle: --per-day 0 is too few; 1 is the least"),
        (["--rate", "0"], "aisle: --rate 0 is no share; give a number above 0, and 1 at most"),
        (["--rate", "15"], "aisle: --rate 15 is no share"),
        (["--seed", "-1"], "aisle: --seed -1 is too few; 0 is the least"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    here: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rehearse", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1
    assert not list((here / "work").rglob("*.parquet"))


def test_without_a_champion(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def none() -> Decider:
        raise RegistryError("the model aisle has no champion yet")

    monkeypatch.setattr(rehearsal, "champion_decider", none)
    assert main(["rehearse"]) == 2
    assert capsys.readouterr().err == "aisle: the model aisle has no champion yet\n"
    assert not (here / "work").exists()


def test_an_earlier_rehearsal_is_replaced_only_when_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rehearse", "--days", "1", "--quiet-days", "0", "--per-day", "20"]
    assert main(words) == 0
    assert main(words) == 2
    assert (
        "work/rehearsal: is not empty, and a rehearsal wants a folder of its own; add --replace"
        in capsys.readouterr().err
    )
    assert main([*words, "--replace"]) == 0
