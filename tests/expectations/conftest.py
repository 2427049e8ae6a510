"""A small sound catalogue as frames, to be broken one rule at a time."""

from __future__ import annotations

import datetime

import pandas as pd
import pytest

from expectations.validation import latest_moment

LEAVES = ["drills", "saws", "tents"]


def at(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


@pytest.fixture(scope="session")
def now() -> datetime.datetime:
    return datetime.datetime(2025, 6, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="session")
def parameters(now: datetime.datetime) -> dict[str, object]:
    return {"leaves": LEAVES, "latest_moment": latest_moment(now)}


@pytest.fixture
def sound() -> dict[str, pd.DataFrame]:
    """Tables of six products in which no rule is broken."""
    return {"taxonomy": taxonomy(), "products": products(), "labels": labels(), "predictions": predictions()}


def taxonomy() -> pd.DataFrame:
    rows = [("tools", None, "Tools"), ("camping", None, "Camping")]
    rows += [("drills", "tools", "Drills"), ("saws", "tools", "Saws"), ("tents", "camping", "Tents")]
    return pd.DataFrame(rows, columns=["category_id", "parent_id", "name"], dtype=object).assign(row=range(2, 7))


def products() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "product_id": [f"p{number}" for number in range(6)],
            "revision": 1,
            "title": ["Cordless drill 18 V", "Drill & bits", "Tent <2 kg", "Säge", "帐篷", "S"],
            "price": [0.0, 10.0, None, 5.0, 5.0, 5.0],
            "currency": ["EUR", "USD", None, "EUR", "EUR", "EUR"],
            "seller": "s1",
            "received_at": [at("2025-05-01"), None, *[at("2025-05-02")] * 4],
            "group_id": ["g1", "g1", None, None, "g2", "g2"],
            "split": ["test", "test", "train", "calibration", None, "train"],
            "shard": "2025-05-01",
        }
    )


def labels() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "product_id": [f"p{number}" for number in range(6)],
            "revision": 1,
            "category_id": ["drills", "drills", "tents", "saws", None, "drills"],
            "origin": ["import", "audit", "review", "correction", "audit", "model"],
            "status": ["answered"] * 4 + ["skipped", "answered"],
            "adjudicated": False,
            "labelled_at": [None, *[at("2025-05-03")] * 5],
            "labeller": [None, "ada", "ada", "ben", "ben", None],
            "suggested_category_id": [None] * 6,
            "audit_probability": [None, 0.1, None, None, 1.0, None],
            "inclusion_probability": [None, 0.3, 0.3, None, 1.0, None],
            "latest_revision": pd.array([1, 1, 1, 2, 1, 1], dtype="Int64"),
            "shard": "2025-05-03",
        }
    )


def predictions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "product_id": ["p0", "p1", "p2"],
            "revision": 1,
            "predicted_at": at("2025-05-02"),
            "category_id": ["drills", "drills", "tents"],
            "confidence": [0.9, 1.0, 0.0],
            "threshold": [0.9, 0.9, None],
            "decision": ["auto", "review", "review"],  # a brake may send to review what reaches the threshold
            "audit_probability": [0.05, None, 0.05],
            "audit_drawn": [True, None, False],
            "model_version": "3",
            "latest_revision": pd.array([1, 1, 1], dtype="Int64"),
            "shard": "2025-05-02",
        }
    )
