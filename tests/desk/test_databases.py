from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import lacking
from tests.desk import postgres
from tests.desk.conftest import ON_POSTGRESQL

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent


@pytest.mark.skipif(ON_POSTGRESQL, reason="this is that run")
def test_all_tests_of_the_desk_pass_on_postgresql_too(root: Path) -> None:
    """All but those in the browser, where the database makes no difference, and the slow ones."""
    if reason := postgres.missing():
        lacking(reason)
    words = [sys.executable, "-m", "pytest", str(HERE), "-q", "-p", "no:cacheprovider", "-x"]
    words += ["-m", "not slow", "--ignore-glob", "*browser*"]
    done = subprocess.run(
        words,
        check=False,
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "AISLE_TEST_DATABASE": "postgresql", "AISLE_REQUIRE_ALL": "1"},
    )
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.django_db
def test_the_tests_run_where_they_say(root: Path) -> None:
    from django.db import connection

    assert connection.vendor == ("postgresql" if ON_POSTGRESQL else "sqlite")
    if not ON_POSTGRESQL:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode")
            assert cursor.fetchone()[0] == "wal"


def test_no_change_of_the_models_lacks_its_migration(db: None) -> None:
    from django.core.management import call_command

    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
