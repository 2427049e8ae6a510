"""Requests that schemathesis makes up from the service's own description."""

from __future__ import annotations

from typing import Any

from benchmarks.results import Result


def generated_rows(url: str, cases: int, seed: int = 0) -> list[Result]:
    """Ask `cases` made-up requests, valid and not, and check every answer against the description."""
    made, wrong = made_up(url, cases, seed)
    for line in wrong[:10]:
        print(f"  {line}")
    return [
        Result("generated.cases", "requests made up from the service's description", made, "requests"),
        Result(
            "generated.server_errors", "answered with 5xx, or outside the description", len(wrong), "answers", "≤ 0"
        ),
    ]


def made_up(url: str, cases: int, seed: int = 0) -> tuple[int, list[str]]:
    """How many requests were asked, and the first line of what was wrong with each bad answer."""
    import hypothesis
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
    ]
    schema = schemathesis.openapi.from_url(f"{url}/docs.json")
    operations = [one.ok() for one in schema.get_all_operations()]
    posts = [one for one in operations if one.method.upper() == "POST"]
    share = cases // (2 * len(posts)) + 1
    made, wrong = 0, []

    def asked(case: Any) -> None:
        nonlocal made
        made += 1
        answer = case.call(timeout=30)
        try:
            case.validate_response(answer, checks=checks)
        except Exception as error:
            wrong.append(f"{case.method} {case.path}: {str(error).splitlines()[0]}")

    for operation in operations:
        for mode in schemathesis.GenerationMode:
            few = share if operation in posts else min(share, 50)
            settings = hypothesis.settings(
                max_examples=few, deadline=None, database=None, derandomize=False,
                suppress_health_check=list(hypothesis.HealthCheck), phases=[hypothesis.Phase.generate],
            )  # fmt: skip
            try:
                run = hypothesis.given(case=operation.as_strategy(generation_mode=mode))(asked)
                hypothesis.seed(seed)(settings(run))()
            except (hypothesis.errors.Unsatisfiable, hypothesis.errors.InvalidArgument):
                continue  # nothing invalid can be made of a request without parameters
    return made, wrong
