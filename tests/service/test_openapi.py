from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import msgspec
import pytest

from service import schemas, static
from service.engine import Engine
from service.openapi import description
from service.settings import PROBES
from tests.service.asking import Client, stub_engine

DESCRIPTION = json.loads(msgspec.json.encode(description()))
OPERATIONS = [(path, method, operation) for path, methods in DESCRIPTION["paths"].items()
              for method, operation in methods.items()]  # fmt: skip


def resolved(node: Any) -> Any:
    """What a reference of the description stands for."""
    if "$ref" not in node:
        return node
    found = DESCRIPTION
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def contents() -> list[tuple[str, dict[str, Any]]]:
    """Every content of a request or an answer, with a name."""
    found = []
    for path, _, operation in OPERATIONS:
        if "requestBody" in operation:
            found.append((f"{path} request", operation["requestBody"]["content"]["application/json"]))
        for status, response in operation["responses"].items():
            for kind, content in resolved(response).get("content", {}).items():
                found.append((f"{path} {status} {kind}", content))
    return found


def test_every_path_that_is_served_is_described_and_no_other() -> None:
    served = {route.path for route in Client(stub_engine()).app.routes}  # type: ignore[attr-defined]
    assert set(DESCRIPTION["paths"]) == (served - {"/{path:path}"}) | PROBES  # those are BentoML's
    assert set(static.FILES) <= served


def test_every_json_has_an_example_that_fits_its_schema() -> None:
    checked = 0
    for name, content in contents():
        if not name.endswith("json"):
            continue
        schema = {**content["schema"], "components": DESCRIPTION["components"]}
        if "example" in content and " request" not in name:
            jsonschema.validate(content["example"], schema, jsonschema.Draft202012Validator)
            checked += 1
    assert checked > 50


def test_examples_of_requests_and_answers_are_what_is_read_and_written() -> None:
    for path, method, operation in OPERATIONS:
        good = operation["responses"]["200"]["content"].get("application/json", {})
        if "example" in good:
            kind = getattr(schemas, good["schema"]["$ref"].rpartition("/")[2])
            assert json.loads(msgspec.json.encode(msgspec.convert(good["example"], kind))) == good["example"]
        if method == "post":
            example = operation["requestBody"]["content"]["application/json"]["example"]
            answer = Client(stub_engine()).post(path, example)
            assert answer.status_code == 200
            places = [error["place"] for error in answer.json()["errors"]]
            assert places == [error["place"] for error in good["example"]["errors"]]
            assert answer.json()["errors"] == good["example"]["errors"]


def test_a_client_sees_what_each_operation_may_answer() -> None:
    for path, method, operation in OPERATIONS:
        statuses = set(operation["responses"])
        assert {"200", "400", "405", "431", "500", "503"} <= statuses
        assert ("401" in statuses) == (operation["security"] != [])
        if method == "post":
            assert {"408", "413", "415", "422", "503"} <= statuses, path
    operations = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(operations) == len(set(operations))


@pytest.mark.parametrize(
    ("text", "good"),
    [("drill", True), ("a\tb\nc", True), ("  é 🔨", True), (" ", False), ("\t\n", False), ("a\x00b", False),
     ("a\x7f", False), ("a\x85", False), ("", False), ("x" * 1001, False)],
)  # fmt: skip
def test_the_pattern_of_a_title_says_what_is_read(text: str, good: bool) -> None:
    schema = DESCRIPTION["components"]["schemas"]["Product"]
    assert jsonschema.Draft202012Validator(schema).is_valid({"title": text}) == good
    answer = Client(stub_engine()).post("/v1/categorize", {"products": [{"title": text}]})
    assert answer.status_code == (200 if good else 422)


def test_problems_are_described_with_the_model_and_the_tag_of_a_bento_as_it_is_built() -> None:
    assert "model" in DESCRIPTION["components"]["schemas"]["Problem"]["properties"]
    text = json.dumps(DESCRIPTION)
    assert set(re.findall(r'aisle:[^"]*', text)) == {"aisle:7-0a1b2c3d4e5f"}


def test_the_model_of_an_answer_names_each_reason_that_a_decision_can_have() -> None:
    from aisle.decision.answers import REASONS

    reasons = DESCRIPTION["components"]["schemas"]["Categorized"]["properties"]["reason"]
    assert set(reasons["items"]["anyOf"][0]["enum"]) == set(REASONS)


def test_answers_to_whatever_the_description_allows_are_as_described(engine: Engine) -> None:
    """Requests that schemathesis makes up, valid and not, straight into the app."""
    import hypothesis
    import schemathesis
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as openapi_checks

    looked_at = [
        checks.not_a_server_error,
        openapi_checks.status_code_conformance,
        openapi_checks.content_type_conformance,
        openapi_checks.response_headers_conformance,
        openapi_checks.response_schema_conformance,
    ]
    schema = schemathesis.openapi.from_dict(DESCRIPTION)
    schema.app = Client(engine).app
    asked, good = 0, 0

    def ask(case: Any) -> None:
        nonlocal asked, good
        answer = case.call(base_url="http://127.0.0.1")
        case.validate_response(answer, checks=looked_at)
        asked, good = asked + 1, good + (answer.status_code == 200)

    for operation in (one.ok() for one in schema.get_all_operations()):
        if operation.method.upper() != "POST":
            continue
        for mode in schemathesis.GenerationMode:
            settings = hypothesis.settings(
                max_examples=25, database=None, phases=[hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
            )  # fmt: skip
            settings(hypothesis.given(case=operation.as_strategy(generation_mode=mode))(ask))()
    assert asked > 100
    assert good > 20
