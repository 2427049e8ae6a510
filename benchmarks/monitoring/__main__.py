"""Monitoring: alarms, the loop replayed, drift, blame, and what a report costs.

`alarm` and `blame` are simulations. `drift` plants changes into streams of the sample. `replay` runs on
real offers: WDC's train and validation files. `report` takes the champion of the registry (`make run`, `aisle promote`)
and times the command as a process of its own.
"""

from __future__ import annotations

import importlib
import sys
from functools import partial

from aisle.errors import exit_code_of
from benchmarks.results import Result, measure_parts

PARTS = {  # by what the ids of their rows begin with: the module whose `measured(quick)` gives them
    "alarm": "benchmarks.monitoring.alarms",
    "replay": "benchmarks.monitoring.replay",
    "drift": "benchmarks.monitoring.drift",
    "blame": "benchmarks.monitoring.blame",
    "report": "benchmarks.monitoring.report",
}


def main() -> None:
    """Measure all parts, or one, and write the results."""
    parts = {name: partial(_measured, module) for name, module in PARTS.items()}
    measure_parts("monitoring", "benchmarks.monitoring", str(__doc__), parts)


def _measured(module: str, quick: bool) -> list[Result]:
    found: list[Result] = importlib.import_module(module).measured(quick)
    return found


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
