"""Examples of requests and answers, for the description; a test holds them against the types."""

from __future__ import annotations

from typing import Any

ETAG = '"5d41402abc4b2a76b9719d911017c592"'
_MODEL = {"name": "aisle", "version": "7", "policy_id": "1f0c7b9a3d52", "bento_tag": "aisle:7-0a1b2c3d4e5f"}
_DRILL = {
    "product_id": "shop-17:4711",
    "title": "Cordless hammer drill 18V with 2 batteries",
    "seller": "shop-17",
    "seller_category": "Tools > Power tools",
    "price": 89.9,
    "currency": "EUR",
}
_BLANK = {
    "place": 2,
    "product_id": "shop-17:4713",
    "field": "title",
    "code": "blank",
    "detail": "title must be text of 1 to 1,000 characters, not blank",
}

CATEGORIZE: dict[str, Any] = {
    "products": [_DRILL, {"title": "Gift box, large"}, {"product_id": "shop-17:4713", "title": " "}],
    "alternatives": 2,
}
_MADE_UP = "request:0b4f2b3f4f6e4b0c9a3f0d3c2b1a0f9e/1"
CATEGORIZED: dict[str, Any] = {
    "model": _MODEL,
    "product_id": ["shop-17:4711", _MADE_UP, None],
    "category_id": ["drills", "gift-wrap", None],
    "branch_id": ["tools", "stationery", None],
    "confidence": [0.982, 0.41, None],
    "branch_confidence": [0.995, 0.62, None],
    "decision": ["auto", "review", None],
    "decided_id": ["drills", None, None],
    "start_branch_id": [None, None, None],
    "threshold": [0.917, 0.917, None],
    "reason": ["confident", "below_threshold", None],
    "alternatives": {
        "category_id": [["drills", "screwdrivers"], ["gift-wrap", "boxes"], []],
        "probability": [[0.971, 0.013], [0.44, 0.31], []],
    },
    "errors": [_BLANK],
}
PROBABILITIES_ASKED: dict[str, Any] = {"products": [_DRILL], "level": "branch"}
PROBABILITIES: dict[str, Any] = {
    "model": _MODEL,
    "product_id": ["shop-17:4711"],
    "level": "branch",
    "id": ["home", "stationery", "tools"],
    "probability": [[0.004, 0.002, 0.994]],
    "errors": [],
}
EXPLAIN: dict[str, Any] = {"products": [_DRILL], "neighbours": 1}
_EXPLAINED = {
    "product_id": "shop-17:4711",
    "category_id": "drills",
    "branch_id": "tools",
    "confidence": 0.982,
    "branch_confidence": 0.995,
    "band": "almost surely right",
    "decision": "auto",
    "decided_id": "drills",
    "start_branch_id": None,
    "threshold": 0.917,
    "reason": "confident",
    "reason_text": "The confidence reaches the threshold.",
    "doubt": None,
    "rival_id": "screwdrivers",
    "branches": [
        {"branch_id": "tools", "probability": 0.994},
        {"branch_id": "home", "probability": 0.004},
        {"branch_id": "stationery", "probability": 0.002},
    ],
    "leaves": [
        {"category_id": "drills", "probability": 0.971},
        {"category_id": "screwdrivers", "probability": 0.013},
    ],
    "spoke_for": [{"field": "title", "text": "hammer drill", "contribution": 1.84}],
    "spoke_against": [{"field": "title", "text": "cordless", "contribution": -0.21}],
    "nearest": [
        {"product_id": "a:12", "title": "Hammer drill 18V cordless", "category_id": "drills", "similarity": 0.83}
    ],
}
EXPLANATIONS: dict[str, Any] = {"model": _MODEL, "explanations": [_EXPLAINED], "errors": []}
CATEGORIES: dict[str, Any] = {
    "model": _MODEL,
    "category_id": ["tools", "drills", "screwdrivers"],
    "parent_id": [None, "tools", "tools"],
    "name": ["Tools", "Drills", "Screwdrivers"],
    "leaf": [False, True, True],
}
DESCRIBED: dict[str, Any] = {
    "model": _MODEL,
    "identity": {
        "model_name": "aisle",
        "model_version": "7",
        "run_id": "3f1c9d0e5b7a4c6d8e9f0a1b2c3d4e5f",
        "policy_id": "1f0c7b9a3d52",
        "data_version": "9a0364b9e99bb480dd25e1f0284c8555",
        "git_commit": "0c1d2e3f405162738495a6b7c8d9eafb0c1d2e3f",
        "bento_tag": "aisle:7-0a1b2c3d4e5f",
        "promoted_at": "2026-11-02T09:30:00Z",
        "promoted_by": "ann",
    },
    "promise": "At confidence ≥ 0.917, 71.3 % of products are decided automatically [69.8 % to 72.8 %], 97.1 % of "
    "them right [96.5 % to 97.6 %] (3,904 calibration rows, 95 % intervals); certified: at least 0.96 with "
    "probability 0.95.",
    "policy": {"policy_id": "1f0c7b9a3d52", "kind": "target_accuracy", "target_accuracy": 0.96, "threshold": 0.917},
    "categories": 300,
    "branches": 16,
    "limits": {
        "body_bytes": 5242880,
        "products": 1000,
        "explained": 20,
        "alternatives": 10,
        "probabilities": 1000000,
        "timeout_seconds": 60.0,
    },
}
HEALTH: dict[str, Any] = {
    "ready": True,
    "model": _MODEL,
    "prediction_log": {"failing": False, "since": None, "lost": 0, "written": 120934, "queued": 12},
}
_DETAILS: dict[int, dict[str, Any]] = {
    400: {"detail": "the body is not JSON: it breaks at byte 52"},
    401: {"detail": "a key is needed: `Authorization: Bearer KEY`"},
    403: {"detail": "no API key is configured, so the service answers on a loopback address only"},
    405: {"detail": "this path answers OPTIONS, POST"},
    408: {"detail": "the body did not arrive within 60 s"},
    413: {"detail": "the body is larger than 5242880 bytes; send fewer products at once"},
    415: {"detail": "the body must be JSON: send `Content-Type: application/json`"},
    422: {"detail": "no product of the request is good; errors says what is wrong with each", "errors": [_BLANK]},
    431: {"detail": "request line and headers are limited to 65536 bytes and 100 headers"},
    500: {"detail": "the service failed; its log tells more under request 6f1d0c9b8a7e4f5d"},
    503: {"detail": "too many batches wait for the model; ask again in 13 s"},
}
PROBLEMS = {status: detail if status == 431 else {**detail, "model": _MODEL} for status, detail in _DETAILS.items()}
