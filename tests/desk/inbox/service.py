"""A scoring service of a few lines behind a real client, and products for it.

A title holding `unsure` goes to people, one holding `bad` is refused, and one holding `poison` makes
the service fail.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

from aisle.client import ServiceClient

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def product(product_id: str, title: str = "Cordless drill", **more: Any) -> dict[str, Any]:
    return {"product_id": product_id, "title": title, **more}


class Service:
    """Answers with what is in its queue, then as the service would; keeps the products of each request."""

    def __init__(self, *queue: Answer, version: str = "3", up: bool = True) -> None:
        self.queue = list(queue)
        self.version, self.up = version, up
        self.asked: list[list[dict[str, Any]]] = []

    def client(self, **options: Any) -> ServiceClient:
        settings = {"retries": 0, "timeout": 5.0, "patience": 5.0} | options
        return ServiceClient("http://127.0.0.1:3000", transport=httpx.MockTransport(self), **settings)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/health":
            return httpx.Response(200 if self.up else 503, json={"ready": self.up})
        if not self.up:
            raise httpx.ConnectError("connection refused")
        products = json.loads(request.content).get("products", []) if request.content else []
        self.asked.append(products)
        if self.queue:
            answer = self.queue.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer(request) if callable(answer) else answer
        if any("poison" in one["title"] for one in products):
            return httpx.Response(500, json={"detail": "failed"})
        return httpx.Response(200, json=self.answer(products))

    def answer(self, products: list[dict[str, Any]]) -> dict[str, Any]:
        bad = ["bad" in one["title"] for one in products]
        auto = ["unsure" not in one["title"] for one in products]

        def column(value: Callable[[int], Any]) -> list[Any]:
            return [None if bad[place] else value(place) for place in range(len(products))]

        return {
            "model": {"name": "aisle", "version": self.version, "policy_id": "p1", "bento_tag": "aisle:3"},
            "product_id": column(lambda place: products[place]["product_id"]),
            "category_id": column(lambda _: "drills"),
            "branch_id": column(lambda _: "tools"),
            "confidence": column(lambda place: 0.97 if auto[place] else 0.4),
            "branch_confidence": column(lambda _: 0.99),
            "decision": column(lambda place: "auto" if auto[place] else "review"),
            "decided_id": column(lambda place: "drills" if auto[place] else None),
            "start_branch_id": column(lambda place: None if auto[place] else "tools"),
            "threshold": column(lambda _: 0.9),
            "reason": column(lambda place: "confident" if auto[place] else "below_threshold"),
            "alternatives": {
                "category_id": [[] if one else ["drills", "saws"] for one in bad],
                "probability": [[] if one else [0.8, 0.1] for one in bad],
            },
            "errors": [
                {"place": place, "product_id": None, "field": "title", "code": "blank", "detail": "title is bad"}
                for place, one in enumerate(bad)
                if one
            ],
        }
