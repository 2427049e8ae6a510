"""How long people wait for the next item: an answer is sent, it is stored, and the next task is in the receipt.

    next_item_rows(products=1_000_000)

Five people answer at once, each a moment after the item came, over HTTP from a web server whose ledger
holds so many products, with tasks, and with past answers of the same people. A figure is over all
requests, the first one of each person included.
"""

from __future__ import annotations

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import numpy as np

from benchmarks.desk.people import LOOK, Desk, prepared_desk
from benchmarks.results import Result

PEOPLE, EACH = 5, 120
_OTHER = "b00-00"  # said where nothing is suggested, and now and then where it contradicts
# Run in a process of its own, with the settings of that desk; enough tasks are open for all that is answered.
_FILL = """
import django, json, sys
django.setup()
from django.conf import settings
from benchmarks.desk.filled import fill
from benchmarks.desk.flow import Shape, write_tree
from desk.ledger.models import Task
from desk.people import tokens
from desk.people.models import Person
products, people, wanted = (int(word) for word in sys.argv[1:])
usual = Shape(products=products)
shape = Shape(products=products, open_days=max(usual.open_days, 5 * wanted * usual.days / products))
made = fill(shape, say=lambda text: print(text, file=sys.stderr, flush=True))
write_tree(shape, settings.CONFIGURATION.data / "taxonomy.csv")
waiting = Task.objects.filter(state="open").count()
assert waiting > wanted, f"{waiting} tasks wait; {wanted} answers are wanted"
print(f"{waiting} tasks wait", file=sys.stderr, flush=True)
chosen = [Person.objects.get(pk=key) for key in made.people[:people]]
print(json.dumps([tokens.create(None, one, "browser", ["answer"])[1] for one in chosen]))
"""


def next_item_rows(products: int = 1_000_000) -> list[Result]:
    """The 95th percentile in milliseconds, on PostgreSQL and on SQLite."""
    found = {name: waits(name, products) for name in ("postgresql", "sqlite")}
    what = f"answer to next item, {products:,} products, {PEOPLE} people"
    for name, seconds in found.items():
        middle, high = np.percentile(seconds, [50, 95]) * 1000
        print(f"{name}: {len(seconds)} answers, median {middle:.0f} ms, p95 {high:.0f} ms", file=sys.stderr)
    return [
        Result("next_item.p95_ms", f"{what}, PostgreSQL, p95", _p95(found["postgresql"]), "ms", "≤ 150"),
        Result("next_item.sqlite_p95_ms", f"{what}, SQLite, p95", _p95(found["sqlite"]), "ms"),
    ]


def waits(database: str, products: int) -> list[float]:
    """Seconds of each request, `PEOPLE` times `EACH`, on `sqlite` or `postgresql`."""
    with (
        prepared_desk(database, _FILL, str(products), str(PEOPLE), str(PEOPLE * (EACH + 2))) as desk,
        ThreadPoolExecutor(PEOPLE) as pool,
    ):
        works = [pool.submit(_label, desk, number) for number in range(PEOPLE)]
        return [seconds for work in works for seconds in work.result()]


def _p95(seconds: list[float]) -> float:
    return float(np.percentile(seconds, 95)) * 1000


def _label(desk: Desk, number: int) -> list[float]:
    draw, taken = random.Random(number), []
    headers = {"Authorization": f"Bearer {desk.keys[number]}"}
    with httpx.Client(
        base_url=f"http://127.0.0.1:{desk.port}/api", headers=headers, timeout=60, trust_env=False
    ) as client:
        shown = _first(client.post("/tasks/claim", json={"count": 1}))
        for _ in range(EACH):
            time.sleep(draw.uniform(*LOOK))
            suggested = shown["suggestion"]["category_id"] if shown["suggestion"] else _OTHER
            said = suggested if draw.random() < 0.95 else _OTHER
            body = {"task_id": shown["task_id"], "uuid": str(uuid4()), "category_id": said, "seconds": 1.0, "next": 1}
            began = time.perf_counter()
            response = client.post("/answers", json=body)
            taken.append(time.perf_counter() - began)
            shown = _first(response)
    return taken


def _first(response: httpx.Response) -> dict[str, Any]:
    """The task in an answer of the desk; an answer without one would be no measurement."""
    if response.status_code != 200 or not response.json()["tasks"]:
        raise AssertionError(f"no next item: {response.status_code} {response.text[:200]}")
    task: dict[str, Any] = response.json()["tasks"][0]
    return task
