"""A FastAPI app with the linear model and nothing else: `python -m benchmarks.serving.bare_fastapi FOLDER PORT`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.serving.linear import read_linear


class Titles(BaseModel):
    titles: list[str]


def main() -> None:
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    pipeline, app = read_linear(folder), FastAPI()

    @app.get("/healthz")
    async def healthz() -> str:
        return "ok"

    @app.post("/categorize")
    async def categorize(asked: Titles) -> dict[str, list[str] | list[float]]:
        probability = pipeline.predict_proba(asked.titles)
        best = probability.argmax(axis=1)
        sure = probability[np.arange(len(best)), best]
        return {"category_id": pipeline.classes_[best].tolist(), "probability": sure.tolist()}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
