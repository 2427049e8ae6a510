"""Monitoring: alarms, the loop replayed, drift, blame, and what a report costs.

`alarm` and `blame` are simulations. `drift` plants changes into streams of the sample. `replay` runs on
real offers: WDC's train and validation files. `report` takes the champion of the registry (`make run`, `aisle promote`)
and times the command as a process of its own.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from aisle.errors import exit_code_of
from benchmarks.results import Result, report, with_the_others

PARTS = {  # by what the ids of their rows begin with: the module whose `measured(quick)` gives them
    "alarm": "benchmarks.monitoring.alarms",
    "replay": "benchmarks.monitoring.replay",
    "drift": "benchmarks.monitoring.drift",
    "blame": "benchmarks.monitoring.blame",
    "report": "benchmarks.monitoring.report",
}


def main() -> None:
    """Measure all parts, or one, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small form of each")
    parser.add_argument("--only", choices=PARTS, help="one part; the results of the others stay as they are")
    arguments = parser.parse_args()
    rows: list[Result] = []
    for name, module in PARTS.items():
        if arguments.only in (None, name):
            print(f"{name} …", file=sys.stderr, flush=True)
            rows += importlib.import_module(module).measured(arguments.quick)
    if arguments.only and not arguments.quick:
        rows = with_the_others("monitoring", arguments.only, list(PARTS), rows)
    report("monitoring", rows, quick=arguments.quick)


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
