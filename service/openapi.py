"""The description of the service (OpenAPI 3.1), made once from the same types that parse and encode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from service import examples, schemas, static
from service.problems import MEDIA_TYPE

_REF = "#/components/schemas/{name}"
_TYPES = (
    schemas.Product,
    schemas.CategorizeRequest,
    schemas.ProbabilitiesRequest,
    schemas.ExplainRequest,
    schemas.Categorized,
    schemas.Probabilities,
    schemas.Explanations,
    schemas.Categories,
    schemas.Described,
    schemas.Health,
    schemas.Problem,
)
_ABOUT = """\
Puts products into the categories of a tree, says how sure it is, and whether a machine may decide.

Answers are columns: place 0 of every column belongs to the first product sent. A bad product is an error of its
own place (`errors`), with null in every column; where no product is good, the whole request is refused (422).
Every answer names the model version, the policy and the Bento that it came from. Errors of a whole request are
problem details (RFC 9457), which name them too where the request was read as one of /v1. A request may be sent
again at any time: the same model gives the same answer."""
_PROBLEMS = {
    400: "The body is not JSON in UTF-8, or the request is not HTTP as it should be.",
    401: "A key is needed, or the one sent is not known.",
    403: "No key is configured, and the request does not come to a loopback address under its name.",
    405: "The path is there, the method is not.",
    408: "The body did not arrive in time.",
    413: "The body is larger than 5 MB.",
    415: "The body is not declared as JSON in UTF-8, or it is compressed.",
    422: "The JSON is not of the form described here, or no product of the request is good.",
    431: "Request line and headers are longer than 64 KB, or more than 100.",
    500: "The service failed; its log tells more under the id in X-Request-ID.",
    503: "Too many requests or connections, or the answer took too long; ask again after Retry-After seconds.",
}
_OF_ALL = (400, 405, 413, 431, 500, 503)
_OF_KEYS = (401, 403)
_OF_BODIES = (408, 415, 422)
_OPEN: list[dict[str, list[str]]] = []
_KEY: list[dict[str, list[str]]] = [{"key": []}, {}]
_ID = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}


def description() -> dict[str, Any]:
    """The whole description, as plain data for JSON."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template=_REF)
    for name in ("CategorizeRequest", "ProbabilitiesRequest", "ExplainRequest"):
        components[name]["properties"]["products"]["items"] = {"$ref": _REF.format(name="Product")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Aisle",
            "version": "1",
            "summary": "Product names in, categories out.",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [
            {"name": "answers", "description": "What the model and its policy say of products."},
            {"name": "facts", "description": "What is served, and how it does."},
            {"name": "probes", "description": "For what runs the service, such as Kubernetes; open."},
            {"name": "page", "description": "The page to try it with."},
        ],
        "paths": {**_posts(), **_gets(), **_probes(), **_page()},
        "components": {
            "schemas": components,
            "headers": _headers(),
            "responses": {f"problem{status}": _problem(status, text) for status, text in _PROBLEMS.items()},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key. Needed where keys are configured; without any, the service answers "
                    "to its own machine only.",
                }
            },
        },
    }


def _posts() -> dict[str, Any]:
    return {
        "/v1/categorize": _post(
            "categorize",
            "Suggest categories and decide",
            "Each product that is answered makes one line in the prediction log, where there is one.",
            ("CategorizeRequest", examples.CATEGORIZE),
            ("Categorized", examples.CATEGORIZED),
        ),
        "/v1/probabilities": _post(
            "probabilities",
            "A probability for every category, or every branch",
            "Products × ids is limited to 1,000,000 numbers. Not logged.",
            ("ProbabilitiesRequest", examples.PROBABILITIES_ASKED),
            ("Probabilities", examples.PROBABILITIES),
        ),
        "/v1/explain": _post(
            "explain",
            "Why products are answered as they are",
            "For people: words for and against, labelled products like it, doubts. Not logged.",
            ("ExplainRequest", examples.EXPLAIN),
            ("Explanations", examples.EXPLANATIONS),
        ),
    }


def _post(
    operation: str, summary: str, text: str, asked: tuple[str, dict[str, Any]], answer: tuple[str, dict[str, Any]]
) -> dict[str, Any]:
    return {
        "post": {
            "operationId": operation,
            "tags": ["answers"],
            "summary": summary,
            "description": text,
            "security": _KEY,
            "requestBody": {"required": True, "content": _json(*asked)},
            "responses": _responses(_answer("The answer.", _json(*answer)), (*_OF_ALL, *_OF_KEYS, *_OF_BODIES)),
        }
    }


def _gets() -> dict[str, Any]:
    metrics = {"text/plain": {"schema": {"type": "string"}}, "application/openmetrics-text": {"schema": {}}}
    return {
        "/v1/categories": _get(
            "categories", "The category tree", _json("Categories", examples.CATEGORIES), kept=True, tag="answers"
        ),
        "/v1/model": _get(
            "model", "Identity, promise, policy and limits", _json("Described", examples.DESCRIBED), kept=True
        ),
        "/v1/health": _get("health", "Whether the service answers", _json("Health", examples.HEALTH), is_open=True),
        "/metrics": _get("metrics", "Metrics for Prometheus", metrics),
        "/docs.json": _get(
            "description", "This description", {"application/json": {"schema": {"type": "object"}}}, True, True
        ),
    }


def _probes() -> dict[str, Any]:
    texts = {
        "/livez": "Whether the process runs; for a probe of liveness",
        "/readyz": "Whether the model is loaded and answers; for a probe of readiness",
        "/healthz": "As /livez, for what asks there",
    }
    plain = {"text/plain": {"schema": {"type": "string"}}}
    return {path: _get(path.strip("/"), text, plain, is_open=True, tag="probes") for path, text in texts.items()}


def _page() -> dict[str, Any]:
    named = {path: path.strip("/").replace(".", "_") or "page" for path in static.FILES}
    return {
        path: _get(
            name,
            "The page to try the service with" if path == "/" else "A part of the page",
            {static.FILES[path][1].partition(";")[0]: {"schema": {"type": "string"}}},
            is_open=True,
            kept=True,
            tag="page",
        )
        for path, name in named.items()
    }


def _get(
    operation: str,
    summary: str,
    content: Mapping[str, Any],
    is_open: bool = False,
    kept: bool = False,
    tag: str = "facts",
) -> dict[str, Any]:
    """`kept`: whether the answer has an ETag, so that it need not be sent again."""
    responses = _responses(_answer("The answer.", content, kept), (*_OF_ALL, *(() if is_open else _OF_KEYS)))
    described: dict[str, Any] = {
        "operationId": operation,
        "tags": [tag],
        "summary": summary,
        "security": _OPEN if is_open else _KEY,
        "responses": responses,
    }
    if kept:
        responses["304"] = {"description": "Unchanged since the ETag sent.", "headers": _kept_headers()}
        described["parameters"] = [
            {
                "name": "If-None-Match",
                "in": "header",
                "description": "The ETag of an earlier answer.",
                "schema": {"type": "string"},
                "example": examples.ETAG,
            }
        ]
    return {"get": described}


def _responses(good: dict[str, Any], statuses: Iterable[int]) -> dict[str, Any]:
    problems = {str(status): {"$ref": f"#/components/responses/problem{status}"} for status in sorted(statuses)}
    return {"200": good, **problems}


def _answer(text: str, content: Mapping[str, Any], kept: bool = False) -> dict[str, Any]:
    return {"description": text, "headers": _kept_headers() if kept else _ID, "content": content}


def _json(name: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=name)}, "example": example}}


def _kept_headers() -> dict[str, Any]:
    return {**_ID, "ETag": {"$ref": "#/components/headers/ETag"}}


def _problem(status: int, text: str) -> dict[str, Any]:
    own = {401: "WWW-Authenticate", 405: "Allow", 503: "Retry-After"}.get(status)
    example = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    return {
        "description": text,
        "headers": {**_ID, **({own: {"$ref": f"#/components/headers/{own}"}} if own else {})},
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": _REF.format(name="Problem")},
                "example": {**example, **examples.PROBLEMS[status]},
            }
        },
    }


def _headers() -> dict[str, Any]:
    texts = {
        "X-Request-ID": "Names the request in the log; the one sent, where it is short and plain.",
        "ETag": "Of the content; send it as If-None-Match.",
        "Allow": "Methods that the path answers.",
        "WWW-Authenticate": "How to send a key.",
    }
    found: dict[str, Any] = {
        name: {"description": text, "required": True, "schema": {"type": "string"}} for name, text in texts.items()
    }
    seconds = {"type": "integer", "minimum": 1}
    found["Retry-After"] = {"description": "Seconds to wait before asking again.", "required": True, "schema": seconds}
    return found
