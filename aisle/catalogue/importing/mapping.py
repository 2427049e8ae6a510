"""The mapping of an import: a YAML file that says which column becomes which field."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from aisle.config import Within, parse, read_yaml
from aisle.errors import ConfigurationError

Origin = Literal["import", "audit", "review", "correction", "model"]
Format = Literal["csv", "jsonl", "parquet"]
LABEL_FIELDS = ("labeller", "labelled_at", "audit_probability", "inclusion_probability")
ROLES = ("train", "calibration", "test")
BRACED = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Value:
    """Where the values of one field come from; just one of the first five is given.

    Attributes
    ----------
    column : str
        A column as it is.
    template : str
        Text with columns in braces, `"{seller}:{id}"`; empty where one of them is. What is no
        column of the file may be another mapped field (of which none is a template).
    join : tuple of str
        Several columns with `separator` between; empty ones are left out.
    host : str
        A column with URLs, of which the host is taken, without `www.`.
    constant : any
        The same for all rows.
    optional : bool
        A file may lack the column; the field is then empty.
    """

    column: str | None = None
    template: str | None = None
    join: tuple[str, ...] | None = None
    host: str | None = None
    constant: Any = None
    separator: str = " "
    optional: bool = False

    def columns(self) -> tuple[str, ...]:
        """The names that the value is made of."""
        if self.template is not None:
            return tuple(BRACED.findall(self.template))
        return self.join or tuple(name for name in (self.column, self.host) if name is not None)


@dataclass(frozen=True)
class NumberValue(Value):
    """A number; with `decimal: ","` a comma separates the decimals, and points the thousands."""

    decimal: Literal[".", ","] = "."


@dataclass(frozen=True)
class TimeValue(Value):
    """A time, UTC where it names no zone.

    `format` is `iso` (the default), `unix` (seconds), `unix_ms`, or a pattern such as `"%d.%m.%Y"`.
    """

    format: str = "iso"


@dataclass(frozen=True)
class CategoryColumns:
    """Where the category and the categories above it stand; one of levels, breadcrumb, id is given.

    Attributes
    ----------
    levels : tuple of str
        One column a level, branch first.
    code : str, optional
        With `levels`: what separates code and name in each value (`67010800_Tops`).
    breadcrumb : str
        One column with the whole path, its steps separated by `separator`.
    id, name : str
        One column with the category's id, and one with its name.
    tree : str, optional
        With `id`: the tree that the ids belong to, a `taxonomy.csv` (its path beside the mapping).
    """

    levels: tuple[str, ...] = ()
    code: str | None = None
    breadcrumb: str | None = None
    separator: str = ">"
    id: str | None = None
    name: str | None = None
    tree: str | None = None

    def __post_init__(self) -> None:
        ways = [way for way in ("levels", "breadcrumb", "id") if getattr(self, way)]
        if len(ways) != 1:
            raise ConfigurationError(
                f"category needs one of levels, breadcrumb, id; it has {' and '.join(ways) or 'none'}"
            )
        for option, way in (("code", "levels"), ("name", "id"), ("tree", "id")):
            if getattr(self, option) is not None and way != ways[0]:
                raise ConfigurationError(f"category.{option} goes with category.{way}, not with category.{ways[0]}")
        if self.code == "" or self.separator == "":
            raise ConfigurationError(f"category.{'code' if self.code == '' else 'separator'} is an empty text")

    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return self.levels or tuple(name for name in (self.breadcrumb, self.id, self.name) if name is not None)


@dataclass(frozen=True)
class FileOptions:
    """How the files are written; most of it shows in the files themselves.

    `columns` names the columns of CSV files without a header. `quotes: false` takes quotation
    marks as they stand.
    """

    format: Format | None = None
    columns: tuple[str, ...] = ()
    delimiter: str | None = None
    quotes: bool = True
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '\r\n"'):
            raise ConfigurationError(f"file.delimiter must be one character, not {self.delimiter!r}")
        twice = {name for name in self.columns if self.columns.count(name) > 1}
        if twice:
            raise ConfigurationError(f"file.columns names '{min(twice)}' twice")
        try:
            usable = "a,\n".encode(self.encoding) == b"a,\n"
        except LookupError:
            usable = False
        if not usable:
            raise ConfigurationError(
                f"file.encoding '{self.encoding}' cannot be read; use utf-8 or an 8-bit one such as cp1252, latin-1"
            )


@dataclass(frozen=True)
class LabelColumns:
    """Who gave the labels, and with what chance; origin `import` counts as certain to be labelled."""

    origin: Origin = "import"
    labeller: Any = None
    labelled_at: Any = None
    audit_probability: Any = None
    inclusion_probability: Any = None


@dataclass(frozen=True)
class ProductColumns:
    """Where each field of a product comes from; only id and title are required."""

    product_id: Any
    title: Any
    description: Any = None
    brand: Any = None
    seller_category: Any = None
    price: Any = None
    currency: Any = None
    seller: Any = None
    received_at: Any = None
    group_id: Any = None


@dataclass(frozen=True)
class _File:
    """The YAML file as it stands."""

    product: ProductColumns
    category: CategoryColumns | None = None
    labels: LabelColumns = field(default_factory=LabelColumns)
    split: Mapping[str, str] = field(default_factory=dict)
    file: FileOptions = field(default_factory=FileOptions)
    max_empty_titles: float = field(default=0.05, metadata={"within": Within(0, 1)})


@dataclass(frozen=True)
class ImportMapping:
    """A checked mapping.

    Attributes
    ----------
    fields : mapping of str to Value
        By the names of the products table (`title`, …) and of the labels table (`labeller`,
        `labelled_at`, `audit_probability`, `inclusion_probability`).
    category : CategoryColumns or None
        None brings products without labels.
    origin : str
        Of all labels.
    split : mapping of str to str
        Role (train, calibration, test) to a pattern of file names.
    file : FileOptions
    max_empty_titles : float in [0, 1]
        Rows without a title are left out; a larger share of them is an error.
    source : Path
        The mapping's own file.
    """

    fields: Mapping[str, Value]
    category: CategoryColumns | None
    origin: Origin
    split: Mapping[str, str]
    file: FileOptions
    max_empty_titles: float
    source: Path

    def role_of(self, path: Path) -> str | None:
        """The official role of a file's products; None without `split`, an error unless just one pattern fits."""
        if not self.split:
            return None
        roles = [role for role, pattern in self.split.items() if fnmatch.fnmatchcase(path.name, pattern)]
        if len(roles) == 1:
            return roles[0]
        patterns = ", ".join(f"{role}: {pattern}" for role, pattern in self.split.items())
        fits = "several patterns" if roles else "no pattern"
        raise ConfigurationError(f"{path}: {fits} of split fits this file name ({patterns}); mend {self.source}")


_KINDS: dict[str, type[Value]] = {
    "price": NumberValue,
    "audit_probability": NumberValue,
    "inclusion_probability": NumberValue,
    "received_at": TimeValue,
    "labelled_at": TimeValue,
}
_WAYS = ("column", "template", "join", "host", "constant")


def read_mapping(path: Path | str) -> ImportMapping:
    """Read and check a mapping; `ConfigurationError` names the parameter that is wrong, and the file."""
    path = Path(path)
    content = read_yaml(path)
    if content is None:
        raise ConfigurationError(f"{path}: empty; a mapping names at least product.product_id and product.title")
    try:
        return _checked(parse(_File, content, ""), path)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _checked(file: _File, path: Path) -> ImportMapping:
    fields = {
        name: _value(content, f"product.{name}", _KINDS.get(name, Value))
        for name, content in vars(file.product).items()
        if content is not None or name in ("product_id", "title")
    } | {
        name: _value(content, f"labels.{name}", _KINDS.get(name, Value))
        for name in LABEL_FIELDS
        if (content := getattr(file.labels, name)) is not None
    }
    for role in file.split:
        if role not in ROLES:
            raise ConfigurationError(f"split.{role} is no role; the roles are {', '.join(ROLES)}")
    if file.labels.origin == "audit" and "audit_probability" not in fields:
        raise ConfigurationError("labels.audit_probability is needed with origin audit: the chance of being drawn")
    if file.labels != LabelColumns() and file.category is None:
        raise ConfigurationError("labels needs category: which columns hold the label?")
    if file.file.columns and file.file.format not in (None, "csv"):
        raise ConfigurationError(f"file.columns names the columns of CSV files; {file.file.format} has its own")
    category = file.category
    if category is not None and category.tree is not None:
        category = replace(category, tree=str(path.parent / category.tree))
    return ImportMapping(fields, category, file.labels.origin, file.split, file.file, file.max_empty_titles, path)


def _value(content: Any, where: str, kind: type[Value]) -> Value:
    if isinstance(content, Mapping) and content and all(one is None for one in content.values()):
        raise ConfigurationError(f'{where} begins with a brace; put a template in quotation marks: "{{…}}"')
    if isinstance(content, Mapping):
        value: Value = parse(kind, content, where)
    elif isinstance(content, str):
        value = kind(template=content) if "{" in content or "}" in content else kind(column=content)
    else:
        raise ConfigurationError(
            f"{where} must be a column, a template or a table such as {{constant: …}}, not {content!r}"
        )
    ways = [way for way in _WAYS if getattr(value, way) is not None]
    if len(ways) != 1:
        raise ConfigurationError(f"{where} needs one of {', '.join(_WAYS)}; it has {' and '.join(ways) or 'none'}")
    if value.template is not None and re.search(r"[{}]", BRACED.sub("", value.template)):
        raise ConfigurationError(f"{where} has a brace without its partner: {value.template!r}")
    if ways[0] != "constant" and (not value.columns() or "" in value.columns()):
        raise ConfigurationError(f"{where} names no column; for the same text in all rows write {{constant: …}}")
    if isinstance(value.constant, bool | list | dict):
        raise ConfigurationError(f"{where}.constant must be a text or a number, not {value.constant!r}; quote a text")
    return value
