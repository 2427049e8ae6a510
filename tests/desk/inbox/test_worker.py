from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import OperationalError, connection
from django.db.models import Count
from django.utils import timezone

from aisle.audit.rates import Rates, write_rates
from desk.configuration import Configuration
from desk.inbox.intake import receive
from desk.inbox.models import Beat
from desk.inbox.worker import Alone, Worker
from desk.ledger.models import Prediction, Product, Tally, Task, Waiting
from tests.desk.inbox.service import Service, product

ROOT = Path(__file__).parents[3]


class Slow:
    """The service as a server of its own, whose answers take a while."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.answered = threading.Semaphore(0)
        self.asked = threading.Event()
        service, outer = Service(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._say({"ready": True})

            def do_POST(self) -> None:
                products = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["products"]
                outer.asked.set()
                time.sleep(outer.seconds)
                self._say(service.answer(products))
                outer.answered.release()

            def _say(self, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                with contextlib.suppress(OSError):
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Slow:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(transactional_db: None, configuration: Configuration) -> Iterator[Start]:
    """Start a worker, in a process of its own, on the tests' database."""
    begun: list[subprocess.Popen[str]] = []
    environment = {**os.environ, "AISLE_DESK_FOLDER": str(configuration.folder), "AISLE_API_KEY": ""}
    environment.pop("DATABASE_URL", None)
    settings = connection.settings_dict
    if connection.vendor == "postgresql":
        place = f"{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
        environment["DATABASE_URL"] = f"postgresql://{settings['USER']}@{place}"
    else:
        (configuration.folder / "desk.sqlite3").symlink_to(settings["NAME"])
    write_rates(Rates(floor=0.2), configuration.folder / "audit-rates.json")

    def run(url: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "desk.inbox.worker"], cwd=ROOT, env=environment | {"AISLE_SERVICE_URL": url},
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        begun.append(process)
        return process

    yield run
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def check_nothing_is_lost_or_doubled(products: int) -> None:
    assert Product.objects.count() == Prediction.objects.count() == products
    assert not Waiting.objects.exists()
    assert not Product.objects.annotate(n=Count("predictions")).exclude(n=1).exists()
    assert sum(Tally.objects.values_list("products", flat=True)) == products
    assert sum(Tally.objects.values_list("drawn", flat=True)) == Product.objects.filter(audit_drawn=True).count()
    asked = Product.objects.exclude(source="auto", audit_drawn=False)
    assert set(Task.objects.values_list("product_id", flat=True)) == set(asked.values_list("id", flat=True))
    assert Task.objects.count() == asked.count()
    assert Product.objects.filter(source="auto").count() == Prediction.objects.filter(decision="auto").count()


def test_a_worker_that_is_killed_goes_on_where_it_was(start: Start) -> None:
    dice = random.Random(7)
    kills, size = 3, 1000
    with Slow(0.02) as service:
        for number in range(kills):
            names = [(f"p{number}-{place}", "unsure" if place % 5 == 0 else "Drill") for place in range(size)]
            receive([product(name, title) for name, title in names], timezone.now())
            worker = start(service.url)
            assert service.answered.acquire(timeout=60)
            time.sleep(dice.uniform(0, 0.3))
            worker.kill()
            worker.wait()
            while service.answered.acquire(blocking=False):
                pass
        worker = start(service.url)
        until(lambda: not Waiting.objects.exists())
        check_nothing_is_lost_or_doubled(kills * size)
        worker.terminate()
        assert worker.wait(20) == 0


def test_a_worker_ends_soon_while_the_service_hangs(start: Start) -> None:
    receive([product("a")], timezone.now())
    with Slow(60) as service:
        worker = start(service.url)
        assert service.asked.wait(60)
        began = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
        assert time.monotonic() - began < 5
    assert Waiting.objects.get().tries == 0


def test_a_second_worker_waits_until_the_first_one_ends(start: Start) -> None:
    with Slow(0.0) as service:
        first = start(service.url)
        until(lambda: Beat.objects.filter(pid=first.pid).exists())
        second = start(service.url)
        assert second.stderr is not None
        assert any("another worker is at work" in line for line in iter(second.stderr.readline, ""))
        first.kill()
        until(lambda: Beat.objects.filter(pid=second.pid).exists())
        receive([product("a")], timezone.now())
        until(lambda: Prediction.objects.exists())


class Clock:
    """Lets a worker run in this process for a number of turns."""

    def __init__(self, service: Service, configuration: Configuration) -> None:
        write_rates(Rates(floor=1e-9), configuration.folder / "audit-rates.json")
        self.worker = Worker(service.client(), configuration.folder)

    def turn(self) -> None:
        self.worker._standing["next_try_at"] = None  # the pause is over
        self.worker._probed = float("-inf")
        self.worker._turn()


@pytest.fixture
def work(transactional_db: None, configuration: Configuration) -> Iterator[Callable[[Service], Clock]]:
    """A worker of this process."""
    begun: list[Clock] = []

    def make(service: Service) -> Clock:
        begun.append(Clock(service, configuration))
        return begun[-1]

    yield make
    for clock in begun:
        clock.worker._alone.release()


Work = Callable[[Service], Clock]


def test_a_service_that_is_down_is_said_and_asked_again_with_growing_pauses(work: Work) -> None:
    receive([product("a")], timezone.now())
    service = Service(up=False)
    clock = work(service)
    pauses = []
    for _ in range(6):
        clock.turn()
        pauses.append((clock.worker._standing["next_try_at"] - timezone.now()).total_seconds())
    beat = Beat.objects.get()
    assert "no answer" in beat.error
    assert beat.error_since is not None
    assert beat.error_since < beat.beat_at
    assert pauses[0] < 0.6
    assert 2.0 < pauses[-1] <= 5.0
    assert len(set(pauses)) == 6
    service.up = True
    clock.turn()
    assert Prediction.objects.count() == 1
    beat.refresh_from_db()
    assert (beat.error, beat.error_since) == ("", None)
    assert beat.answered_at is not None


def test_during_a_pause_the_service_is_left_alone(work: Work) -> None:
    receive([product("a")], timezone.now())
    service = Service(httpx.ConnectError("refused"), httpx.ConnectError("refused"))
    worker = work(service).worker
    worker._turn()
    for _ in range(5):
        worker._standing["next_try_at"] = timezone.now() + timedelta(hours=1)
        worker._turn()
    assert len(service.asked) == 1


def test_an_idle_worker_says_whether_the_service_is_there(work: Work) -> None:
    service = Service(up=False)
    clock = work(service)
    clock.turn()
    assert "does not answer" in Beat.objects.get().error
    service.up = True
    clock.turn()
    assert Beat.objects.get().error == ""


def test_a_database_that_fails_is_tried_again(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = work(Service()).worker
    turns = []

    def turn() -> bool:
        turns.append(None)
        if len(turns) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        worker.stop()
        return False

    monkeypatch.setattr(worker, "_turn", turn)
    monkeypatch.setattr(worker, "_wait", lambda _: None)
    worker.run()
    assert len(turns) == 2


@pytest.mark.django_db
def test_only_one_is_alone(configuration: Configuration) -> None:
    if connection.vendor == "postgresql":
        pytest.skip("sessions of PostgreSQL: see the test with two processes")
    one, other = Alone(configuration.folder), Alone(configuration.folder)
    assert one.held()
    assert one.held()
    assert not other.held()
    one.release()
    assert other.held()
    other.release()
