"""What a graph run leaves in files, made small: a real model of six categories, fitted in a second."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from threadpoolctl import threadpool_limits

from aisle.catalogue.tables import write_frame
from aisle.catalogue.taxonomy import Category, Taxonomy, write_taxonomy
from aisle.decision.answers import answers
from aisle.decision.policy import Policy, write_policy
from aisle.files import write_json, write_text
from aisle.model.candidates import make_candidate
from aisle.model.categorizer import Categorizer
from aisle.model.storage import save

CANDIDATE = "naive_bayes"
LEAVES = {
    "garden-hose": ("garden", "hose water reel sprinkler nozzle"),
    "garden-spade": ("garden", "spade shovel digging blade handle"),
    "garden-pot": ("garden", "pot planter terracotta saucer balcony"),
    "toys-car": ("toys", "toy car racing wheels remote"),
    "toys-doll": ("toys", "doll dress hair pram dollhouse"),
    "toys-blocks": ("toys", "blocks building bricks stacking wooden"),
}
OTHER_WORDS = ("new", "set", "large", "blue", "pack", "quality", "2024", "garden", "toy", "wooden", "handle", "water")


def products(rows: int, seed: int, role: str, others: int = 3) -> pd.DataFrame:
    """A prepared frame; `others` words a title say nothing about the category."""
    rng = np.random.default_rng(seed)
    leaf = rng.choice(list(LEAVES), rows)
    titles = [
        " ".join([*rng.choice(LEAVES[one][1].split(), 2), *rng.choice(OTHER_WORDS, others)]).title() for one in leaf
    ]
    return pd.DataFrame(
        {
            "product_id": [f"{role}:{row}" for row in range(rows)],
            "revision": 1,
            "title": titles,
            "description": np.where(rng.random(rows) < 0.3, None, "Sold by the piece."),
            "brand": np.where(rng.random(rows) < 0.5, None, "Acme"),
            "seller_category": None,
            "price": np.where(rng.random(rows) < 0.2, np.nan, rng.lognormal(3, 1, rows).round(2)),
            "currency": "EUR",
            "seller": rng.choice(["north.example", "south.example"], rows),
            "received_at": pd.Timestamp("2025-03-01", tz="UTC"),
            "group": [f"{role}-group:{row}" for row in range(rows)],
            "category_id": leaf,
            "branch_id": [LEAVES[one][0] for one in leaf],
            "origin": "audit",
        }
    )


@functools.cache
def fitted(training: int, seed: int) -> Categorizer:
    """The model of `products(training, seed, "train")`; one thread, or the tests of a busy machine take minutes."""
    train = products(training, seed, "train")
    categorizer = make_candidate(CANDIDATE, {}, {name: branch for name, (branch, _) in LEAVES.items()})
    with threadpool_limits(1):
        return categorizer.fit(train, train["category_id"], fold=np.arange(training) % 3)


def write_graph(folder: Path, *, training: int = 300, test: int = 400, threshold: float = 0.6, seed: int = 1) -> Path:
    """Write the files of a graph run below `folder`; fewer training rows make a worse model."""
    work = folder / "work"
    branches = [Category("garden", None, "Garden"), Category("toys", None, "Toys")]
    leaves = [Category(name, branch, name.split("-")[1].title()) for name, (branch, _) in LEAVES.items()]
    (folder / "data").mkdir(parents=True, exist_ok=True)
    write_taxonomy(Taxonomy([*branches, *leaves]), folder / "data" / "taxonomy.csv")
    parameters = {"candidates": {CANDIDATE: {}}, "policy": {"target_accuracy": 0.9}, "train": {"folds": 3}}
    write_text(folder / "params.yaml", yaml.safe_dump(parameters))

    train = products(training, seed, "train")
    calibration = products(120, 2, "calibration").assign(audit_probability=0.1, weight=1.0)
    held_out = products(test, 3, "test").assign(audit_probability=0.1, weight=1.0)
    write_frame(train.assign(weight=1.0, fold=np.arange(training) % 3), work / "prepared" / "train.parquet")
    write_frame(calibration, work / "prepared" / "calibration.parquet")
    write_frame(held_out, work / "prepared" / "test.parquet")
    write_json(work / "prepared" / "split.json", {"data_version": "0" * 32 + ".dir", "roles": {"test": test}})

    categorizer = fitted(training, seed)
    folder_of_candidate = work / "candidates" / CANDIDATE
    folder_of_candidate.mkdir(parents=True, exist_ok=True)
    save(categorizer, folder_of_candidate / "model.skops")
    write_json(folder_of_candidate / "facts.json", {"fit_seconds": 1.5, "peak_mb": 200.0, "model_mb": 0.1})
    scores = categorizer.score_frame(held_out)
    write_frame(scores, work / "scores" / CANDIDATE / "test.parquet")
    policy = Policy(
        kind="target_accuracy",
        target_accuracy=0.9,
        confidence_level=0.95,
        certificate="holdout",
        threshold=threshold,
        expected={
            "coverage": 0.8,
            "coverage_low": 0.72,
            "coverage_high": 0.87,
            "accuracy": 0.95,
            "accuracy_low": 0.9,
            "accuracy_high": 0.98,
            "rows": 120,
        },
    )
    write_policy(policy, work / "policy.json")
    decided = answers(scores, policy)
    _write_results(folder, decided, held_out)
    return folder


def _write_results(folder: Path, decided: pd.DataFrame, held_out: pd.DataFrame) -> None:
    work = folder / "work"
    automatic = decided["decision"] == "auto"
    right = decided["category_id"] == held_out["category_id"]
    accuracy = float(right[automatic].mean()) if automatic.any() else None
    candidate: dict[str, Any] = {"candidate": CANDIDATE, "accuracy": 0.9, "coverage": 0.8, "gap": 0.02, "ece": 0.03}
    candidate |= {"score_us": 50.0, "fit_seconds": 1.5, "peak_mb": 200.0, "model_mb": 0.1}
    candidate["curve"] = {"coverage": [0.001, 0.25, 0.5, 1.0], "accuracy": [1.0, 0.99, 0.97, 0.9]}
    write_json(work / "choice" / "candidate.json", {"candidate": CANDIDATE})
    write_json(
        work / "choice" / "comparison.json",
        {"target_accuracy": 0.9, "chosen": CANDIDATE, "reason": "the only one", "candidates": [candidate]},
    )
    share = {"value": accuracy, "low": 0.8, "high": 0.99, "rows": int(automatic.sum())}
    write_json(
        folder / "metrics.json",
        {
            "data_version": "0" * 32 + ".dir",
            "candidate": CANDIDATE,
            "test_size": len(held_out),
            "target_accuracy": 0.9,
            "confidence_level": 0.95,
            "certified": True,
            "threshold": 0.6,
            "coverage": float(automatic.mean()),
            "accuracy": accuracy,
            "accuracy_low": 0.8,
            "accuracy_high": 0.99,
            "accuracy_all": float(right.mean()),
            "coverage_at": {"90": 0.9, "95": 0.8},
            "gap": 0.02,
        },
    )
    found = [{"kind": "seller", "name": "a|b", "p": 0.01, "worse": True, "accuracy": share}]
    slices = {"tested": "accuracy", "found": found}
    (work / "evidence").mkdir(parents=True, exist_ok=True)
    write_json(work / "evidence" / "evidence.json", {"slices": slices, "by_seller": share})
    (work / "evidence" / "curve.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write_text(work / "report.html", "<!doctype html><title>Report</title>")
    write_frame(held_out, work / "reference.parquet")
    write_text(work / "validation" / "page.html", "<!doctype html><title>Validation</title>")


def edit_json(path: Path, **changes: Any) -> None:
    """Change values of a JSON file."""
    write_json(path, json.loads(path.read_text()) | changes)
