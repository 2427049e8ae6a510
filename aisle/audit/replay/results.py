"""What a round gave: one line of JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aisle.config import Regime
from aisle.errors import DataError
from aisle.files import write_text

ROUNDS = "rounds.jsonl"
SETTINGS = "settings.json"


@dataclass(frozen=True)
class Round:
    """One round of one regime with one seed. Shares are fractions; None where nothing was decided automatically.

    Attributes
    ----------
    seed, regime, round : which one; rounds count from 1.
    products : int
    coverage : float
        Share decided automatically.
    automatic : int
        How many that are.
    believed : float or None
        Accuracy among automatic decisions that the regime's own labels promise at its threshold.
    true_accuracy : float or None
        What it really is, in this round.
    oracle_coverage : float
        Coverage of the same model with the threshold that the truth of this very round would choose.
    flow_accuracy : float
        Share of all products that end in their right category, by whomever decided.
    accuracy_all : float
        Share of all products whose top category is right: what the model alone would do.
    threshold : float or None
        In force in this round; None: automation is off.
    answers : mapping of kind to int
        What people were asked: `audit`, `review`, `second` (confirming a contradicted audit),
        `third` (where two people differ). Their sum never exceeds the cap.
    labels_by_origin : mapping of origin to int
        Training labels of the model that decided this round.
    model_label_share : float
        Share of these that came from a model.
    model_labels_right : float or None
        Share of those that are right.
    left_over : int
        Products left over by the cap, which keep the model's top category although it was not sure.
    audited : int
        Automatic decisions of this round that were audited, by the regime or, where it draws none, by the referee.
    estimate, low, high : float or None
        Accuracy among automatic decisions as those audits tell, with its 95 % interval.
    alarm : bool
        Whether the alarm has rung by the end of this round.
    alarm_round, alarm_audits : int or None
        When it first rang; audits that it had seen then.
    """

    seed: int
    regime: Regime
    round: int
    products: int
    coverage: float
    automatic: int
    believed: float | None
    true_accuracy: float | None
    oracle_coverage: float
    flow_accuracy: float
    accuracy_all: float
    threshold: float | None
    answers: Mapping[str, int]
    labels_by_origin: Mapping[str, int]
    model_label_share: float
    model_labels_right: float | None
    left_over: int
    audited: int
    estimate: float | None
    low: float | None
    high: float | None
    alarm: bool
    alarm_round: int | None
    alarm_audits: int | None

    @property
    def spent(self) -> int:
        """Answers of people in this round."""
        return sum(self.answers.values())


def write_rounds(folder: Path | str, rounds: Iterable[Round]) -> None:
    """Write `rounds.jsonl`, atomically; equal rounds give equal bytes."""
    lines = [json.dumps(dataclasses.asdict(one), allow_nan=False) + "\n" for one in rounds]
    write_text(Path(folder) / ROUNDS, "".join(lines))


def read_rounds(folder: Path | str) -> list[Round]:
    """The rounds of a replay's folder (or of a `rounds.jsonl` itself), in the order written; none where it has none.

    A last line that breaks off, as where a copy of the file was cut short, is left out: its round is played again.

    Raises
    ------
    DataError
        For a line that is no round, with its number.
    """
    path = Path(folder)
    path = path / ROUNDS if path.is_dir() else path
    if not path.exists():
        return []
    found = []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            found.append(Round(**json.loads(line)))
        except (ValueError, TypeError) as error:
            if number == len(lines) and not line.endswith("\n"):
                break
            raise DataError(f"{path}: line {number} is no round of a replay; replay into another folder") from error
    return found
