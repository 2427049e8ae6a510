"""The shipped model in its Bento: what serving adds to the model's own time, and how steady it is."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from aisle.catalogue.columns import PRODUCT_FIELDS, Columns
from benchmarks.results import Result
from benchmarks.serving.load import ask, request
from benchmarks.serving.servers import Server

PATH = "/v1/categorize"


def overhead_rows(server: Server, model_folder: Path, products: Sequence[dict[str, Any]], rounds: int) -> list[Result]:
    """Latency of one product and of a thousand through the service, against the bare call of the same model."""
    from threadpoolctl import threadpool_limits

    from aisle.decision.answers import decide
    from aisle.decision.policy import read_policy
    from aisle.model.storage import load

    model, policy = load(model_folder / "model.skops"), read_policy(model_folder / "policy.json")

    def bare(part: Columns) -> None:
        decide(model.suggest(part), policy)

    found: dict[int, tuple[float, float]] = {}
    with threadpool_limits(1):
        for size in (1, 1000):
            parts = [
                [products[(at + place) % len(products)] for place in range(size)] for at in range(0, 40 * size, size)
            ]
            requests = [body_of(part, server.port) for part in parts]
            columns = [_columns(part) for part in parts]
            ask(server.port, requests, connections=1, most=20)
            served, alone = [], []
            for _ in range(rounds):
                served.append(ask(server.port, requests, connections=1, most=len(requests)).quantile(0.5))
                alone.append(statistics.median(_seconds(bare, one) for one in columns))
            found[size] = statistics.median(served), statistics.median(alone)
    (one, bare_one), (many, bare_many) = found[1], found[1000]
    return [
        Result("shipped.single_ms", "one product through the service, median", 1e3 * one, "ms"),
        Result("shipped.bare_single_ms", "one product, bare call, median", 1e3 * bare_one, "ms"),
        Result(
            "shipped.single_overhead_ms", "what the service adds to one product", 1e3 * (one - bare_one), "ms", "≤ 2"
        ),
        Result("shipped.batch_ms", "1,000 products through the service, median", 1e3 * many, "ms"),
        Result("shipped.bare_batch_ms", "1,000 products, bare call, median", 1e3 * bare_many, "ms"),
        Result(
            "shipped.batch_overhead", "1,000 products: share of time that is not the model",
            (many - bare_many) / many, "share", "≤ 0.10",
        ),
    ]  # fmt: skip


def steadiness_rows(server: Server, products: Sequence[dict[str, Any]], seconds: float) -> list[Result]:
    """p50 and p99 at half the highest load, one product a request."""
    requests = [body_of([one], server.port) for one in products]
    highest = ask(server.port, requests, seconds / 6, connections=4).rate
    steady = ask(server.port, requests, seconds, connections=32, pace=highest / 2)
    p50, p99 = steady.quantile(0.5), steady.quantile(0.99)
    return [
        Result("shipped.highest_rate", "highest load, one product a request", highest, "requests/s"),
        Result("shipped.p50_ms", f"half the highest load, {seconds:.0f} s: p50", 1e3 * p50, "ms"),
        Result("shipped.p99_ms", f"half the highest load, {seconds:.0f} s: p99", 1e3 * p99, "ms"),
        Result("shipped.p99_over_p50", "p99 over p50 at half the highest load", p99 / p50, "×", "≤ 8"),
        Result("shipped.failed", "requests that failed then", float(highest == 0 or steady.failed), "requests", "≤ 0"),
    ]


def memory_rows(server: Server, products: Sequence[dict[str, Any]], first: int, last: int) -> list[Result]:
    """Resident memory after `last` requests of random products, against after `first`."""
    rng = np.random.default_rng(0)
    words = sorted({word for one in products for word in str(one["title"]).split()})
    sizes = []
    for many in (first, last - first):
        for start in range(0, many, 5000):  # made as they are needed: a hundred thousand fill memory here, too
            batch = [body_of([_random_product(rng, words)], server.port) for _ in range(min(5000, many - start))]
            if ask(server.port, batch, connections=2, most=len(batch)).failed:
                raise RuntimeError("the service failed requests of random products")
        sizes.append(psutil.Process(server.process.pid).memory_info().rss)
    before, after = sizes
    return [
        Result("memory.before", f"resident memory after {first:,} requests", before / 2**20, "MiB"),
        Result("memory.after", f"resident memory after {last:,} requests", after / 2**20, "MiB"),
        Result("memory.growth", "growth between the two", after / before - 1, "share", "≤ 0.05"),
    ]


def body_of(products: Sequence[dict[str, Any]], port: int) -> bytes:
    """A request that categorises these products."""
    return request(PATH, json.dumps({"products": list(products)}).encode(), port)


def _random_product(rng: np.random.Generator, words: Sequence[str]) -> dict[str, Any]:
    known = [words[place] for place in rng.integers(len(words), size=rng.integers(2, 9))]
    made_up = "".join(chr(97 + letter) for letter in rng.integers(26, size=8))
    return {
        "product_id": os.urandom(8).hex(),
        "title": " ".join([*known, made_up]),
        "description": " ".join(words[place] for place in rng.integers(len(words), size=30)),
        "seller": f"shop {rng.integers(10_000)}",
        "price": float(rng.gamma(2, 50)),
        "currency": "EUR",
    }


def _columns(products: Sequence[dict[str, Any]]) -> Columns:
    return Columns({name: [one.get(name) for one in products] for name in PRODUCT_FIELDS})


def _seconds(call: Callable[[Columns], None], argument: Columns) -> float:
    start = time.perf_counter()
    call(argument)
    return time.perf_counter() - start
