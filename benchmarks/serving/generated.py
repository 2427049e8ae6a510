"""Requests that schemathesis makes up from the service's own description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.results import Result

_CASES, _LEAST_GOOD = 10_000, 1000  # of a run that means something


def generated_rows(url: str, cases: int, seed: int = 0) -> list[Result]:
    """Ask `cases` made-up requests, valid and not, and check every answer against the description."""
    made, good, wrong = made_up(url, cases, seed)
    for line in wrong[:10]:
        print(f"  {line}")
    return rows_of(made, good, wrong, cases)


def rows_of(made: int, good: int, wrong: Sequence[str], cases: int) -> list[Result]:
    """The rows: of so many requests `good` were answered with 200; a quick run of fewer `cases` need not have many."""
    quick = cases < _CASES
    return [
        Result("generated.cases", "requests made up from the service's description", made, "requests",
               None if quick else f"≥ {_CASES}"),
        Result("generated.good", "of these valid, and answered with 200", good, "answers",
               None if quick else f"≥ {_LEAST_GOOD}"),
        Result("generated.server_errors", "answered with 5xx, or outside the description", len(wrong), "answers",
               "≤ 0"),
    ]  # fmt: skip


def made_up(url: str, cases: int, seed: int = 0) -> tuple[int, int, list[str]]:
    """How many requests were asked, how many answered with 200, and the first line of what was wrong with an answer."""
    import hypothesis
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.failures import FailureGroup
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
    made, good, wrong = 0, 0, []

    def asked(case: Any) -> None:
        nonlocal made, good
        made += 1
        answer = case.call(timeout=30)
        good += answer.status_code == 200
        try:
            case.validate_response(answer, checks=checks)
        except (Exception, FailureGroup) as error:  # a group of these is no Exception
            reasons = error.exceptions if isinstance(error, FailureGroup) else [error]
            told = "; ".join(sorted(f"{type(one).__name__} {str(one).splitlines()[0]}" for one in reasons))
            wrong.append(f"{case.method} {case.path}: {told}")

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
    return made, good, wrong
