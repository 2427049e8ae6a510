"""The first rows of an uploaded file, and which of its columns is which field: guessed by name, settled by a person."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from aisle.catalogue.importing.fields import check_columns, extract
from aisle.catalogue.importing.lines import Limits
from aisle.catalogue.importing.mapping import FileOptions, ImportMapping, NumberValue, Value
from aisle.catalogue.importing.readers import Batch, read_batches
from aisle.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from desk.inbox.models import Upload

ENCODINGS = ("utf-8", "cp1252", "cp1250", "latin-1")
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SHOWN_ROWS = 5
_HEAD = 1 << 20
_SHOWN_CHARACTERS = 120
# A process of the web reads the beginning of what people send.
LIMITS = Limits(columns=500, text_bytes=1 << 20, row_bytes=5 << 20, batch_bytes=4 << 20)

# Field: what people call it, and how columns that hold it are called, in letters and digits alone.
FIELDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "product_id": ("Product id", ("productid", "id", "sku", "offerid", "itemid", "articleid", "articlenumber",
                                  "ean", "gtin", "asin", "nodeid", "url")),
    "title": ("Title", ("title", "name", "productname", "producttitle", "itemname", "titel", "bezeichnung")),
    "description": ("Description", ("description", "productdescription", "longdescription", "text", "details",
                                    "beschreibung", "desc")),
    "brand": ("Brand", ("brand", "manufacturer", "maker", "brandname", "marke", "hersteller")),
    "seller_category": ("Seller's category", ("sellercategory", "category", "breadcrumb", "categorypath",
                                              "categories", "categorytext", "producttype", "kategorie")),
    "price": ("Price", ("price", "amount", "listprice", "saleprice", "preis")),
    "currency": ("Currency", ("currency", "pricecurrency", "currencycode", "waehrung", "währung")),
    "seller": ("Seller", ("seller", "shop", "merchant", "vendor", "store", "sellerid", "sellername", "haendler",
                          "händler")),
}  # fmt: skip
REQUIRED = ("product_id", "title")


class _Every(Sequence[str]):
    """Holds every name: all columns are wanted."""

    def __contains__(self, name: object) -> bool:
        return True

    def __len__(self) -> int:
        return 1

    def __getitem__(self, place: Any) -> Any:
        raise IndexError


@dataclass(frozen=True)
class Preview:
    """The first rows of a file.

    Attributes
    ----------
    names : sequence of str, length n
    rows : list of list of str, each of length n
        As texts, shortened.
    guesses : dict of field to column
        Where the names tell.
    batch : Batch
        The first rows as they were read.
    """

    names: Sequence[str]
    rows: list[list[str]]
    guesses: dict[str, str]
    batch: Batch


def options_of(kind: str, chosen: Mapping[str, Any]) -> FileOptions:
    """How a file is read; what `chosen` does not say is as `guessed_options` has it."""
    if kind == "csv":
        quotes = chosen.get("quotes", True)
        return FileOptions(format="csv", delimiter=chosen["delimiter"], encoding=chosen["encoding"], quotes=quotes)
    return FileOptions(format="jsonl" if kind == "jsonl" else "parquet", encoding=chosen.get("encoding", "utf-8"))


def guessed_options(kind: str, path: Path) -> dict[str, Any]:
    """Encoding, from all of the file, and delimiter, from its beginning."""
    if kind == "parquet":
        return {"encoding": "utf-8", "delimiter": ",", "quotes": True}
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(0)
        encoding = _encoding(file)
    text = head.decode(encoding, "replace").removeprefix("\ufeff")
    return {"encoding": encoding, "delimiter": _delimiter(text), "quotes": True}


def _encoding(file: IO[bytes]) -> str:
    """UTF-8, unless the first letter beyond ASCII is none: then a file of Windows programs.

    Where UTF-8 breaks after letters that were, it is a broken file; reading it says where.
    """
    decoder, letters = codecs.getincrementaldecoder("utf-8")(), False
    while True:
        piece = file.read(_HEAD)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode("utf-8").removeprefix("\ufeff")
            return "utf-8" if letters or not before.isascii() else "cp1252"
        if not piece:
            return "utf-8"
        letters = letters or not text.removeprefix("\ufeff").isascii()


def _delimiter(text: str) -> str:
    """The sign that cuts the first lines into the same number of fields, the most of them."""
    best, most = ",", 1
    for sign in DELIMITERS:
        try:
            rows = [len(row) for row in csv.reader(text.splitlines(keepends=True)[:20], delimiter=sign) if row]
        except csv.Error:
            continue
        alike = rows[:-1] or rows
        if alike and min(alike) == max(alike) and alike[0] > most:
            best, most = sign, alike[0]
    if most > 1:
        return best
    first = text.split("\n", 1)[0]
    return max(DELIMITERS, key=lambda sign: (first.count(sign), sign == ","))


def preview(upload: Upload, path: Path, chosen: Mapping[str, Any]) -> Preview:
    """The first rows of a file; `DataError` where they cannot be read."""
    batch = next(iter(read_batches(path, _Every(), options_of(upload.kind, chosen), lambda _: None, LIMITS)))
    count = min(SHOWN_ROWS, len(batch.numbers))
    columns = [batch.column(name)[:count] for name in batch.names]
    rows = [[_shown(column[place]) for column in columns] for place in range(count)]
    return Preview(batch.names, rows, guesses(batch.names), batch)


def _shown(value: object) -> str:
    text = "" if value is None else str(value)[: _SHOWN_CHARACTERS + 1]
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def guesses(names: Sequence[str]) -> dict[str, str]:
    """Which column is which field, where its name tells; a column is one field at most."""
    plain = {re.sub(r"[\W_]+", "", name.lower()): name for name in reversed(names)}
    found: dict[str, str] = {}
    for field, (_, known) in FIELDS.items():
        for one in known:
            if one in plain and plain[one] not in found.values():
                found[field] = plain[one]
                break
    return found


def check(upload: Upload, shown: Preview, chosen: Mapping[str, Any]) -> None:
    """`ConfigurationError` or `DataError` where the first rows do not fit the columns that a person named."""
    for field in REQUIRED:
        if not chosen["fields"].get(field):
            raise ConfigurationError(f"{FIELDS[field][0]}: choose the column that holds it")
    mapping = mapping_from(chosen, upload)
    check_columns(mapping, shown.batch)
    if not extract(mapping, shown.batch, frozenset(shown.batch.names)).kept:
        raise DataError(f"{upload.name}: no row at its beginning has a title; choose another column")


def plain_mapping() -> ImportMapping:
    """That of files whose columns have the names of the catalogue; only an id and a title must be there."""
    fields: dict[str, Value] = {
        name: (NumberValue if name == "price" else Value)(column=name, optional=name not in REQUIRED) for name in FIELDS
    }
    where = Path("the mapping that holds without --mapping")
    return ImportMapping(fields, None, "import", {}, FileOptions(), 1.0, where)


def mapping_of(upload: Upload) -> ImportMapping:
    """The mapping of a file whose columns a person has named."""
    return mapping_from(upload.mapping, upload)


def mapping_from(chosen: Mapping[str, Any], upload: Upload) -> ImportMapping:
    """What a person chose, as a mapping."""
    named: Mapping[str, str] = chosen["fields"]
    fields: dict[str, Value] = {}
    for field, column in named.items():
        if column:
            kind = NumberValue(column=column, decimal=chosen["decimal"]) if field == "price" else Value(column=column)
            fields[field] = kind
    if chosen.get("unique_by_seller") and named.get("seller"):
        # Braces in a name are no part of a template, so such columns cannot be joined to one.
        fields["product_id"] = Value(join=(named["seller"], named["product_id"]), separator=":")
    options = options_of(upload.kind, chosen)
    return ImportMapping(fields, None, "import", {}, options, 1.0, Path(upload.name))
