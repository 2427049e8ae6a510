from __future__ import annotations

import pytest

from service.limits import Guard
from service.settings import Settings
from tests.service.test_limits import JSON, WITH_KEYS, ask, echo, with_key


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        (b"host", b"localhost", b"aisle.example"),
        (b"host", b"localhost", b"localhost"),
        (b"authorization", b"Bearer s", b"Bearer s"),
        (b"content-type", b"text/plain", b"application/json"),
        (b"content-length", b"2", b"2"),
    ],
)
def test_what_says_who_asks_whom_and_what_stands_there_once(name: bytes, first: bytes, second: bytes) -> None:
    headers = {b"host": b"localhost", b"content-type": b"application/json", name: first}
    for guard in (Guard(echo, Settings()), Guard(echo, WITH_KEYS)):
        got = ask(guard, headers=[*headers.items(), (name, second)])
        assert got.status == 400
        assert "stands there twice" in got.problem["detail"]
        assert name.decode() in got.problem["detail"].lower()


def test_other_headers_may_stand_there_twice() -> None:
    headers = [JSON, *with_key(b"s"), (b"accept", b"a"), (b"accept", b"b"), (b"cookie", b"a"), (b"cookie", b"b")]
    once = {name: (name, value) for name, value in headers[:-4]}
    assert ask(Guard(echo, WITH_KEYS), headers=[*once.values(), *headers[-4:]]).status == 200
