"""The linear model as MLflow stores and serves it ("models from code"): titles in, category and probability out."""

from __future__ import annotations

from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class Linear(PythonModel):
    def load_context(self, context: PythonModelContext) -> None:
        from skops.io import load

        self.pipeline = load(context.artifacts["linear"], trusted=[])

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        probability = self.pipeline.predict_proba(model_input["title"].tolist())
        best = probability.argmax(axis=1)
        sure = probability[np.arange(len(best)), best]
        return pd.DataFrame({"category_id": self.pipeline.classes_[best], "probability": sure})


mlflow.models.set_model(Linear())
