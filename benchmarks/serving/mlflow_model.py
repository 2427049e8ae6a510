"""The linear model as MLflow stores and serves it ("models from code"), with the answer that our service gives.

As `pipelines/served_model.py` does it for the models of the registry: titles in, and for each product
category, branch, confidences, decision and threshold out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class Linear(PythonModel):
    def load_context(self, context: PythonModelContext) -> None:
        from benchmarks.serving.linear import model_and_policy

        linear = Path(context.artifacts["linear"])
        self.model, self.policy, _ = model_and_policy(linear.parent, Path(context.artifacts["taxonomy"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        from aisle.decision.answers import answers

        return answers(self.model.suggest(model_input).frame(model_input), self.policy)


mlflow.models.set_model(Linear())
