from __future__ import annotations

from typing import Any

import msgspec
import pytest

from service.engine import Engine
from service.keys import line_of
from tests.service.asking import CATEGORIZE, Client, stub_engine
from tests.service.test_endpoints import products

JSON = {"content-type": "application/json"}
REFUSED: list[tuple[int, str, str, dict[str, Any]]] = [
    (400, "POST", CATEGORIZE, {"content": b"{", "headers": JSON}),
    (404, "GET", "/v1/nothing", {}),
    (405, "GET", CATEGORIZE, {}),
    (413, "POST", CATEGORIZE, {"content": b" " * (5 * 2**20 + 1), "headers": JSON}),
    (415, "POST", CATEGORIZE, {"content": b"{}"}),
    (422, "POST", CATEGORIZE, {"json": {"products": [{}]}}),
    (403, "GET", "/v1/model", {"headers": {"host": "aisle.example"}}),
]


@pytest.mark.parametrize(("status", "method", "path", "given"), REFUSED)
def test_a_problem_of_v1_names_the_model(
    engine: Engine, status: int, method: str, path: str, given: dict[str, Any]
) -> None:
    answer = Client(engine).ask(method, path, **given)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["model"] == msgspec.to_builtins(engine.name)


def test_so_do_those_of_keys_defects_and_overload() -> None:
    def fail(_: object) -> None:
        raise RuntimeError

    failing = Client(stub_engine(fail))
    locked = Client(stub_engine(), api_keys=(line_of("shop", "s"),))
    for client, status in ((failing, 500), (locked, 401)):
        answer = client.post(CATEGORIZE, products("x"))
        assert answer.status_code == status
        assert answer.json()["model"]["version"] == "1"


def test_those_of_other_paths_do_not() -> None:
    client = Client(stub_engine())
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/", 405), ("DELETE", "/docs.json", 405)):
        answer = client.ask(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert "model" not in answer.json()
