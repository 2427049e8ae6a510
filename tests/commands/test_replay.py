from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aisle.audit.replay.results import read_rounds
from aisle.audit.replay.settings import REGIMES, ReplaySettings
from aisle.errors import ConfigurationError
from commands import main, replay
from monitoring.replay_page.table import HEAD, table
from tests.conftest import ROOT
from tests.monitoring.made_rounds import made_rounds

TWO = ("--rounds", "6", "--regime", "human,representative")
SMALL = ("--start", "200", "--round-size", "150", "--seeds", "1", "--cap", "60", "--candidate", "naive_bayes")


def words(catalogue: Path, into: Path, *more: str) -> list[str]:
    return ["replay", str(catalogue), *SMALL, "--into", str(into), *more]


def parsed(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    replay.add_arguments(parser)
    return parser.parse_args(["data", *options])


def start(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "commands.main", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole replay."""
    into = tmp_path_factory.mktemp("replay")
    assert main.main(words(catalogue, into, *TWO)) == 0
    return into


# --- options


def test_options_left_out_take_the_defaults_of_the_replay() -> None:
    assert replay.settings_of(parsed()) == ReplaySettings()


def test_every_option_reaches_the_settings() -> None:
    options = (
        "--regime mixed,human --regime audited --rounds 7 --seeds 2 --target 0.9 --candidate naive_bayes --cap 50 "
        "--audit-share 0.2 --certainty-weights --active-audits --review-order queue --start 500 --round-size 400"
    )
    told = replay.settings_of(parsed(*options.split()))
    assert told == ReplaySettings(
        target=0.9, rounds=7, round_size=400, start=500, cap=50, audit_share=0.2, seeds=(0, 1), candidate="naive_bayes",
        regimes=("mixed", "human", "audited"), certainty_weights=True, active_audits=True, review_order="queue",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--regime", "evrything"), "did you mean everything?"),
        (("--regime", ","), "regimes"),
        (("--regime", "human,human"), "each once"),
        (("--candidate", "linear_titel"), "did you mean linear_title?"),
        (("--seeds", "0"), "--seeds 0"),
        (("--target", "1.2"), "target is 1.2"),
        (("--rounds", "0"), "rounds is 0"),
        (("--review-order", "queu"), "did you mean queue?"),
    ],
)
def test_bad_options_are_one_line(options: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        replay.settings_of(parsed(*options))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rounds", "50"), r"last for \d of 150 .* give --rounds \d"),
        (("--start", "100000"), "lower --start or --round-size"),
        (("--truth", "nowhere.parquet"), "nowhere.parquet: no such file"),
    ],
)
def test_too_few_products_and_missing_files_are_one_line(
    catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    assert main.main(words(catalogue, tmp_path / "into", *options)) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert re.search(said, told)
    assert not (tmp_path / "into").exists()


def test_a_folder_without_a_catalogue_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(words(tmp_path / "nowhere", tmp_path / "into")) == 2
    assert "nowhere: holds no catalogue" in capsys.readouterr().err


def test_without_a_number_of_rounds_there_are_as_many_as_fit() -> None:
    assert replay._fitting(ReplaySettings(), 7, given=False).rounds == 7
    assert replay._fitting(ReplaySettings(rounds=5), 7, given=True).rounds == 5


# --- a replay


def test_a_replay_leaves_its_rounds_and_a_page(done: Path) -> None:
    rounds = read_rounds(done)
    assert sorted((one.regime, one.round) for one in rounds) == [
        (regime, number) for regime in ("human", "representative") for number in range(1, 7)
    ]
    page = (done / replay.PAGE).read_text()
    assert "Not whole yet" not in page
    assert "representative" in page


def test_again_it_replays_nothing_and_tells_the_same(
    catalogue: Path, done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (done / "rounds.jsonl").read_bytes()
    (done / replay.PAGE).unlink()
    assert main.main(words(catalogue, done, *TWO)) == 0
    told = capsys.readouterr()
    assert "all rounds are there already" in told.err
    assert told.out == f"{table(read_rounds(done))}\n\nPage: {done / replay.PAGE}\n"
    assert (done / "rounds.jsonl").read_bytes() == before
    assert (done / replay.PAGE).exists()


def test_other_settings_need_another_folder(catalogue: Path, done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = words(catalogue, done, *TWO, "--target", "0.8")
    assert main.main(arguments) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "target" in told


def test_interrupted_it_keeps_whole_rounds_and_goes_on(catalogue: Path, done: Path, tmp_path: Path) -> None:
    arguments = words(catalogue, tmp_path, *TWO)
    process = start(arguments)
    while len(read_rounds(tmp_path)) < 7 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    kept = len(read_rounds(tmp_path)) // 6 * 6
    assert f"stopped; {kept} of 12 rounds are kept, and shown in {tmp_path / replay.PAGE}" in told
    assert "Traceback" not in told
    assert "Not whole yet" in (tmp_path / replay.PAGE).read_text()
    process = start(arguments)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0
    assert f"goes on from round 1 of regime representative, seed 0 ({kept} of 12 rounds are there)" in told
    assert "it/s" not in told
    assert "round/s" not in told
    assert (tmp_path / "rounds.jsonl").read_bytes() == (done / "rounds.jsonl").read_bytes()


def test_the_table_has_a_line_a_regime() -> None:
    lines = table(made_rounds()).splitlines()
    assert lines[0].split() == " ".join(HEAD).split()
    assert [line.split()[0] for line in lines[1:]] == list(REGIMES)
    assert lines[1].endswith("rounds 3–5")
    assert lines[2].endswith("none")
