"""Which brakes alarms have set by themselves, so that a brake that people released is not set again the next day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from aisle.errors import DataError
from aisle.files import read_json, write_json
from monitoring.after import Brake

NAME = "acted.json"
_FORMAT = 1
_TEXTS = {"alarm", "scope", "value", "day", "holds"}


class Acted:
    """`acted.json` of a folder of reports: one entry a brake that a run has set by itself.

    The desk says only whether the very same brake holds: not what people released, and why. What a run set is
    therefore kept here. A file that cannot be read counts as empty, for a brake that is set twice only asks people
    twice; `trouble` says so.
    """

    def __init__(self, reports: Path | str) -> None:
        self.path = Path(reports) / NAME
        self.trouble: str | None = None
        self._brakes: list[dict[str, Any]] = []
        if self.path.is_file():
            try:
                self._brakes = _brakes(read_json(self.path), self.path)
            except (DataError, OSError) as error:
                self.trouble = f"{error}; what was set before is not known, and the file is written anew"

    def of(self, alarm: str, scope: str, value: str) -> dict[str, Any] | None:
        """What this alarm set on these very products; None where it set nothing there."""
        wanted = (alarm, scope, value)
        mine = [one for one in self._brakes if (one["alarm"], one["scope"], one["value"]) == wanted]
        return mine[-1] if mine else None

    def remember(self, alarm: str, brake: Brake, *, day: dt.date, key: str, holds: str) -> None:
        """Keep that this alarm set this brake; `OSError` where that cannot be written."""
        self._brakes.append(
            {
                "alarm": alarm,
                "scope": brake.scope,
                "value": brake.value,
                "kind": brake.kind,
                "confidence": brake.confidence,
                "day": str(day),
                "key": key,
                "holds": holds,
                "reason": brake.why,
            }
        )
        write_json(self.path, {"format": _FORMAT, "brakes": self._brakes})


def _brakes(content: Any, path: Path) -> list[dict[str, Any]]:
    brakes = content.get("brakes") if isinstance(content, dict) else None
    if not isinstance(brakes, list) or not all(
        isinstance(one, dict) and all(isinstance(one.get(name), str) for name in _TEXTS) for one in brakes
    ):
        raise DataError(f"{path}: not what `aisle monitor` keeps there")
    return brakes
