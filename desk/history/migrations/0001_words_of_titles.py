"""An index of the words of titles: a search among a million products takes milliseconds."""

from __future__ import annotations

from typing import Any

from django.db import migrations

_SQLITE = (
    "CREATE VIRTUAL TABLE history_title USING fts5("
    "title, content='ledger_revision', content_rowid='id', tokenize='unicode61')",
    "CREATE TRIGGER history_title_added AFTER INSERT ON ledger_revision "
    "BEGIN INSERT INTO history_title(rowid, title) VALUES (new.id, new.title); END",
    "CREATE TRIGGER history_title_gone AFTER DELETE ON ledger_revision "
    "BEGIN INSERT INTO history_title(history_title, rowid, title) VALUES ('delete', old.id, old.title); END",
    "INSERT INTO history_title(history_title) VALUES ('rebuild')",
)
_POSTGRESQL = (
    "CREATE INDEX history_title ON ledger_revision "
    "USING gin (to_tsvector('simple', translate(title, '-/_.,:@&<>+~=?', '              ')))",
)
_SQLITE_BACK = ("DROP TRIGGER history_title_added", "DROP TRIGGER history_title_gone", "DROP TABLE history_title")


def index_titles(apps: Any, schema_editor: Any) -> None:
    """Make the index of this database's kind."""
    for statement in _POSTGRESQL if schema_editor.connection.vendor == "postgresql" else _SQLITE:
        schema_editor.execute(statement)


def forget_titles(apps: Any, schema_editor: Any) -> None:
    """Take it away."""
    postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in ("DROP INDEX history_title",) if postgresql else _SQLITE_BACK:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    """After the tables of the ledger."""

    dependencies = [("ledger", "0002_written_once")]
    operations = [migrations.RunPython(index_titles, forget_titles)]
