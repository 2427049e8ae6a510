"""Which model is the champion, which models the registry knows, and where the champion's files lie.

MLflow takes seconds to import. Where the store is an SQLite file and its artifacts lie on this machine,
all of it is read there; any other store is asked through MLflow, and what it sends is kept below
`work/monitoring/reference/`, a folder a run, safe to delete.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from aisle.errors import RegistryError
from aisle.files import clean_leftovers, replacing_folder
from pipelines.registry import connection

if TYPE_CHECKING:
    from mlflow import MlflowClient

CACHE = Path("work/monitoring/reference")
REFERENCE, POLICY, EVIDENCE = "reference.parquet", "policy.json", "evidence/evidence.json"
_RUN_FILES = (REFERENCE, POLICY, EVIDENCE)
_MODEL = "model.skops"

_VERSIONS = """
    SELECT versions.version, versions.run_id, COALESCE(versions.storage_location, versions.source), runs.artifact_uri
    FROM model_versions AS versions LEFT JOIN runs ON runs.run_uuid = versions.run_id
    WHERE versions.name = ? AND versions.current_stage != 'Deleted_Internal'
"""
_TAGS = "SELECT version, key, value FROM model_version_tags WHERE name = ? AND key IN ('policy_id', 'promoted_at')"
_ALIAS = "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = 'champion'"


@dataclass(frozen=True)
class Champion:
    """The champion as the registry knows it.

    Attributes
    ----------
    version, run_id : str
    promoted_at : str or None
        As the tag of the version says it.
    known_models : frozenset of (version, policy_id)
        All registered versions.
    run_files : path or None
        The run's artifacts, where they lie on this machine.
    model_files : path or None
        The folder of model.skops, policy.json and taxonomy.csv, where that lies on this machine.
    """

    version: str
    run_id: str
    promoted_at: str | None
    known_models: frozenset[tuple[str, str]]
    run_files: Path | None = None
    model_files: Path | None = None


def find_champion(client: MlflowClient | None = None) -> Champion:
    """The champion; `RegistryError` where there is none, or the registry cannot be asked."""
    path = connection.sqlite_path(connection.registry_uri())
    if client is None and path is not None and connection.registry_uri() == connection.tracking_uri():
        return _in_sqlite(path)
    return _through_mlflow(client or connection.connect())


def run_file(champion: Champion, name: str, client: MlflowClient | None = None) -> Path:
    """A file of the champion's run, downloaded once; `RegistryError` where the run does not have it."""
    folder = champion.run_files or _downloaded_run(champion, client)
    path = folder / name
    if not path.is_file():
        raise RegistryError(
            f"version {champion.version} is the champion, but its run {champion.run_id[:8]} has no {name}; "
            "register it again with `make run`, or promote another version"
        )
    return path


def model_folder(champion: Champion, client: MlflowClient | None = None) -> Path:
    """The folder of the champion's model.skops and policy.json, downloaded once."""
    folder = champion.model_files or _downloaded_model(champion, client)
    if not (folder / _MODEL).is_file():
        raise RegistryError(
            f"version {champion.version} is the champion, but has lost its files ({folder / _MODEL}); "
            "register it again with `make run`, or promote another version"
        )
    return folder


def _in_sqlite(path: Path) -> Champion:
    name = connection.model_name()
    if not path.exists():
        raise _no_champion(name, registered=False)
    try:
        with contextlib.closing(connection.read_only(path)) as store:
            alias = store.execute(_ALIAS, (name,)).fetchone()
            versions = {str(row[0]): row[1:] for row in store.execute(_VERSIONS, (name,))}
            tags = {(str(version), key): str(value) for version, key, value in store.execute(_TAGS, (name,))}
    except sqlite3.Error as error:
        if "no such table" in str(error):  # a store that MLflow has not prepared yet
            raise _no_champion(name, registered=False) from error
        raise RegistryError(f"tracking store {path}: {connection.sqlite_reason(error)}") from error
    if alias is None or str(alias[0]) not in versions:
        raise _no_champion(name, registered=bool(versions))
    number = str(alias[0])
    run_id, model_uri, run_uri = versions[number]
    model = _local(model_uri)
    return Champion(
        number,
        str(run_id),
        tags.get((number, "promoted_at")),
        _known((version, tags.get((version, "policy_id"))) for version in versions),
        _local(run_uri),
        None if model is None else model / "artifacts",
    )


def _through_mlflow(client: MlflowClient) -> Champion:
    from pipelines.registry.versions import champion

    name = connection.model_name()
    found = champion(client)
    with connection.translated():
        versions = list(client.search_model_versions(f"name = '{name}'"))
    if found is None:
        raise _no_champion(name, registered=bool(versions))
    known = _known((str(one.version), one.tags.get("policy_id")) for one in versions)
    return Champion(str(found.version), str(found.run_id), found.tags.get("promoted_at"), known)


def _no_champion(name: str, *, registered: bool) -> RegistryError:
    before = "" if registered else "register a version with `make run`, then "
    return RegistryError(
        f"the model {name} has no champion yet; {before}make one with `aisle promote latest --by NAME --reason TEXT`"
    )


def _known(pairs: Iterable[tuple[str, str | None]]) -> frozenset[tuple[str, str]]:
    return frozenset((version, policy_id) for version, policy_id in pairs if policy_id is not None)


def _local(uri: str | None) -> Path | None:
    """The folder behind a URI of this machine; None for any other, and for one that is gone."""
    parts = urlsplit(uri or "")
    if parts.scheme not in ("", "file") or not parts.path:
        return None
    folder = Path(unquote(parts.path))
    return folder if folder.is_dir() else None


def _downloaded_run(champion: Champion, client: MlflowClient | None) -> Path:
    folder = CACHE / champion.run_id / "run"
    if (folder / REFERENCE).is_file():
        return folder
    store = client or connection.connect()
    clean_leftovers(folder)
    with connection.translated(), replacing_folder(folder) as part:
        there = {one.path for one in store.list_artifacts(champion.run_id)}
        there |= {one.path for one in store.list_artifacts(champion.run_id, "evidence")}
        for name in _RUN_FILES:
            if name in there:
                got = store.download_artifacts(champion.run_id, name, str(part))
                (part / name).parent.mkdir(exist_ok=True)
                Path(got).replace(part / name)  # some stores give the name alone, without its folder
    return folder


def _downloaded_model(champion: Champion, client: MlflowClient | None) -> Path:
    import shutil

    from pipelines.registry.packaging import downloaded

    folder = CACHE / champion.run_id / "model"
    if (folder / _MODEL).is_file():
        return folder
    clean_leftovers(folder)
    store = client or connection.connect()
    with downloaded(store, connection.model_name(), champion.version) as files, replacing_folder(folder) as part:
        shutil.copytree(files / "artifacts", part, dirs_exist_ok=True)
    return folder
