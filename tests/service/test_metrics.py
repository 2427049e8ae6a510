from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from service import keys
from service.engine import Engine
from service.keys import line_of
from service.metrics import CONFIDENCES, Metrics
from service.schemas import ModelName, ProductError
from tests.service.asking import CATEGORIZE, Client, stub_engine
from tests.service.test_endpoints import Log

NAME = ModelName("aisle", "7", "abc", None)


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Values by name and labels' values."""

    def walk() -> Iterator[tuple[tuple[str, ...], float]]:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                yield (sample.name, *sample.labels.values()), sample.value

    return dict(walk())


def scraped(client: Client) -> dict[tuple[str, ...], float]:
    return samples(client.get("/metrics").text)


def test_products_are_counted_by_decision_and_errors_by_code(engine: Engine) -> None:
    client = Client(engine)
    asked = [{"title": "cordless drill"}, {"title": "dragon kite"}, {"title": ""}, {}]
    decisions = client.post(CATEGORIZE, {"products": asked}).json()["decision"]
    client.post(CATEGORIZE, {"products": [{}]})
    found = scraped(client)
    for decision in ("auto", "review"):
        assert found["aisle_products_total", decision] == decisions.count(decision)
    assert found["aisle_product_errors_total", "length"] == 1
    assert found["aisle_product_errors_total", "missing"] == 2
    assert found["aisle_confidence_count",] == 2
    (who,) = (key for key in found if key[0] == "aisle_model_info")
    assert {*who[1:]} == {"aisle", "7", engine.policy.policy_id, "aisle:abc"}
    assert found["process_resident_memory_bytes",] > 0


def test_requests_are_counted_by_path_and_status_and_strange_paths_together() -> None:
    client = Client(stub_engine())
    client.post(CATEGORIZE, {"products": [{"title": "x"}]})
    client.post(CATEGORIZE, b"{")
    client.post(CATEGORIZE, b"x" * (5 * 2**20 + 1))
    for path in ("/a", "/b", "/c/d"):
        client.get(path)
    found = scraped(client)
    assert found["aisle_requests_total", CATEGORIZE, "200"] == 1
    assert found["aisle_requests_total", CATEGORIZE, "400"] == 1
    assert found["aisle_requests_total", CATEGORIZE, "413"] == 1
    assert found["aisle_requests_total", "other", "404"] == 3
    assert found["aisle_request_seconds_count", "other"] == 3
    assert found["aisle_model_seconds_count", "categorize"] == 1
    assert not any("/a" in key for key in found)


@pytest.mark.parametrize("failing", [False, True])
def test_the_state_of_the_log_is_that_of_the_moment(failing: bool) -> None:
    client = Client(stub_engine(), log := Log())
    log.failing = failing
    found = scraped(client)
    assert found["aisle_prediction_log_failing",] == failing
    assert found["aisle_prediction_log_lost_total",] == 2
    assert found["aisle_prediction_log_written_total",] == 3
    assert found["aisle_prediction_log_queued",] == 4
    assert not any("log" in key[0] for key in scraped(Client(stub_engine())))


def test_one_value_after_the_other_is_counted_like_all_at_once() -> None:
    values = np.random.default_rng(0).choice([*CONFIDENCES, 0.0, 0.333, 0.9001, 1.0], 500)
    together, singly = Metrics(NAME, lambda: 0, lambda: None), Metrics(NAME, lambda: 0, lambda: None)
    together.decided([], values)
    for value in values:
        singly.decided([], np.array([value]))
    one, other = (samples(each.exposition("")[0].decode()) for each in (together, singly))
    for bound in CONFIDENCES:
        count = one["aisle_confidence_bucket", str(bound)]
        assert count == other["aisle_confidence_bucket", str(bound)] == (values <= bound).sum()
    assert one["aisle_confidence_sum",] == pytest.approx(other["aisle_confidence_sum",]) == pytest.approx(values.sum())
    assert one["aisle_confidence_bucket", "+Inf"] == 500


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=abc",
        "text/plain; version=1.x",
        "text/plain;version=",
        "application/openmetrics-text; version=1.0.0.x; escaping=odd",
        "x;y;z,,;version=1",
    ],
)
def test_a_version_that_is_none_gets_the_usual_format(accept: str) -> None:
    answer = Client(stub_engine()).get("/metrics", headers={"accept": accept})
    assert answer.status_code == 200
    assert samples(answer.text)["aisle_batches_waiting",] == 0


def test_nobody_waits_for_one_who_collects_slowly() -> None:
    metrics = Metrics(NAME, lambda: 0, lambda: None)
    collected = metrics.collect()
    next(iter(collected))
    counting = threading.Thread(target=lambda: metrics.answered("/metrics", 200, 0.1), daemon=True)
    counting.start()
    counting.join(5)
    assert not counting.is_alive()


def test_a_file_of_keys_that_cannot_be_used_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "SECONDS_BETWEEN_LOOKS", 0.0)
    path = tmp_path / "keys"
    path.write_text(line_of("shop", "s"))
    client = Client(stub_engine(), api_keys_file=path, metrics_open=True)
    assert scraped(client)["aisle_api_keys_file_failing",] == 0
    path.write_text("shop:abc")
    assert scraped(client)["aisle_api_keys_file_failing",] == 1
    path.write_text(line_of("shop", "s"))
    assert scraped(client)["aisle_api_keys_file_failing",] == 0
    assert scraped(Client(stub_engine()))["aisle_api_keys_file_failing",] == 0


def test_both_formats_of_prometheus_are_spoken() -> None:
    metrics = Metrics(NAME, lambda: 3, lambda: None)
    metrics.refused([ProductError(0, None, None, "type", "…")])
    metrics.answered("/v1/health", 200, 0.01)
    text, content_type = metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    names = {family.name for family in openmetrics_families(text.decode())}
    assert {"aisle_product_errors", "aisle_requests", "aisle_batches_waiting"} <= names
    plain, content_type = metrics.exposition("*/*")
    assert content_type.startswith("text/plain")
    assert samples(plain.decode())["aisle_batches_waiting",] == 3
