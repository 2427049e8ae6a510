"""A small catalogue with predictions, audits and answers, made in a moment, and a reference to hold it against.

    folder = made.catalogue(tmp_path, days=5, per_day=100, error=0.05)
    window = read_window(folder, *made.ends(5), known_models=made.KNOWN)
    reference = made.reference()

Confidence is honest unless `error` says otherwise: a product is right with its confidence, moved so that the error
among automatic decisions is `error`. Audits are drawn with `AUDITED` (twice that under review) and answered the same
day; contradictions of automatic decisions are settled by a second person.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from aisle.catalogue.tables import read_table, write_shard
from aisle.catalogue.taxonomy import Category, Taxonomy, write_taxonomy
from aisle.decision.policy import Policy
from monitoring.reference import Reference
from monitoring.rehearsal import Decider

FIRST = dt.date(2025, 6, 2)  # a Monday
LEAVES = {
    "garden-hose": ("garden", "hose water reel sprinkler nozzle"),
    "garden-spade": ("garden", "spade shovel digging blade handle"),
    "garden-pot": ("garden", "pot planter terracotta saucer balcony"),
    "toys-car": ("toys", "toy car racing wheels remote"),
    "toys-doll": ("toys", "doll dress hair pram dollhouse"),
    "toys-blocks": ("toys", "blocks building bricks stacking wooden"),
}
SELLERS = ("north.example", "south.example", "east.example", "west.example")
OTHER_WORDS = ("new", "set", "large", "blue", "pack", "quality", "2024", "small", "green", "strong", "light")
AUDITED = 0.25
THRESHOLD, TARGET = 0.8, 0.9
POLICY = Policy("target_accuracy", TARGET, 0.95, "holdout", THRESHOLD, expected={"coverage": 0.8, "rows": 400})
VERSION = "3"
SMALL_SAMPLE = {"categories": 60, "branches": 6, "sellers": 20, "seed": 0}  # as the fixture `catalogue` is made
KNOWN = frozenset({(VERSION, POLICY.policy_id)})


def ends(days: int) -> tuple[dt.date, dt.date]:
    """The first and the last day of a catalogue of so many days."""
    return FIRST, FIRST + dt.timedelta(days=days - 1)


def day_of(number: int) -> dt.date:
    """The day with this number, from 0."""
    return FIRST + dt.timedelta(days=number)


def products(rows: int, rng: np.random.Generator, day: dt.date = FIRST, name: str = "p") -> pd.DataFrame:
    """Products of one day, and `true_category_id`, `true_branch_id`."""
    leaf = rng.choice(list(LEAVES), rows)
    words = {one: np.array(text.split()) for one, (_, text) in LEAVES.items()}
    own, others = rng.integers(0, 5, (rows, 2)), rng.choice(OTHER_WORDS, (rows, 3))
    titles = [
        " ".join([*words[one][places], *rest]).title() for one, places, rest in zip(leaf, own, others, strict=True)
    ]
    start = np.datetime64(day, "us") + np.sort(rng.integers(0, 7 * 3600, rows)).astype("timedelta64[s]")
    return pd.DataFrame(
        {
            "product_id": [f"{name}:{day:%m%d}:{row}" for row in range(rows)],
            "revision": np.ones(rows, dtype=np.int32),
            "title": titles,
            "description": np.where(rng.random(rows) < 0.3, None, "Sold by the piece."),
            "brand": np.where(rng.random(rows) < 0.5, None, "Acme"),
            "seller_category": np.where(rng.random(rows) < 0.2, None, "Shop > Things"),
            "price": np.where(rng.random(rows) < 0.2, np.nan, rng.lognormal(3, 1, rows).round(2)),
            "currency": "EUR",
            "seller": rng.choice(SELLERS, rows, p=(0.4, 0.3, 0.2, 0.1)),
            "received_at": pd.DatetimeIndex(start).tz_localize("UTC"),
            "true_category_id": leaf,
            "true_branch_id": [LEAVES[one][0] for one in leaf],
        }
    )


def decided(found: pd.DataFrame, rng: np.random.Generator, error: float | None = None) -> pd.DataFrame:
    """`found` with category_id, branch_id, confidence, decision, threshold and right, as a model of TARGET decides."""
    rows = len(found)
    confidence = np.round(np.where(rng.random(rows) < 0.8, rng.uniform(0.85, 1, rows), rng.uniform(0.2, 0.8, rows)), 4)
    automatic = confidence >= THRESHOLD
    chance = np.where(automatic & (error is not None), 1 - (error or 0), confidence)
    right = rng.random(rows) < chance
    names = list(LEAVES)
    truth = found["true_category_id"].map({name: place for place, name in enumerate(names)}).to_numpy()
    top = np.array(names, dtype=object)[np.where(right, truth, (truth + 1 + rng.integers(0, 5, rows)) % 6)]
    return found.assign(
        category_id=top,
        branch_id=[LEAVES[one][0] for one in top],
        confidence=confidence,
        branch_confidence=np.minimum(1, confidence + 0.05),
        threshold=THRESHOLD,
        decision=np.where(automatic, "auto", "review"),
        right=right,
    )


def catalogue(
    folder: Path,
    *,
    days: int = 5,
    per_day: int = 60,
    error: float | Callable[[int], float | None] | None = None,
    seed: int = 0,
    change: Callable[[pd.DataFrame, int], pd.DataFrame] | None = None,
    answered: bool = True,
) -> Path:
    """Write a catalogue below `folder`; `change(frame of a day, its number)` may plant something before the labels."""
    rng = np.random.default_rng(seed)
    branches = [Category(one, None, one.title()) for one in ("garden", "toys")]
    leaves = [Category(name, branch, name.split("-")[1].title()) for name, (branch, _) in LEAVES.items()]
    folder.mkdir(parents=True, exist_ok=True)
    write_taxonomy(Taxonomy([*branches, *leaves]), folder / "taxonomy.csv")
    for number in range(days):
        day = day_of(number)
        wrong = error(number) if callable(error) else error
        frame = decided(products(per_day, rng, day), rng, wrong)
        frame = predicted(frame, rng)
        frame = frame if change is None else change(frame, number)
        for table, content in (("products", frame), ("predictions", frame), ("labels", labels(frame, rng))):
            if table != "labels" or answered:
                write_shard(content, table, folder / table / f"{day}.parquet")
    return folder


def predicted(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """With the columns of predictions: time, draw, model."""
    probability = np.where(frame["decision"] == "auto", AUDITED, 2 * AUDITED)
    drawn = rng.random(len(frame)) < probability
    return frame.assign(
        predicted_at=frame["received_at"] + pd.Timedelta(seconds=90),
        audit_probability=probability,
        audit_drawn=drawn,
        blind=drawn & (rng.random(len(frame)) < 0.3),
        model_version=VERSION,
        policy_id=POLICY.policy_id,
        bento_tag="aisle:made",
    )


def labels(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Two rows (ann, then ben who settles it) where an automatic decision is wrong, one elsewhere; nobody errs."""
    audits = frame[frame["audit_drawn"].to_numpy(dtype=bool)]
    first = pd.DataFrame(
        {
            "product_id": audits["product_id"],
            "revision": audits["revision"],
            "category_id": audits["true_category_id"],
            "origin": "audit",
            "status": "answered",
            "adjudicated": False,
            "labelled_at": audits["predicted_at"] + pd.Timedelta(hours=3),
            "labeller": "ann",
            "suggested_category_id": audits["category_id"].where(~audits["blind"].astype(bool)),
            "audit_probability": audits["audit_probability"],
            "inclusion_probability": audits["audit_probability"],
            "model_version": audits["model_version"],
        }
    )
    contradicted = ((audits["category_id"] != audits["true_category_id"]) & (audits["decision"] == "auto")).to_numpy()
    later = first["labelled_at"][contradicted] + pd.Timedelta(hours=1)
    second = first[contradicted].assign(labeller="ben", adjudicated=True, suggested_category_id=None, labelled_at=later)
    return pd.concat([one for one in (first, second) if len(one)] or [first], ignore_index=True)


def edit(folder: Path, table: str, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    """Write a shard again with its rows changed."""
    rows = read_table(folder, table, shards=[name]).drop(columns="shard")
    path = folder / table / f"{name}.parquet"
    write_shard(change(rows), table, path)
    return path


def reference(rows: int = 400, seed: int = 99, **changes: Any) -> Reference:
    """What the champion of such a catalogue left behind; `changes` replace attributes."""
    rng = np.random.default_rng(seed)
    frame = decided(products(rows, rng, dt.date(2025, 5, 1), "reference"), rng)
    frame = frame.assign(audit_probability=1.0, weight=1.0, origin="audit", group=frame["product_id"])
    values: dict[str, Any] = {
        "frame": frame,
        "model_version": VERSION,
        "policy_id": POLICY.policy_id,
        "run_id": "0" * 32,
        "target_accuracy": TARGET,
        "confidence_level": 0.95,
        "threshold": THRESHOLD,
        "policy": POLICY,
        "training": {"rows": 1000, "by_origin": {"audit": 300, "import": 700}, "regime": "representative"},
        "known_models": KNOWN,
        "promoted_at": dt.datetime(2025, 5, 20, tzinfo=dt.UTC),
    }
    return Reference(**{**values, **changes})


def decider(folder: Path) -> Decider:
    """A small model of the sample in `folder`, fitted in a second on what was brought in, with `POLICY`."""
    from aisle.catalogue.taxonomy import read_taxonomy
    from aisle.model.candidates import make_candidate

    labels = read_table(folder, "labels", columns=["product_id", "category_id", "origin"])
    labels = labels[(labels["origin"] == "import").to_numpy()].drop(columns=["origin", "shard"])
    known = read_table(folder, "products").merge(labels, on="product_id")
    tree = read_taxonomy(folder / "taxonomy.csv")
    model = make_candidate("naive_bayes", {}, {leaf: tree.branch_of(leaf) for leaf in tree.leaves})
    with threadpool_limits(1):
        model.fit(known, known["category_id"], fold=np.arange(len(known)) % 3)
    return Decider(model, POLICY, VERSION)


def without(folder: Path, table: str, days: range) -> Path:
    """`folder`, of which the files of some days are gone."""
    for number in days:
        (folder / table / f"{day_of(number)}.parquet").unlink()
    return folder
