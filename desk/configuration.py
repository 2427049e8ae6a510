"""What the environment says of the desk, checked; `docs/desk.md` lists the variables."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from aisle.errors import ConfigurationError

SECRETS_FILE = "secrets.json"  # in the folder of a desk that is not in production
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


@dataclass(frozen=True)
class Configuration:
    """Settings of one desk.

    Attributes
    ----------
    folder : Path
        Where the SQLite file, uploads in progress and static files lie (`AISLE_DESK_FOLDER`).
    database_url : str
        `DATABASE_URL`; empty: SQLite in `folder`.
    secret_key, audit_secret : str
        `AISLE_DESK_SECRET_KEY` (sessions), `AISLE_AUDIT_SECRET` (the draw of the audit).
    production : bool
        `AISLE_DESK_PRODUCTION`: HTTPS only, secure cookies; without it the desk serves one machine.
    hosts : tuple of str
        Names that it answers to (`AISLE_DESK_HOSTS`, with commas).
    service_url, service_key : str
        The scoring service (`AISLE_SERVICE_URL`, `AISLE_API_KEY`).
    data : Path
        The catalogue folder: the tree comes from there, exports go there (`AISLE_DATA`).
    """

    folder: Path
    database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    audit_secret: str = field(repr=False)
    production: bool
    hosts: tuple[str, ...]
    service_url: str
    service_key: str = field(repr=False)
    data: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Configuration:
        """Read the environment; `ConfigurationError` names the variable that is wrong."""
        production = _truth(environment, "AISLE_DESK_PRODUCTION")
        folder = Path(environment.get("AISLE_DESK_FOLDER", "").strip() or "desk-data").absolute()
        kept = {} if production else _kept_secrets(folder / SECRETS_FILE)
        hosts = tuple(one.strip() for one in environment.get("AISLE_DESK_HOSTS", "").split(",") if one.strip())
        if production and not hosts:
            raise ConfigurationError("AISLE_DESK_HOSTS is empty; in production name the hosts that the desk answers to")
        if production and any("*" in host or host.startswith(".") for host in hosts):
            raise ConfigurationError(
                "AISLE_DESK_HOSTS lets any host in; write each name of the desk, without * or a dot"
            )
        made = cls(
            folder=folder,
            database_url=environment.get("DATABASE_URL", "").strip(),
            secret_key=_secret(environment, "AISLE_DESK_SECRET_KEY", production, kept),
            audit_secret=_secret(environment, "AISLE_AUDIT_SECRET", production, kept),
            production=production,
            hosts=hosts or ("127.0.0.1", "localhost", "[::1]"),
            service_url=environment.get("AISLE_SERVICE_URL", "").strip() or "http://127.0.0.1:3000",
            service_key=environment.get("AISLE_API_KEY", "").strip(),
            data=Path(environment.get("AISLE_DATA", "").strip() or "data").absolute(),
        )
        if made.secret_key == made.audit_secret:
            raise ConfigurationError(
                "AISLE_AUDIT_SECRET is the same as AISLE_DESK_SECRET_KEY; each needs random characters of its own"
            )
        return made

    def database(self) -> dict[str, Any]:
        """The database as Django wants it."""
        if not self.database_url:
            return {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(self.folder / "desk.sqlite3"),
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 20,
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                },
            }
        parts = urlsplit(self.database_url)
        if parts.scheme not in ("postgres", "postgresql"):
            raise ConfigurationError(
                f"DATABASE_URL begins with '{parts.scheme}://'; write postgresql://user:password@host:port/name, "
                "or leave it out for SQLite"
            )
        options = dict(parse_qsl(parts.query))
        host = options.pop("host", "") or parts.hostname or ""
        name = unquote(parts.path.lstrip("/"))
        try:
            port = str(parts.port or "")
        except ValueError as error:
            raise ConfigurationError("DATABASE_URL has a port that is no number from 0 to 65535") from error
        if not name:
            raise ConfigurationError("DATABASE_URL names no database; write postgresql://user:password@host:port/name")
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": host,
            "PORT": port,
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": options,
        }


def _truth(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name, "").strip().lower()
    if text not in _TRUE | _FALSE:
        raise ConfigurationError(f"{name} is '{text}'; write true or false")
    return text in _TRUE


def _kept_secrets(path: Path) -> dict[str, str]:
    """The secrets that `aisle desk` made for this machine; none before its first start."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({error}); it holds the secrets of this desk") from error
    if not isinstance(content, dict) or not all(isinstance(secret, str) for secret in content.values()):
        raise ConfigurationError(
            f'{path}: is not {{"AISLE_DESK_SECRET_KEY": "…", "AISLE_AUDIT_SECRET": "…"}}; put the backup of this '
            "desk's secrets back (without the same audit secret, draws change)"
        )
    return content


def _secret(environment: Mapping[str, str], name: str, production: bool, kept: Mapping[str, str]) -> str:
    secret = environment.get(name, "").strip() or kept.get(name, "")
    if production and len(secret) < 50:
        raise ConfigurationError(
            f"{name} has {len(secret)} characters; in production it needs 50 random ones, as from "
            "`python -c 'import secrets; print(secrets.token_urlsafe(50))'`"
        )
    return secret or f"only for one machine, never for production: {name}, long enough"


def from_environment() -> Configuration:
    """The configuration of this process."""
    return Configuration.of(os.environ)
