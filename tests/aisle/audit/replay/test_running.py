from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from aisle.audit.replay.order import Known
from aisle.audit.replay.results import ROUNDS, read_rounds, write_rounds
from aisle.audit.replay.running import read_settings, replay
from aisle.audit.replay.settings import ReplaySettings
from aisle.errors import ConfigurationError, DataError


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def few(settings: ReplaySettings) -> ReplaySettings:
    return replace(settings, rounds=2, seeds=(0, 1), regimes=("everything", "representative"))


@pytest.fixture(scope="module")
def whole(undated: Known, few: ReplaySettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replay in one run."""
    into = tmp_path_factory.mktemp("whole")
    replay(undated, few, into)
    return into


@pytest.mark.parametrize("after", [1, 4, 7])
def test_killed_and_called_again_it_ends_with_the_same_bytes(
    undated: Known, few: ReplaySettings, whole: Path, tmp_path: Path, after: int
) -> None:
    def kill(done: int, _steps: int, _what: str) -> None:
        if done == after:
            raise Killed

    with pytest.raises(Killed):
        replay(undated, few, tmp_path, kill)
    assert len(read_rounds(tmp_path)) == after
    told: list[int] = []
    found = replay(undated, few, tmp_path, lambda done, _steps, _what: told.append(done))
    assert told[0] == after // 2 * 2 + 1, "a game that was played to its end is not played again"
    assert (tmp_path / ROUNDS).read_bytes() == (whole / ROUNDS).read_bytes()
    assert found == read_rounds(whole)


def test_progress_and_order(undated: Known, few: ReplaySettings, whole: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    rounds = replay(undated, few, tmp_path, lambda *news: told.append(news))
    assert [news[:2] for news in told] == [(number, 8) for number in range(1, 9)]
    assert told[-1][2] == "seed 1, representative, round 2"
    assert [(one.seed, one.regime, one.round) for one in rounds] == [
        (seed, regime, number) for seed in (0, 1) for regime in ("everything", "representative") for number in (1, 2)
    ]
    assert replay(undated, few, tmp_path, lambda *_: pytest.fail("nothing is left to play")) == rounds
    assert read_settings(tmp_path) == few


def test_other_settings_or_another_catalogue_in_the_same_folder_are_refused(
    undated: Known, few: ReplaySettings, whole: Path
) -> None:
    before = (whole / ROUNDS).read_bytes()
    with pytest.raises(ConfigurationError, match=r"other settings \(target, cap\)"):
        replay(undated, replace(few, target=0.7, cap=20), whole)
    other = replace(undated, products=undated.products.iloc[:-1])
    with pytest.raises(ConfigurationError, match="another catalogue"):
        replay(other, few, whole)
    assert (whole / ROUNDS).read_bytes() == before


def test_a_folder_of_something_else_is_refused(undated: Known, few: ReplaySettings, tmp_path: Path) -> None:
    write_rounds(tmp_path, [])
    with pytest.raises(ConfigurationError, match=r"has rounds.jsonl but no settings.json"):
        replay(undated, few, tmp_path)
    with pytest.raises(DataError, match="holds no replay"):
        read_settings(tmp_path)


def test_a_catalogue_that_is_too_small_leaves_nothing_behind(
    undated: Known, few: ReplaySettings, tmp_path: Path
) -> None:
    into = tmp_path / "new"
    with pytest.raises(DataError, match="one round of 120 need more"):
        replay(replace(undated, products=undated.products.head(200)), few, into)
    assert not into.exists()


@pytest.mark.parametrize("after", [3, 8])
def test_a_last_line_that_breaks_off_is_played_again(
    undated: Known, few: ReplaySettings, whole: Path, tmp_path: Path, after: int
) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    lines = (whole / ROUNDS).read_bytes().splitlines(keepends=True)
    (tmp_path / ROUNDS).write_bytes(b"".join(lines[: after - 1]) + lines[after - 1][:100])
    assert len(read_rounds(tmp_path)) == after - 1
    replay(undated, few, tmp_path)
    assert (tmp_path / ROUNDS).read_bytes() == (whole / ROUNDS).read_bytes()


def test_a_line_that_breaks_off_elsewhere_is_an_error(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / ROUNDS
    lines = (whole / ROUNDS).read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], lines[1][:100] + "\n", *lines[2:]]))
    with pytest.raises(DataError, match="line 2 is no round"):
        read_rounds(path)


def test_a_broken_line_is_named(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / ROUNDS
    path.write_text((whole / ROUNDS).read_text() + '{"seed": 0}\n')
    with pytest.raises(DataError, match="line 9 is no round"):
        read_rounds(path)
    assert read_rounds(tmp_path / "nowhere") == []
