"""A batch of a file as the fields that the mapping asks for: cleaned, converted, checked."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from aisle.catalogue.importing.lines import Misread
from aisle.catalogue.importing.mapping import BRACED, LABEL_FIELDS, ImportMapping, NumberValue, TimeValue, Value
from aisle.catalogue.importing.readers import Batch
from aisle.config import suggest
from aisle.errors import ConfigurationError, DataError

_THOUSANDS = {
    ".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"),
    ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?"),
}
_SHOWN = 40  # columns in a message
_PROBABILITIES = ("audit_probability", "inclusion_probability")


@dataclass(frozen=True)
class Rows:
    """The rows of a batch that have a title.

    Attributes
    ----------
    batch : Batch
        Where they came from.
    kept : sequence of int
        The places in the batch of the n rows that have a title.
    fields : dict of str to list of length n
        Each mapped field: texts, or numbers and times where the field is one; None where empty.
    """

    batch: Batch
    kept: Sequence[int]
    fields: dict[str, list[Any]]

    def at(self, index: int) -> str:
        """Where a row stands, for messages."""
        return self.batch.at(self.kept[index])

    def texts(self, column: str, separator: str = " ") -> list[str | None]:
        """A column of the file, for the rows that are kept; a list in one value is joined by `separator`."""
        values = texts_of(self.batch, column, separator)
        return [values[index] for index in self.kept]


def wanted_columns(mapping: ImportMapping) -> set[str]:
    """Every column that the mapping may read."""
    columns = {name for value in mapping.fields.values() for name in value.columns()}
    return columns.union(mapping.category.columns()) if mapping.category is not None else columns


def check_columns(mapping: ImportMapping, batch: Batch) -> None:
    """`ConfigurationError` where a file lacks a column that the mapping names."""
    for field, value in mapping.fields.items():
        derived = _plain_fields(mapping) if value.template is not None else ()
        for column in value.columns():
            if column not in batch.names and column not in derived and not value.optional:
                part = f"{'labels' if field in LABEL_FIELDS else 'product'}.{field}"
                raise _lacks(batch, column, f"of {part} in {mapping.source}", "mend the mapping, or say optional: true")
    if mapping.category is not None:
        for column in mapping.category.columns():
            if column not in batch.names:
                raise _lacks(batch, column, f"of category in {mapping.source}", "mend the mapping")


def _lacks(batch: Batch, column: str, where: str, otherwise: str) -> ConfigurationError:
    near = suggest(column, batch.names)
    hint = near if "did you mean" in near else f"; {otherwise}."
    more = f" and {len(batch.names) - _SHOWN} more" if len(batch.names) > _SHOWN else ""
    there = ", ".join(map(repr, batch.names[:_SHOWN])) + more
    return ConfigurationError(f"{batch.path}: no column '{column}', {where}{hint} The file has {there}")


def extract(mapping: ImportMapping, batch: Batch, columns: Collection[str]) -> Rows:
    """The mapped fields of a batch; `columns` are those that its file has."""
    values = {field: _plain(mapping.fields[field], batch) for field in _plain_fields(mapping)}
    derived = {
        field: _template(value.template, batch, columns, values)
        for field, value in mapping.fields.items()
        if value.template is not None
    }
    values |= derived
    kept = [index for index, title in enumerate(values["title"]) if title is not None]
    fields = {
        field: _converted(field, value, [values[field][index] for index in kept], batch, kept)
        for field, value in mapping.fields.items()
    }
    return Rows(batch, kept, fields)


def _plain_fields(mapping: ImportMapping) -> list[str]:
    """The fields that a template may name: those that are none themselves."""
    return [field for field, value in mapping.fields.items() if value.template is None]


def _plain(value: Value, batch: Batch) -> list[Any]:
    if value.column is not None:  # Parquet has times of its own
        return batch.column(value.column) if isinstance(value, TimeValue) else texts_of(batch, value.column)
    if value.host is not None:
        return [None if url is None else host_of(url) for url in texts_of(batch, value.host)]
    if value.join is not None:
        parts = [texts_of(batch, name) for name in value.join]
        return [value.separator.join(filter(None, row)) or None for row in zip(*parts, strict=True)]
    return [value.constant if isinstance(value, TimeValue) else _text(value.constant)] * len(batch.numbers)


def _template(template: str, batch: Batch, columns: Collection[str], fields: dict[str, list[Any]]) -> list[str | None]:
    names = BRACED.findall(template)
    pattern = BRACED.sub("\0", template).replace("%", "%%").replace("\0", "%s")
    parts = [texts_of(batch, name) if name in columns or name not in fields else fields[name] for name in names]
    return [None if None in row else pattern % row for row in zip(*parts, strict=True)]


def _converted(field: str, value: Value, raw: list[Any], batch: Batch, kept: Sequence[int]) -> list[Any]:
    if field == "product_id" and None in raw:
        raise DataError(f"{batch.at(kept[raw.index(None)])}: no product_id; every product needs one")
    if field != "currency" and not isinstance(value, NumberValue | TimeValue):
        return raw
    converted = []
    for index, one in zip(kept, raw, strict=True):
        try:
            converted.append(None if one is None or one == "" else _convert(field, value, one))
        except ValueError as error:
            what = f"{batch.at(index)}: {field} {error}"
            if isinstance(value, NumberValue) and value.decimal == "." and "," in str(one):
                raise Misread(what, "decimal", "say which sign separates the decimals: decimal: ','") from error
            raise DataError(what) from error
    return converted


def _convert(field: str, value: Value, one: Any) -> float | dt.datetime | str:
    if isinstance(value, TimeValue):
        return time_of(one, value.format)
    if not isinstance(value, NumberValue):
        return str(one).upper()
    number = number_of(one, value.decimal)
    if field in _PROBABILITIES and not 0 < number <= 1:
        raise ValueError(f"is {one}; a probability lies in (0, 1]")
    return number


def texts_of(batch: Batch, column: str, separator: str = " ") -> list[str | None]:
    """A column as texts without white space around; None where nothing is left."""
    try:
        return [_text(value, separator) for value in batch.column(column)]
    except TypeError:
        for index, value in enumerate(batch.column(column)):
            if isinstance(value, dict):
                raise DataError(f"{batch.at(index)}: column '{column}' holds an object; map a plain column") from None
        raise


def _text(value: Any, separator: str = " ") -> str | None:
    if value is None:
        return None
    if type(value) is not str:
        value = _as_text(value, separator)
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode("utf-8")  # JSON can spell halves of characters
    if "\0" in value:
        value = value.replace("\0", "")  # databases refuse it
    return value.strip() or None


def _as_text(value: Any, separator: str) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list | tuple):
        return separator.join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        raise TypeError("an object is no text")
    return str(value)


def host_of(url: str) -> str | None:
    """The host in a URL, in small letters and without `www.`; None where there is none."""
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname
    except ValueError:
        return None
    return (host or "").removeprefix("www.") or None


def number_of(text: str, decimal: str) -> float:
    """A number as people write it; `ValueError` for what is none or has no finite value."""
    plain = text.replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    thousands = "," if decimal == "." else "."
    if _THOUSANDS[decimal].fullmatch(plain):
        plain = plain.replace(thousands, "")
    try:
        if thousands in plain or "_" in plain:
            raise ValueError
        number = float(plain.replace(decimal, "."))
    except ValueError:
        raise ValueError(f"is '{text}', no number") from None
    if not math.isfinite(number):
        raise ValueError(f"is '{text}'; it must be a finite number")
    return number


def time_of(value: Any, form: str) -> dt.datetime:
    """A time in UTC; one without a zone is taken as UTC, a date as its midnight."""
    try:
        time = _parsed_time(value, form)
        return (time if time.tzinfo is not None else time.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, ArithmeticError, OSError):
        raise ValueError(f"is '{value}', no time of the format {form}; set its format") from None


def _parsed_time(value: Any, form: str) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    if form in ("unix", "unix_ms"):
        seconds = Decimal(str(value)) / (1000 if form == "unix_ms" else 1)
        return dt.datetime.fromtimestamp(float(seconds), dt.UTC)
    text = str(value).strip()
    return dt.datetime.fromisoformat(text) if form == "iso" else dt.datetime.strptime(text, form)  # noqa: DTZ007 - UTC is added
