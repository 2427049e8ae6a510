"""The category tree of the desk: `taxonomy.csv` of the data folder, read again when the file changes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from aisle.catalogue.taxonomy import Taxonomy, read_taxonomy
from aisle.errors import DataError

SEPARATOR = " › "


def taxonomy() -> Taxonomy:
    """The tree as it is now; `DataError` where the file is missing or wrong."""
    path: Path = settings.CONFIGURATION.data / "taxonomy.csv"
    try:
        changed = path.stat()
    except OSError:
        return read_taxonomy(path)  # which says what is wrong
    return _read(path, changed.st_mtime_ns, changed.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, changed: int, size: int) -> Taxonomy:
    return read_taxonomy(path)


def path_names(tree: Taxonomy, category_id: str) -> list[str]:
    """Names from the branch down; the id alone where the tree does not know it any more."""
    if category_id not in tree:
        return [category_id]
    return [tree.name(step) for step in tree.path(category_id)]


def agrees(category_id: str, decided_id: str) -> bool:
    """Whether a category is what was decided, at the level that was decided: below a branch any of its leaves.

    Where the tree cannot be read, or does not know the category, only the same one agrees.
    """
    if category_id == decided_id:
        return True
    try:
        tree = taxonomy()
    except DataError:
        return False
    return category_id in tree and decided_id in tree.path(category_id)
