"""The loop replayed on real offers: WDC's train and validation files, never its test file.

    python -m benchmarks.monitoring --only replay [--quick]

Five regimes, twelve rounds of 1,000 offers, shops in a seeded order, target .92. How `representative` chooses its
threshold was settled on the seeds 0, 1 and 2; these figures come from others. Certainty weights and active audits are
played on the same seeds with all else equal, on WDC and on the sample; their differences have Student's interval over
the seeds.

Where AISLE_REPLAYS names a folder, what was played stays there, and an interrupted run goes on.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from aisle.audit.replay import summary
from aisle.audit.replay.order import Known, read_known
from aisle.audit.replay.results import Round
from aisle.audit.replay.running import replay
from aisle.audit.replay.settings import REGIMES, ReplaySettings
from aisle.catalogue.importing.mapping import read_mapping
from aisle.catalogue.importing.writing import import_files
from aisle.catalogue.sample import write_sample
from aisle.config import Regime
from benchmarks.catalogues import PROJECT, real_offers
from benchmarks.results import Result

SETTINGS = ReplaySettings(target=0.92, rounds=12, seeds=(3, 4, 5))
MORE_SEEDS = (6, 7)  # for the differences that options make, which are small; not for `everything`, which takes long
QUICK = replace(SETTINGS, rounds=3, seeds=(3, 4), candidate="naive_bayes")
OPTIONS: dict[str, tuple[dict[str, Any], tuple[Regime, ...]]] = {
    "active": ({"active_audits": True}, ("representative",)),
    "certainty": ({"certainty_weights": True}, ("representative", "everything")),
    "clipped": ({"max_weight": 3.0}, ("representative",)),
}
FIGURES: dict[str, tuple[str, Callable[[list[Round]], float]]] = {
    "gain": ("flow accuracy", summary.flow_accuracy),
    "accuracy": ("true accuracy", summary.true_accuracy),
    "coverage": ("coverage", summary.coverage),
}


def wdc() -> Known:
    """WDC's train and validation files."""
    with tempfile.TemporaryDirectory(prefix="aisle-replay-") as made:
        folder = Path(made) / "wdc"
        files = [real_offers() / "wdc_gpc" / f"{part}.jsonl.gz" for part in ("train", "validation")]
        import_files(read_mapping(PROJECT / "examples" / "wdc-gpc.yaml"), files, folder)
        return read_known(folder)


def sample() -> Known:
    """The sample catalogue, with the truth of all its products."""
    with tempfile.TemporaryDirectory(prefix="aisle-replay-") as made:
        folder, truth = Path(made) / "sample", Path(made) / "truth.parquet"
        write_sample(folder, truth)
        return read_known(folder, truth)


def measured(quick: bool) -> list[Result]:
    """The rows of the replay."""
    with _folder(quick) as folder:
        play = partial(_played, folder)
        real = wdc()
        settings = QUICK if quick else SETTINGS
        rows = figures(play("wdc", real, settings), settings)
        for name, known in (("wdc", real), ("sample", sample())):
            rows += _options(play, name, known, settings, () if quick else MORE_SEEDS)
        return [row for row in rows if math.isfinite(row.value)]  # a quick run may decide nothing automatically


@contextmanager
def _folder(quick: bool) -> Iterator[Path]:
    kept = os.environ.get("AISLE_REPLAYS")
    if kept and not quick:
        yield Path(kept)
        return
    with tempfile.TemporaryDirectory(prefix="aisle-replays-") as made:
        yield Path(made)


def _played(folder: Path, name: str, known: Known, settings: ReplaySettings) -> list[Round]:
    """Each regime and option in a folder of its own, so that what is there already serves again."""
    rounds = []
    for seed in settings.seeds:
        for regime in settings.regimes:
            changed = [
                f"{key}={getattr(settings, key)}"
                for options, _ in OPTIONS.values()
                for key in options
                if getattr(settings, key) != getattr(SETTINGS, key)
            ]
            where = folder / "-".join([name, str(seed), regime, *changed])
            with tqdm(total=settings.rounds, desc=where.name, disable=None, leave=False) as bar:
                rounds += replay(
                    known, replace(settings, seeds=(seed,), regimes=(regime,)), where, lambda *_: bar.update()
                )
    return rounds


def figures(rounds: list[Round], settings: ReplaySettings) -> list[Result]:
    """What the regimes come to, of rounds of all five."""
    of = {regime: summary.of_regime(rounds, regime) for regime in REGIMES}
    last = {regime: summary.last_rounds(of[regime]) for regime in REGIMES}
    flow = {regime: summary.flow_accuracy(last[regime]) for regime in REGIMES}
    waits = [summary.rounds_to_alarm(game, settings.target) for game in summary.games(of["everything"])]
    representative = of["representative"]
    return [
        Result(
            "replay.everything_illusion",
            "regime everything: believed less true accuracy, last three rounds",
            summary.illusion(last["everything"]),
            "share",
            "≥ 0.10",
        ),
        Result(
            "replay.alarm_rounds",
            "regime everything: rounds from the truth being 8 points below the target to the alarm, longest",
            # an alarm that never rang counts as one after the last round
            max((min(wait, settings.rounds + 1) for wait in waits if wait is not None), default=float("nan")),
            "rounds",
            "≤ 3",
        ),
        Result(
            "replay.representative_accuracy",
            "regime representative: true accuracy among automatic decisions, all rounds",
            summary.true_accuracy(representative),
            "share",
            "≥ 0.92",
        ),
        Result(
            "replay.representative_coverage",
            "regime representative: coverage after round 3 over that of a threshold chosen with the truth",
            summary.share_of_oracle(representative),
            "share",
            "≥ 0.90",
        ),
        Result(
            "replay.flow_gain",
            "flow accuracy over the last three rounds, representative less everything",
            flow["representative"] - flow["everything"],
            "share",
            "≥ 0.07",
        ),
        *_of_each(of, last, flow),
    ]


def _of_each(
    of: dict[Regime, list[Round]], last: dict[Regime, list[Round]], flow: dict[Regime, float]
) -> Iterator[Result]:
    for regime in REGIMES:
        yield Result(
            f"replay.{regime}_flow", f"regime {regime}: flow accuracy, last three rounds", flow[regime], "share"
        )
        yield Result(
            f"replay.{regime}_true",
            f"regime {regime}: true accuracy, last three rounds",
            summary.true_accuracy(last[regime]),
            "share",
        )
        yield Result(
            f"replay.{regime}_automatic",
            f"regime {regime}: coverage, last three rounds",
            summary.coverage(last[regime]),
            "share",
        )
        spent = sum(one.spent for one in of[regime]) / len(of[regime])
        yield Result(f"replay.{regime}_answers", f"regime {regime}: answers of people a round", spent, "answers")


def _options(
    play: Callable[[str, Known, ReplaySettings], list[Round]],
    name: str,
    known: Known,
    settings: ReplaySettings,
    more_seeds: tuple[int, ...],
) -> Iterator[Result]:
    """What an option changes, with all else equal: means over the seeds, and the ends of their intervals."""
    for option, (changes, regimes) in OPTIONS.items():
        how = ", ".join(f"{key} {value}" for key, value in changes.items())
        for regime in regimes:
            seeds = settings.seeds if regime == "everything" else settings.seeds + more_seeds
            plain = replace(settings, seeds=seeds, regimes=(regime,))
            without = play(name, known, plain)
            optional = play(name, known, replace(plain, **changes))
            for figure, (said, value) in FIGURES.items():
                what = f"{how} on {name}, {regime}: {said}, with less without"
                found = summary.paired_difference(optional, without, value)
                for end, number in zip(("", "_low", "_high"), found, strict=True):
                    row = f"replay.{option}_{figure}_{name}_{regime}{end}"
                    yield Result(row, what + {"": "", "_low": ", low", "_high": ", high"}[end], number, "share")
