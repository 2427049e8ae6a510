from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import pytest

from aisle.catalogue.columns import Columns
from service.endpoints import FEW_PRODUCTS, SMALL_BODY
from service.engine import Engine
from tests.service.asking import CATEGORIZE, Client, stub_engine

COLUMNS = ("product_id", "category_id", "branch_id", "confidence", "branch_confidence", "decision", "decided_id",
           "start_branch_id", "threshold", "reason")  # fmt: skip
TITLES = ["cordless drill", "dragon kite", "sofa bed", "baby doll", "hand saw", "bath towel"]


class Log:
    """A prediction log that keeps what it is given."""

    def __init__(self, failing: bool = False) -> None:
        self.added: list[tuple[Mapping[str, object], Sequence[Any] | None]] = []
        self.failing = failing

    def add(self, columns: Mapping[str, object], products: Sequence[Any] | None = None) -> None:
        self.added.append((columns, products))

    def state(self) -> dict[str, Any]:
        since = "2026-11-21T06:44:01.000000Z" if self.failing else None
        return {"failing": self.failing, "since": since, "lost": 2, "written": 3, "queued": 4}


@pytest.fixture
def client(engine: Engine) -> Client:
    return Client(engine)


def products(*titles: str) -> dict[str, Any]:
    return {"products": [{"title": title} for title in titles]}


@pytest.mark.parametrize("size", [1, FEW_PRODUCTS, FEW_PRODUCTS + 1, 200])
def test_answers_in_columns_are_those_of_the_engine(client: Client, engine: Engine, size: int) -> None:
    titles = (TITLES * size)[:size]
    answer = client.post(CATEGORIZE, {**products(*titles), "alternatives": 2}).json()
    suggestions, decisions = engine.categorize(Columns({"title": titles}))
    assert answer["confidence"] == suggestions.confidence.tolist()  # to the last bit
    assert answer["category_id"] == suggestions.category_id.tolist()
    assert answer["decision"] == decisions.decision.tolist()
    assert answer["alternatives"]["category_id"] == suggestions.top_categories[:, :2].tolist()
    assert answer["alternatives"]["probability"] == suggestions.top_probabilities[:, :2].tolist()
    assert answer["threshold"] == [None if branch == "home" else 0.6 for branch in answer["branch_id"]]
    assert {len(answer[name]) for name in COLUMNS} == {size}
    assert answer["model"] == {"name": "aisle", "version": "7", "policy_id": engine.policy.policy_id,
                               "bento_tag": "aisle:abc"}  # fmt: skip


def test_a_body_that_is_too_large_to_parse_at_once_is_answered_alike(client: Client) -> None:
    asked = products("cordless drill", "hand saw")
    small = client.post(CATEGORIZE, asked).json()
    large = client.post(CATEGORIZE, json.dumps(asked).encode() + b" " * SMALL_BODY).json()
    assert {**large, "product_id": None} == {**small, "product_id": None}


def test_a_bad_product_leaves_the_others_in_their_places(client: Client) -> None:
    asked = [{"product_id": "p0", "title": "hand saw"}, {"product_id": "p1"}, {"title": "hand saw"}, 7]
    answer = client.post(CATEGORIZE, {"products": asked}).json()
    for name in COLUMNS:
        assert [answer[name][place] for place in (1, 3)] == [None, None]
    assert answer["category_id"][0] == answer["category_id"][2] == "saw"
    assert answer["product_id"][0] == "p0"
    assert re.fullmatch("request:[0-9a-f]{32}/2", answer["product_id"][2])
    assert [len(one) for one in answer["alternatives"]["category_id"]] == [3, 0, 3, 0]
    assert [(one["place"], one["product_id"]) for one in answer["errors"]] == [(1, "p1"), (3, None)]


def test_no_alternatives_are_listed_where_none_are_asked_for(client: Client) -> None:
    answer = client.post(CATEGORIZE, {**products("hand saw", "sofa"), "alternatives": 0}).json()
    assert answer["alternatives"] == {"category_id": [[], []], "probability": [[], []]}


def test_every_product_that_is_answered_is_logged_as_it_was_answered(engine: Engine) -> None:
    log = Log()
    client = Client(engine, log)
    asked = [{"title": "hand saw", "revision": 3}, {}, {"product_id": "p2", "title": "sofa bed"}]
    answer = client.post(CATEGORIZE, {"products": asked}).json()
    ((columns, sent),) = log.added
    for name in ("product_id", "category_id", "branch_id", "confidence", "threshold", "decision"):
        assert columns[name] == [answer[name][0], answer[name][2]]
    assert columns["revision"] == [3, 1]
    assert (columns["model_version"], columns["policy_id"]) == ("7", engine.policy.policy_id)
    assert columns["bento_tag"] == "aisle:abc"
    assert [one.title for one in sent or ()] == ["hand saw", "sofa bed"]
    client.post("/v1/probabilities", products("hand saw"))
    client.post("/v1/explain", products("hand saw"))
    client.post(CATEGORIZE, {"products": [{}]})
    assert len(log.added) == 1


@pytest.mark.parametrize("level", ["category", "branch"])
def test_probabilities_are_those_of_the_model(client: Client, engine: Engine, level: Any) -> None:
    asked = {"products": [{"title": "hand saw"}, {}, {"title": "sofa"}], "level": level}
    answer = client.post("/v1/probabilities", asked).json()
    expected = engine.probabilities(Columns({"title": ["hand saw", "sofa"]}), level).tolist()
    assert answer["probability"] == [expected[0], None, expected[1]]
    assert answer["id"] == engine.ids(level)
    assert answer["level"] == level
    assert [one["place"] for one in answer["errors"]] == [1]


def test_too_many_probabilities_are_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.answering.MAX_PROBABILITIES", 15)
    client = Client(engine)
    assert client.post("/v1/probabilities", products("a")).status_code == 200
    refused = client.post("/v1/probabilities", products("a", "b"))
    assert refused.status_code == 422
    assert "at most 1 products" in refused.json()["detail"]
    assert client.post("/v1/probabilities", {**products("a", "b"), "level": "branch"}).status_code == 200


def test_explanations_stand_at_their_places(client: Client) -> None:
    answer = client.post("/v1/explain", {"products": [{}, {"product_id": "p1", "title": "hand saw"}]}).json()
    assert answer["explanations"][0] is None
    assert answer["explanations"][1]["product_id"] == "p1"
    assert answer["explanations"][1]["category_id"] == "saw"
    assert answer["explanations"][1]["reason_text"].endswith(".")


def test_few_products_are_answered_on_the_event_loop_and_more_by_the_worker() -> None:
    threads: list[str] = []
    client = Client(stub_engine(lambda _: threads.append(threading.current_thread().name)))
    for size in (1, FEW_PRODUCTS, FEW_PRODUCTS + 1):
        client.post(CATEGORIZE, products(*["x"] * size))
    client.post("/v1/explain", products("x"))
    assert ["aisle-model" in name for name in threads] == [False, False, True, True, True]


def test_too_many_batches_are_refused_and_the_rest_are_answered() -> None:
    hold = threading.Event()

    def during(batch: Columns) -> None:
        assert len(batch) <= FEW_PRODUCTS or hold.wait(10)

    async def asked() -> list[httpx.Response]:
        async with Client(stub_engine(during), max_waiting=2).connected() as client:
            batches = [asyncio.ensure_future(client.post(CATEGORIZE, json=products(*["x"] * 10))) for _ in range(5)]
            await asyncio.gather(*batches[3:])  # the refused, while the others wait
            small = await client.post(CATEGORIZE, json=products("x"))  # which does not wait for the batches
            hold.set()
            return [*await asyncio.gather(*batches), small]

    answers = asyncio.run(asked())
    assert [one.status_code for one in answers] == [200, 200, 200, 503, 503, 200]
    assert int(answers[3].headers["retry-after"]) >= 1
    assert answers[3].headers["content-type"] == "application/problem+json"


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    hold = threading.Event()
    client = Client(stub_engine(lambda _: hold.wait(10)), timeout_seconds=0.05)
    refused = client.post(CATEGORIZE, products(*["x"] * 10))
    hold.set()
    assert refused.status_code == 503
    assert "retry-after" in refused.headers


def test_a_defect_of_the_model_is_a_problem_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(batch: Columns) -> None:
        raise RuntimeError(batch["title"].tolist()[0])

    for size in (1, 10):
        answer = Client(stub_engine(fail)).post(CATEGORIZE, products(*["sEcReT"] * size))
        assert answer.status_code == 500
        assert answer.json()["status"] == 500
        assert "sEcReT" not in answer.text + caplog.text


@pytest.mark.parametrize("path", ["/v1/categories", "/v1/model", "/docs.json"])
def test_what_does_not_change_is_not_sent_twice(client: Client, path: str) -> None:
    first = client.get(path)
    assert first.status_code == 200
    assert first.headers["content-type"] == "application/json"
    tag = first.headers["etag"]
    for asked in (tag, f'W/{tag}, "other"', "*"):
        again = client.get(path, headers={"if-none-match": asked})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


def test_the_model_says_where_it_comes_from_and_what_it_promises(client: Client, engine: Engine) -> None:
    told = client.get("/v1/model").json()
    assert told["identity"]["model_version"] == "7"
    assert told["policy"]["policy_id"] == engine.policy.policy_id
    assert told["policy"]["always_review"] == ["kite"]
    assert "%" in told["promise"]
    assert (told["categories"], told["branches"]) == (8, 3)
    assert told["limits"]["products"] == 1000


@pytest.mark.parametrize("failing", [False, True])
def test_health_answers_also_when_the_log_fails(engine: Engine, failing: bool) -> None:
    log = Log(failing)
    told = Client(engine, log).get("/v1/health")
    assert told.status_code == 200
    assert told.json()["ready"] is True
    assert told.json()["prediction_log"] == log.state()
    assert Client(engine).get("/v1/health").json()["prediction_log"] is None


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", CATEGORIZE, "OPTIONS, POST"),
        ("DELETE", CATEGORIZE, "OPTIONS, POST"),
        ("PUT", "/v1/model", "GET, HEAD, OPTIONS"),
        ("PATCH", "/v1/health", "GET, HEAD, OPTIONS"),
        ("NONSENSE", "/", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_refused_with_those_that_are_there(
    client: Client, method: str, path: str, allow: str
) -> None:
    answer = client.ask(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert answer.headers["content-type"] == "application/problem+json"
    options = client.ask("OPTIONS", path)
    assert (options.status_code, options.headers["allow"], options.content) == (204, allow, b"")


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/categorize/", "//v1/model", "/v1/%2e%2e/x", "/schema.json"])
def test_another_path_is_not_there(client: Client, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = client.ask(method, path, headers={"content-type": "application/json"})
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_head_is_answered_where_get_is(client: Client) -> None:
    for path in ("/", "/v1/model", "/v1/health", "/metrics", "/docs.json"):
        assert client.ask("HEAD", path).status_code == 200


def asked_with(client: Client, **headers: str) -> int:
    return client.ask("POST", CATEGORIZE, content=b'{"products":[{"title":"x"}]}', headers=headers).status_code


def test_a_body_must_be_declared_as_json(client: Client) -> None:
    assert asked_with(client, **{"content-type": "application/json; charset=utf-8"}) == 200
    assert asked_with(client, **{"content-type": "text/plain"}) == 415
    assert asked_with(client) == 415


CASES: list[tuple[str, Callable[[Client], Any]]] = [
    ("products", lambda client: client.post(CATEGORIZE, products("hand saw"))),
    ("problems", lambda client: client.post(CATEGORIZE, b"{")),
    ("page", lambda client: client.get("/")),
]


@pytest.mark.parametrize("ask", [ask for _, ask in CASES], ids=[name for name, _ in CASES])
def test_every_answer_is_guarded(client: Client, ask: Callable[[Client], Any]) -> None:
    headers = ask(client).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-request-id"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
