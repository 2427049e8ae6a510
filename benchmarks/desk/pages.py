"""How long the quality page takes, with a million products in the ledger, on both databases."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.catalogues import PROJECT
from benchmarks.results import Result

_ROUNDS = 7
_SECRET = "only for this benchmark, never for production: 0123456789abcdef"


def page_rows(products: int = 1_000_000) -> list[Result]:
    """The slowest window on the slower database is what counts; each figure is the median of several calls."""
    from tests.desk import postgres

    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="aisle-pages-") as folder:
        found["SQLite"] = _measured(Path(folder), products, {})
    with tempfile.TemporaryDirectory(prefix="aisle-pages-") as folder, postgres.running() as server:
        found["PostgreSQL"] = _measured(Path(folder), products, {"DATABASE_URL": server.create("pages")})
    slowest = max(seconds for one in found.values() for seconds in one.values())
    rows = [
        Result("quality_page.seconds", f"quality page, {products:,} products, slowest window", slowest, "s", "≤ 1.5")
    ]
    for database, one in found.items():
        rows += [
            Result(
                f"quality_page.{database.lower()}.{window}", f"quality page, window {window}, {database}", seconds, "s"
            )
            for window, seconds in one.items()
        ]
    return rows


def _measured(folder: Path, products: int, more: Mapping[str, str]) -> dict[str, float]:
    """In a process of its own, for a process has one database."""
    environment = {
        **os.environ, "AISLE_DESK_FOLDER": str(folder / "desk"), "AISLE_DATA": str(folder / "data"),
        "AISLE_AUDIT_SECRET": _SECRET, "AISLE_DESK_PRODUCTION": "", "DATABASE_URL": "", **more,
    }  # fmt: skip
    (folder / "desk").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.desk.pages", str(products)],
        check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=PROJECT,
    )  # fmt: skip
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def _inside(products: int) -> dict[str, float]:
    from desk.start import migrate, set_up

    configuration = set_up()
    migrate()
    from django.test import Client

    from benchmarks.desk.filled import fill
    from benchmarks.desk.flow import Shape, write_tree
    from desk.people.models import Person, Role
    from desk.quality.models import Terms
    from desk.quality.windows import CHOICES

    shape = Shape(products=products, days=120)
    fill(shape, say=lambda text: print(text, file=sys.stderr))
    write_tree(shape, configuration.data / "taxonomy.csv")
    Terms.objects.create(pk=1, cost_of_error=5.0, cost_of_review=0.4, currency="EUR")
    client: Any = Client()
    client.force_login(
        Person.objects.create_user("owner", role=Role.BUSINESS), backend="django.contrib.auth.backends.ModelBackend"
    )
    return {name: _seconds(client, f"/quality/?window={name}") for name in CHOICES}


def _seconds(client: Any, address: str) -> float:
    taken = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        response = client.get(address, HTTP_HOST="127.0.0.1")
        taken.append(time.perf_counter() - began)
        assert response.status_code == 200, address
    return statistics.median(taken)


if __name__ == "__main__":
    print(json.dumps(_inside(int(sys.argv[1]))))
