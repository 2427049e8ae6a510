from __future__ import annotations

import json
import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aisle.errors import ConfigurationError
from desk.configuration import SECRETS_FILE, Configuration

PRODUCTION = {
    "AISLE_DESK_PRODUCTION": "true",
    "AISLE_DESK_HOSTS": "desk.example.org",
    "AISLE_DESK_SECRET_KEY": secrets.token_urlsafe(50),
    "AISLE_AUDIT_SECRET": secrets.token_urlsafe(50),
}


def manage(root: Path, folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AISLE_", "DJANGO", "DATABASE"))}
    return subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:django", "desk/manage.py", *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=root,
        env={**kept, "AISLE_DESK_FOLDER": str(folder), **environment},
    )


def test_the_deployment_check_finds_nothing(root: Path, tmp_path: Path) -> None:
    done = manage(root, tmp_path, "check", "--deploy", "--fail-level", "INFO", **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert "no issues (0 silenced)" in done.stdout


def test_production_settings_bind_cookies_to_https_and_the_host(root: Path, tmp_path: Path) -> None:
    code = (
        "from django.conf import settings as s, global_settings; import json; print(json.dumps([s.DEBUG,"
        "s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME,"
        "s.SESSION_COOKIE_HTTPONLY, s.CSRF_COOKIE_HTTPONLY, s.SECURE_SSL_REDIRECT, s.ALLOWED_HOSTS]))"
    )
    done = manage(root, tmp_path, "shell", "--no-imports", "-c", code, **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        False, True, True, "__Host-session", "__Host-csrf", True, True, True, ["desk.example.org"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"AISLE_DESK_SECRET_KEY": "short"}, "AISLE_DESK_SECRET_KEY has 5 characters"),
        ({"AISLE_AUDIT_SECRET": ""}, "AISLE_AUDIT_SECRET has 0 characters"),
        ({"AISLE_DESK_HOSTS": " , "}, "AISLE_DESK_HOSTS is empty"),
        ({"AISLE_DESK_PRODUCTION": "perhaps"}, "AISLE_DESK_PRODUCTION is 'perhaps'"),
        ({"AISLE_DESK_HOSTS": "*"}, "AISLE_DESK_HOSTS"),
        ({"AISLE_AUDIT_SECRET": PRODUCTION["AISLE_DESK_SECRET_KEY"]}, "AISLE_AUDIT_SECRET is the same as"),
    ],
)
def test_production_refuses_what_is_not_safe(tmp_path: Path, change: dict[str, str], names: str) -> None:
    with pytest.raises(ConfigurationError, match=names):
        Configuration.of({**PRODUCTION, "AISLE_DESK_FOLDER": str(tmp_path), **change})


def test_production_takes_no_secrets_from_a_file(tmp_path: Path) -> None:
    (tmp_path / SECRETS_FILE).write_text(json.dumps({"AISLE_AUDIT_SECRET": "x" * 60}))
    with pytest.raises(ConfigurationError, match="AISLE_AUDIT_SECRET has 0 characters"):
        Configuration.of({**PRODUCTION, "AISLE_DESK_FOLDER": str(tmp_path), "AISLE_AUDIT_SECRET": ""})


def test_a_local_desk_keeps_its_secrets_in_a_file_of_its_owner(tmp_path: Path) -> None:
    from desk.start import make_folder

    folder = tmp_path / "desk"
    make_folder(folder)
    first = Configuration.of({"AISLE_DESK_FOLDER": str(folder)})
    make_folder(folder)
    assert Configuration.of({"AISLE_DESK_FOLDER": str(folder)}) == first
    assert stat.S_IMODE((folder / SECRETS_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len({first.secret_key, first.audit_secret}) == 2
    assert min(len(first.secret_key), len(first.audit_secret)) >= 50
    (folder / SECRETS_FILE).write_text("{")
    with pytest.raises(ConfigurationError, match="secrets of this desk"):
        Configuration.of({"AISLE_DESK_FOLDER": str(folder)})


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://a/b", "begins with 'mysql://'"),
        ("postgresql://u@h:port/n", "port"),
        ("postgresql://h", "names no database"),
    ],
)
def test_a_database_that_cannot_be_is_refused_in_one_line(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        Configuration.of({"DATABASE_URL": url}).database()
    assert "secret" not in str(caught.value)


def test_the_password_of_the_database_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Configuration.of({"DATABASE_URL": "mysql://ann:hush@h/n"}).database()
    assert "hush" not in str(caught.value)
    configuration = Configuration.of({"DATABASE_URL": "postgresql://ann:hush@h/n", **PRODUCTION})
    assert "hush" not in repr(configuration)
    assert PRODUCTION["AISLE_AUDIT_SECRET"] not in repr(configuration)
