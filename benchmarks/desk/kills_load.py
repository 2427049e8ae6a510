"""The load of `kills`: a scoring service of a few lines; a shop system and people, who try until they are heard."""

from __future__ import annotations

import contextlib
import http.server
import json
import random
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from typing import Any

import httpx

TREE = (
    "category_id,parent_id,name\ntoys,,Toys\npuzzles,toys,Puzzles\nplush,toys,Plush animals\n"
    "tools,,Tools\ndrills,tools,Drills\nsaws,tools,Saws\n"
)
BATCH = 20
_AGAIN = 0.1  # seconds until somebody who was not heard tries again


def drawn_of(name: str, share: float) -> bool:
    """The same for the same name, for about `share` of all."""
    return zlib.crc32(name.encode()) / 2**32 < share


class _Service(http.server.BaseHTTPRequestHandler):
    """Sure of three products in five."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({"ready": True})

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["products"]
        auto = [drawn_of(one["product_id"], 0.6) for one in sent]
        n = len(sent)
        self._answer(
            {
                "model": {"name": "aisle", "version": "1", "policy_id": "p1", "bento_tag": "aisle:1"},
                "product_id": [one["product_id"] for one in sent],
                "category_id": ["drills"] * n,
                "branch_id": ["tools"] * n,
                "confidence": [0.95 if one else 0.4 for one in auto],
                "branch_confidence": [0.99] * n,
                "decision": ["auto" if one else "review" for one in auto],
                "decided_id": ["drills" if one else None for one in auto],
                "start_branch_id": [None] * n,
                "threshold": [0.9] * n,
                "reason": ["confident" if one else "below_threshold" for one in auto],
                "alternatives": {"category_id": [["drills", "saws"]] * n, "probability": [[0.8, 0.1]] * n},
                "errors": [],
            }
        )

    def _answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def service() -> Iterator[str]:
    """The address of the scoring service."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Client(threading.Thread):
    """Somebody who asks the desk, again and again until there is an answer."""

    def __init__(self, port: int, key: str) -> None:
        super().__init__(daemon=True)
        self.port, self.key = port, key
        self.ended = threading.Event()
        self.failures = 0
        self.wrong: list[str] = []

    def post(self, client: httpx.Client, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the answer; (0, {}) where the end came first."""
        while not self.ended.is_set():
            try:
                answer = client.post(path, json=body)
                if answer.status_code < 500:
                    return answer.status_code, answer.json()
            except (httpx.HTTPError, ValueError):
                pass
            self.failures += 1
            time.sleep(_AGAIN)
        return 0, {}

    def client(self) -> httpx.Client:
        """A connection of one's own."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=10, trust_env=False)


class Feed(_Client):
    """A shop system: new products, now and then with other texts than before; what was answered is `stored`."""

    def __init__(self, port: int, key: str) -> None:
        super().__init__(port, key)
        self.stored: list[tuple[str, int]] = []

    def run(self) -> None:
        """Until `ended`."""
        chance, number = random.Random(1), 0
        with self.client() as client:
            while not self.ended.is_set():
                fresh = [f"p{number + place}" for place in range(BATCH)]
                number += BATCH
                old = [f"p{chance.randrange(number)}" for _ in range(2)]
                products = [{"product_id": one, "title": f"Thing {one}", "revision": 1} for one in fresh]
                products += [{"product_id": one, "title": f"New {one}", "revision": 2} for one in dict.fromkeys(old)]
                status, answer = self.post(client, "/api/products", {"products": products})
                if status == 200:
                    told = zip(answer["product_id"], answer["revision"], answer["outcome"], strict=True)
                    self.stored += [(one, revision) for one, revision, outcome in told if outcome != "refused"]
                    if answer["refused"]:
                        self.wrong.append(f"refused: {answer['errors'][0]}")
                elif status:
                    self.wrong.append(f"products: {status} {answer}")
                self.ended.wait(0.4)


class Labeller(_Client):
    """Somebody who answers whatever comes; answers that were acknowledged are `given`."""

    def __init__(self, port: int, key: str, number: int) -> None:
        super().__init__(port, key)
        self.chance = random.Random(number)
        self.given: list[str] = []
        self.idle = False

    def run(self) -> None:
        """Until `ended`."""
        with self.client() as client:
            while not self.ended.is_set():
                status, desk = self.post(client, "/api/tasks/claim", {"count": 5})
                tasks = desk.get("tasks", []) if status == 200 else []
                self.idle = status == 200 and not tasks
                if status not in (0, 200):
                    self.wrong.append(f"claim: {status} {desk}")
                for task in tasks:
                    self._answer(client, task)
                self.ended.wait(0.3 if not tasks else 0.0)

    def _answer(self, client: httpx.Client, task: dict[str, Any]) -> None:
        body: dict[str, Any] = {"task_id": task["task_id"], "uuid": str(uuid.uuid4())}
        luck = self.chance.random()
        body |= (
            {"skip_reason": "no category fits"} if luck < 0.03 else {"category_id": "drills" if luck < 0.8 else "saws"}
        )
        status, answer = self.post(client, "/api/answers", body)
        if status == 200:
            self.given.append(body["uuid"])
            if luck > 0.99:
                status, answer = self.post(client, "/api/answers/undo", {"uuid": body["uuid"]})
        if status not in (0, 200, 409):  # 409: superseded by a new revision, or used by an export already
            self.wrong.append(f"answer: {status} {answer}")
