"""History is written once: the database itself refuses to change it."""

from __future__ import annotations

from typing import Any

from django.db.migrations import RunPython

_SAYS = "history is written once"


def written_once(*tables: str) -> RunPython:
    """The step of a migration that adds a trigger to each table, which refuses updates."""

    def refuse_updates(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(
                "CREATE OR REPLACE FUNCTION ledger_written_once() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{_SAYS}'; END $$"
            )
            for table in tables:
                schema_editor.execute(
                    f"CREATE TRIGGER {table}_written_once BEFORE UPDATE ON {table} "
                    "FOR EACH ROW EXECUTE FUNCTION ledger_written_once()"
                )
        else:
            for table in tables:
                schema_editor.execute(
                    f"CREATE TRIGGER {table}_written_once BEFORE UPDATE ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
                )

    def allow_updates(apps: Any, schema_editor: Any) -> None:
        on = schema_editor.connection.vendor == "postgresql"
        for table in tables:
            schema_editor.execute(f"DROP TRIGGER {table}_written_once" + (f" ON {table}" if on else ""))

    return RunPython(refuse_updates, allow_updates)
