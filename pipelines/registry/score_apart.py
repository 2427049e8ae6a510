"""Asks one model in a process of its own: `python -I score_apart.py MODEL_FOLDER PRODUCTS ANSWERS`.

Imports nothing of this project, so that the model's own copy of the code is the one that answers.
"""

from __future__ import annotations

import sys


def main(model: str, products: str, answers: str) -> None:
    """Read `products` (Parquet), write the model's answers to `answers` (Parquet)."""
    import mlflow
    import pandas as pd

    loaded = mlflow.pyfunc.load_model(model, suppress_warnings=True)
    loaded.predict(pd.read_parquet(products)).to_parquet(answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
