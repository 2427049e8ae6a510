"""History is written once: the database itself refuses to change it."""

from __future__ import annotations

from typing import Any

from django.db import migrations

TABLES = ("ledger_revision", "ledger_prediction", "ledger_answer", "ledger_correction", "ledger_event")
_SAYS = "history is written once"


def refuse_updates(apps: Any, schema_editor: Any) -> None:
    """A trigger on each table that refuses updates."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE OR REPLACE FUNCTION ledger_written_once() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_SAYS}'; END $$"
        )
        for table in TABLES:
            schema_editor.execute(
                f"CREATE TRIGGER {table}_written_once BEFORE UPDATE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION ledger_written_once()"
            )
    else:
        for table in TABLES:
            schema_editor.execute(
                f"CREATE TRIGGER {table}_written_once BEFORE UPDATE ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
            )


def allow_updates(apps: Any, schema_editor: Any) -> None:
    """Take the triggers away."""
    on = schema_editor.connection.vendor == "postgresql"
    for table in TABLES:
        schema_editor.execute(f"DROP TRIGGER {table}_written_once" + (f" ON {table}" if on else ""))


class Migration(migrations.Migration):
    """After the tables."""

    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunPython(refuse_updates, allow_updates)]
