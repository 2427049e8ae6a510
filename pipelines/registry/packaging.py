"""The model as MLflow stores it, and the proof that it answers as it did before.

Models-from-code: MLflow keeps `pipelines/served_model.py`, a copy of the package `aisle`, the
skops weights, the policy and the tree; nothing is pickled, and nothing of the checkout is needed
to load it.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aisle.catalogue.columns import PRODUCT_FIELDS
from aisle.catalogue.tables import read_frame, write_frame
from aisle.decision.answers import ANSWER_COLUMNS, answers
from aisle.decision.policy import read_policy
from aisle.errors import ModelError
from pipelines.registry.connection import translated

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

CODE = Path(__file__).parents[1] / "served_model.py"
PACKAGE = Path(__file__).parents[2] / "aisle"
REQUIREMENTS = ("mlflow", "numpy", "pandas", "pyarrow", "pyyaml", "scikit-learn", "scipy", "skops")
APART_SECONDS = 900


@dataclass(frozen=True)
class ModelFiles:
    """What the model consists of: skops weights, `policy.json`, `taxonomy.csv`."""

    model: Path
    policy: Path
    taxonomy: Path

    def artifacts(self) -> dict[str, str]:
        """Name → path, as MLflow wants them."""
        return {"model": str(self.model), "policy": str(self.policy), "taxonomy": str(self.taxonomy)}


@dataclass(frozen=True)
class LoggedModel:
    """A model in MLflow: its id and the URI that loads it."""

    model_id: str
    uri: str


def inputs_of(products: pd.DataFrame) -> pd.DataFrame:
    """The columns that the model reads, in order; a missing one is null throughout."""
    frame = products.reindex(columns=list(PRODUCT_FIELDS)).reset_index(drop=True)
    texts = {
        name: frame[name].astype(object).mask(frame[name].isna(), None) for name in PRODUCT_FIELDS if name != "price"
    }
    return frame.assign(price=frame["price"].astype("float64"), **texts)


def signature() -> ModelSignature:
    """A title is required; everything else may be missing or null."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    kinds = dict.fromkeys(("price", "confidence", "branch_confidence", "threshold"), DataType.double)
    may_be_null = ("threshold", "decided_id", "start_branch_id")
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(kinds.get(name, DataType.string), name, required=name == "title") for name in PRODUCT_FIELDS
    ]
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec(kinds.get(name, DataType.string), name, required=name not in may_be_null) for name in ANSWER_COLUMNS
    ]
    return ModelSignature(Schema(inputs), Schema(outputs))


def requirements() -> list[str]:
    """The packages that the model needs, at the versions installed here; no index is named."""
    return [f"{name}=={version(name)}" for name in REQUIREMENTS]


def log_model(files: ModelFiles, example: pd.DataFrame, metadata: dict[str, Any]) -> LoggedModel:
    """Log the model to the active run, with signature, input example and pinned requirements."""
    import mlflow

    with translated(), _unchanged_path():
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(CODE),
            artifacts=files.artifacts(),
            code_paths=[str(PACKAGE)],
            signature=signature(),
            input_example=inputs_of(example),
            pip_requirements=requirements(),
            metadata=metadata,
        )
    return LoggedModel(str(info.model_id), str(info.model_uri))


def check_answers(logged: LoggedModel, products: pd.DataFrame, files: ModelFiles) -> None:
    """Load the logged model back and hold its answers against those of its files, bit for bit.

    Raises
    ------
    ModelError
        When an answer differs, with the row and the column.
    """
    import mlflow

    with translated(), _unchanged_path():
        reloaded = mlflow.pyfunc.load_model(logged.uri).predict(inputs_of(products))
    expected = direct_answers(files, products)
    for column in ANSWER_COLUMNS:
        left, right = expected[column].to_numpy(), reloaded[column].to_numpy()
        numeric = left.dtype.kind == "f"
        same = (left == right) | (np.isnan(left) & np.isnan(right)) if numeric else left == right
        if not np.all(same):
            row = int(np.argmin(same))
            raise ModelError(
                f"the logged model answers otherwise than {files.model}: row {row}, column {column}, "
                f"{right[row]!r} instead of {left[row]!r}; nothing was registered"
            )


def direct_answers(files: ModelFiles, products: pd.DataFrame) -> pd.DataFrame:
    """The answers of the model's files, without MLflow."""
    from aisle.model.storage import load

    return answers(load(files.model).score_frame(inputs_of(products)), read_policy(files.policy))


@contextlib.contextmanager
def downloaded(client: MlflowClient, name: str, version_number: str) -> Iterator[Path]:
    """The files of a model version in a folder that lasts as long as the block."""
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        with translated():
            source = client.get_model_version_download_uri(name, version_number)
            path = mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=folder)
        yield Path(path)


def answers_apart(model: Path, products: pd.DataFrame) -> pd.DataFrame:
    """The answers of a downloaded model, from a process of its own that knows only the model's own code.

    So a champion answers with the code that it was registered with, whatever the checkout holds.

    Raises
    ------
    ModelError
        When the model cannot be loaded or asked there.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "products.parquet", Path(folder) / "answers.parquet"
        write_frame(inputs_of(products), asked)
        script = Path(__file__).with_name("score_apart.py")
        command = [sys.executable, "-I", str(script), str(model), str(asked), str(answered)]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=APART_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ModelError(f"no answer within {APART_SECONDS} s") from error
        if done.returncode or not answered.exists():
            lines = done.stderr.strip().splitlines()
            raise ModelError(lines[-1][:300] if lines else f"its process ended with code {done.returncode}")
        return read_frame(answered)


@contextlib.contextmanager
def _unchanged_path() -> Iterator[None]:
    """MLflow puts the folder of each loaded model on the module path and leaves it there."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before
