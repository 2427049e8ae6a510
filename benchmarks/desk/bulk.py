"""Rows into the tables of the desk as fast as the database takes them: PostgreSQL by COPY, SQLite by one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from django.db import connection, models, transaction
from numpy.typing import NDArray


def insert(model: type[models.Model], columns: str, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows with their keys; `columns` are names of the database, blanks between. Nothing is checked."""
    table = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(connection.ops.quote_name(one) for one in columns.split())
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{model._meta.db_table}', 'id'), "
                f"(SELECT COALESCE(MAX(id), 1) FROM {table}))"
            )
        else:
            places = ", ".join(["%s"] * len(columns.split()))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)


def settled() -> None:
    """Let the database look at what it holds, as it does by itself sooner or later; not inside a transaction."""
    if connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def next_key(model: type[models.Model]) -> int:
    """The first key that is free."""
    return int(model._default_manager.aggregate(most=models.Max("id"))["most"] or 0) + 1


def moments(seconds: NDArray[np.float64], origin: np.datetime64) -> list[str]:
    """Moments (UTC), so many seconds after `origin`, as both databases read and keep them."""
    when = origin.astype("datetime64[us]") + (seconds * 1e6).astype("timedelta64[us]")
    zone = "+00" if connection.vendor == "postgresql" else ""
    return [one.replace("T", " ") + zone for one in np.datetime_as_string(when, unit="us").tolist()]
