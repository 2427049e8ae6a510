"""The client and the service understand each other; files are scored the same here and there."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aisle.catalogue.collecting import collect
from aisle.catalogue.tables import read_table
from aisle.catalogue.taxonomy import Category, Taxonomy, write_taxonomy
from aisle.client import ServiceClient
from aisle.decision.policy import Policy, write_policy
from aisle.errors import ConfigurationError, DataError
from aisle.files import sha256_of_bytes, write_json
from aisle.model.candidates import make_candidate
from aisle.model.storage import save
from pipelines.scoring import folder_scorer, score_file, service_scorer
from pipelines.scoring.products import LONGEST
from service.app import make_app
from service.engine import Engine
from service.prediction_log import PredictionLog
from service.settings import Settings
from tests.aisle.model.shop import BRANCH_OF, shop
from tests.pipelines.made_run import EXPECTED
from tests.pipelines.scored import read, write

KEY = "a-key-for-tests-alone-0123456789"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packaged")
    learnt = shop(300)
    save(make_candidate("linear_fields", {}, BRANCH_OF).fit(learnt, learnt["category_id"]), folder / "model.skops")
    policy = Policy("target_accuracy", 0.9, 0.95, "holdout", 0.8, {}, ("kite",), EXPECTED)
    write_policy(policy, folder / "policy.json")
    branches = sorted(set(BRANCH_OF.values()))
    tree = [Category(one, None, one.title()) for one in branches]
    tree += [Category(leaf, branch, leaf.title()) for leaf, branch in BRANCH_OF.items()]
    write_taxonomy(Taxonomy(tree, source="a shop"), folder / "taxonomy.csv")
    identity = {"model_name": "aisle", "model_version": "7", "run_id": "r", "policy_id": policy.policy_id}
    write_json(folder / "identity.json", identity)
    return folder


@pytest.fixture(scope="module")
def served(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, PredictionLog, Path]]:
    """The service on a real port, with a key and a log."""
    logs = tmp_path_factory.mktemp("logs")
    log = PredictionLog(logs, 1 << 20)
    options = Settings.from_environment({"AISLE_API_KEYS": f"tests:{sha256_of_bytes(KEY.encode())}"})
    app = make_app(Engine.load(model, "aisle:7-abc"), options, log)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", log, logs
    server.should_exit = True
    thread.join()
    log.close(5)


@pytest.fixture
def client(served: tuple[str, PredictionLog, Path]) -> Iterator[ServiceClient]:
    with ServiceClient(served[0], KEY) as one:
        yield one


def products(n: int) -> list[dict[str, Any]]:
    rows = shop(n, seed=1)[["product_id", "title", "description", "seller_category", "price", "currency", "seller"]]
    return [
        {name: value for name, value in row.items() if isinstance(value, str) or (value is not None and value == value)}
        for row in rows.to_dict("records")
    ]


def test_every_call_is_understood(client: ServiceClient) -> None:
    some = [*products(3), {"product_id": "bad", "title": " "}]
    answer = client.categorize(some, alternatives=2)
    assert answer.product_id[:3] == ["p0", "p1", "p2"]
    assert answer.model == client.identity()
    assert (answer.model.version, answer.model.bento_tag) == ("7", "aisle:7-abc")
    assert [(one.place, one.product_id, one.field) for one in answer.errors] == [(3, "bad", "title")]
    assert answer.category_id[3] is None
    assert set(answer.decision[:3]) <= {"auto", "review"}
    assert [len(one) for one in answer.alternatives] == [2, 2, 2, 0]
    chances = client.probabilities(some)
    assert sorted(chances.id) == sorted(BRANCH_OF)
    assert [one and math.isclose(sum(one), 1) for one in chances.probability] == [True, True, True, None]
    assert sorted(client.probabilities(some, "branch").id) == sorted(set(BRANCH_OF.values()))
    explained = client.explain(some, neighbours=1)
    assert [one and one["category_id"] for one in explained.explanations] == answer.category_id
    tree = client.categories()
    assert set(tree.category_id) == {*BRANCH_OF, *BRANCH_OF.values()}
    assert {one for one, leaf in zip(tree.category_id, tree.leaf, strict=True) if leaf} == set(BRANCH_OF)
    assert client.model()["categories"] == len(BRANCH_OF)
    assert client.ready()


def test_more_than_one_request(client: ServiceClient) -> None:
    some = products(2100)
    for row in some[1000:2000]:
        row["title"] = "\n"
    answer = client.categorize(some)
    assert [one.place for one in answer.errors] == list(range(1000, 2000))
    assert [one is None for one in answer.category_id] == [False] * 1000 + [True] * 1000 + [False] * 100


def test_large_products_are_sent_in_requests_that_the_service_takes(client: ServiceClient) -> None:
    answer = client.categorize([{"title": "drill", "description": "ä" * 20_000}] * 250, alternatives=0)
    assert answer.errors == []
    assert len(answer) == 250


def test_all_products_bad(client: ServiceClient) -> None:
    answer = client.categorize([{"title": ""}, {"name": "x"}])
    assert [one.place for one in answer.errors] == [0, 1]
    assert answer.model.version == "7"


def test_refusals(served: tuple[str, PredictionLog, Path], client: ServiceClient) -> None:
    for key in ("wrong", None):
        with ServiceClient(served[0], key) as other, pytest.raises(ConfigurationError, match="refused the key"):
            other.categorize(products(1))
    with pytest.raises(DataError, match="alternatives"):
        client.categorize(products(1), alternatives=11)


def test_a_file_is_scored_the_same_here_and_there(
    served: tuple[str, PredictionLog, Path], model: Path, tmp_path: Path
) -> None:
    source = write(tmp_path / "in.jsonl", [*products(300), {"product_id": "bad", "title": ""}])
    with folder_scorer(model) as scorer:
        score_file(source, tmp_path / "here.jsonl", scorer, batch=100)
    with service_scorer(served[0], KEY) as scorer:
        score_file(source, tmp_path / "there.jsonl", scorer, batch=100)
    here, there = read(tmp_path / "here.jsonl"), read(tmp_path / "there.jsonl")
    assert {row.pop("bento_tag") for row in here} == {None}
    assert {row.pop("bento_tag") for row in there} == {None, "aisle:7-abc"}
    assert here == there


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
anything = st.none() | texts | st.integers(-3, 2**33) | st.floats(allow_nan=False, allow_infinity=False)
lengths = st.builds(
    lambda name, more: {name: "x" * (LONGEST[name] + more)}, st.sampled_from(sorted(LONGEST)), st.sampled_from([0, 1])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.fixed_dictionaries(
        {"title": texts},
        optional={"price": anything, "revision": anything} | {name: texts for name in LONGEST if name != "title"},
    ),
    st.just({}) | lengths,
)
def test_what_passes_our_own_check_of_a_row_the_service_takes(
    client: ServiceClient, tmp_path_factory: pytest.TempPathFactory, row: dict[str, Any], more: dict[str, str]
) -> None:
    """Rows are checked before they are sent; what is refused only there would be found too late."""

    class Asking:
        identity, fingerprint = client.identity(), dict[str, str | None]()

        def score(self, *arguments: Any) -> Any:
            from pipelines.scoring.scorers import RemoteScorer

            answers = RemoteScorer(client).score(*arguments)
            assert answers.errors == {}
            return answers

    folder = tmp_path_factory.mktemp("row")
    (folder / "in.jsonl").write_text(json.dumps(row | more) + "\n")
    score_file(folder / "in.jsonl", folder / "out.jsonl", Asking())


def test_what_the_service_logs_is_collected(
    served: tuple[str, PredictionLog, Path], client: ServiceClient, tmp_path: Path
) -> None:
    _, log, logs = served
    some = [{**row, "product_id": f"logged-{row['product_id']}", "revision": 3} for row in products(40)]
    answer = client.categorize(some)
    log.close(5)
    done = collect(logs, tmp_path / "data")
    assert (done.refused, done.truncated) == ([], [])
    rows = read_table(tmp_path / "data", "predictions")
    rows = rows[rows["product_id"].str.startswith("logged-")]
    assert list(rows["product_id"]) == [row["product_id"] for row in some]
    assert list(rows["category_id"]) == answer.category_id
    assert list(rows["confidence"]) == answer.confidence
    assert set(rows["revision"]) == {3}
    assert set(rows["model_version"]) == {"7"}
    assert set(rows["bento_tag"]) == {"aisle:7-abc"}
