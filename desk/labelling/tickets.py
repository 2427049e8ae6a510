"""Names of tasks for those who answer them: they say nothing of when or why a task was made.

Tasks are numbered as they are made, so that among old ones a test item or a second look would stand out by its
number. Outside they have a name of 16 characters: their number, mixed by a keyed permutation of 64 bits (Luby &
Rackoff 1988, "How to construct pseudorandom permutations from pseudorandom functions", four rounds of HMAC-SHA-256).
The key comes from the secret of the audits, which never changes: names that a browser has kept stay good.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re

from django.conf import settings

_ROUNDS = 4
_HALF = 2**32
_NAME = re.compile("[0-9a-f]{16}")


def ticket(task: int) -> str:
    """The name of a task, given its number."""
    left, right = divmod(task, _HALF)
    for step in range(_ROUNDS):
        left, right = right, left ^ _mixed(step, right)
    return f"{left * _HALF + right:016x}"


def number(name: str) -> int | None:
    """The number of a task, given its name; None for what is no name. No task needs to have the number."""
    if not _NAME.fullmatch(name):
        return None
    left, right = divmod(int(name, 16), _HALF)
    for step in reversed(range(_ROUNDS)):
        left, right = right ^ _mixed(step, left), left
    found = left * _HALF + right
    return found if found < 2**63 else None


def _mixed(step: int, half: int) -> int:
    key = _key(settings.CONFIGURATION.audit_secret)
    return int.from_bytes(hmac.digest(key, step.to_bytes(1, "big") + half.to_bytes(4, "big"), "sha256")[:4], "big")


@functools.lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"aisle: names of tasks", hashlib.sha256)
