"""The category tree: branches at the top, leaves where products belong."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from aisle.errors import DataError
from aisle.files import write_text

COLUMNS = ("category_id", "parent_id", "name")


@dataclass(frozen=True)
class Category:
    """One row of the tree; a branch has no parent."""

    category_id: str
    parent_id: str | None
    name: str


class Taxonomy:
    """A forest of categories, checked when it is made.

    Parameters
    ----------
    categories : iterable of Category
        In any order. `DataError` for an empty tree, an id twice, an unknown parent or a cycle.
    source : str
        What error messages call the tree, usually its file.
    """

    def __init__(self, categories: Iterable[Category], source: str = "taxonomy.csv") -> None:
        self.categories: dict[str, Category] = {}
        for category in categories:
            if not category.category_id:
                raise DataError(f"{source}: a category has no category_id (name '{category.name}')")
            if category.category_id in self.categories:
                raise DataError(f"{source}: category_id '{category.category_id}' stands there twice; keep one row")
            self.categories[category.category_id] = category
        if not self.categories:
            raise DataError(f"{source}: the tree is empty; it needs at least two leaves")
        self._check_parents(source)

    def _check_parents(self, source: str) -> None:
        for category in self.categories.values():
            if category.parent_id is not None and category.parent_id not in self.categories:
                raise DataError(
                    f"{source}: category '{category.category_id}' has the parent '{category.parent_id}', "
                    "which is not in the tree; add that row or mend parent_id"
                )
        rooted: set[str] = set()
        for start in self.categories:
            walk: dict[str, None] = {}
            node: str | None = start
            while node is not None and node not in rooted:
                if node in walk:
                    loop = [*list(walk)[list(walk).index(node) :], node]
                    raise DataError(f"{source}: the tree has a cycle: {' > '.join(loop)}; a branch has no parent_id")
                walk[node] = None
                node = self.categories[node].parent_id
            rooted.update(walk)

    def __contains__(self, category_id: object) -> bool:
        return category_id in self.categories

    def __len__(self) -> int:
        return len(self.categories)

    @cached_property
    def children(self) -> dict[str | None, list[str]]:
        """Ids below each id, in the order of the file; the key None holds the branches."""
        below: dict[str | None, list[str]] = {}
        for category in self.categories.values():
            below.setdefault(category.parent_id, []).append(category.category_id)
        return below

    @cached_property
    def leaves(self) -> list[str]:
        """Ids without children, in the order of the file."""
        return [category_id for category_id in self.categories if category_id not in self.children]

    @property
    def branches(self) -> list[str]:
        """Ids without a parent, in the order of the file."""
        return self.children[None]

    def path(self, category_id: str) -> list[str]:
        """Ids from the branch down to `category_id`, both included."""
        upwards: list[str] = []
        node: str | None = category_id
        while node is not None:
            upwards.append(node)
            node = self.categories[node].parent_id
        return upwards[::-1]

    def branch_of(self, category_id: str) -> str:
        """The branch above `category_id`; a branch is its own."""
        return self.path(category_id)[0]

    def name(self, category_id: str) -> str:
        """The name of one category."""
        return self.categories[category_id].name

    def full_name(self, category_id: str, separator: str = " > ") -> str:
        """Names from the branch down, for people."""
        return separator.join(self.name(step) for step in self.path(category_id))


def read_taxonomy(path: Path | str) -> Taxonomy:
    """Read `taxonomy.csv` (`category_id, parent_id, name`; an empty parent_id makes a branch)."""
    return Taxonomy(read_categories(path), source=str(path))


def read_categories(path: Path | str) -> list[Category]:
    """Read the rows of `taxonomy.csv` as they stand; whether they make a tree is not asked."""
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: not there; get the data with `dvc pull`, or bring your own with `aisle import`")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    rows = csv.DictReader(io.StringIO(text))
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise DataError(f"{path}: missing column {', '.join(missing)}; the header must be {','.join(COLUMNS)}")
    return [
        Category(
            (row["category_id"] or "").strip(), (row["parent_id"] or "").strip() or None, (row["name"] or "").strip()
        )
        for row in rows
    ]


def write_taxonomy(taxonomy: Taxonomy, path: Path | str) -> None:
    """Write the tree as `taxonomy.csv`, atomically."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(COLUMNS)
    for category in taxonomy.categories.values():
        writer.writerow([category.category_id, category.parent_id or "", category.name])
    write_text(path, target.getvalue())
