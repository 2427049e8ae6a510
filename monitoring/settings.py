"""How the monitor judges: one small file that people write, checked as all such files are."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aisle.config import Within, parse, read_yaml
from aisle.errors import ConfigurationError

AfterAlarm = Literal["tell", "tighten", "stop"]
BrakeReach = Literal["all", "blamed"]
MOST_WINDOW_DAYS = 3660
SHIPPED = Path(__file__).with_name("settings.yaml")


def _number(default: float, low: float, high: float = float("inf"), *, open_ends: bool = False) -> Any:
    within = Within(low, high, open_low=open_ends, open_high=open_ends)
    return field(default=default, metadata={"within": within})


@dataclass(frozen=True)
class Lasting:
    """When a shift lasts: `k` of the last `n` days that can be judged, the latest among them."""

    k: int = _number(3, 1)
    n: int = _number(5, 1)

    def __post_init__(self) -> None:
        if self.k > self.n:
            raise ConfigurationError(
                f"lasting.k is {self.k} and lasting.n {self.n}: {self.k} of {self.n} days cannot be"
            )


@dataclass(frozen=True)
class Settings:
    """All of `monitoring/settings.yaml`.

    Attributes
    ----------
    window_days : int
        Days that the monitor looks at, at most `MOST_WINDOW_DAYS`.
    lasting : Lasting
        How many days a shift needs to be an alarm; fewer are a look.
    false_alarm : float in (0, 1)
        Chance of a false alarm about the error, over the horizon.
    horizon : int
        Audits over which that chance holds.
    alarm_since : date or None
        Day from which on the alarm counts audits, and before which no window begins: set after trouble was mended with
        the same model, so that the days before are judged no more.
    tolerance : float in (0, 0.2]
        How far below the target the low end of the interval may lie, and accuracy still counts as known; at most 0.2.
    grace_days : int
        Days that an answer may take: the alarm and the audits of a day are judged when it is so long over.
    settle_days : int
        Days that a contradiction may take until it is settled: the alarm waits so long for it, and counts it as no
        error then.
    least_rows : int
        Predictions that a day needs for its columns to be judged.
    most_missing : float in [0, 1]
        Share of the window's days that may be missing before nothing is called green.
    stale_days : int
        How many days ago the last prediction may be, where no day is asked for: a feed that has ended is not green. And
        how many days beyond `grace_days` audits may be without an answer.
    drift_false_alarm : float in (0, 1)
        Chance that a quiet day is called drifted, over all columns together.
    after_alarm : str
        `tell` the desk; also `tighten` it to the confidence that recent audits certify; or `stop` it.
    brake : str
        What such a brake holds: `all`, or the seller or branch that is `blamed` where one stands out.
    brake_days : int
        Days whose audits decide to which confidence the desk is tightened.
    blamed_share : float in (0, 1]
        Share of the trouble that a slice must explain to be braked alone.
    """

    window_days: int = _number(30, 1, MOST_WINDOW_DAYS)
    lasting: Lasting = field(default_factory=Lasting)
    false_alarm: float = _number(0.05, 0, 1, open_ends=True)
    horizon: int = _number(5000, 1)
    alarm_since: Any = None
    tolerance: float = field(default=0.05, metadata={"within": Within(0, 0.2, open_low=True)})
    grace_days: int = _number(3, 0, 366)
    settle_days: int = _number(7, 0, 366)
    least_rows: int = _number(30, 2)
    most_missing: float = _number(0.5, 0, 1)
    stale_days: int = _number(3, 0)
    drift_false_alarm: float = _number(0.01, 0, 1, open_ends=True)
    after_alarm: AfterAlarm = "tell"
    brake: BrakeReach = "all"
    brake_days: int = _number(14, 1, 3660)
    blamed_share: float = _number(0.5, 0, 1)

    def __post_init__(self) -> None:
        if self.alarm_since is not None:
            object.__setattr__(self, "alarm_since", _day(self.alarm_since))


def _day(value: Any) -> dt.date:
    """A day as YAML or a person writes it."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError as error:
        raise ConfigurationError(f"alarm_since is '{value}', no day; write YYYY-MM-DD, or null") from error


def read_settings(path: Path | str | None = None) -> Settings:
    """The settings of `path`, or those that are shipped; what is left out takes its default.

    Raises
    ------
    ConfigurationError
        For a file that is missing or no YAML, an unknown name, a wrong type or a number out of range.
    """
    path = SHIPPED if path is None else Path(path)
    content = read_yaml(path)
    try:
        settings = parse(Settings, content if content is not None else {}, "")
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    assert isinstance(settings, Settings)
    return settings


def as_table(settings: Settings) -> dict[str, Any]:
    """The settings as plain data, for the verdict."""
    return dataclasses.asdict(settings)
