"""The model as MLflow serves it: products in, one decision a product out.

MLflow stores this file itself with the model and runs it at every load ("models from code"), so
nothing is pickled: the weights come from a skops file, the policy from `policy.json`. It needs
the package `aisle`, of which the model carries its own copy.
"""

from __future__ import annotations

from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class ServedModel(PythonModel):
    """Answers with the columns of `aisle.decision.answers`: suggestion, confidence, decision, where to start."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load weights and policy from the model's own artifacts."""
        from aisle.decision.policy import read_policy
        from aisle.model.storage import load

        self.categorizer = load(context.artifacts["model"])
        self.policy = read_policy(context.artifacts["policy"])

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """One row a product, in the order of `model_input`; `threshold` is nan where people always decide."""
        from aisle.decision.answers import answers

        check_titles(model_input["title"])
        return answers(self.categorizer.score_frame(model_input.reset_index(drop=True)), self.policy)


def check_titles(titles: pd.Series) -> None:
    """Refuse products without a title: the schema alone lets nulls pass. Rows are counted from 0."""
    for row, title in enumerate(titles):
        if not isinstance(title, str) or not title.strip():
            raise MlflowException.invalid_parameter_value(
                f"row {row}: title is {'empty' if isinstance(title, str) else 'missing'}; "
                "every product needs one, so name the product or leave it out"
            )


mlflow.models.set_model(ServedModel())
