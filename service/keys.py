"""API keys: several, each with a name, kept as SHA-256 only.

A key is 256 bits from the system's random source, made by `aisle key NAME`. Slow hashes (bcrypt,
scrypt, Argon2) are for what people invent and others can guess; of a random key there is nothing
to guess, whatever the hash costs, while a slow one would make each request slow and each wrong
key a way to keep the service busy. So one round of SHA-256 it is, and a file of hashes may be
read by everyone.

The file holds one `name:sha256` a line, # begins a comment. It is looked at again at most once a
second, and read when it changed: a key that was taken out is refused a second later, without a
restart. A file that cannot be read then, or holds a mistake, changes nothing and says so in the
log, once, and in a metric; an empty one takes all keys away, and opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.errors import AisleError, ConfigurationError, one_line

if TYPE_CHECKING:
    from service.settings import Settings

PREFIX = "aisle_"  # scanners of repositories and logs find a lost key by it
SECONDS_BETWEEN_LOOKS = 1.0
_MOST_BYTES = 2**20
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_log = logging.getLogger("aisle.keys")


def make_key() -> str:
    """A new key: the prefix and 32 random bytes, 49 characters that need no quoting."""
    return PREFIX + secrets.token_urlsafe(32)


def line_of(name: str, key: str) -> str:
    """What stands for `key` in the file or in AISLE_API_KEYS: `name:sha256`."""
    if not _NAME.fullmatch(name) or name.startswith(PREFIX):
        raise ConfigurationError(
            f"{name!r} cannot name a key; use up to 64 letters, digits, dots, dashes and underscores, "
            f"beginning with something else than {PREFIX}, as keys do"
        )
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


def read_line(line: str, where: str) -> tuple[str, bytes]:
    """Name and hash (32 bytes) of one `name:sha256`; `ConfigurationError` says `where`, never what it holds."""
    name, colon, digest = (part.strip() for part in line.partition(":"))
    if line.strip().startswith(PREFIX) or (colon and digest and not _SHA256.fullmatch(digest)):
        raise ConfigurationError(
            f"{where}: this is no SHA-256 of a key (64 hexadecimal digits); if it is a key itself, take it out, "
            "for others may have seen it, and put in what `aisle key NAME` prints for this place"
        )
    if not _NAME.fullmatch(name) or not digest:
        raise ConfigurationError(f"{where}: not of the form name:sha256; `aisle key NAME` prints such a line")
    return name, bytes.fromhex(digest)


def parse_keys(text: str, source: str) -> dict[str, bytes]:
    """The keys of a file's text, or of AISLE_API_KEYS with its commas: hash (32 bytes) by name.

    `source` names the file or the variable in messages. Raises `ConfigurationError` for the first
    line that is wrong, for a name that stands twice, and for one key under two names.
    """
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        for place, piece in enumerate(line.partition("#")[0].split(","), 1):
            if not piece.strip():
                continue
            where = f"{source}: line {number}" if "\n" in text else f"{source}: entry {place}"
            name, digest = read_line(piece, where)
            if name in found:
                raise ConfigurationError(f"{where}: the name {name} stands twice; give each key its own")
            if digest in found.values():
                raise ConfigurationError(f"{where}: {name} is a key that has another name already; take one out")
            found[name] = digest
    return found


def read_file(path: Path) -> tuple[dict[str, bytes], tuple[int, ...]]:
    """The keys of the file at `path`, and what tells this state of it from a later one."""
    try:
        with path.open("rb") as source:
            about = os.fstat(source.fileno())
            content = source.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"AISLE_API_KEYS_FILE: {one_line(error)}") from error
    if stat.S_IMODE(about.st_mode) & stat.S_IWOTH:
        raise ConfigurationError(f"{path}: everyone may write this file of API keys; mend it with `chmod o-w {path}`")
    if len(content) > _MOST_BYTES:
        raise ConfigurationError(f"{path}: more than 1 MB is no file of API keys; check AISLE_API_KEYS_FILE")
    try:
        return parse_keys(content.decode(), str(path)), _state(about)
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 text (byte {error.start}); write name:sha256 lines") from error


def _state(about: os.stat_result) -> tuple[int, ...]:
    return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


class Keys:
    """The keys of the environment and of the file together, the latter as it is now.

    `fixed` are hashes (32 bytes) by name. Raises `ConfigurationError` when the file cannot be
    used at the start, or when a file is named and there is no key in it nor in `fixed`.
    """

    def __init__(self, fixed: dict[str, bytes], file: Path | None = None) -> None:
        self._fixed = fixed
        self._file = file
        self._state: tuple[int, ...] = ()
        self._digests = fixed
        self._next_look = 0.0
        self._trouble: tuple[tuple[int, ...], str] | None = None  # state of the file, and what is wrong with it
        if file is not None:
            self._take(*read_file(file))
            if not self._digests:
                raise ConfigurationError(f"{file}: holds no key yet; put in the line that `aisle key NAME` prints")
            self._next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS

    @property
    def configured(self) -> bool:
        """Whether keys are asked for at all; stays so when the file loses its last one."""
        return bool(self._fixed) or self._file is not None

    @property
    def failing(self) -> bool:
        """Whether the file, as it is now, cannot be used, so that older keys stay in force."""
        self._look_again()
        return self._trouble is not None

    def name_of(self, key: bytes) -> str | None:
        """The name of `key`, or None where it is not known; takes the same time for every key."""
        self._look_again()
        digest = hashlib.sha256(key).digest()
        found = None
        for name, known in self._digests.items():  # to the end: when it stops would tell which one
            if hmac.compare_digest(digest, known):
                found = name
        return found

    def _look_again(self) -> None:
        now = time.monotonic()
        if self._file is None or now < self._next_look:
            return
        self._next_look = now + SECONDS_BETWEEN_LOOKS
        state: tuple[int, ...] = ()
        try:
            state = _state(self._file.stat())
            if state != self._state:
                self._take(*read_file(self._file))
                _log.info("%s: read again, %d keys", self._file, len(self._digests))
            elif self._trouble is not None:
                _log.info("%s: there again, unchanged", self._file)
            self._trouble = None
        except (AisleError, OSError) as error:
            self._complain(state, one_line(error))

    def _complain(self, state: tuple[int, ...], reason: str) -> None:
        """Once for each state of the file, and not at every look."""
        if self._trouble != (state, reason):
            self._trouble = state, reason
            _log.error("the API keys known so far stay in force: %s", reason)

    def _take(self, digests: dict[str, bytes], state: tuple[int, ...]) -> None:
        for name, digest in digests.items():
            if name in self._fixed and self._fixed[name] != digest:
                raise ConfigurationError(f"{self._file}: {name} is another key in AISLE_API_KEYS; rename one")
        self._digests = {**self._fixed, **digests}
        self._state = state


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The key of `Authorization: Bearer KEY`; None without one, or where there are two such headers."""
    found = [value for name, value in headers if name == b"authorization"]
    if len(found) != 1:
        return None
    scheme, _, key = found[0].strip().partition(b" ")
    return key.strip() or None if scheme.lower() == b"bearer" else None


def keys_of(settings: Settings) -> Keys:
    """The keys that the environment names; `ConfigurationError` where the file cannot be used."""
    return Keys(parse_keys(",".join(settings.api_keys), "AISLE_API_KEYS"), settings.api_keys_file)
