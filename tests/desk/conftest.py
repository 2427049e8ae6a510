"""What the tests of the desk share: both databases, people with a log-in, tokens, a folder of data.

The tests run on SQLite, in a file, as the desk does. With AISLE_TEST_DATABASE=postgresql the same
tests run on PostgreSQL; `test_databases.py` does so with all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from tests.conftest import lacking
from tests.desk import postgres

if TYPE_CHECKING:
    from desk.configuration import Configuration
    from desk.people.models import Person

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # the browser's driver runs an event loop in this thread
ON_POSTGRESQL = os.environ.get("AISLE_TEST_DATABASE") == "postgresql"
PASSWORD = "correct horse battery staple"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL leave out what opens no database: SQLite's run has asked it already."""
    if ON_POSTGRESQL:
        left_out = [one for one in items if not _opens_a_database(one)]
        items[:] = [one for one in items if _opens_a_database(one)]
        config.hook.pytest_deselected(items=left_out)


def _opens_a_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "postgresql", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(fixtures or item.get_closest_marker("django_db"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Server]:
    """A running PostgreSQL server, one for the session."""
    reason = postgres.missing()
    if reason:
        lacking(reason)
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> None:
    """Choose the database before it is made: a file of SQLite, or PostgreSQL."""
    chosen = connections.settings["default"]
    if ON_POSTGRESQL:
        chosen.update(request.getfixturevalue("postgresql").settings())
        chosen["TEST"] = {**chosen["TEST"], "NAME": f"test_{worker_id}"}
    else:
        chosen["TEST"] = {**chosen["TEST"], "NAME": str(tmp_path_factory.mktemp("database") / "desk.sqlite3")}
    settings.DATABASES["default"].update(chosen)
    if hasattr(connections._connections, "default"):  # type: ignore[attr-defined]
        del connections["default"]


@pytest.fixture(scope="session", autouse=True)
def _fast_passwords() -> None:
    """Passwords that are slow to guess are slow to make; tests make many."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def configuration(tmp_path: Path) -> Iterator[Configuration]:
    """The configuration of the desk with folders of its own; fields are changed by `change(configuration, …)`."""
    given: Configuration = settings.CONFIGURATION
    before = {name: getattr(given, name) for name in given.__dataclass_fields__}
    (tmp_path / "desk").mkdir()
    change(given, folder=tmp_path / "desk", data=tmp_path / "data")
    yield given
    change(given, **before)


def change(configuration: Configuration, **values: Any) -> None:
    """Change what is frozen, for the length of a test: every module holds this one object."""
    for name, value in values.items():
        object.__setattr__(configuration, name, value)


@pytest.fixture
def tree(configuration: Configuration) -> Path:
    """A small category tree in the data folder: toys, tools, each with leaves."""
    configuration.data.mkdir(parents=True, exist_ok=True)
    path = configuration.data / "taxonomy.csv"
    path.write_text(
        "category_id,parent_id,name\ntoys,,Toys\npuzzles,toys,Puzzles\nplush,toys,Plush animals\n"
        "tools,,Tools\ndrills,tools,Drills\nsaws,tools,Saws\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def person(db: None) -> Callable[..., Person]:
    """Make a person: `person("reviewer")`, `person("labeller", "zoe")`; the password is `PASSWORD`."""
    from desk.people.models import Person

    def make(role: str, name: str = "") -> Person:
        found = Person.objects.filter(username=name or role).first()
        return found or Person.objects.create_user(name or role, password=PASSWORD, role=role)

    return make


@pytest.fixture
def client_of(person: Callable[..., Person]) -> Callable[..., Client]:
    """A test client with the session of a person: `client_of("reviewer")`; others by `csrf=True` need the value."""

    def make(role: str, name: str = "", csrf: bool = False) -> Client:
        client = Client(enforce_csrf_checks=csrf)
        client.force_login(person(role, name), backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make


@pytest.fixture
def bearer(person: Callable[..., Person]) -> Callable[..., dict[str, str]]:
    """Headers with a new token: `client.post(…, headers=bearer("intake"))`."""
    from desk.people import tokens

    def make(*scopes: str, of: Person | None = None) -> dict[str, str]:
        _, key = tokens.create(None, of or person("administrator", "robot"), "a program", scopes)
        return {"Authorization": f"Bearer {key}"}

    return make
