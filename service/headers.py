"""Headers: what those of a request must be, and which every answer carries."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from service.problems import Refused
from service.settings import MAX_BODY

ANSWERED_WITH = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_ONCE = (b"host", b"authorization", b"content-type", b"content-length")
_SAFE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::[0-9]*)?")


def read_once(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name; 400 where one that says who asks, whom, or what, stands there twice.

    Another server on the way may go by the first of the two, and we by the last.
    """
    found = dict(headers)
    if len(found) != len(headers):
        names = [name for name, _ in headers]
        for name in _ONCE:
            if names.count(name) > 1:
                raise Refused(400, f"the header {name.decode().title()} stands there twice; send it once")
    return found


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """What the caller named the request, where that is harmless, else a new id."""
    for name, value in headers:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            return bytes(value).decode()
    return os.urandom(16).hex()


def declared_bytes(headers: Mapping[bytes, bytes]) -> int:
    """The bytes that the request says it has, 0 where it does not say; 413 where too many."""
    text = headers.get(b"content-length", b"0")
    if not text.isdigit():
        raise Refused(400, "Content-Length is not a number")
    if len(text) > 12 or int(text) > MAX_BODY:
        raise too_large()
    return int(text)


def too_large() -> Refused:
    """413: the body."""
    return Refused(413, f"the body is larger than {MAX_BODY} bytes; send fewer products at once")


def check_json(headers: Mapping[bytes, bytes]) -> None:
    """415 unless the body is JSON, in UTF-8, and not compressed."""
    kind = headers.get(b"content-type", b"")
    if kind != b"application/json":  # the usual case needs no more
        media, *parameters = (part.strip().lower() for part in kind.split(b";"))
        charsets = {part[8:].strip(b'"') for part in parameters if part.startswith(b"charset=")}
        if media != b"application/json":
            raise Refused(415, "the body must be JSON: send `Content-Type: application/json`")
        if charsets - {b"utf-8", b"utf8"}:
            raise Refused(415, "the body must be in UTF-8; leave charset out, or send charset=utf-8")
    if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"", b"identity"):
        raise Refused(415, "a compressed body is not read; send it without Content-Encoding")


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether an address is one of this machine alone."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def names_loopback(host: bytes) -> bool:
    """Whether a Host header, with or without a port, names this machine alone."""
    found = _HOST.fullmatch(host.decode("latin-1").strip().lower())
    return found is not None and (found[1] == "localhost" or is_loopback(found[1].strip("[]")))


def etag_of(content: bytes) -> str:
    """The ETag of what does not change while the service runs."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def names_etag(if_none_match: str, tag: str) -> bool:
    """Whether the header names `tag`; a weak tag of the same bytes, as a proxy that compresses makes, counts too."""
    asked = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in asked or tag in asked
