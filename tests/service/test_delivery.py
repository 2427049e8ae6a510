"""Only what somebody was told is logged and counted."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from typing import Any

import httpx
import pytest
from starlette.types import Message

from service.endpoints import SMALL_BODY
from tests.service.asking import CATEGORIZE, Client, stub_engine
from tests.service.test_endpoints import Log, products
from tests.service.test_metrics import samples, scraped

MANY: Any = {"products": [*products(*["x"] * 10)["products"], {}]}
LARGE: Any = {"products": [{"title": "x", "description": "y" * 20_000}] * (SMALL_BODY // 20_000 + 1)}


def figures(client: Client) -> tuple[float, float, float]:
    """Products counted as decided, their confidences, and products refused."""
    found = scraped(client)
    decided = sum(value for key, value in found.items() if key[0] == "aisle_products_total")
    refused = sum(value for key, value in found.items() if key[0] == "aisle_product_errors_total")
    return decided, found["aisle_confidence_count",], refused


async def until_idle(client: Client) -> None:
    """Wait until no batch runs any more."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(client.app), base_url="http://127.0.0.1") as asking:
        async with asyncio.timeout(10):
            while samples((await asking.get("/metrics")).text)["aisle_batches_waiting",]:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("asked", [products("x"), MANY, LARGE], ids=["one", "many", "large"])
def test_what_is_answered_is_logged_and_counted(asked: Any) -> None:
    client = Client(stub_engine(), log := Log())
    assert client.post(CATEGORIZE, asked).status_code == 200
    good = sum("title" in one for one in asked["products"])
    assert [len(columns["product_id"]) for columns, _ in log.added] == [good]  # type: ignore[arg-type]
    assert figures(client) == (good, good, len(asked["products"]) - good)


@pytest.mark.parametrize("asked", [MANY, LARGE, {"products": [{}] * 10}], ids=["many", "large", "bad"])
def test_what_is_answered_too_late_is_not(asked: Any) -> None:
    hold = threading.Event()
    client = Client(stub_engine(lambda _: hold.wait(10)), log := Log(), timeout_seconds=0.05)
    first = client.post(CATEGORIZE, MANY)
    late = client.post(CATEGORIZE, asked)
    assert (first.status_code, late.status_code) == (503, 503)
    hold.set()
    asyncio.run(until_idle(client))
    assert log.added == []
    assert figures(client) == (0, 0, 0)


async def asks_and_leaves(client: Client, asked: Any, seconds: float) -> list[Message]:
    """What is sent to one who sends a request, and leaves after so long."""
    pieces: list[Message] = [{"type": "http.request", "body": json.dumps(asked).encode(), "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if pieces:
            return pieces.pop()
        await asyncio.sleep(seconds)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": CATEGORIZE, "headers": headers, "server": ("127.0.0.1", 1)}
    await client.app(scope, receive, send)
    return sent


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("asked", [MANY, LARGE], ids=["many", "large"])
def test_who_leaves_before_the_answer_was_told_nothing(
    asked: Any, fails: bool, caplog: pytest.LogCaptureFixture
) -> None:
    hold = threading.Event()

    def during(_: object) -> None:
        assert hold.wait(10)
        if fails:
            raise RuntimeError

    client = Client(stub_engine(during), log := Log())

    async def run() -> list[Message]:
        sent = await asks_and_leaves(client, asked, 0.02)
        hold.set()
        await until_idle(client)
        return sent

    assert asyncio.run(run()) == []
    assert log.added == []
    assert figures(client) == (0, 0, 0)
    gc.collect()
    assert caplog.records == []


def test_a_batch_whose_client_has_left_is_not_worked_on() -> None:
    hold, sizes = threading.Event(), list[int]()

    def during(batch: Any) -> None:
        sizes.append(len(batch))
        assert hold.wait(10)

    client = Client(stub_engine(during))

    async def run() -> list[Message]:
        stays = asyncio.create_task(asks_and_leaves(client, products(*["x"] * 10), 60))
        await asyncio.sleep(0.02)
        await asks_and_leaves(client, products(*["x"] * 20), 0.02)
        hold.set()
        return await stays

    assert asyncio.run(run())[0]["status"] == 200
    assert sizes == [10]
