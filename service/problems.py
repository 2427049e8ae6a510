"""Errors as answers: problem details for HTTP (RFC 9457), without a trace and without what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from service.schemas import ModelName, Problem, ProductError

MEDIA_TYPE = "application/problem+json"


class Refused(Exception):
    """A request that is answered with a problem.

    Parameters
    ----------
    status : int
        From 400 on; names the kind of problem.
    detail : str
        What to mend, in one sentence; never text of a product.
    errors : what is wrong with which product
    headers : further ones, such as Retry-After, Allow or WWW-Authenticate
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[ProductError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, [*errors], headers

    def answer(self, model: ModelName | None = None) -> Response:
        """The problem, as an answer; `model` is the one that would have answered otherwise."""
        content = Problem("about:blank", HTTPStatus(self.status).phrase, self.status, self.detail, model, self.errors)
        return Response(
            msgspec.json.encode(content),
            status_code=self.status,
            headers={"Cache-Control": "no-store", "Content-Type": MEDIA_TYPE, **(self.headers or {})},
        )


def not_found() -> Refused:
    """404: no such path."""
    return Refused(404, "there is nothing at this path; /docs.json describes what there is")


def method_not_allowed(allowed: Sequence[str]) -> Refused:
    """405: the path is there, the method is not."""
    methods = ", ".join(allowed)
    return Refused(405, f"this path answers {methods}", headers={"Allow": methods})


def overloaded(detail: str, seconds: int) -> Refused:
    """503: ask again after some seconds."""
    return Refused(503, f"{detail}; ask again in {seconds} s", headers={"Retry-After": str(seconds)})
