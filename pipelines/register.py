"""Stage `register`: one MLflow run, a model version with alias `challenger`, the gate against the champion.

Calling it again with the same inputs makes no second version; it mends what a kill left half done.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aisle.errors import exit_code_of
from aisle.files import write_json
from pipelines.registry.registering import register


def main() -> None:
    """Read what the stages wrote in the current folder, write `work/registration.json`."""
    registration = register(Path())
    write_json(Path("work") / "registration.json", registration)
    done = "registered" if registration["created"] else "already registered"
    gate = registration["gate"]["result"].replace("_", " ")
    print(f"{registration['model_name']} version {registration['version']} {done} as challenger; gate: {gate}")


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
