"""What a benchmark found: one row a figure, as a table for people and as JSON for later."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from aisle.errors import DataError
from aisle.files import read_json, write_json

FOLDER = Path(__file__).parent / "results"
QUICK_FOLDER = Path(tempfile.gettempdir()) / "aisle-benchmarks"

_LIMIT = re.compile(r"([≥≤]) (\d+(?:\.\d+)?|\.\d+)")


class Result(NamedTuple):
    """One figure.

    Attributes
    ----------
    id : str
        Its name for programs, such as `wdc.coverage_98`; once in a file.
    what : str
        Its name for people.
    value : float
        A share is a fraction in [0, 1].
    unit : str
    reach : str or None
        What it should be: one limit, as "≥ 0.72" or "≤ 0.05"; None for no aim.
    """

    id: str
    what: str
    value: float
    unit: str
    reach: str | None = None

    @property
    def reached(self) -> bool:
        """Whether the value keeps within the limit; true where there is none.

        Raises
        ------
        DataError
            For a `reach` that is not one limit.
        """
        if self.reach is None:
            return True
        found = _LIMIT.fullmatch(self.reach)
        if found is None:
            raise DataError(f"{self.id}: the reach '{self.reach}' is not one limit; write it as '≥ 0.72' or '≤ 0.05'")
        limit = float(found.group(2))
        return self.value >= limit if found.group(1) == "≥" else self.value <= limit


def report(name: str, rows: Sequence[Result], *, quick: bool = False) -> Path:
    """Print the rows as a table and write them to `results/NAME.json`; quick runs go to the temporary folder.

    Raises
    ------
    DataError
        For an id that stands there twice, or a reach that is not one limit; nothing is written.
    """
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise DataError(f"{name}: two rows have the id '{row.id}'; each figure needs its own")
        seen.add(row.id)
    text = table(rows)
    path = (QUICK_FOLDER if quick else FOLDER) / f"{name}.json"
    write_json(path, [row._asdict() for row in rows])
    print(text)
    print(f"\nwritten to {path}")
    return path


def measure_parts(name: str, module: str, about: str, parts: Mapping[str, Callable[[bool], Sequence[Result]]]) -> None:
    """The command line of a benchmark in parts: measure all of them, or one, and write the results.

    Parameters
    ----------
    name : str
        Of the results' file.
    module : str
        Of the benchmark, as it is called; `about` is its docstring.
    parts : mapping
        By what the ids of their rows begin with: what measures the rows, given whether in the small form.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("--quick", action="store_true", help="a small form of each")
    parser.add_argument("--only", choices=parts, help="one part; the results of the others stay as they are")
    arguments = parser.parse_args()
    rows: list[Result] = []
    for part, measured in parts.items():
        if arguments.only in (None, part):
            print(f"{part} …", file=sys.stderr, flush=True)
            rows += measured(arguments.quick)
    if arguments.only and not arguments.quick:
        rows = with_the_others(name, arguments.only, list(parts), rows)
    report(name, rows, quick=arguments.quick)


def with_the_others(name: str, part: str, parts: Sequence[str], rows: Sequence[Result]) -> list[Result]:
    """`rows` of one part, and what `results/NAME.json` holds of the other parts, in the order of `parts`.

    The part of a row is what its id begins with, up to the first point.
    """
    path = FOLDER / f"{name}.json"
    before = read_results(path) if path.exists() else []
    whole = [*(row for row in before if row.id.split(".")[0] != part), *rows]
    return sorted(whole, key=lambda row: list(parts).index(row.id.split(".")[0]))


def read_results(path: Path) -> list[Result]:
    """The rows of a file that `report` wrote."""
    return [Result(**row) for row in read_json(path)]


def table(rows: Sequence[Result]) -> str:
    """The rows for people: what, value, unit, reach, and a mark where the reach is missed."""
    cells = [(row.what, f"{row.value:.4g}", row.unit, row.reach or "", "" if row.reached else "missed") for row in rows]
    header = ("what", "value", "unit", "reach", "")
    width = [max(len(line[i]) for line in (header, *cells)) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(size) for cell, size in zip(line, width, strict=True)) for line in (header, *cells)]
    return "\n".join(line.rstrip() for line in lines)
