"""Products through the inbox, against posting the same products to the service directly.

Both are asked by one process, in batches of 100, over one connection. The inbox counts from the first
batch sent until the last product is routed: checked, stored, scored by the same service in a process
of its own, its draw, task, state and tally committed. The desk's pages, its worker, the service and
the one who asks are four processes on the two cores of this machine.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from aisle.client import ServiceClient
from benchmarks.catalogues import PROJECT
from benchmarks.results import Result
from benchmarks.serving import servers

BATCH = 100
REACH = "≥ 0.4"
_TOKEN = """
import django
django.setup()
from desk.people import tokens
from desk.people.models import Person
person = Person.objects.create_user("feed", role="administrator")
print(tokens.create(None, person, "feed", ["intake", "read"])[1])
"""


def intake_rows(service: servers.Server, products: Sequence[Mapping[str, Any]], *, quick: bool) -> list[Result]:
    """Rates of both, on SQLite and PostgreSQL; the row with a reach is the smaller share of the two.

    Parameters
    ----------
    service : Server
        A scoring service that runs.
    products : sequence of mappings
        As a shop system sends them; sent again under other ids until there are enough.
    quick : bool
        Few products, one round.
    """
    count, rounds = (1_000, 1) if quick else (10_000, 5)
    url = f"http://127.0.0.1:{service.port}"
    rows, shares, directly = [], [], []
    for name, database in (("sqlite", _sqlite), ("postgresql", _postgresql)):
        rates, parts = [], []
        with tempfile.TemporaryDirectory(prefix="aisle-intake-") as made:
            folder = Path(made)
            with database(folder) as (environment, waiting), _desk(folder, url, environment) as (port, key):
                for number in range(rounds):
                    directly.append(_directly(url, _feed(products, count, f"direct{number}")))
                    rates.append(_through(port, key, _feed(products, count, f"inbox{number}"), waiting))
                    parts.append(rates[-1] / directly[-1])
        shares.append(statistics.median(parts))
        rate = statistics.median(rates)
        rows.append(Result(f"intake.{name}_per_second", f"inbox on {name}, batches of 100", rate, "products/s"))
        rows.append(Result(f"intake.{name}_share", f"inbox on {name}, of the service", shares[-1], "share"))
    service_rate = statistics.median(directly)
    rows.append(Result("intake.service_per_second", "service directly, batches of 100", service_rate, "products/s"))
    return [*rows, Result("intake.share_of_service", "inbox, of the service directly", min(shares), "share", REACH)]


def _feed(products: Sequence[Mapping[str, Any]], count: int, mark: str) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in products[place % len(products)].items() if value is not None}
        | {"product_id": f"{mark}-{place}"}
        for place in range(count)
    ]


def _directly(url: str, feed: Sequence[Mapping[str, Any]]) -> float:
    """Products a second that the service answers."""
    with ServiceClient(url) as client:
        client.categorize(feed[:BATCH])  # the connection, and what a first answer makes ready
        start = time.perf_counter()
        for first in range(0, len(feed), BATCH):
            client.categorize(feed[first : first + BATCH])
        return len(feed) / (time.perf_counter() - start)


def _through(port: int, key: str, feed: Sequence[Mapping[str, Any]], waiting: Callable[[], int]) -> float:
    """Products a second that the inbox takes in and routes."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60, trust_env=False) as client:
        start = time.perf_counter()
        for first in range(0, len(feed), BATCH):
            answer = client.post("/api/products", json={"products": feed[first : first + BATCH]})
            answer.raise_for_status()
            if answer.json()["stored"] != len(feed[first : first + BATCH]):
                raise AssertionError(f"not all products of a batch were stored: {answer.json()['errors'][:1]}")
        while waiting():
            time.sleep(0.01)
        return len(feed) / (time.perf_counter() - start)


@contextlib.contextmanager
def _desk(folder: Path, service_url: str, database: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """The desk's web server and worker; its port and a token."""
    environment = {
        **database, "AISLE_DESK_FOLDER": str(folder / "desk"), "AISLE_SERVICE_URL": service_url,
        "DJANGO_SETTINGS_MODULE": "desk.settings",
    }  # fmt: skip
    (folder / "desk").mkdir()
    whole = {**os.environ, **environment, "PYTHONPATH": str(PROJECT)}
    subprocess.run([sys.executable, "-m", "desk.manage", "migrate", "--verbosity", "0"], env=whole, check=True)
    made = subprocess.run([sys.executable, "-c", _TOKEN], env=whole, check=True, capture_output=True, text=True)
    port = servers.free_port()
    command = [sys.executable, "-m", "gunicorn", "desk.wsgi", "--worker-class", "gthread", "--threads", "4"]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    with servers.running(command, port, "/log-in/", folder / "web.log", environment):
        with (folder / "worker.log").open("ab") as log:
            worker = subprocess.Popen([sys.executable, "-m", "desk.inbox.worker"], env=whole, stderr=log)
        try:
            while "at work" not in (folder / "worker.log").read_text():
                time.sleep(0.05)
            yield port, made.stdout.strip()
        finally:
            worker.terminate()
            worker.wait(30)


_Database = tuple[dict[str, str], Callable[[], int]]


@contextlib.contextmanager
def _sqlite(folder: Path) -> Iterator[_Database]:
    def waiting() -> int:
        with contextlib.closing(sqlite3.connect(folder / "desk" / "desk.sqlite3", timeout=20)) as connection:
            return int(connection.execute("SELECT EXISTS (SELECT 1 FROM ledger_waiting)").fetchone()[0])

    yield {"DATABASE_URL": ""}, waiting


@contextlib.contextmanager
def _postgresql(folder: Path) -> Iterator[_Database]:
    import psycopg

    from tests.desk import postgres

    with postgres.running() as server:
        url = server.create("desk")
        with psycopg.connect(url, autocommit=True) as connection:

            def waiting() -> int:
                row = connection.execute("SELECT EXISTS (SELECT 1 FROM ledger_waiting)").fetchone()
                return int(row is not None and row[0])

            yield {"DATABASE_URL": url}, waiting
