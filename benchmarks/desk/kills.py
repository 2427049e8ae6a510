"""The desk or its database is killed (kill -9) at random moments under load: what is lost, doubled, stuck.

A shop system sends products, four people answer, exports run one after the other; each of them tries
again until it is heard. Killed are the web server, the worker, an export, or the database (PostgreSQL's
server; with SQLite all processes of the desk at once, for the database lives in them), and started again
at once. In the end everybody finishes, and what was acknowledged is held against the ledger and the shards.

    python -m benchmarks.desk --only kills [--quick]
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aisle.audit.rates import Rates, write_rates
from benchmarks.catalogues import PROJECT
from benchmarks.desk.kills_load import TREE, Feed, Labeller, service
from benchmarks.results import Result
from benchmarks.serving.servers import free_port, stop

KILLS, QUICK_KILLS = 200, 3
DATABASES = ("sqlite", "postgresql")
PATIENCE = 240.0  # seconds until all that waits must be done, once the shop system is silent
_BETWEEN = (0.05, 2.5)  # seconds of load before a kill
_CHECK = [sys.executable, "-m", "benchmarks.desk.kills_check"]


@dataclass
class Desk:
    """The processes of one desk; `restart` starts what is not there."""

    folder: Path
    environment: Mapping[str, str]
    port: int
    restart_database: Callable[[], None] | None = None
    kill_database: Callable[[], None] | None = None
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    exports: int = 0
    closing: bool = False

    def restart(self) -> None:
        """Start the web server and the worker where they do not run."""
        web = [sys.executable, "-m", "gunicorn", "desk.wsgi", "--worker-class", "gthread", "--threads", "8"]
        web += ["--bind", f"127.0.0.1:{self.port}", "--log-level", "error", "--no-control-socket"]
        for name, words in (("web", web), ("worker", [sys.executable, "-m", "desk.inbox.worker"])):
            if name not in self.processes or self.processes[name].poll() is not None:
                self.processes[name] = self._start(name, words)

    def export_again_and_again(self) -> None:
        """One export after the other, until `closing`."""
        while not self.closing:
            process = self.processes["export"] = self._start("export", [*_CHECK, "export"])
            self.exports += process.wait() == 0
            time.sleep(0.5)

    def kill(self, name: str) -> None:
        """Kill a process with all it started, or the database."""
        if name == "database" and self.kill_database and self.restart_database:
            self.kill_database()
            time.sleep(0.2)
            self.restart_database()
        for one in ("web", "worker", "export") if name == "database" and not self.kill_database else (name,):
            if one in self.processes:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.processes[one].pid, signal.SIGKILL)
                self.processes[one].wait()

    def ask(self, *words: str) -> Any:
        """What `kills_check` says."""
        done = subprocess.run([*_CHECK, *words], env=self._whole(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"{words[0]} failed: {done.stderr.strip()[-2000:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    def _start(self, name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(words, env=self._whole(), stdout=log, stderr=log, start_new_session=True)

    def _whole(self) -> dict[str, str]:
        return {**os.environ, **self.environment, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}


def kill_rows(kills: int = KILLS, databases: Sequence[str] = DATABASES, seed: int = 1) -> list[Result]:
    """Figures of `kills` kills, shared by the databases."""
    totals: Counter[str] = Counter()
    rows = []
    for place, name in enumerate(databases):
        share = kills // len(databases) + (place < kills % len(databases))
        found, facts = _measured(name, share, seed)
        for kind, parts in found.items():
            totals[kind] += sum(parts.values())
            for part, count in parts.items():
                if count:
                    print(f"  {name}: {kind} {part}: {count}", file=sys.stderr)
        print(f"  {name}: {share} kills; {facts}", file=sys.stderr)
        rows += [
            Result(f"kills.{name}_kills", f"kills on {name}", share, "kills"),
            Result(f"kills.{name}_products", f"products acknowledged on {name}", facts["products"], "products"),
            Result(f"kills.{name}_answers", f"answers acknowledged on {name}", facts["answers"], "answers"),
            Result(f"kills.{name}_exports", f"exports that ended well on {name}", facts["exports"], "exports"),
        ]
    told = {"lost": "acknowledged and lost", "doubled": "stored or exported twice", "stuck": "never done"}
    return [*rows, *(Result(f"kills.{one}", text, totals[one], "rows", "≤ 0") for one, text in told.items())]


def _measured(name: str, kills: int, seed: int) -> tuple[dict[str, dict[str, int]], dict[str, Any]]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aisle-kills-")))
        desk = stack.enter_context(_desk(folder, name, stack.enter_context(service())))
        keys = desk.ask("people")
        feed = Feed(desk.port, keys[0])
        labellers = [Labeller(desk.port, key, number) for number, key in enumerate(keys[1:])]
        desk.restart()
        exporting = threading.Thread(target=desk.export_again_and_again, daemon=True)
        for thread in (feed, *labellers, exporting):
            thread.start()
        killed = _kill(desk, kills, random.Random(seed))
        feed.ended.set()
        feed.join()
        _finish(desk, labellers)
        desk.closing = True
        exporting.join()
        for labeller in labellers:
            labeller.ended.set()
            labeller.join()
        desk.ask("export")
        path = folder / "acknowledged.json"
        given = [one for labeller in labellers for one in labeller.given]
        path.write_text(json.dumps({"stored": feed.stored, "given": given}))
        found: dict[str, dict[str, int]] = desk.ask("check", str(path))
        wrong = [text for one in (feed, *labellers) for text in one.wrong]
        found["stuck"]["refused"] = len(wrong)
        for text in wrong[:5]:
            print(f"  {name}: {text}", file=sys.stderr)
    facts = {"products": len(feed.stored), "answers": len(given), "exports": desk.exports, "killed": dict(killed)}
    return found, facts


def _kill(desk: Desk, kills: int, chance: random.Random) -> Counter[str]:
    """Kill at random moments; the load never stops."""
    killed: Counter[str] = Counter()
    _until(lambda: _answers(desk.port), 60)
    while killed.total() < kills:
        time.sleep(chance.uniform(*_BETWEEN))
        name = chance.choice(("web", "worker", "export", "database"))
        if name == "export":  # most of its time goes into loading; the moments that matter come after that
            process = desk.processes.get("export")
            _until(lambda before=process: desk.processes.get("export") is not before, 60)  # type: ignore[misc]
            time.sleep(chance.uniform(0.5, 4.0))
        desk.kill(name)
        killed[name] += 1
        desk.restart()
        if chance.random() < 0.7:  # else the next kill may come while it starts
            _until(lambda: _answers(desk.port), 60)
    _until(lambda: _answers(desk.port), 60)
    return killed


def _finish(desk: Desk, labellers: Sequence[Labeller]) -> None:
    """Wait until nothing waits, or the patience ends."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        desk.restart()  # as a supervisor does
        if desk.ask("waiting") == [0, 0]:
            return
        time.sleep(1.0)


def _answers(port: int) -> bool:
    import httpx

    try:
        return httpx.get(f"http://127.0.0.1:{port}/log-in/", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _until(good: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not good() and time.monotonic() < end:
        time.sleep(0.02)


@contextlib.contextmanager
def _desk(folder: Path, name: str, service_url: str) -> Iterator[Desk]:
    (folder / "desk").mkdir()
    (folder / "data").mkdir()
    (folder / "data" / "taxonomy.csv").write_text(TREE)
    environment = {
        "AISLE_DESK_FOLDER": str(folder / "desk"), "AISLE_DATA": str(folder / "data"), "DATABASE_URL": "",
        "AISLE_SERVICE_URL": service_url, "DJANGO_SETTINGS_MODULE": "desk.settings",
    }  # fmt: skip
    write_rates(Rates(floor=0.3, double_share=0.1), folder / "desk" / "audit-rates.json")
    with contextlib.ExitStack() as stack:
        desk = Desk(folder, environment, free_port())
        if name == "postgresql":
            from tests.desk import postgres

            server = stack.enter_context(postgres.running())
            environment["DATABASE_URL"] = server.create("desk")
            desk.kill_database = lambda: _kill_postgresql(server.data)
            desk.restart_database = server.start
        migrate = [sys.executable, "-m", "desk.manage", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, env=desk._whole(), check=True)
        try:
            yield desk
        finally:
            desk.closing = True
            for process in desk.processes.values():
                stop(process, signal.SIGKILL)


def _kill_postgresql(data: Path) -> None:
    """Kill the server; its other processes notice and end, and then it can be started again."""
    number = int((data / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    os.kill(number, signal.SIGKILL)
    _until(lambda: not any(Path(f"/proc/{child}").exists() for child in children), 30)
