"""Asking an app without a port, and a model that answers at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from aisle.catalogue.columns import Columns
from aisle.catalogue.taxonomy import Category, Taxonomy, write_taxonomy
from aisle.decision.policy import Policy, write_policy
from aisle.model.categorizer import Categorizer
from aisle.model.storage import save
from aisle.model.suggestions import Suggestions
from service.app import make_app
from service.engine import Engine
from service.settings import Settings

CATEGORIZE = "/v1/categorize"


class Stub:
    """Puts everything into category a, with a confidence of 0.9; `during` is called while it works."""

    classes_ = np.array(["a", "b", "c"])
    branches_ = np.array(["x", "y"])
    branch_index_ = np.array([0, 0, 1])

    def __init__(self, during: Callable[[Columns], None] = lambda products: None) -> None:
        self.during = during

    def suggest(self, products: Columns) -> Suggestions:
        self.during(products)
        n = len(products)
        sure = np.full(n, 0.9)
        return Suggestions(
            category_id=np.full(n, "a", dtype=object),
            confidence=sure,
            branch_id=np.full(n, "x", dtype=object),
            branch_probability=sure,
            branch_confidence=sure,
            top_categories=np.tile(np.array(["a", "c", "b"], dtype=object), (n, 1)),
            top_probabilities=np.tile([0.7, 0.2, 0.1], (n, 1)),
        )

    def predict_proba(self, products: Columns) -> NDArray[np.float64]:
        self.during(products)
        return np.tile([0.7, 0.1, 0.2], (len(products), 1))


def stub_engine(during: Callable[[Columns], None] = lambda products: None) -> Engine:
    """An engine around the stub; its policy decides from 0.8 on."""
    policy = Policy("coverage", 0.9, 0.95, None, 0.8, expected={"coverage": 0.5, "accuracy": 0.9, "rows": 10})
    tree = Taxonomy([Category("x", None, "X"), Category("y", None, "Y"), *(Category(c, "x", c) for c in "ab"),
                     Category("c", "y", "c")])  # fmt: skip
    identity = {"model_name": "stub", "model_version": "1", "policy_id": policy.policy_id}
    return Engine(Stub(during), policy, tree, identity)


def package(folder: Path, model: Categorizer, policy: Policy, taxonomy: Taxonomy) -> Path:
    """Write a packaged model."""
    save(model, folder / "model.skops")
    write_policy(policy, folder / "policy.json")
    write_taxonomy(taxonomy, folder / "taxonomy.csv")
    identity = {"model_name": "aisle", "model_version": "7", "policy_id": policy.policy_id, "bento_tag": None}
    (folder / "identity.json").write_text(json.dumps(identity))
    return folder


class Client:
    """Asks an app as a client on the same machine would."""

    def __init__(self, engine: Engine, log: Any = None, **settings: Any) -> None:
        self.app = make_app(engine, Settings(**settings), log)

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        return self.ask_all([(method, path, given)])[0]

    def ask_all(self, requests: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        """Ask all at the same time."""

        async def run() -> list[httpx.Response]:
            async with self.connected() as client:
                asked = (client.request(method, path, **given) for method, path, given in requests)
                return await asyncio.gather(*asked)

        return asyncio.run(run())

    def connected(self) -> httpx.AsyncClient:
        """For tests that say themselves what is asked when."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1")

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self.ask("GET", path, **given)

    def post(self, path: str, content: Any, **given: Any) -> httpx.Response:
        """POST JSON: bytes as they are, anything else encoded."""
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        return self.ask("POST", path, content=content, headers={"content-type": "application/json"}, **given)
