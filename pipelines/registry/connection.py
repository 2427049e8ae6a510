"""Where the tracking store is, and a client that answers within a bounded time or says why not."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from aisle.errors import RegistryError, one_line

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOCK_SECONDS = 5.0  # how long another process may hold the store before we give up
REACH_SECONDS = 5.0  # how long a server may take to say that it is there
FIRST_USE_SECONDS = 120.0  # how long another process may take to create the tables

# MLflow's own settings, unless the environment has others: quiet, and minutes, not hours, of patience.
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, else an SQLite file in the current folder; file paths are made absolute."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip() or "sqlite:///mlflow.db"
    path = sqlite_path(uri)
    return f"sqlite:///{path}" if path else uri


def registry_uri() -> str:
    """`MLFLOW_REGISTRY_URI`, else the tracking store."""
    return os.environ.get("MLFLOW_REGISTRY_URI", "").strip() or tracking_uri()


def model_name() -> str:
    """The name of the registered model: `AISLE_MODEL_NAME`, else `aisle`."""
    return os.environ.get("AISLE_MODEL_NAME", "").strip() or "aisle"


def experiment_name() -> str:
    """The name of the experiment that holds the runs: `MLFLOW_EXPERIMENT_NAME`, else `aisle`."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", "").strip() or "aisle"


def sqlite_path(uri: str) -> Path | None:
    """The absolute path of the file behind an `sqlite:///` URI; None for any other URI."""
    scheme = "sqlite:///"
    return Path(uri.removeprefix(scheme).split("?")[0]).absolute() if uri.startswith(scheme) else None


def shown(uri: str) -> str:
    """`uri` without user, password and query: what may be written down or printed."""
    parts = urlsplit(uri)
    if not parts.netloc:
        return uri.split("?")[0]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def connect() -> MlflowClient:
    """A client of the store, after a check that somebody is there.

    Raises
    ------
    RegistryError
        When the SQLite file is locked or no database, or the server does not answer: within
        seconds, where MLflow alone would try again for minutes.
    """
    for setting, value in _SETTINGS.items():
        os.environ.setdefault(setting, value)
    for uri in dict.fromkeys((tracking_uri(), registry_uri())):
        _check_reachable(uri)
    with _one_at_a_time(tracking_uri()), translated():
        import mlflow

        path = sqlite_path(tracking_uri())
        for noisy in ("mlflow", "alembic"):  # what matters comes as an error; the rest would only bury it
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        if path is not None and not path.exists():
            _make_store(path)
        with _environment_kept():
            mlflow.set_tracking_uri(tracking_uri())
            mlflow.set_registry_uri(registry_uri())
        return mlflow.MlflowClient(tracking_uri(), registry_uri())


def _make_store(path: Path) -> None:
    """Have MLflow make the tables of a new SQLite store aside, then put it in place.

    It makes them in many steps, and a kill between two of them would leave a store that it can
    neither use nor mend.
    """
    import mlflow

    part = path.with_name(f"{path.name}.part")
    for left in (part, path.with_name(f"{part.name}-journal")):
        left.unlink(missing_ok=True)
    mlflow.MlflowClient(f"sqlite:///{part}").search_experiments(max_results=1)
    part.replace(path)


@contextlib.contextmanager
def _environment_kept() -> Iterator[None]:
    """MLflow writes the addresses it is given into the environment, where they would outlive a change of folder."""
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    before = {name: os.environ.get(name) for name in names}
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def experiment_id(client: MlflowClient) -> str:
    """The experiment of our runs; made where it is missing, restored where somebody deleted it."""
    name = experiment_name()
    with _one_at_a_time(tracking_uri()), translated():
        found = client.get_experiment_by_name(name)
        if found is None:
            kind = {"mlflow.experimentKind": "custom_model_development"}  # what the pages show: runs, not traces
            return str(client.create_experiment(name, artifact_location=_artifact_location(), tags=kind))
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)


def _artifact_location() -> str | None:
    """`mlartifacts` beside an SQLite store; a server knows its own place."""
    path = sqlite_path(tracking_uri())
    return (path.parent / "mlartifacts").as_uri() if path else None


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what MLflow and its transports raise into a `RegistryError` of one line."""
    try:
        yield
    except RegistryError:
        raise
    except Exception as error:
        if not _is_of_the_store(error):
            raise
        raise RegistryError(f"tracking store {shown(tracking_uri())}: {_reason(error)}") from error


def _is_of_the_store(error: Exception) -> bool:
    """By the name of the module, so that no library is imported just to be compared with."""
    modules = {kind.__module__.split(".")[0] for kind in type(error).__mro__}
    return bool(modules & {"mlflow", "sqlalchemy", "requests", "urllib3", "sqlite3"})


def _reason(error: Exception) -> str:
    text = one_line(error)
    if "database is locked" in text:
        return "locked by another process; wait until that ends, then run the same command again"
    if "disk is full" in text or "No space left" in text:
        return "the disk is full; free some space and run the same command again"
    if "readonly database" in text:
        return "cannot be written to; check who owns the file, or set MLFLOW_TRACKING_URI to another store"
    if any(sign in text for sign in ("Max retries exceeded", "Connection", "timed out")):
        return "out of reach; check that the server runs and that MLFLOW_TRACKING_URI is right"
    if any(sign in text for sign in ("401", "403", "PERMISSION_DENIED", "UNAUTHENTICATED")):
        return "refused the credentials; check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    return f"refused ({text[:300]})"


def _check_reachable(uri: str) -> None:
    path = sqlite_path(uri)
    if path is not None:
        _check_sqlite(path)
    elif uri.startswith(("http://", "https://")):
        _check_server(uri)


def _check_sqlite(path: Path) -> None:
    if not path.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(_file_uri(path, "rw"), uri=True, timeout=LOCK_SECONDS)) as store:
            store.execute("BEGIN IMMEDIATE")
            store.rollback()
    except sqlite3.Error as error:
        raise RegistryError(f"tracking store {path}: {sqlite_reason(error)}") from error


def _check_server(uri: str) -> None:
    try:
        urllib.request.urlopen(shown(uri), timeout=REACH_SECONDS).close()
    except urllib.error.HTTPError:
        return  # it answered: whether it lets us in is asked with credentials
    except (OSError, ValueError) as error:
        reason = one_line(getattr(error, "reason", None) or error)
        raise RegistryError(
            f"tracking store {shown(uri)}: out of reach ({reason}); "
            "check that the server runs and that MLFLOW_TRACKING_URI is right"
        ) from error


def sqlite_reason(error: sqlite3.Error) -> str:
    """What an error of SQLite means for people."""
    text = str(error)
    if "not a database" in text or "malformed" in text:
        return "not an SQLite database; move it away, or set MLFLOW_TRACKING_URI to another store"
    if "unable to open" in text:
        return "cannot be opened; check who owns the file, or set MLFLOW_TRACKING_URI to another store"
    return _reason(error)


def _file_uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path))}?mode={mode}"


def read_only(path: Path) -> sqlite3.Connection:
    """A reading connection to an SQLite store that waits at most `LOCK_SECONDS` for a lock."""
    return sqlite3.connect(_file_uri(path, "ro"), uri=True, timeout=LOCK_SECONDS)


@contextlib.contextmanager
def _one_at_a_time(uri: str) -> Iterator[None]:
    """Processes that use a new SQLite store for the first time would trip over each other's tables."""
    path = sqlite_path(uri)
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        deadline = time.monotonic() + FIRST_USE_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RegistryError(
                        f"tracking store {path}: another process has been preparing it for "
                        f"{FIRST_USE_SECONDS:.0f} s; end that process and run the same command again"
                    ) from None
                time.sleep(0.1)
        yield
