"""Many rows in one statement, the same on SQLite and PostgreSQL; and transactions that are tried again."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.db import IntegrityError, OperationalError, connection, models, transaction

T = TypeVar("T")
_TRIES = 6
_MOST_PARAMETERS = 30_000  # of one statement; SQLite takes 32,766
_AGAIN = ("deadlock detected", "could not serialize", "database is locked", "database table is locked")


def whole(run: Callable[[], T]) -> T:
    """What `run` returns, in a transaction of its own; again where another transaction was in its way.

    `run` may be called several times, so it must do nothing outside of the database. Inside of a
    transaction that is open already, an error passes through.
    """
    tries = 0
    while True:
        tries += 1
        outermost = not connection.in_atomic_block
        try:
            with transaction.atomic():
                return run()
        except (IntegrityError, OperationalError) as error:
            passing = isinstance(error, IntegrityError) or any(one in str(error) for one in _AGAIN)
            if not outermost or not passing or tries == _TRIES:
                raise
            time.sleep(random.uniform(0, 0.02 * 2**tries))


def insert(
    model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]], returning: Sequence[str] = ()
) -> list[tuple[Any, ...]]:
    """Add rows to `model` with the fields `names`, all that have no default of the database's own.

    Twice as quick as objects, where they come by the thousand. Gives the fields `returning` of each
    new row, in any order.
    """
    fields = [model._meta.get_field(name) for name in names]
    values = [[_plain(field, value) for field, value in zip(fields, row, strict=True)] for row in rows]
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(_column(field)) for field in fields)
    head = f"INSERT INTO {quoted(model._meta.db_table)} ({columns})"
    tail = "RETURNING " + ", ".join(quoted(_column(model._meta.get_field(name))) for name in returning)
    if not returning:
        tail = ""
    found: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{_kind(field)}[]" for field in fields)
            cursor.execute(
                f"{head} SELECT * FROM unnest({arrays}) {tail}", [list(one) for one in zip(*values, strict=True)]
            )
            return cursor.fetchall() if returning else []
        places = f"({', '.join(['%s'] * len(fields))})"
        step = _MOST_PARAMETERS // len(fields)
        for first in range(0, len(values), step):
            some = values[first : first + step]
            sql = f"{head} VALUES {', '.join([places] * len(some))} {tail}"
            cursor.execute(sql, [value for row in some for value in row])
            if returning:
                found += cursor.fetchall()
    return found


def update(model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Set the fields `names` of the rows of `model` whose primary key comes first in each of `rows`."""
    key = model._meta.pk
    assert key is not None
    fields = [key, *(model._meta.get_field(name) for name in names)]
    quoted = connection.ops.quote_name
    columns = [quoted(_column(field)) for field in fields]
    table = quoted(model._meta.db_table)
    values = [[_plain(field, value) for field, value in zip(fields, row, strict=True)] for row in rows]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            kinds = [f"{_kind(field)}[]" for field in fields]
            arrays = ", ".join(f"%s::{kind}" for kind in kinds)
            sets = ", ".join(f"{column} = new.{column}" for column in columns[1:])
            cursor.execute(
                f"UPDATE {table} SET {sets} FROM unnest({arrays}) AS new({', '.join(columns)}) "
                f"WHERE {table}.{columns[0]} = new.{columns[0]}",
                [list(column) for column in zip(*values, strict=True)],
            )
        else:
            sets = ", ".join(f"{column} = %s" for column in columns[1:])
            cursor.executemany(
                f"UPDATE {table} SET {sets} WHERE {columns[0]} = %s", [[*row[1:], row[0]] for row in values]
            )


def add_up(model: type[models.Model], key: Sequence[str], sums: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Add to the fields `sums` of the rows of `model` with that `key`, which are made where there is none.

    `key` must be what a unique constraint is of; each of `rows` has the values of both, in their order.
    """
    names = [*key, *sums]
    fields = [model._meta.get_field(name) for name in names]
    quoted = connection.ops.quote_name
    columns = [quoted(_column(field)) for field in fields]
    table = quoted(model._meta.db_table)
    added = ", ".join(f"{one} = {table}.{one} + excluded.{one}" for one in columns[len(key) :])
    values = [[_plain(field, value) for field, value in zip(fields, row, strict=True)] for row in rows]
    places = f"({', '.join(['%s'] * len(columns))})"
    with connection.cursor() as cursor:
        for first in range(0, len(values), 1000):
            some = values[first : first + 1000]
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([places] * len(some))} "
                f"ON CONFLICT ({', '.join(columns[: len(key)])}) DO UPDATE SET {added}",
                [value for row in some for value in row],
            )


def _plain(field: Any, value: Any) -> Any:
    """A value as the database takes it."""
    if value is None or not isinstance(field, models.DateField | models.JSONField):
        return value
    if isinstance(field, models.JSONField):
        return json.dumps(value)
    return field.get_db_prep_save(value, connection)


def _column(field: Any) -> str:
    return str(field.column)


def _kind(field: Any) -> str:
    """The type of a column on PostgreSQL, without its length."""
    kind = field.rel_db_type(connection) if field.is_relation else field.cast_db_type(connection)
    return str(kind).split("(")[0]
