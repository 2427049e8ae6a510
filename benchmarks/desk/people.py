"""Twenty people label at once, over HTTP, as the page does: is a task ever given twice, an answer lost or refused?

    python -m benchmarks.desk --only labelling [--quick]

Everybody claims, looks for a moment, answers (now and then wrongly, or "cannot say", or takes the last
answer back), and sends one answer in twenty again, as a browser does that missed the receipt. An error
is a request that is refused or fails, a receipt whose answer is not in the ledger, an answer stored
twice, or a second look by whom answered first; a double claim is a task that two people were given
while the first one's ten minutes had not passed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from benchmarks.catalogues import PROJECT
from benchmarks.results import Result
from benchmarks.serving import servers
from tests.desk import postgres

PEOPLE = 20
SECONDS, QUICK_SECONDS = 300.0, 10.0
DATABASES = ("sqlite", "postgresql")
LOOK = (0.05, 0.35)  # seconds that somebody looks at a product: many times quicker than people are
_TASKS_A_SECOND = 150
_TREE = "category_id,parent_id,name\n" + "".join(
    f"b{branch},,Branch {branch}\n" + "".join(f"c{branch}{leaf},b{branch},Leaf {branch} {leaf}\n" for leaf in range(10))
    for branch in range(10)
)
# Run in a process of its own, with the settings of that desk.
_PREPARE = """
import django, json, sys
django.setup()
from django.utils import timezone
from desk.ledger.models import Prediction, Product, Revision, Task
from desk.people import tokens
from desk.people.models import Person
people, tasks, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
now, keys = timezone.now(), []
for number in range(people):
    person = Person.objects.create_user(f"person{number}", role="labeller" if number % 5 else "reviewer")
    if password:
        person.set_password(password)
        person.save()
    keys.append(tokens.create(None, person, "browser", ["answer"])[1])
others = [[f"c{number}{number}", 0.1] for number in range(6)]
for first in range(0, tasks, 2000):
    some = range(first, min(tasks, first + 2000))
    products = Product.objects.bulk_create([
        Product(product_id=f"p{one}", received_at=now, double=one % 20 == 0, source="auto", category_id="c00",
                branch_id="b0") for one in some])
    revisions = Revision.objects.bulk_create([
        Revision(product=one, number=1, title=f"Product {one.product_id}", content_hash="", received_at=now)
        for one in products])
    predictions = Prediction.objects.bulk_create([
        Prediction(revision=one, product_id=one.product_id, predicted_at=now, category_id="c00", branch_id="b0",
                   confidence=0.9, branch_confidence=0.9, threshold=0.8, decided_id="c00" if one.pk % 3 else None,
                   service_decision="auto" if one.pk % 3 else "review", decision="auto" if one.pk % 3 else "review",
                   reason="confident", alternatives=others, model_version="1", policy_id="p", audit_probability=0.1,
                   audit_drawn=bool(one.pk % 3), blind=False) for one in revisions])
    Task.objects.bulk_create([
        Task(kind="audit" if one.audit_drawn else "review", product_id=one.product_id, revision_id=one.revision_id,
             prediction=one, priority=10 if one.audit_drawn else 0, created_at=now) for one in predictions])
print(json.dumps(keys))
"""
_LOOK_INTO = """
import django, json
django.setup()
from django.db.models import Count, F
from desk.ledger.models import Answer, Task
good = Answer.objects.filter(undone_by=None).exclude(status="undone")
twice = good.values("task").annotate(many=Count("id")).filter(many__gt=1).count()
own = good.filter(task__kind__in=["confirm", "adjudicate"], task__first__answers__person=F("person"),
                  task__first__answers__undone_by=None).exclude(task__first__answers__status="undone").count()
done = Task.objects.filter(state__in=["answered", "skipped"]).exclude(pk__in=good.values("task")).count()
uuids = [str(one) for one in Answer.objects.values_list("uuid", flat=True)]
print(json.dumps({"wrong": twice + own + done, "uuids": uuids}))
"""


@dataclass
class Desk:
    """A desk that runs: its port, a token of each person, and what looks into its ledger."""

    port: int
    keys: list[str]
    environment: Mapping[str, str]

    def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(_python(_LOOK_INTO, self.environment))
        return found


@dataclass
class _Seen:
    """What all people together have seen."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    given: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    receipts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def labelling_rows(*, quick: bool) -> list[Result]:
    """Errors and double claims on both databases together, and the answers a second on each."""
    rows, errors, doubled = [], 0, 0
    for name in DATABASES:
        found = labelled(QUICK_SECONDS if quick else SECONDS, name)
        errors, doubled = errors + len(found.errors), doubled + _doubled(found)
        rate = len(found.receipts) / (QUICK_SECONDS if quick else SECONDS)
        rows.append(Result(f"labelling.{name}_per_second", f"{PEOPLE} people on {name}", rate, "answers/s"))
        for text in found.errors[:5]:
            print(f"{name}: {text}", file=sys.stderr)
    rows.append(Result("labelling.errors", f"{PEOPLE} people at once: errors", errors, "", "≤ 0"))
    rows.append(Result("labelling.double_claims", f"{PEOPLE} people at once: double claims", doubled, "", "≤ 0"))
    return rows


def labelled(seconds: float, database: str) -> _Seen:
    """What twenty people saw who labelled for so long, on `sqlite` or `postgresql`; faults are in `errors`."""
    seen = _Seen()
    with running_desk(database, PEOPLE, int(seconds * _TASKS_A_SECOND) + 1000) as desk:
        until = time.monotonic() + seconds
        threads = [
            threading.Thread(target=_label, args=(desk, number, until, seen)) for number in range(len(desk.keys))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ledger = desk.ledger()
    stored = set(ledger["uuids"])
    seen.errors += [f"the answer {one} had a receipt and is not there" for one in seen.receipts if one not in stored]
    seen.errors += ["a task has two answers, or none, or two of one person"] * ledger["wrong"]
    return seen


def _doubled(seen: _Seen) -> int:
    return sum(len(people) > 1 for people in seen.given.values())


def _label(desk: Desk, number: int, until: float, seen: _Seen) -> None:
    draw = random.Random(number)
    headers = {"Authorization": f"Bearer {desk.keys[number]}"}
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{desk.port}/api", headers=headers, timeout=60, trust_env=False
        ) as client:
            waiting = _post(client, "tasks/claim", {"count": 2}, number, seen)["tasks"]
            while time.monotonic() < until:
                if not waiting:
                    waiting = _post(client, "tasks/claim", {"count": 2}, number, seen)["tasks"]
                    if not waiting:
                        raise AssertionError("nothing waits any more")
                time.sleep(draw.uniform(*LOOK))
                waiting = _answer(client, waiting[0], number, draw, seen)
    except (AssertionError, httpx.HTTPError) as error:
        with seen.lock:
            seen.errors.append(f"person {number}: {error!r}"[:300])


def _answer(
    client: httpx.Client, task: dict[str, Any], number: int, draw: random.Random, seen: _Seen
) -> list[dict[str, Any]]:
    body: dict[str, Any] = {"task_id": task["task_id"], "uuid": str(uuid4()), "next": 2, "seconds": 1.0}
    kind = draw.random()
    body |= {"skip_reason": "no category fits"} if kind < 0.03 else {"category_id": "c00" if kind < 0.85 else "c11"}
    told = _post(client, "answers", body, number, seen)
    if draw.random() < 0.05:
        told = _post(client, "answers", body, number, seen)
    with seen.lock:
        seen.receipts.append(told["uuid"])
    if draw.random() < 0.03:
        back = client.post("/answers/undo", json={"uuid": body["uuid"]})
        if back.status_code not in (200, 409):  # 409: somebody has looked again in this very moment
            raise AssertionError(f"undo: {back.status_code} {back.text[:200]}")
        return _post(client, "tasks/claim", {"count": 2}, number, seen)["tasks"]  # type: ignore[no-any-return]
    return told["tasks"]  # type: ignore[no-any-return]


def _post(client: httpx.Client, path: str, body: Mapping[str, Any], number: int, seen: _Seen) -> dict[str, Any]:
    response = client.post(f"/{path}", json=body)
    if response.status_code != 200:
        raise AssertionError(f"{path}: {response.status_code} {response.text[:200]}")
    told: dict[str, Any] = response.json()
    with seen.lock:
        for task in told["tasks"]:
            seen.given[task["task_id"]].add(number)
    return told


@contextlib.contextmanager
def running_desk(database: str, people: int, tasks: int, password: str = "") -> Iterator[Desk]:
    """A desk's web server on a new database (`sqlite` or `postgresql`), with people and tasks."""
    with prepared_desk(database, _PREPARE, str(people), str(tasks), password) as desk:
        yield desk


@contextlib.contextmanager
def prepared_desk(database: str, code: str, *words: str) -> Iterator[Desk]:
    """A desk's web server on a new database that `code` fills, given `words`; its last line is JSON, the tokens."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aisle-people-")))
        (folder / "desk").mkdir()
        (folder / "taxonomy.csv").write_text(_TREE, encoding="utf-8")
        url = stack.enter_context(postgres.running()).create("desk") if database == "postgresql" else ""
        environment = {
            "DATABASE_URL": url, "AISLE_DESK_FOLDER": str(folder / "desk"), "AISLE_DATA": str(folder),
            "DJANGO_SETTINGS_MODULE": "desk.settings",
        }  # fmt: skip
        _python("from desk.manage import main; main()", environment, "migrate", "--verbosity", "0")
        keys = json.loads(_python(code, environment, *words).splitlines()[-1])
        port = servers.free_port()
        command = [sys.executable, "-m", "gunicorn", "desk.wsgi", "--worker-class", "gthread", "--threads", "8"]
        command += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
        stack.enter_context(servers.running(command, port, "/log-in/", folder / "web.log", environment))
        yield Desk(port, keys, environment)


def _python(code: str, environment: Mapping[str, str], *words: str) -> str:
    whole = {**os.environ, **environment, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=whole, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout
