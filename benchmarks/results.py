"""What a benchmark found: one row a figure, as a table for people and as JSON for later."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aisle.files import write_json

FOLDER = Path(__file__).parent / "results"
QUICK_FOLDER = Path(tempfile.gettempdir()) / "aisle-benchmarks"


class Result(NamedTuple):
    """One figure.

    Attributes
    ----------
    reach : float, pair or None
        What the figure should at least be, or the range that it should lie in; None for no aim.
    """

    id: str
    what: str
    value: float
    unit: str
    reach: float | tuple[float, float] | None = None

    @property
    def reached(self) -> bool:
        """Whether the figure is where it should be."""
        if self.reach is None:
            return True
        low, high = self.reach if isinstance(self.reach, tuple) else (self.reach, float("inf"))
        return low <= self.value <= high


def report(name: str, rows: Sequence[Result], *, quick: bool = False) -> Path:
    """Print the rows as a table and write them to `results/NAME.json`; quick runs go to the temporary folder."""
    path = (QUICK_FOLDER if quick else FOLDER) / f"{name}.json"
    write_json(path, [_plain(row) for row in rows])
    print(table(rows))
    print(f"\nwritten to {path}")
    return path


def table(rows: Sequence[Result]) -> str:
    """The rows for people: what, value, unit, reach, and a mark where the reach is missed."""
    cells = [(row.what, f"{row.value:g}", row.unit, _reach(row.reach), "" if row.reached else "missed") for row in rows]
    header = ("what", "value", "unit", "reach", "")
    width = [max(len(line[i]) for line in (header, *cells)) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(size) for cell, size in zip(line, width, strict=True)) for line in (header, *cells)]
    return "\n".join(line.rstrip() for line in lines)


def _reach(reach: float | tuple[float, float] | None) -> str:
    if reach is None:
        return ""
    return f"{reach[0]:g} to {reach[1]:g}" if isinstance(reach, tuple) else f">= {reach:g}"


def _plain(row: Result) -> dict[str, Any]:
    return {**row._asdict(), "reach": list(row.reach) if isinstance(row.reach, tuple) else row.reach}
