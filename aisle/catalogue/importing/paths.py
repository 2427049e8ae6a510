"""Categories as the files say them, row by row, and the tree that they make together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from aisle.catalogue.importing.fields import Rows
from aisle.catalogue.importing.mapping import CategoryColumns
from aisle.catalogue.taxonomy import Category, Taxonomy, read_taxonomy
from aisle.config import suggest
from aisle.errors import DataError

_STEP = " > "  # between the names of a path that serves as an id
Raw = tuple[str | None, ...]
T = TypeVar("T")


class Step(NamedTuple):
    """One category on the way from branch to leaf; `level` counts from 1, None where it does not show."""

    level: int | None
    code: str
    name: str


Key = tuple[int | None, str]


@dataclass(frozen=True)
class Resolved:
    """The tree that the rows make, with what stood there before.

    Attributes
    ----------
    taxonomy : Taxonomy
    category_ids : list of (str or None)
        The category of each path number; None where it has children, so that no product belongs there.
    became_inner : tuple of str
        Leaves of the earlier tree that would get children.
    warnings : tuple of str
    """

    taxonomy: Taxonomy
    category_ids: list[str | None]
    became_inner: tuple[str, ...]
    warnings: tuple[str, ...]


class CategoryPaths:
    """Collects the distinct paths of all rows; memory grows with the tree, not with the rows.

    Parameters
    ----------
    source : CategoryColumns
        Where the path stands.
    base : Taxonomy or None
        The tree of the catalogue that is appended to.
    """

    def __init__(self, source: CategoryColumns, base: Taxonomy | None) -> None:
        self._source = source
        self._base = base
        self._tree = None if source.tree is None else read_taxonomy(source.tree)
        self._numbers: dict[Raw, int | None] = {}
        self._paths: list[list[Step]] = []
        self._counts: list[int] = []

    def __len__(self) -> int:
        return len(self._paths)

    def add(self, rows: Rows) -> list[int | None]:
        """The number of each row's path; None for a row without category."""
        columns = [rows.texts(column, self._source.separator) for column in self._source.columns()]
        numbers = []
        for index, raw in enumerate(zip(*columns, strict=True)):
            if raw not in self._numbers:
                self._numbers[raw] = self._new(raw, rows, index)
            number = self._numbers[raw]
            if number is not None:
                self._counts[number] += 1
            numbers.append(number)
        return numbers

    def _new(self, raw: Raw, rows: Rows, index: int) -> int | None:
        try:
            steps = self._steps(raw)
        except ValueError as error:
            raise DataError(f"{rows.at(index)}: {error}") from None
        if not steps:
            return None
        self._paths.append(steps)
        self._counts.append(0)
        return len(self._paths) - 1

    def _steps(self, raw: Raw) -> list[Step]:
        if self._source.id is not None:
            return self._single(raw[0], raw[1] if len(raw) > 1 else None)
        if self._source.breadcrumb is not None:
            parts = [part.strip() for part in (raw[0] or "").split(self._source.separator)]
            return _named_steps([part for part in parts if part])
        values = list(raw)
        while values and values[-1] is None:
            values.pop()
        if None in values:
            place = values.index(None)
            raise ValueError(f"{self._source.levels[place]} is empty above {values[-1]!r}; fill it in")
        filled = [value for value in values if value is not None]
        return _named_steps(filled) if self._source.code is None else self._coded_steps(filled, self._source.code)

    def _single(self, code: str | None, name: str | None) -> list[Step]:
        if code is None:
            return []
        known = self._tree or (self._base if self._source.name is None else None)
        if known is not None and code not in known:
            tree = self._source.tree or "the catalogue's tree (to add categories, map category.name too)"
            raise ValueError(f"category '{code}' is not in {tree}{_near(code, known)}")
        if known is not None:
            name = known.name(code)
        return [Step(None, code, name or code)]

    def _coded_steps(self, values: Sequence[str], separator: str) -> list[Step]:
        steps = []
        for level, value in enumerate(values, start=1):
            code, found, name = value.partition(separator)
            code, name = code.strip(), name.strip()
            if not code or not found:
                column = self._source.levels[level - 1]
                raise ValueError(f"{column} is '{value}', not code and name with '{separator}' between")
            steps.append(Step(level, code, name or code))
        return steps

    def resolve(self) -> Resolved:
        """The tree of all rows seen.

        A category that rows put under several parents gets the one with the most rows, and so does
        its name. Categories of the earlier tree keep their parent and take a new name. A code that
        stands at several levels means several categories: their ids carry the level (`code@level`).
        """
        warnings: list[str] = []
        ids = self._ids()
        leaves = [ids[path[-1].level, path[-1].code] for path in self._paths]
        found = list(self._tree.categories.values()) if self._tree is not None else self._majority(ids, warnings)
        base = dict(self._base.categories) if self._base is not None else {}
        merged = _merge(base, found, warnings)
        keep = {*base, *leaves} if self._tree is None else set(merged)
        taxonomy = Taxonomy(_without_childless(merged, keep), source="the imported categories")
        inner: Counter[str] = Counter()
        for leaf, count in zip(leaves, self._counts, strict=True):
            if leaf in taxonomy.children:
                inner[leaf] += count
        for leaf, count in inner.items():
            warnings.append(
                f"category {leaf} ({taxonomy.name(leaf)}) has categories below it: the label of {_rows(count)} "
                "is left out (products belong to leaves)"
            )
        became_inner = tuple(one for one in (self._base.leaves if self._base else ()) if one in taxonomy.children)
        return Resolved(taxonomy, [None if one in inner else one for one in leaves], became_inner, tuple(warnings))

    def _ids(self) -> dict[Key, str]:
        keys = dict.fromkeys((step.level, step.code) for path in self._paths for step in path)
        levels: defaultdict[str, set[int | None]] = defaultdict(set)
        for level, code in keys:
            levels[code].add(level)
        depth = {} if self._base is None else {one: len(self._base.path(one)) for one in self._base.categories}
        # Files may leave upper levels out; only where level 1 is the branches do levels say which category is meant.
        aligned = all(depth.get(code, 1) == 1 for level, code in keys if level == 1)
        ids = {}
        for level, code in keys:
            tagged = f"{code}@{level}"
            elsewhere = aligned and level is not None and depth.get(code, level) != level
            taken = len(levels[code]) > 1 and depth.get(code) != level
            ids[level, code] = tagged if tagged in depth or elsewhere or taken else code
        return ids

    def _majority(self, ids: dict[Key, str], warnings: list[str]) -> list[Category]:
        """The categories on the paths, each after the categories above it."""
        names: defaultdict[str, Counter[str]] = defaultdict(Counter)
        parents: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
        for path, count in zip(self._paths, self._counts, strict=True):
            above: str | None = None
            for step in path:
                category_id = ids[step.level, step.code]
                names[category_id][step.name] += count
                parents[category_id][above] += count
                above = category_id
        chosen = {}
        for category_id in sorted(names):
            name, parent = _most(names[category_id]), _most(parents[category_id])
            chosen[category_id] = Category(category_id, parent, name)
            if len(parents[category_id]) > 1:
                rows = ", ".join(f"{above} ({_rows(count)})" for above, count in parents[category_id].most_common())
                warnings.append(
                    f"category {category_id} ({name}) has {len(parents[category_id])} parents: {rows}; {parent} stands"
                )
        return sorted(chosen.values(), key=lambda one: _path_in(chosen, one.category_id))


def _named_steps(names: Sequence[str]) -> list[Step]:
    """Categories without a code: the path itself is the id."""
    steps, path = [], ""
    for level, name in enumerate(names, start=1):
        path = (path + _STEP if path else "") + name.replace(">", "›")
        steps.append(Step(level, path, name))
    return steps


def _most(counts: Counter[T]) -> T:
    return min(counts, key=lambda one: (-counts[one], str(one)))


def _path_in(categories: dict[str, Category], category_id: str) -> list[str]:
    path: list[str] = []
    node: str | None = category_id
    while node is not None and node not in path:
        path.append(node)
        node = categories[node].parent_id
    return path[::-1]


def _merge(base: dict[str, Category], found: Iterable[Category], warnings: list[str]) -> dict[str, Category]:
    merged = dict(base)
    for category in found:
        known = merged.get(category.category_id)
        if known is None:
            merged[category.category_id] = category
            continue
        if known.parent_id != category.parent_id:
            warnings.append(
                f"category {known.category_id} ({known.name}) stays below {known.parent_id or 'no parent'}, where the "
                f"catalogue has it; the new rows say {category.parent_id or 'no parent'} (edit taxonomy.csv to move it)"
            )
        merged[category.category_id] = Category(known.category_id, known.parent_id, category.name)
    return merged


def _without_childless(categories: dict[str, Category], keep: set[str]) -> list[Category]:
    """Categories to keep, and those above them: a parent that no row ended up below is no leaf."""
    needed: set[str] = set()
    for category_id in categories:
        if category_id in keep:
            needed.update(_path_in(categories, category_id))
    return [category for category_id, category in categories.items() if category_id in needed]


def _near(code: str, known: Taxonomy) -> str:
    near = suggest(code, known.categories)
    return near if "did you mean" in near else ""


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
