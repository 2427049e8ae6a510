"""The whole way: products in, people answer, the day goes out, the graph learns from it, and its weights stand for all.

A real model of six categories behind the real service; people through the API of the desk, 2 % of their
answers wrong; DVC runs the stages of the graph on what came out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest
import yaml
from django.test import Client
from django.utils import timezone

from aisle.audit.rates import Rates, write_rates
from aisle.audit.verdicts import accuracy_by, with_states
from aisle.catalogue.labels import answered_labels, resolve_labels
from aisle.catalogue.splits import assign_roles
from aisle.catalogue.tables import read_frame, read_table, write_shard
from aisle.catalogue.taxonomy import read_taxonomy
from aisle.client import ServiceClient
from aisle.config import read_parameters
from aisle.decision.policy import Policy
from aisle.files import read_json, write_text
from aisle.model.storage import load
from commands.main import TELEMETRY_OFF
from desk.configuration import Configuration
from desk.inbox.scoring import score_waiting
from desk.labelling.queue import EXPIRY
from desk.labelling.tickets import ticket
from desk.ledger.models import Answer, Kind, Product, State, Task
from desk.people.models import Person
from service.app import make_app
from service.engine import Engine
from service.settings import Settings
from tests.desk.export.made import TODAY, export
from tests.pipelines.small_graph import CANDIDATE, LEAVES, products, write_graph
from tests.service.opened_page import serving

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

RATE = 0.3
FLOW = 2000
AGAIN = 100
WRONG = 0.02
REVIEWED = 0.4  # share of products that the machine leaves to people
REVIEWS_LEFT = 0.3  # of the queue: more than people got to
STAGES = ("validate", "prepare", "train")


@pytest.fixture
def graph(configuration: Configuration, root: Path) -> Path:
    """A catalogue of imported labels, tracked by DVC, with the first stages of the graph run on it."""
    folder = write_graph(configuration.data.parent, training=10)
    brought = products(400, 7, "import").drop(columns=["group", "branch_id", "origin"])
    write_shard(brought.drop(columns="category_id"), "products", folder / "data/products/2025-03-01-import.parquet")
    write_shard(brought.assign(origin="import"), "labels", folder / "data/labels/2025-03-01-import.parquet")
    stages: dict[str, Any] = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    chosen = {name: stages[name] for name in STAGES}
    chosen["train"]["matrix"]["candidate"] = [CANDIDATE]
    for stage in chosen.values():  # the code does not change here
        stage["deps"] = [path for path in stage["deps"] if path.startswith(("data", "work"))]
    write_text(folder / "dvc.yaml", yaml.safe_dump({"stages": chosen}, sort_keys=False))
    parameters = yaml.safe_load((root / "params.yaml").read_text())
    parameters["candidates"] = {CANDIDATE: {}}
    write_text(folder / "params.yaml", yaml.safe_dump(parameters))
    dvc(folder, root, "init", "--no-scm")
    learn(folder, root)
    return folder


def dvc(folder: Path, root: Path, *words: str) -> str:
    environment = {**os.environ, **TELEMETRY_OFF, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def learn(folder: Path, root: Path) -> str:
    dvc(folder, root, "add", "data", "-q")
    return dvc(folder, root, "repro")


@pytest.fixture
def service(graph: Path) -> Iterator[ServiceClient]:
    """The real service with the model that the graph has just made."""
    model = load(graph / f"work/candidates/{CANDIDATE}/model.skops")
    expected = dict.fromkeys(("coverage", "accuracy", "rows"), 0.9)
    threshold = float(np.quantile(model.suggest(products(500, 12, "other")).confidence, REVIEWED))
    policy = Policy("coverage", 0.9, 0.95, None, threshold, expected=expected)
    identity = {"model_name": "aisle", "model_version": "1", "policy_id": policy.policy_id, "bento_tag": "aisle:one"}
    engine = Engine(model, policy, read_taxonomy(graph / "data/taxonomy.csv"), identity)
    with serving(make_app(engine, Settings(), None)) as url, ServiceClient(url) as client:
        yield client


class People:
    """Two labellers and a reviewer who know the truth and slip now and then."""

    def __init__(self, clients: list[Client], truth: dict[str, str]) -> None:
        self.clients, self.truth = clients, truth
        self.random = np.random.default_rng(5)

    def work(self, enough: Callable[[], bool]) -> None:
        """Answer what waits, the most urgent first, until it is enough."""
        while not enough():
            for client in self.clients:
                for task in self._post(client, "/api/tasks/claim", count=10)["tasks"]:
                    self._answer(client, task)

    def look_again(self) -> None:
        """Answer the second looks and adjudications that wait, although reviews come before them."""
        while tasks := list(Task.objects.filter(first__isnull=False, state__in=(State.OPEN, State.CLAIMED))):
            for task in tasks:
                seen = set(Answer.objects.filter(product=task.product_id).values_list("person__username", flat=True))
                name = "eve" if task.kind == Kind.ADJUDICATE else next(one for one in ("ann", "bob") if one not in seen)
                now, client = timezone.now(), self.clients[("ann", "bob", "eve").index(name)]
                Task.objects.filter(pk=task.pk).update(
                    state=State.CLAIMED, claimed_by=Person.objects.get(username=name), claimed_at=now,
                    claimed_until=now + EXPIRY,
                )  # fmt: skip
                self._answer(client, {"task_id": ticket(task.pk), "product_id": task.product.product_id})

    def _answer(self, client: Client, task: dict[str, Any]) -> None:
        said = self._says(task["product_id"])
        self._post(client, "/api/answers", task_id=task["task_id"], uuid=str(uuid4()), category_id=said)

    def _says(self, product_id: str) -> str:
        truth = self.truth[product_id]
        if self.random.random() >= WRONG:
            return truth
        return str(self.random.choice([leaf for leaf in LEAVES if leaf != truth]))

    @staticmethod
    def _post(client: Client, path: str, **body: Any) -> dict[str, Any]:
        answer = client.post(path, body, content_type="application/json")
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found


def test_products_in_people_answer_the_day_goes_out_and_the_graph_learns_from_it(
    graph: Path,
    service: ServiceClient,
    configuration: Configuration,
    root: Path,
    client: Client,
    client_of: Callable[..., Client],
    bearer: Callable[..., dict[str, str]],
) -> None:
    write_rates(Rates(floor=RATE, double_share=0.05), configuration.folder / "audit-rates.json")
    # Some come again that were imported before, with other texts: their revisions go on counting.
    flow = pd.concat([products(FLOW, 11, "flow"), products(AGAIN, 13, "import")], ignore_index=True)
    sent = flow[["product_id", "title", "brand", "price", "currency", "seller"]].astype(object)
    rows = sent.where(sent.notna(), None).to_dict("records")
    for start in range(0, FLOW + AGAIN, 400):
        part = rows[start : start + 400]
        answer = client.post(
            "/api/products", {"products": part}, content_type="application/json", headers=bearer("intake")
        )
        assert answer.json()["stored"] == len(part)
    while score_waiting(service):
        pass
    people = People(
        [client_of("labeller", "ann"), client_of("labeller", "bob"), client_of("reviewer", "eve")],
        dict(zip(flow["product_id"], flow["category_id"], strict=True)),
    )
    reviews = Task.objects.filter(kind=Kind.REVIEW)
    waiting = reviews.filter(state__in=(State.OPEN, State.CLAIMED))
    few = REVIEWS_LEFT * reviews.count()
    people.work(lambda: waiting.count() <= few)
    people.look_again()
    assert not Task.objects.filter(kind=Kind.AUDIT, state__in=(State.OPEN, State.CLAIMED)).exists()
    assert 0 < waiting.count() < 0.5 * reviews.count()

    before = read_json(graph / "work/prepared/split.json")["data_version"], champion(graph)
    export(graph / "data", 2)
    assert "train" in learn(graph, root)
    assert (read_json(graph / "work/prepared/split.json")["data_version"], champion(graph)) != before
    assert champion(graph) != before[1]
    assert read_json(graph / "work/validation/result.json")["passed"]
    predictions = read_table(graph / "data", "predictions").set_index("product_id")["revision"]
    assert set(predictions[predictions.index.str.startswith("import:")]) == {2}
    the_new_rows_stand_for_the_flow(graph)
    the_labels_are_those_of_the_desk(graph)
    truth = float((read_table(graph / "data", "predictions").set_index("product_id")["category_id"] == flow.set_index(
        "product_id")["category_id"]).mean())  # fmt: skip
    found = accuracy_by(with_states(graph / "data"))
    row = found[(found["of"] == "all").to_numpy()].iloc[0]
    assert row["low"] - 0.02 <= truth <= row["high"] + 0.02
    learnt = learn(graph, root)
    assert export(graph / "data", 2).rows == {}
    assert learn(graph, root) == learnt


def champion(graph: Path) -> bytes:
    return (graph / f"work/candidates/{CANDIDATE}/model.skops").read_bytes()


def the_new_rows_stand_for_the_flow(graph: Path) -> None:
    """In training, the weights of a decision's labelled products add up to about all of its products."""
    monitored = read_frame(graph / "work/prepared/train.parquet").set_index("product_id")
    imported = monitored[(monitored["origin"] == "import").to_numpy()]
    flow = monitored[monitored.index.str.startswith("flow:")]
    assert set(flow["origin"]) == {"audit", "review"}
    stands_for = flow["weight"] / imported["weight"].iloc[0]  # an imported product stands for itself
    split = read_parameters(graph / "params.yaml").split
    roles = assign_roles(read_table(graph / "data", "products"), split).set_index("product_id")["role"]
    predictions = read_table(graph / "data", "predictions").set_index("product_id")
    predictions = predictions[predictions.index.str.startswith("flow:")]
    training = predictions[(roles.reindex(predictions.index) == "train").to_numpy()]
    for decision, of_training in training.groupby("decision"):
        weights = stands_for[stands_for.index.isin(of_training.index)]
        assert len(weights) < 0.9 * len(of_training)  # people saw some of them
        assert weights.sum() == pytest.approx(len(of_training), rel=0.25), decision
    asked = Product.objects.filter(tasks__state=State.ANSWERED, tasks__kind__in=(Kind.AUDIT, Kind.REVIEW))
    known = set(asked.values_list("product_id", flat=True))
    assert set(flow.index) == known & set(training.index)


def the_labels_are_those_of_the_desk(graph: Path) -> None:
    labels = read_table(graph / "data", "labels")
    mine = labels[(labels["shard"] == f"{TODAY}-desk").to_numpy()]
    assert set(labels[labels["product_id"].str.startswith("flow:")]["shard"]) == {f"{TODAY}-desk"}
    resolved = resolve_labels(answered_labels(mine, LEAVES)).set_index("product_id")["category_id"]
    unsettled = set(
        Task.objects.filter(first__isnull=False, state__in=(State.OPEN, State.CLAIMED)).values_list(
            "product__product_id", flat=True
        )
    )
    shown = pd.Series(dict(Product.objects.exclude(category_id=None).values_list("product_id", "category_id")))
    settled = shown[~shown.index.isin(unsettled)]
    assert len(unsettled) < 0.02 * FLOW
    assert resolved.reindex(settled.index).tolist() == settled.tolist()
