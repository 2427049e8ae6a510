"""A scoring service of a few lines, for tests of what asks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

MODEL = {"name": "aisle", "version": "3", "policy_id": "5468c33398c6", "bento_tag": "aisle:3-abc"}
Answer = httpx.Response | Exception


def categorized(products: list[dict[str, Any]], model: dict[str, Any] = MODEL) -> httpx.Response:
    """What the service answers: a product whose title is blank is bad."""
    bad = [not str(one["title"]).strip() for one in products]
    errors = [
        {"place": place, "product_id": products[place].get("product_id"), "field": "title", "code": "blank",
         "detail": "title is blank"}
        for place, is_bad in enumerate(bad)
        if is_bad
    ]  # fmt: skip
    if all(bad):
        return problem(422, "no product is good", errors=errors)

    def column(value: Callable[[dict[str, Any]], Any]) -> list[Any]:
        return [None if is_bad else value(one) for one, is_bad in zip(products, bad, strict=True)]

    content = {
        "model": model,
        "product_id": column(lambda one: one.get("product_id", "request:x")),
        "category_id": column(lambda one: f"c-{one['title']}"),
        "branch_id": column(lambda _: "b"),
        "confidence": column(lambda _: 0.1 + 0.2),
        "branch_confidence": column(lambda _: 0.9),
        "decision": column(lambda _: "auto"),
        "decided_id": column(lambda one: f"c-{one['title']}"),
        "start_branch_id": column(lambda _: None),
        "threshold": column(lambda _: 0.3),
        "reason": column(lambda _: "confident"),
        "alternatives": {
            "category_id": [[] if is_bad else ["c", "d"] for is_bad in bad],
            "probability": [[] if is_bad else [0.6, 0.2] for is_bad in bad],
        },
        "errors": errors,
    }
    return httpx.Response(200, json=content)


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    content = {"type": "about:blank", "title": "x", "status": status, "detail": detail, **more}
    return httpx.Response(status, json=content, headers=headers)


class Service:
    """Answers with what is in its queue, then as the service would; keeps what was sent."""

    def __init__(self, *queue: Answer) -> None:
        self.queue = list(queue)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.queue:
            answer = self.queue.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if request.url.path == "/v1/model":
            return httpx.Response(200, json={"model": MODEL, "categories": 400_000, "branches": 10})
        content = json.loads(request.content)
        if request.url.path == "/v1/categorize":
            return categorized(content["products"])
        n = len(content["products"])
        if request.url.path == "/v1/explain":
            return httpx.Response(200, json={"model": MODEL, "explanations": [{"doubt": None}] * n, "errors": []})
        answer = {"model": MODEL, "product_id": ["p"] * n, "id": ["a"], "probability": [[1.0]] * n, "errors": []}
        return httpx.Response(200, json=answer)

    def sizes(self) -> list[int]:
        return [len(json.loads(one.content)["products"]) for one in self.requests if one.method == "POST"]
