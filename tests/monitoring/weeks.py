"""Two weeks of a catalogue that the monitor judges on their last day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monitoring import judging
from monitoring.settings import Settings
from tests.monitoring import made

DAYS = 14
SETTINGS = Settings(window_days=DAYS, least_rows=24)


def judged(folder: Path, settings: Settings = SETTINGS, **options: Any) -> judging.Judged:
    """As of the last day, with the reference that such a catalogue has."""
    values: dict[str, Any] = {"reference": made.reference(), "day": made.day_of(DAYS - 1), **options}
    return judging.judge(folder, settings, **values)


def catalogue(folder: Path, **options: Any) -> Path:
    """A good one in `folder/data`, unless `options` change it."""
    return made.catalogue(folder / "data", days=DAYS, per_day=80, **{"error": 0.04, **options})
