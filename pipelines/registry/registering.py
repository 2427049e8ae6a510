"""From the files of a graph run to a model version with the alias `challenger`.

The order makes every state that a kill leaves mendable: the run stays RUNNING until its version
and the alias are there, a version is made in one step with its tags and its card, and the next
call takes up whatever it finds.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisle.decision.gate import Verdict
from aisle.decision.wear import Wear
from pipelines.model_card import headline, model_card
from pipelines.registry import connection, packaging, runs, versions
from pipelines.registry.graph import GraphFiles, graph_run, read_graph
from pipelines.registry.judging import judge

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHECKED_ROWS = 100  # test rows on which the logged model must answer bit for bit as its files do
EXAMPLE_ROWS = 3
MAX_TAG = 5000  # characters of a tag that every database behind MLflow can hold


def register(folder: Path) -> dict[str, Any]:
    """Register what the graph left in `folder`, once; give what `work/registration.json` holds.

    Raises
    ------
    DataError
        When a stage before this one has not run.
    RegistryError
        When the store is locked, out of reach or refuses.
    ModelError
        When the logged model does not answer as its files do; no version is made then.
    """
    graph = read_graph(folder)
    client = connection.connect()
    experiment = connection.experiment_id(client)
    versions.ensure_model(client)
    champion = versions.champion(client)
    found = versions.find(client, graph.inputs_hash)
    if found is None:
        runs.close_unfinished(client, experiment, graph.inputs_hash)
        version, gate = _register_new(client, experiment, graph, champion)
    else:
        version, gate = found, _gate_again(client, experiment, graph, found, champion)
        versions.challenge(client, str(found.version))
        runs.finish(client, found.run_id)
    return {
        "tracking_uri": connection.shown(connection.tracking_uri()),
        "model_name": connection.model_name(),
        "version": str(version.version),
        "run_id": version.run_id,
        "alias": versions.CHALLENGER,
        "gate": gate,
        "inputs_hash": graph.inputs_hash,
        "data_version": graph.data_version,
        "policy_id": graph.policy.policy_id,
        "calibration": _calibration(graph, _wear(client, experiment, graph)),
        "created": found is None,
    }


def _wear(client: MlflowClient, experiment: str, graph: GraphFiles) -> Wear:
    return graph.wear(runs.uses_of_calibration(client, experiment, graph.calibration_hash, graph.policy.policy_id))


def _calibration(graph: GraphFiles, wear: Wear) -> dict[str, Any]:
    return {
        "hash": graph.calibration_hash,
        "uses": wear.uses,
        "youngest": None if wear.youngest is None else wear.youngest.isoformat(),
        "refresh_after_uses": wear.after_uses,
        "refresh_after_days": wear.after_days,
    }


def _register_new(
    client: MlflowClient, experiment: str, graph: GraphFiles, champion: ModelVersion | None
) -> tuple[ModelVersion, dict[str, Any]]:
    tags = _tags(graph)
    run = graph_run(graph, tags, headline(graph.metrics, graph.policy.kind))
    with ThreadPoolExecutor(1) as apart, runs.logged_run(client, experiment, run) as run_id:
        judged = apart.submit(judge, client, graph, champion)  # mostly waits for the champion's own process
        logged = packaging.log_model(graph.model_files, graph.test.head(EXAMPLE_ROWS), tags)
        packaging.check_answers(logged, graph.test.head(CHECKED_ROWS), graph.model_files)
        verdict = judged.result()
        gate_tags = _gate_tags(verdict, champion)
        card = _card(client, experiment, graph, verdict, champion)
        runs.log_text(client, run_id, card, "model_card.md")
        runs.tag(client, run_id, gate_tags)
        version = versions.create(
            client, run_id, logged.model_id, logged.uri, {"gate": verdict.result, **tags, **gate_tags}, card
        )
        versions.challenge(client, str(version.version))
    return version, _gate(verdict.result, verdict.reasons, champion)


def _gate_again(
    client: MlflowClient, experiment: str, graph: GraphFiles, found: ModelVersion, champion: ModelVersion | None
) -> dict[str, Any]:
    """What the gate said of a version, asked anew when the champion has changed since."""
    compared_with = found.tags.get("gate_champion")
    is_champion = champion is not None and champion.version == found.version
    if is_champion or compared_with == _number(champion):
        against = None if compared_with in (None, "none") else compared_with
        return {"result": found.tags["gate"], "champion": against, "reasons": versions.gate_reasons(found)}
    verdict = judge(client, graph, champion)
    card = _card(client, experiment, graph, verdict, champion)
    versions.describe(client, str(found.version), _gate_tags(verdict, champion), card)
    return _gate(verdict.result, verdict.reasons, champion)


def _card(
    client: MlflowClient, experiment: str, graph: GraphFiles, verdict: Verdict, champion: ModelVersion | None
) -> str:
    number = None if champion is None else str(champion.version)
    return model_card(graph, verdict, number, _wear(client, experiment, graph))


def _tags(graph: GraphFiles) -> dict[str, str]:
    return {
        "certified": str(bool(graph.metrics["certified"])).lower(),
        "level": graph.policy.level,
        "threshold": _threshold(graph),
        "candidate": graph.candidate,
        "data_version": graph.data_version,
        "git_commit": graph.git_commit or "none",
        "git_dirty": str(graph.git_dirty).lower(),
        "policy_id": graph.policy.policy_id,
        "inputs_hash": graph.inputs_hash,
    }


def _threshold(graph: GraphFiles) -> str:
    if graph.policy.branch_thresholds:
        return "by branch"
    return "none" if graph.policy.threshold is None else repr(graph.policy.threshold)


def _gate_tags(verdict: Verdict, champion: ModelVersion | None) -> dict[str, str]:
    reasons = list(verdict.reasons)
    while len(json.dumps(reasons, ensure_ascii=False)) > MAX_TAG:
        reasons.pop()
    return {
        "gate": verdict.result,
        "gate_champion": _number(champion),
        "gate_reasons": json.dumps(reasons, ensure_ascii=False),
    }


def _gate(result: str, reasons: list[str], champion: ModelVersion | None) -> dict[str, Any]:
    return {"result": result, "champion": None if champion is None else str(champion.version), "reasons": reasons}


def _number(version: ModelVersion | None) -> str:
    return "none" if version is None else str(version.version)
