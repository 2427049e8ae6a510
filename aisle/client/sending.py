"""Requests that are tried again: which, how often, after what time; and what a refusal means."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import random
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx

from aisle.errors import AisleError, ConfigurationError, DataError, ServiceUnavailable, one_line

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 20.0  # seconds: the bounds between which pauses double
_RETRIED = {429, 502, 503, 504}
_PASSING = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError, httpx.ProxyError)
_SHOWN = 300  # characters of what the service said
_SHOWN_PAGE = 100  # characters of what something else said, as a page of a proxy
_HEAD = 4096  # characters of such a page that are looked at
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^<>]*>?", re.DOTALL | re.IGNORECASE)


class Sender:
    """Sends requests to one service until it answers, or for good reasons no longer.

    Parameters
    ----------
    client : httpx.Client
    url : str
        Of the service, as messages show it.
    timeout : float
        Seconds for one try.
    retries : int
        Tries after the first.
    patience : float
        Seconds for all tries of one request together, the pauses among them.
    """

    def __init__(self, client: httpx.Client, url: str, timeout: float, retries: int, patience: float) -> None:
        self._client = client
        self._url = url
        self._timeout = timeout
        self._retries = retries
        self._patience = patience

    def send(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """The status, 200 or 422, and the JSON that came with it.

        Raises
        ------
        ServiceUnavailable
            When the last try failed too, or the answer cannot be understood.
        ConfigurationError, DataError
            When the service refuses: the key or the address; what was sent. What stands in front of it
            (a proxy, a firewall, another port) cannot say that of products: `ServiceUnavailable`.
        """
        deadline = time.monotonic() + max(self._patience, self._timeout)
        tries = 0
        while True:
            tries += 1
            asked = None
            try:
                response = self._once(method, path, body, deadline)
                if response.status_code not in _RETRIED:
                    return self._read(response, path)
                reason, asked = said_by(response), retry_after(response.headers.get("Retry-After"))
            except _PASSING as error:
                reason = one_line(error)
                if "CERTIFICATE_VERIFY_FAILED" in reason:  # another try would find the same certificate
                    raise ConfigurationError(f"{self._url}: its certificate is not trusted ({reason})") from error
            except httpx.HTTPError as error:
                raise ServiceUnavailable(f"{self._url}{path}: no readable answer ({one_line(error)})") from error
            pause = _pause(tries, asked)
            if tries > self._retries or time.monotonic() + pause >= deadline:
                wait = f", and asks to wait {asked:.0f} s" if asked else ""
                raise ServiceUnavailable(
                    f"{self._url}: no answer after {tries} {'try' if tries == 1 else 'tries'} ({reason}{wait}); "
                    "check that the service runs, then do the same again"
                )
            time.sleep(pause)

    def _once(self, method: str, path: str, body: bytes | None, deadline: float) -> httpx.Response:
        """One try, all of it within its time: a server that sends a byte now and then does not hold us."""
        end = min(deadline, time.monotonic() + self._timeout)
        seconds = max(0.001, end - time.monotonic())
        headers = {"Content-Type": "application/json"} if body is not None else {}
        with self._client.stream(method, path, content=body, headers=headers, timeout=seconds) as response:
            pieces = []
            for piece in response.iter_bytes():
                pieces.append(piece)
                if time.monotonic() > end:
                    raise httpx.ReadTimeout(f"the answer took longer than {seconds:.0f} s")
        # The content is decompressed by now, so that what the headers say of it is no longer true.
        kept = {name: value for name, value in response.headers.items() if name in ("content-type", "retry-after")}
        return httpx.Response(response.status_code, headers=kept, content=b"".join(pieces))

    def _read(self, response: httpx.Response, path: str) -> tuple[int, Any]:
        status = response.status_code
        if status not in (200, 422) or (status == 422 and not _is_problem(_content(response), status)):
            raise refusal(response, f"{self._url}{path}")
        try:
            return status, json.loads(response.content)
        except (ValueError, RecursionError) as error:
            raise ServiceUnavailable(
                f"{self._url}{path}: answered {status} with something that is not JSON; check the address"
            ) from error


def refusal(response: httpx.Response, url: str) -> AisleError:
    """What an answer other than 200 means for the one who asked."""
    said, status = said_by(response), response.status_code
    own = _is_problem(_content(response), status)
    if status == 401 or (status == 403 and own):
        return ConfigurationError(f"{url}: refused the key ({said}); set AISLE_API_KEY to one that the service knows")
    if status in (404, 405) or 300 <= status < 400:
        return ConfigurationError(f"{url}: is no address of the scoring service ({said}); check the URL")
    if 400 <= status < 500 and not own:
        return ServiceUnavailable(
            f"{url}: refused by something that is not the scoring service ({said}); "
            "check the URL, http or https, and the proxy in front of the service"
        )
    if 400 <= status < 500 and status != 408:  # 408: what was sent did not arrive in time
        return DataError(f"{url}: refused what was sent ({said})")
    return ServiceUnavailable(f"{url}: failed ({said}); see the log of the service")


def said_by(response: httpx.Response) -> str:
    """The status, and what the answer says beyond it."""
    status = response.status_code
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    content = _content(response)
    said = said_in(content) if content is not None else _printable(_TAG.sub(" ", response.text[:_HEAD]))[:_SHOWN_PAGE]
    return f"{phrase}: {said}" if said else phrase


def said_in(content: Any) -> str | None:
    """The `detail` of a problem, printable and short."""
    detail = (content.get("detail") or content.get("title")) if isinstance(content, dict) else None
    return _printable(detail)[:_SHOWN] if isinstance(detail, str) else None


def _content(response: httpx.Response) -> Any:
    """The JSON of an answer; None where it is none."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _is_problem(content: Any, status: int) -> bool:
    """Whether an answer is a problem as the service gives them (RFC 9457): they repeat their status."""
    return isinstance(content, dict) and content.get("status") == status and isinstance(content.get("detail"), str)


def _printable(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def retry_after(value: str | None, now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> float | None:
    """The seconds that a `Retry-After` asks for, from a number or an HTTP date; None where it says nothing."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:  # `-0000`, which means UTC of unknown origin
        date = date.replace(tzinfo=dt.UTC)
    return max(0.0, (date - now()).total_seconds())


def _pause(tries: int, asked: float | None) -> float:
    """Full jitter (Brooker 2015, Exponential Backoff And Jitter), on top of what the service asks for."""
    return (asked or 0.0) + random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries, 30)))
