from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aisle.decision.answers import answers
from aisle.decision.policy import read_policy, write_policy
from pipelines.registry import judging
from pipelines.registry.graph import read_graph
from tests.pipelines.small_graph import write_graph


def test_at_level_branch_the_gate_compares_branches(tmp_path: Path) -> None:
    """A champion that suggests other leaves of the same branches is as good then."""
    folder = write_graph(tmp_path)
    path = folder / "work" / "policy.json"
    write_policy(replace(read_policy(path), level="branch"), path)
    graph = read_graph(folder)
    own = answers(graph.scores, graph.policy)
    verdict = judging._compare(graph, own.assign(category_id=own["category_id"] + "-else"), known=set())
    shares = {check.name: check.estimate for check in verdict.checks}
    assert shares["accuracy_all"] == 0
    assert verdict.result == "passed"
    assert verdict.notes == ()
    automatic = (own["decision"] == "auto").to_numpy()
    right = (own["branch_id"] == graph.test["branch_id"]).to_numpy()
    assert shares["promise"] == pytest.approx(right[automatic].mean())


def test_another_level_is_another_question(tmp_path: Path) -> None:
    graph = read_graph(write_graph(tmp_path))
    asked = {"kind": "target_accuracy", "target_accuracy": 0.9, "level": "leaf"}
    assert judging._other_target(graph, asked) == ()
    (note,) = judging._other_target(graph, asked | {"level": "branch"})
    assert (
        "the challenger for target_accuracy 0.9 of the leaf, the champion for target_accuracy 0.9 of the branch" in note
    )
