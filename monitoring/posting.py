"""Telling the desk: a verdict as an alarm, and brakes, over its API; sent again, nothing happens twice."""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Self

import httpx

from aisle.client.address import checked_url, is_loopback
from aisle.client.sending import FIRST_PAUSE, LONGEST_PAUSE, retry_after
from aisle.errors import ConfigurationError, DataError, ServiceUnavailable, one_line
from monitoring.printing import all_printable, printable
from monitoring.verdict import trimmed

URL_VARIABLE = "AISLE_DESK_URL"
TOKEN_VARIABLE = "AISLE_DESK_TOKEN"
TIMEOUT = 10.0  # seconds for one try
RETRIES = 4
MOST_SUMMARY = 1000  # characters that the desk takes
_PASSING = {429, 500, 502, 503, 504}
_SHOWN = 300


class Desk:
    """The desk's API, as the monitor uses it; use it in a `with` block.

    Parameters
    ----------
    url, token : str
        Where the desk is, and a token with the scopes `alarm` and, for brakes, `brake`.
    transport : httpx.BaseTransport, optional
        In the place of the network, for tests.
    sleep : callable, optional
        What waits between two tries.

    Raises
    ------
    ConfigurationError
        For an address or a token that cannot be one; by the methods: for a token that is refused.
    DataError
        By the methods: for what the desk refuses to take.
    ServiceUnavailable
        By the methods: when the last try failed too.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        try:
            self.url = checked_url(url, name="desk", secret=TOKEN_VARIABLE)
        except ConfigurationError as error:
            raise ConfigurationError(f"{URL_VARIABLE}: {error}") from error
        token = token.strip()
        if not token or not all("!" <= character <= "~" for character in token):
            raise ConfigurationError(f"{TOKEN_VARIABLE} is empty or holds a character that no token has")
        if not self.url.startswith("https://") and not is_loopback(self.url):
            raise ConfigurationError(
                f"{URL_VARIABLE}: {self.url} would send the token in the clear; write https:// (http:// only to this "
                "machine's own ports)"
            )
        self._sleep = sleep
        self._client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT,
            transport=transport,
            trust_env=not is_loopback(self.url),  # a proxy of the environment cannot reach this machine's own ports
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def tell(self, verdict: Mapping[str, Any], raised_at: dt.datetime | None = None) -> bool:
        """Post a verdict (see `Verdict.as_table`) as an alarm; whether it is new there.

        The same day, model and colour are one alarm: where the desk has it, with older figures perhaps, it stays.
        """
        body = {
            "key": verdict["key"],
            "colour": verdict["colour"],
            "summary": printable(verdict["summary"])[:MOST_SUMMARY],
            "raised_at": (raised_at or dt.datetime.now(dt.UTC)).isoformat(),
            "verdict": all_printable(trimmed(verdict)),
        }
        status, answer = self._post("/api/alarms", body, "alarm", fine={409})
        return status == 201 and bool(answer.get("new", True))

    def brake(
        self,
        scope: str,
        kind: str,
        reason: str,
        *,
        value: str = "",
        confidence: float | None = None,
        alarm: str | None = None,
    ) -> str | None:
        """Set a brake, and say what holds now; None where the same one holds already.

        `alarm` is the key of the alarm that asks for it; where the desk does not know that one, the brake stands alone.
        """
        why = printable(reason)[:MOST_SUMMARY]  # the value stays as it is: it is what sellers are compared with
        body: dict[str, Any] = {"scope": scope, "value": value, "kind": kind, "reason": why}
        body |= {"confidence": confidence} if confidence is not None else {}
        status: int = 404
        answer: dict[str, Any] = {}
        if alarm is not None:
            status, answer = self._post("/api/brakes", body | {"alarm": alarm}, "brake", fine={404, 409})
        if status == 404:
            status, answer = self._post("/api/brakes", body, "brake", fine={409})
        return None if status == 409 else printable(str(answer.get("holds") or f"{scope} {value}: {kind}"))

    def _post(
        self, path: str, body: Mapping[str, Any], scope: str, fine: AbstractSet[int]
    ) -> tuple[int, dict[str, Any]]:
        reason = ""
        for tries in range(1, RETRIES + 2):
            asked = None
            try:
                response = self._client.post(path, json=body)
            except httpx.HTTPError as error:
                reason = one_line(error)
                if "CERTIFICATE_VERIFY_FAILED" in reason:  # another try would find the same certificate
                    raise ConfigurationError(f"{self.url}: its certificate is not trusted ({reason})") from error
            else:
                if response.status_code not in _PASSING:
                    return self._understood(response, path, scope, fine)
                reason, asked = _said_by(response), retry_after(response.headers.get("Retry-After"))
            if tries <= RETRIES:
                self._sleep(min(LONGEST_PAUSE, (asked or 0.0) + random.uniform(0, FIRST_PAUSE * 2.0**tries)))
        raise ServiceUnavailable(
            f"the desk at {self.url} did not answer after {RETRIES + 1} tries ({reason}); nothing is told there: "
            "check that it runs, then do the same again"
        )

    def _understood(
        self, response: httpx.Response, path: str, scope: str, fine: AbstractSet[int]
    ) -> tuple[int, dict[str, Any]]:
        status, said = response.status_code, _said_by(response)
        if status in {200, 201, *fine}:
            try:
                content = response.json()
            except ValueError:
                content = None
            if isinstance(content, dict):
                return status, content
            raise ConfigurationError(f"{self.url}{path}: answers {status} without JSON; is {URL_VARIABLE} the desk's?")
        if status in (401, 403):
            raise ConfigurationError(
                f"the desk at {self.url} refused the token ({said}); set {TOKEN_VARIABLE} to one with the scope {scope}"
            )
        if status in (404, 405) or 300 <= status < 400:
            raise ConfigurationError(f"{self.url}{path}: not known there ({said}); check {URL_VARIABLE}")
        raise DataError(f"the desk at {self.url} refused what was sent to {path} ({said})")


def desk_of(environment: Mapping[str, str] | None = None) -> Desk | None:
    """The desk that the environment names; None where it names none.

    Raises
    ------
    ConfigurationError
        Where only one of address and token is there.
    """
    found = os.environ if environment is None else environment
    url, token = found.get(URL_VARIABLE, "").strip(), found.get(TOKEN_VARIABLE, "").strip()
    if url and token:
        return Desk(url, token)
    if url or token:
        there, lacking = (URL_VARIABLE, TOKEN_VARIABLE) if url else (TOKEN_VARIABLE, URL_VARIABLE)
        raise ConfigurationError(f"{there} is set, and {lacking} is not; set both, or neither to tell no desk")
    return None


def known_desk(environment: Mapping[str, str] | None = None) -> Desk:
    """The desk that the environment names; `ConfigurationError` where it names none."""
    desk = desk_of(environment)
    if desk is None:
        raise ConfigurationError(
            f"no desk is known; set {URL_VARIABLE} to its address and {TOKEN_VARIABLE} to a token of it"
        )
    return desk


def _said_by(response: httpx.Response) -> str:
    """The status, and the one line that the desk says with it."""
    try:
        content = response.json()
    except ValueError:
        content = None
    said = content.get("error") if isinstance(content, dict) else None
    if not isinstance(said, str):
        return str(response.status_code)
    return f"{response.status_code}: {printable(said)[:_SHOWN]}"
