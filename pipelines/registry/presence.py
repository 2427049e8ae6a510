"""Whether the registry holds the version of a registration, without the cost of importing MLflow.

DVC skips a stage whose files have not changed, but the registry is no file: it may have been
deleted, or be that of another machine. This look is cheap enough to be taken at every run.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aisle.errors import RegistryError, one_line
from pipelines.registry import connection


def version_is_there(registration: Mapping[str, Any]) -> bool:
    """Whether today's registry holds the version that `registration` (work/registration.json) speaks of.

    Today's: that of the environment and the current folder, which need not be the one where it
    was registered. A version counts when its tag `inputs_hash` is the registration's, and, for
    an SQLite store, its files are still there.

    Raises
    ------
    RegistryError
        When the registry cannot be asked: locked, no database, out of reach, no entry.
    """
    uri = connection.registry_uri()
    name, version = str(registration["model_name"]), str(registration["version"])
    path = connection.sqlite_path(uri)
    if path is not None:
        inputs_hash = _inputs_hash_in_sqlite(path, name, version)
    elif uri.startswith(("http://", "https://")):
        inputs_hash = _inputs_hash_on_server(uri, name, version)
    else:
        from pipelines.registry import versions  # any other store: no short way in

        inputs_hash = versions.inputs_hash_of(connection.connect(), name, version)
    return inputs_hash is not None and inputs_hash == registration["inputs_hash"]


_QUERY = """
    SELECT tags.value, versions.storage_location, versions.source
    FROM model_versions AS versions JOIN model_version_tags AS tags USING (name, version)
    WHERE versions.name = ? AND versions.version = ? AND versions.current_stage != 'Deleted_Internal'
      AND tags.key = 'inputs_hash'
"""


def _inputs_hash_in_sqlite(path: Path, name: str, version: str) -> str | None:
    if not path.exists():
        return None
    try:
        with contextlib.closing(connection.read_only(path)) as store:
            found = store.execute(_QUERY, (name, version)).fetchone()
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return None  # a store that MLflow has not prepared yet
        raise RegistryError(f"tracking store {path}: {connection.sqlite_reason(error)}") from error
    if found is None:
        return None
    inputs_hash, storage_location, source = found
    return str(inputs_hash) if files_are_there(storage_location or source or "") else None


def files_are_there(location: str) -> bool:
    """False when `location` is a local folder that holds no model; what is not local is believed."""
    parts = urllib.parse.urlsplit(location)
    if parts.scheme not in ("", "file") or not parts.path:
        return True
    return (Path(urllib.parse.unquote(parts.path)) / "MLmodel").is_file()


def _inputs_hash_on_server(uri: str, name: str, version: str) -> str | None:
    query = urllib.parse.urlencode({"name": name, "version": version})
    address = f"{connection.shown(uri).rstrip('/')}/api/2.0/mlflow/model-versions/get?{query}"
    request = urllib.request.Request(address, headers=_credentials(uri))
    try:
        with urllib.request.urlopen(request, timeout=connection.REACH_SECONDS) as answer:
            tags = json.load(answer)["model_version"].get("tags", [])
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        said = "refused the credentials" if error.code in (401, 403) else f"answered {error.code}"
        raise RegistryError(f"tracking store {connection.shown(uri)}: {said}; check MLFLOW_TRACKING_URI") from error
    except (OSError, ValueError, KeyError) as error:
        reason = one_line(getattr(error, "reason", None) or error)
        raise RegistryError(
            f"tracking store {connection.shown(uri)}: out of reach ({reason}); "
            "check that the server runs and that MLFLOW_TRACKING_URI is right"
        ) from error
    return next((str(tag["value"]) for tag in tags if tag["key"] == "inputs_hash"), None)


def _credentials(uri: str) -> dict[str, str]:
    """The same that MLflow would send: user and password of the environment or the URI, or a token."""
    parts = urllib.parse.urlsplit(uri)
    user = os.environ.get("MLFLOW_TRACKING_USERNAME") or urllib.parse.unquote(parts.username or "")
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD") or urllib.parse.unquote(parts.password or "")
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    if user:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    return {"Authorization": f"Bearer {token}"} if token else {}
