"""The gate, asked with the champion of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from aisle.catalogue.taxonomy import read_taxonomy
from aisle.decision.answers import answers
from aisle.decision.gate import Result, Verdict, compare
from aisle.errors import DataError, ModelError, RegistryError
from aisle.files import read_json
from pipelines.registry import packaging, runs
from pipelines.registry.connection import model_name
from pipelines.registry.graph import GraphFiles

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


def judge(client: MlflowClient, graph: GraphFiles, champion: ModelVersion | None) -> Verdict:
    """Compare what `graph` made with the champion on the same test rows.

    The champion answers in a process of its own, with the code and the policy that it was
    registered with. One that cannot be asked any more leaves the gate undecided.
    """
    alone = _compare(graph, None)
    if champion is None:
        return alone
    number = str(champion.version)
    try:
        with packaging.downloaded(client, model_name(), number) as model:
            known = set(read_taxonomy(model / "artifacts" / "taxonomy.csv").categories)
            asked = read_json(model / "artifacts" / "policy.json")
            answered = packaging.answers_apart(model, graph.test)
    except (ModelError, DataError, RegistryError) as error:
        note = f"the champion, version {number}, could not be asked: {error}"
        result: Result = "failed" if alone.result == "failed" else "undecided"
        return replace(alone, result=result, notes=(note,))
    verdict = _compare(graph, answered, known)
    return replace(
        verdict, notes=(*verdict.notes, *_other_target(graph, asked), *_other_roles(client, graph, champion))
    )


def _compare(graph: GraphFiles, champion: pd.DataFrame | None, known: set[str] | None = None) -> Verdict:
    policy, products = graph.policy, graph.test["product_id"]
    challenger = answers(graph.scores, policy)
    if policy.level == "branch":  # a branch is what is right or wrong then
        challenger = _by_branch(challenger)
        champion, known = None if champion is None else _by_branch(champion), None
    return compare(
        challenger=challenger.assign(product_id=graph.scores["product_id"]),
        champion=None if champion is None else champion.assign(product_id=products),
        truth=graph.test if policy.level == "leaf" else _by_branch(graph.test),
        target_accuracy=policy.target_accuracy if policy.kind == "target_accuracy" else None,
        margins=graph.parameters.gate,
        known_to_champion=known,
    )


def _by_branch(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(category_id=frame["branch_id"])


def _other_target(graph: GraphFiles, champion: Mapping[str, Any]) -> tuple[str, ...]:
    """Coverage can be had for accuracy: a reader must know when the two were asked for different things."""
    ours, level = graph.policy, champion.get("level", "leaf")
    theirs = (champion.get("kind"), champion.get("target_accuracy"), level)
    if theirs == (ours.kind, ours.target_accuracy, ours.level):
        return ()
    return (
        f"the two were asked for different things: the challenger for {ours.kind} {ours.target_accuracy:.4g} of the "
        f"{ours.level}, the champion for {theirs[0]} {theirs[1]} of the {level}, so their coverages need not be alike",
    )


def _other_roles(client: MlflowClient, graph: GraphFiles, champion: ModelVersion) -> tuple[str, ...]:
    """Roles are for ever only while the key is: with another one the champion may know the test rows."""
    key = runs.parameters_of(client, champion.run_id).get("split.key")
    if key in (None, graph.parameters.split.key):
        return ()
    return ("the champion was trained under another split.key, so it may have seen some of these test rows",)
