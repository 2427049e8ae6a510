from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aisle.decision.gate import Check, Verdict
from pipelines.model_card import MAX_CHARACTERS, headline, model_card
from pipelines.registry.graph import GraphFiles, git_state, read_graph
from tests.pipelines.small_graph import write_graph

PASSED = Verdict("passed", 400, (Check("promise", "passed", "accuracy 99.0%"),), ("a note",))


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> GraphFiles:
    return read_graph(write_graph(tmp_path_factory.mktemp("graph")))


def with_slices(graph: GraphFiles, names: list[str]) -> GraphFiles:
    share = {"value": 0.8, "low": 0.7, "high": 0.9, "rows": 40}
    found = [{"kind": "seller", "name": name, "p": 0.01, "worse": True, "accuracy": share} for name in names]
    return dataclasses.replace(graph, evidence={"slices": {"tested": "accuracy", "looked_at": 9, "found": found}})


class TestCard:
    def test_says_what_a_reviewer_needs(self, graph: GraphFiles) -> None:
        card = model_card(graph, PASSED, "4", graph.wear(3))
        assert card.startswith("Certified: at least 90 % right")
        for part in (
            "## Gate: passed against champion version 4",
            "- **passed**: accuracy 99.0%",
            "- a note",
            "3 thresholds were chosen on these calibration rows so far; together their promises",
            "hold with probability 0.85 at least, not 0.95",
            "Fresh audits are due after 4 thresholds, or on 2025-08-28.",
            "exchangeable with the calibration rows",
            "regime `representative`",
            graph.policy.policy_id,
            graph.data_version,
        ):
            assert part in card

    def test_without_a_champion(self, graph: GraphFiles) -> None:
        assert "## Gate: no champion to compare with" in model_card(
            graph, Verdict("no_champion", 400, ()), None, graph.wear(1)
        )

    def test_automation_off_is_said_first(self, graph: GraphFiles) -> None:
        nothing = dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high", "threshold"))
        off = dataclasses.replace(graph, metrics={**graph.metrics, **nothing, "certified": False, "coverage": 0.0})
        card = model_card(off, PASSED, None, graph.wear(1))
        assert card.startswith("Automation is off")
        assert "none: everything goes to people" in card

    def test_worn_rows_are_called_worn(self, graph: GraphFiles) -> None:
        card = model_card(graph, PASSED, None, graph.wear(4))
        assert "together their promises hold with probability 0.8 at least" in card
        assert "Fresh audits are due: 4 thresholds is the most for the same rows." in card

    def test_at_level_branch_the_card_speaks_of_branches(self, graph: GraphFiles) -> None:
        policy = dataclasses.replace(graph.policy, level="branch")
        branched = dataclasses.replace(graph, policy=policy, metrics={**graph.metrics, "level": "branch"})
        card = model_card(branched, PASSED, None, graph.wear(1))
        assert card.startswith("Certified: at least 90 % right among products put into a branch automatically")
        assert "| Put into a branch automatically |" in card
        assert "At branch confidence ≥ 0.6" in card

    def test_says_when_whole_sellers_were_counted(self, graph: GraphFiles) -> None:
        assert "counted whole" not in model_card(graph, PASSED, None, graph.wear(1))
        policy = dataclasses.replace(graph.policy, clusters="seller")
        card = model_card(dataclasses.replace(graph, policy=policy), PASSED, None, graph.wear(1))
        assert "certified: at least 0.9 with probability 0.95, whole sellers counted." in card
        assert "- **Sellers** are counted whole" in card

    def test_says_where_people_start(self, graph: GraphFiles) -> None:
        share = {"value": 0.9, "low": 0.85, "high": 0.94, "rows": 200}
        policy = dataclasses.replace(graph.policy, branch_start=0.7, branch_start_accuracy=0.85)
        review = {"started": {**share, "value": 0.6}, "started_right": share}
        started = dataclasses.replace(graph, policy=policy, evidence={**graph.evidence, "review": review})
        card = model_card(started, PASSED, None, graph.wear(1))
        assert (
            "| People start in a branch | 60.0 % of the others; 90.0 % [85.0 %, 94.0 %] of these branches right |"
            in card
        )

    @pytest.mark.parametrize(("kind", "said"), [("coverage", "a fixed coverage"), ("cost", "the lowest total cost")])
    def test_a_policy_that_promises_nothing_is_not_certified(self, graph: GraphFiles, kind: str, said: str) -> None:
        assert f"Not certified: the policy asks for {said}" in headline({**graph.metrics, "certified": False}, kind)

    def test_what_sellers_call_themselves_breaks_no_table(self, graph: GraphFiles) -> None:
        card = model_card(
            with_slices(graph, ["a|b", "**bold**", "<script>", "two\nlines"]), PASSED, None, graph.wear(1)
        )
        rows = [line for line in card.splitlines() if line.startswith("| seller")]
        assert [line.split(" | ")[0] for line in rows] == [
            r"| seller **a\|b**",
            r"| seller **\*\*bold\*\***",
            r"| seller **\<script\>**",
            "| seller **two lines**",
        ]
        assert "4 of 9 slices are worse than the rest" in card

    def test_is_never_longer_than_every_database_takes(self, graph: GraphFiles) -> None:
        many = Verdict("undecided", 400, tuple(Check("x", "undecided", "why " * 200) for _ in range(4)))
        card = model_card(with_slices(graph, ["seller " * 8] * 5), many, "1", graph.wear(2))
        assert 4000 < len(card) <= MAX_CHARACTERS
        assert "Weakest slices" not in card
        assert "## Limits" in card
        endless = Verdict("undecided", 400, (Check("x", "undecided", "why " * 5000),))
        assert len(model_card(graph, endless, "1", graph.wear(2))) <= MAX_CHARACTERS


class TestGitState:
    def git(self, folder: Path, *words: str) -> None:
        who = ["-c", "user.email=ann@example.com", "-c", "user.name=Ann"]
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)

    def test_is_nothing_outside_of_a_repository(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        assert git_state(tmp_path) == (None, False)

    def test_what_the_graph_writes_does_not_make_it_dirty(self, tmp_path: Path) -> None:
        (tmp_path / "params.yaml").write_text("a: 1\n")
        self.git(tmp_path, "init", "-q")
        assert git_state(tmp_path) == (None, False)
        self.git(tmp_path, "add", ".")
        self.git(tmp_path, "commit", "-q", "-m", "first")
        commit, dirty = git_state(tmp_path)
        assert commit is not None
        assert (len(commit), dirty) == (40, False)
        for name in ("dvc.lock", "metrics.json"):
            (tmp_path / name).write_text("new")
        assert git_state(tmp_path) == (commit, False)
        (tmp_path / "params.yaml").write_text("a: 2\n")
        assert git_state(tmp_path) == (commit, True)


@pytest.mark.parametrize("missing", ["metrics.json", "work/choice/candidate.json", "work/policy.json"])
def test_a_stage_that_has_not_run_is_named(tmp_path: Path, missing: str) -> None:
    from aisle.errors import DataError

    write_graph(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(DataError, match=f"{missing}.*run `dvc repro"):
        read_graph(tmp_path)


def test_a_result_of_another_form_is_named(tmp_path: Path) -> None:
    from aisle.errors import DataError

    write_graph(tmp_path)
    broken: list[Any] = []
    (tmp_path / "metrics.json").write_text(str(broken))
    with pytest.raises(DataError, match=r"metrics\.json: a table of names and values was expected"):
        read_graph(tmp_path)
