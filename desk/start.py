"""Makes a desk ready: its folder, its secrets, its database, a first person; and checks one."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aisle.errors import AisleError, ConfigurationError, DataError, one_line
from desk.configuration import SECRETS_FILE, Configuration, from_environment

DEMO = "demo"


def set_up() -> Configuration:
    """Load Django with the settings of the environment; secrets of a local desk are made first."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "desk.settings")
    configuration = from_environment()
    if not configuration.production:
        make_folder(configuration.folder)
        configuration = from_environment()
    import django

    django.setup()
    return configuration


@contextmanager
def usable_database() -> Iterator[None]:
    """Say in one line, as a `ConfigurationError`, of a database that cannot be used: nothing listens, no database."""
    from django.db import DatabaseError, InterfaceError, OperationalError

    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        # Its subclasses, but for failures of the database itself, are defects of ours.
        failing = type(error) in (DatabaseError, InterfaceError, OperationalError)
        if not failing and "invalid connection option" not in str(error):
            raise
        configuration = from_environment()
        where = "DATABASE_URL" if configuration.database_url else str(configuration.folder / "desk.sqlite3")
        if configuration.database_url:
            how = "check the address, the name and the password in it, and that the server runs"
        elif not configuration.folder.is_dir():
            how = f"there is no folder {configuration.folder}; mount it, or make it with `install -d -m 700`"
        else:
            how = "check who owns it and the space on its disk, or put a backup in its place"
        raise ConfigurationError(f"{where}: the database cannot be used ({one_line(error)}); {how}") from error


def make_folder(folder: Path) -> None:
    """The folder of a local desk, with a file of secrets that only its owner can read."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / SECRETS_FILE
    made = {name: secrets.token_urlsafe(50) for name in ("AISLE_DESK_SECRET_KEY", "AISLE_AUDIT_SECRET")}
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(number, "w", encoding="utf-8") as file:
        json.dump(made, file, indent=2)


def unapplied() -> list[str]:
    """Names of the changes that the database waits for."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def migrate() -> int:
    """Bring the database up to date; how many changes that took."""
    from django.core.management import call_command

    waiting = unapplied()
    if waiting:
        call_command("migrate", interactive=False, verbosity=0)
    return len(waiting)


def make_demo() -> str | None:
    """An administrator for a local desk that has nobody yet; the password, or None where somebody is there."""
    from django.db import transaction

    from desk.people import events
    from desk.people.models import Person, Role

    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        if Person.objects.exists():
            return None
        Person.objects.create_user(DEMO, password=password, role=Role.ADMINISTRATOR, first_name="Demo")
        events.record(None, "person created", DEMO, role=Role.ADMINISTRATOR.value)
    return password


def findings(configuration: Configuration) -> Iterator[tuple[str, str, bool]]:
    """What a desk needs, one after the other: name, how it stands, whether that is good."""
    yield _finding("settings", _settings)
    yield _finding("database", _database)
    yield _finding("category tree", lambda: _tree(configuration))
    yield _finding("scoring service", lambda: _service(configuration))


def _finding(name: str, look: Callable[[], str]) -> tuple[str, str, bool]:
    from django.core.management.base import SystemCheckError
    from django.db import DatabaseError

    try:
        return name, look(), True
    except (AisleError, DatabaseError, SystemCheckError, OSError) as error:
        return name, one_line(error), False


def _settings() -> str:
    from django.conf import settings
    from django.core import checks

    production = settings.CONFIGURATION.production
    found = checks.run_checks(include_deployment_checks=production)
    serious = [message for message in found if message.is_serious() or production]
    if serious:
        raise ConfigurationError("; ".join(f"{message.id}: {message.msg}" for message in serious))
    return "for production" if production else "for this machine alone"


def _database() -> str:
    from django.db import connection

    waiting = unapplied()
    if waiting:
        raise DataError(f"{len(waiting)} changes are not applied; run `aisle desk manage migrate`")
    return f"{connection.vendor}, up to date"


def _tree(configuration: Configuration) -> str:
    from aisle.catalogue.taxonomy import read_taxonomy

    tree = read_taxonomy(configuration.data / "taxonomy.csv")
    return f"{len(tree.leaves):,} categories in {len(tree.branches):,} branches"


def _service(configuration: Configuration) -> str:
    from aisle.client import ServiceClient

    with ServiceClient(configuration.service_url, configuration.service_key or None, timeout=5.0, retries=0) as client:
        model = client.identity()
    return f"{configuration.service_url} answers, version {model.version} of {model.name}"
