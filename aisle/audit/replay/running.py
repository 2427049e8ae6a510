"""All seeds and regimes of a replay, in a folder; killed at any moment, the same call goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aisle.audit.replay.order import Known, cut_into_rounds, read_known
from aisle.audit.replay.regimes import Taught
from aisle.audit.replay.results import ROUNDS, SETTINGS, Round, read_rounds, write_rounds
from aisle.audit.replay.rounds import first_taught, play
from aisle.audit.replay.settings import ReplaySettings
from aisle.errors import ConfigurationError, DataError
from aisle.files import read_json, sha256_of_bytes, write_json

Progress = Callable[[int, int, str], None]  # rounds done, rounds in all, what is going on


def replay(
    catalogue: Path | str | Known,
    settings: ReplaySettings,
    into: Path | str,
    progress: Progress | None = None,
    truth: Path | str | None = None,
) -> list[Round]:
    """Replay the loop and write `rounds.jsonl` and `settings.json` into a folder.

    What is there already is kept: whole seeds and regimes are not played again, and one that a kill left
    half-done is begun again, so that an interrupted replay ends with the same bytes as one in a single run.

    Parameters
    ----------
    catalogue : path of a catalogue folder, or what `read_known` or `known_of` gave
    settings : ReplaySettings
    into : path
        Made where it is not there.
    progress : function, optional
        Called after each round with the rounds done, all rounds, and what was played.
    truth : path, optional
        See `read_known`.

    Raises
    ------
    DataError
        For a catalogue that is too small, or without a known category.
    ConfigurationError
        Where the folder holds a replay of other settings or of another catalogue.
    """
    known = catalogue if isinstance(catalogue, Known) else read_known(catalogue, truth)
    into = Path(into)
    a_game = rounds_of(known, settings)
    _claim(into, settings, known)
    rounds = _whole_games(read_rounds(into), a_game)
    steps = a_game * len(settings.seeds) * len(settings.regimes)
    games = [(seed, regime) for seed in settings.seeds for regime in settings.regimes][len(rounds) // a_game :]
    first: dict[int, Taught] = {}
    for seed, regime in games:
        if seed not in first:
            first = {seed: first_taught(known, settings, seed)}
        for one in play(known, settings, regime, seed, first[seed]):
            rounds.append(one)
            write_rounds(into, rounds)
            if progress is not None:
                progress(len(rounds), steps, f"seed {seed}, {regime}, round {one.round}")
    return rounds


def rounds_of(known: Known, settings: ReplaySettings) -> int:
    """How many rounds the catalogue lasts for, at most `settings.rounds`; `DataError` where it is none."""
    return len(cut_into_rounds(known.products, settings)[1])


def read_settings(folder: Path | str) -> ReplaySettings:
    """The settings of a replay's folder.

    Raises
    ------
    DataError
        Where it holds no replay.
    """
    path = Path(folder) / SETTINGS
    if not path.exists():
        raise DataError(f"{folder}: holds no replay; `aisle replay CATALOGUE --into {folder}` makes one")
    return ReplaySettings.of_record(read_json(path)["settings"])


def _claim(into: Path, settings: ReplaySettings, known: Known) -> None:
    """Note in the folder what is replayed there; refuse one that holds something else."""
    asked: dict[str, Any] = {"settings": settings.record(), "catalogue": _fingerprint(known)}
    path = into / SETTINGS
    if not path.exists():
        if (into / ROUNDS).exists():
            raise ConfigurationError(f"{into}: has {ROUNDS} but no {SETTINGS}; choose another folder")
        write_json(path, asked)
        return
    there = read_json(path)
    if there == asked:
        return
    before = there.get("settings", {})
    changed = [name for name, value in asked["settings"].items() if before.get(name) != value]
    what = f"other settings ({', '.join(changed)})" if changed else "another catalogue"
    raise ConfigurationError(f"{into}: holds a replay with {what}; choose another folder, or remove this one")


def _fingerprint(known: Known) -> str:
    """The SHA-256 of which products there are, with which categories."""
    rows = known.products[["product_id", "category_id"]].sort_values("product_id")
    return sha256_of_bytes("\n".join(rows["product_id"] + "\t" + rows["category_id"]).encode())


def _whole_games(rounds: list[Round], a_game: int) -> list[Round]:
    """The rounds without those of a game, the last one, that was not played to its end."""
    return rounds[: len(rounds) // a_game * a_game]
