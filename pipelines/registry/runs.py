"""One MLflow run a graph run, a child a candidate."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.registry.connection import translated

if TYPE_CHECKING:
    from mlflow import MlflowClient

KIND_TAG = "aisle.kind"  # "graph" for a parent run, "candidate" for a child
CURVE = "accuracy_at_coverage"  # a metric whose step is the coverage in per cent


@dataclass(frozen=True)
class CandidateRun:
    """What a child run shows; `coverage` and `accuracy` are the points of its out-of-fold curve."""

    name: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    coverage: Sequence[float] = ()
    accuracy: Sequence[float] = ()


@dataclass(frozen=True)
class Dataset:
    """The data of a run; `digest` is what `data.dvc` calls them, `profile` plain counts."""

    name: str
    digest: str
    source: str
    profile: Mapping[str, Any]


@dataclass(frozen=True)
class GraphRun:
    """What a parent run shows. `artifacts` are pairs of a file and the folder it goes to ("" is the top)."""

    name: str
    description: str
    tags: Mapping[str, str]
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    dataset: Dataset
    artifacts: Sequence[tuple[Path, str]] = ()
    candidates: Sequence[CandidateRun] = field(default_factory=tuple)


@contextlib.contextmanager
def logged_run(client: MlflowClient, experiment_id: str, run: GraphRun) -> Iterator[str]:
    """Log everything of `run` but the model and give its id; the run ends FINISHED when the block ends well.

    An error in the block leaves the run FAILED, a kill leaves it RUNNING: see `close_unfinished`.
    """
    import mlflow

    tags = {**run.tags, KIND_TAG: "graph", "mlflow.source.name": "pipelines.register", "mlflow.source.type": "JOB"}
    with mlflow.start_run(
        experiment_id=experiment_id, run_name=run.name, tags=tags, description=run.description, log_system_metrics=False
    ) as active:
        run_id = str(active.info.run_id)
        with translated():
            _log_dataset(client, run_id, run.dataset)
            _log_values(client, run_id, run.parameters, _metrics(run.metrics))
            for path, folder in run.artifacts:
                client.log_artifact(run_id, str(path), folder or None)
            for candidate in run.candidates:
                _log_candidate(client, experiment_id, run_id, candidate)
        yield run_id


def log_text(client: MlflowClient, run_id: str, text: str, name: str) -> None:
    """Write `text` as the artifact `name` of a run."""
    with translated():
        client.log_text(run_id, text, name)


def tag(client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> None:
    """Set `tags` on a run."""
    with translated():
        for key, value in tags.items():
            client.set_tag(run_id, key, value)


def close_unfinished(client: MlflowClient, experiment_id: str, inputs_hash: str) -> None:
    """Mark runs of the same inputs that a kill left RUNNING, and their children, as KILLED."""
    wanted = f"tags.inputs_hash = '{inputs_hash}' and attributes.status = 'RUNNING'"
    with translated():
        for parent in client.search_runs([experiment_id], wanted):
            children = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}' and attributes.status = 'RUNNING'"
            for run in [*client.search_runs([experiment_id], children), parent]:
                client.set_terminated(run.info.run_id, "KILLED")


def finish(client: MlflowClient, run_id: str | None) -> None:
    """End a run that was killed after its version had been made."""
    with translated():
        if run_id and client.get_run(run_id).info.status == "RUNNING":
            client.set_terminated(run_id, "FINISHED")


def uses_of_calibration(client: MlflowClient, experiment_id: str, calibration_hash: str, policy_id: str) -> int:
    """How many different policies, this one included, had their threshold chosen on these calibration rows."""
    with translated():
        found = {policy_id}
        token: str | None = None
        while True:
            wanted = f"tags.calibration_hash = '{calibration_hash}'"
            page = client.search_runs([experiment_id], wanted, page_token=token)
            found |= {run.data.tags.get("policy_id", run.info.run_id) for run in page}
            token = page.token
            if not token:
                return len(found)


def parameters_of(client: MlflowClient, run_id: str | None) -> dict[str, str]:
    """The parameters of a run; none where the run is gone."""
    from mlflow.exceptions import MlflowException

    try:
        return dict(client.get_run(run_id).data.params) if run_id else {}
    except MlflowException:
        return {}


def flatten(values: Mapping[str, Any], separator: str = ".", prefix: str = "") -> dict[str, Any]:
    """Nested tables as one, names joined by `separator`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}{separator}{name}" if prefix else str(name)
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, separator, path)
        else:
            flat[path] = value
    return flat


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among `values`, nested names joined by `_`; truth values and texts are none."""
    return {
        name: float(value)
        for name, value in flatten(values, "_").items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _log_dataset(client: MlflowClient, run_id: str, dataset: Dataset) -> None:
    from mlflow.entities import Dataset as Entity
    from mlflow.entities import DatasetInput, InputTag

    entity = Entity(
        name=dataset.name,
        digest=dataset.digest,
        source_type="local",
        source=json.dumps({"uri": dataset.source}),
        profile=json.dumps(dict(dataset.profile)),
    )
    client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])])


def _log_values(client: MlflowClient, run_id: str, parameters: Mapping[str, Any], metrics: Sequence[Any]) -> None:
    from mlflow.entities import Param

    entities = [Param(name, _text(value)) for name, value in flatten(parameters).items()]
    for start in range(0, len(entities), 100):  # MLflow takes no more in one call
        client.log_batch(run_id, params=entities[start : start + 100])
    client.log_batch(run_id, metrics=list(metrics))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _metrics(values: Mapping[str, float]) -> list[Any]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, value, now, 0) for name, value in values.items()]


def _log_candidate(client: MlflowClient, experiment_id: str, parent: str, candidate: CandidateRun) -> None:
    tags = {"mlflow.parentRunId": parent, KIND_TAG: "candidate", "candidate": candidate.name}
    run_id = client.create_run(experiment_id, run_name=candidate.name, tags=tags).info.run_id
    curve = _curve_metrics(candidate.coverage, candidate.accuracy)
    _log_values(client, run_id, candidate.parameters, [*_metrics(candidate.metrics), *curve])
    client.set_terminated(run_id, "FINISHED")


def _curve_metrics(coverage: Sequence[float], accuracy: Sequence[float]) -> list[Any]:
    """One point a whole per cent of coverage: the last one at or below it."""
    from mlflow.entities import Metric

    points = {round(100 * share): value for share, value in sorted(zip(coverage, accuracy, strict=True)) if share > 0}
    now = int(time.time() * 1000)
    return [Metric(CURVE, value, now, percent) for percent, value in points.items()]
