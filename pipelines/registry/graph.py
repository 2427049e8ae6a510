"""What a graph run left in files, as the registry wants it. Knows the files, and nothing of MLflow."""

from __future__ import annotations

import datetime
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from aisle.catalogue.tables import read_frame
from aisle.config import Parameters, read_parameters
from aisle.decision.answers import answers
from aisle.decision.policy import Policy, read_policy
from aisle.decision.wear import Wear, youngest
from aisle.errors import DataError
from aisle.files import read_json, sha256_of, sha256_of_bytes
from pipelines.registry.packaging import CODE, ModelFiles
from pipelines.registry.runs import CandidateRun, Dataset, GraphRun, numbers

_FACTS = ("fit_seconds", "peak_mb", "model_mb", "score_us", "accuracy", "coverage", "gap", "ece")
# What each run changes by itself, so that it says nothing about the code.
_WRITTEN_BY_THE_GRAPH = (":(exclude)dvc.lock", ":(exclude)metrics.json")


@dataclass(frozen=True)
class GraphFiles:
    """The results of a graph run in `folder`, read once."""

    folder: Path
    candidate: str
    parameters: Parameters
    raw_parameters: Mapping[str, Any]
    metrics: Mapping[str, Any]
    comparison: Mapping[str, Any]
    evidence: Mapping[str, Any]
    policy: Policy
    git_commit: str | None
    git_dirty: bool

    @property
    def work(self) -> Path:
        """Where the stages write."""
        return self.folder / "work"

    @property
    def model_files(self) -> ModelFiles:
        """What the model consists of."""
        return ModelFiles(
            model=self.work / "candidates" / self.candidate / "model.skops",
            policy=self.work / "policy.json",
            taxonomy=self.folder / "data" / "taxonomy.csv",
        )

    @property
    def data_version(self) -> str:
        """What names the data: the hash in `data.dvc`."""
        return str(self.metrics.get("data_version") or "unknown")

    @cached_property
    def test(self) -> pd.DataFrame:
        """The prepared test rows."""
        return read_frame(self.work / "prepared" / "test.parquet")

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The chosen candidate's scores for the test rows."""
        return read_frame(self.work / "scores" / self.candidate / "test.parquet")

    @cached_property
    def calibration_hash(self) -> str:
        """What names the calibration rows: a SHA-256 of their products and labels, in any order."""
        columns = ["product_id", "category_id"]
        rows = read_frame(self.work / "prepared" / "calibration.parquet", columns).astype(str)
        lines = sorted(rows["product_id"] + "\t" + rows["category_id"])
        return sha256_of_bytes("\n".join(lines).encode())

    @cached_property
    def youngest_calibration_row(self) -> datetime.date | None:
        """When the youngest calibration row came in; None where none has a date."""
        return youngest(read_frame(self.work / "prepared" / "calibration.parquet", ["received_at"]))

    def wear(self, uses: int) -> Wear:
        """How worn the calibration rows are after `uses` thresholds."""
        asked = self.parameters.policy
        return Wear(
            uses,
            self.policy.confidence_level,
            self.youngest_calibration_row,
            asked.refresh_after_uses,
            asked.refresh_after_days,
        )

    @cached_property
    def inputs_hash(self) -> str:
        """What names a version: a SHA-256 of weights, policy, tree, data, parameters and answers.

        The answers to the test rows stand for the code behind them: a change of code that
        changes no answer makes no new version.
        """
        files = self.model_files
        said = answers(self.scores, self.policy)
        started = said["start_branch_id"].notna().map({True: "branch", False: ""})
        words = "\n".join(said["category_id"] + "\t" + said["branch_id"] + "\t" + said["decision"] + "\t" + started)
        content = {
            "model": sha256_of(_there(files.model)),
            "policy": sha256_of(_there(files.policy)),
            "taxonomy": sha256_of(_there(files.taxonomy)),
            "data": self.data_version,
            "parameters": self.raw_parameters,
            "answers": sha256_of_bytes(words.encode() + said["confidence"].to_numpy(dtype="<f8").tobytes()),
            "served": sha256_of(CODE),
        }
        return sha256_of_bytes(json.dumps(content, sort_keys=True, default=str).encode())


def read_graph(folder: Path) -> GraphFiles:
    """Read what the stages before `register` wrote; `DataError` names the first file that is missing."""
    work = folder / "work"
    parameters = read_parameters(folder / "params.yaml")
    commit, dirty = git_state(folder)
    return GraphFiles(
        folder=folder,
        candidate=str(_json(work / "choice" / "candidate.json")["candidate"]),
        parameters=parameters,
        raw_parameters=yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8")) or {},
        metrics=_json(folder / "metrics.json"),
        comparison=_json(work / "choice" / "comparison.json"),
        evidence=_json(work / "evidence" / "evidence.json"),
        policy=read_policy(work / "policy.json"),
        git_commit=commit,
        git_dirty=dirty,
    )


def graph_run(graph: GraphFiles, tags: Mapping[str, str], description: str) -> GraphRun:
    """Everything of the parent run and its children but the model."""
    return GraphRun(
        name=f"{graph.candidate} at {graph.policy.target_accuracy:.4g}, data {graph.data_version[:7]}",
        description=description,
        tags={
            **tags,
            "calibration_hash": graph.calibration_hash,
            **({"mlflow.source.git.commit": graph.git_commit} if graph.git_commit else {}),
        },
        parameters={**graph.raw_parameters, "candidate": graph.candidate},
        metrics=numbers(graph.metrics),
        dataset=_dataset(graph),
        artifacts=_artifacts(graph),
        candidates=[_candidate(graph, one) for one in graph.comparison["candidates"]],
    )


def _dataset(graph: GraphFiles) -> Dataset:
    split = graph.work / "prepared" / "split.json"
    facts = _json(split) if split.exists() else {}
    counts = {name: value for name, value in facts.items() if isinstance(value, (int, float, str, dict))}
    # MLflow keeps 36 characters of a digest: DVC's hashes have that many, a SHA-256 is cut.
    return Dataset("catalogue", graph.data_version[:36], str((graph.folder / "data").absolute()), counts)


def _artifacts(graph: GraphFiles) -> list[tuple[Path, str]]:
    work = graph.work
    files = [(path, "evidence") for path in sorted((work / "evidence").glob("*.png"))]
    files += [(work / "evidence" / "evidence.json", "evidence")]
    files += [(work / name, "") for name in ("report.html", "policy.json", "reference.parquet")]
    files += [(graph.folder / "metrics.json", ""), (work / "choice" / "comparison.json", "")]
    page = work / "validation" / "page.html"
    return [(_there(path), folder) for path, folder in files] + ([(page, "validation")] if page.exists() else [])


def _candidate(graph: GraphFiles, compared: Mapping[str, Any]) -> CandidateRun:
    name = str(compared["candidate"])
    path = graph.work / "candidates" / name / "facts.json"
    facts = {**(_json(path) if path.exists() else {}), **compared}
    curve = compared.get("curve") or {}
    return CandidateRun(
        name=name,
        parameters={"candidate": name, **(graph.raw_parameters.get("candidates", {}).get(name) or {})},
        metrics=numbers({key: facts[key] for key in _FACTS if key in facts}),
        coverage=curve.get("coverage", ()),
        accuracy=curve.get("accuracy", ()),
    )


def git_state(folder: Path) -> tuple[str | None, bool]:
    """The commit of the checkout, and whether anything but the graph's own results differs from it.

    (None, False) outside of a repository, before the first commit, or without git.
    """
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return None, False
    return commit.strip(), bool(_git(folder, "status", "--porcelain", "--", ".", *_WRITTEN_BY_THE_GRAPH))


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _json(path: Path) -> dict[str, Any]:
    content = read_json(_there(path))
    if not isinstance(content, dict):
        raise DataError(f"{path}: a table of names and values was expected; run `dvc repro` to write it again")
    return content


def _there(path: Path) -> Path:
    if not path.is_file():
        raise DataError(f"{path}: not there yet; run `dvc repro`")
    return path
