"""Which version is the champion, without the seconds that importing MLflow costs: for starting a server."""

from __future__ import annotations

import contextlib
import sqlite3

from aisle.errors import RegistryError
from pipelines.registry import connection

_QUERY = """
    SELECT versions.version, versions.run_id
    FROM registered_model_aliases AS aliases JOIN model_versions AS versions USING (name, version)
    WHERE aliases.name = ? AND aliases.alias = 'champion'
"""


def champion() -> tuple[str, str] | None:
    """Version number and run id of the champion; None where there is none.

    Raises
    ------
    RegistryError
        When the registry cannot be asked.
    """
    path = connection.sqlite_path(connection.registry_uri())
    if path is None:
        from pipelines.registry import versions

        found = versions.champion(connection.connect())
        return None if found is None else (str(found.version), str(found.run_id))
    if not path.exists():
        return None
    try:
        with contextlib.closing(connection.read_only(path)) as opened:
            row = opened.execute(_QUERY, (connection.model_name(),)).fetchone()
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return None  # a store that MLflow has not prepared yet
        raise RegistryError(f"tracking store {path}: {connection.sqlite_reason(error)}") from error
    return None if row is None else (str(row[0]), str(row[1]))
