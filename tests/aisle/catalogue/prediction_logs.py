"""Files of the prediction log, as services write them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from aisle.catalogue.tables import read_table


def line(product_id: str, day: str = "2025-06-29", /, **fields: Any) -> str:
    content = {
        "product_id": product_id,
        "revision": 2,
        "predicted_at": f"{day}T23:59:59.999999Z",
        "category_id": "c7",
        "branch_id": "b1",
        "confidence": 0.1 + 0.2,
        "threshold": None,
        "decision": "review",
        "audit_probability": None,
        "audit_drawn": None,
        "blind": None,
        "model_version": "3",
        "policy_id": "5468c33398c6",
        "bento_tag": "aisle:3-abc",
        **fields,
    }
    return json.dumps(content) + "\n"


def write(folder: Path, number: int, lines: list[str], ending: str = ".jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"predictions-20250629T23-host-1-{number}{ending}"
    path.write_text("".join(lines))
    return path


def ids_in(catalogue: Path) -> Counter[str]:
    """How often each product stands in the table."""
    return Counter(read_table(catalogue, "predictions")["product_id"])
