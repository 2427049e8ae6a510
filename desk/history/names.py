"""Names of categories for people; the desk works on where the tree cannot be read."""

from __future__ import annotations

from aisle.catalogue.taxonomy import Taxonomy
from aisle.errors import DataError
from desk.tree import SEPARATOR, taxonomy


def full_name(category_id: str | None) -> str:
    """Names from the branch down, or the id where the tree does not know it; empty for None."""
    if not category_id:
        return ""
    try:
        known = taxonomy()
    except DataError:
        return category_id
    return known.full_name(category_id, SEPARATOR) if category_id in known else category_id


def branches() -> list[tuple[str, str]]:
    """Id and name of every branch, by name; none where there is no tree."""
    try:
        known = taxonomy()
    except DataError:
        return []
    return sorted(((one, known.name(one)) for one in known.branches), key=lambda pair: pair[1].casefold())


def leaf_of(text: str) -> str:
    """The leaf that `text` means: its id, its name, or its names from the branch down.

    `DataError` says what is wrong: unknown, not a leaf, or a name that several leaves have.
    """
    known, wanted = taxonomy(), text.strip()
    if wanted in known:
        if wanted in known.children:
            raise DataError(f"{known.name(wanted)} has categories below it; choose one of those")
        return wanted
    spoken = SEPARATOR.join(part.strip() for part in wanted.replace(">", "›").split("›")).casefold()
    fits = [leaf for leaf in known.leaves if spoken in (known.name(leaf).casefold(), _spoken(known, leaf))]
    if not fits:
        raise DataError(f"'{wanted}' is not in the category tree; choose one of the list")
    if len(fits) > 1:
        raise DataError(f"'{wanted}' is the name of {len(fits)} categories; choose one with its branch")
    return fits[0]


def like(text: str, most: int = 20) -> list[tuple[str, str]]:
    """Leaves whose names from the branch down hold every word of `text`: id and full name."""
    words = text.casefold().split()
    if not words:
        return []
    known = taxonomy()
    fits = [(leaf, known.full_name(leaf, SEPARATOR)) for leaf in known.leaves]
    good = [pair for pair in fits if all(word in pair[1].casefold() for word in words)]
    starts = words[0]
    return sorted(good, key=lambda pair: (not known.name(pair[0]).casefold().startswith(starts), len(pair[1])))[:most]


def _spoken(known: Taxonomy, leaf: str) -> str:
    return known.full_name(leaf, SEPARATOR).casefold()
