"""Products as plain columns: what models read of a data frame, for processes that run without pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import pandas as pd

PRODUCT_FIELDS = ("title", "description", "brand", "seller_category", "price", "currency", "seller")


class Column(NamedTuple):
    """One column: its values, one a product, None where a product has none."""

    values: Sequence[Any]

    def tolist(self) -> list[Any]:
        """The values as a list."""
        return list(self.values)


class Columns:
    """Products as columns of equal length: the part of a data frame that models use.

    Parameters
    ----------
    values : mapping of column name to values, one a product
        Texts are str or None, prices float or None.

    Raises
    ------
    ValueError
        For columns of different lengths.
    """

    def __init__(self, values: Mapping[str, Sequence[Any]]) -> None:
        lengths = {len(column) for column in values.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns of different lengths: {sorted(lengths)}")
        self._values = {name: Column(column) for name, column in values.items()}
        self._length = lengths.pop() if lengths else 0

    def __len__(self) -> int:
        return self._length

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._values)

    def __getitem__(self, name: str) -> Column:
        return self._values[name]

    def rows(self, start: int, stop: int) -> Columns:
        """Products from place `start` up to, and without, `stop`."""
        return Columns({name: column.values[start:stop] for name, column in self._values.items()})


Products: TypeAlias = "Columns | pd.DataFrame"


def some_rows(products: Products, start: int, stop: int) -> Products:
    """Products from place `start` up to, and without, `stop`, in the form that they came in."""
    return products.rows(start, stop) if isinstance(products, Columns) else products.iloc[start:stop]
