"""The rows of a closed day as tables in the columns of the catalogue; the same plan gives the same rows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db.models.functions import Coalesce

from desk.ledger.models import Prediction, Revision

if TYPE_CHECKING:
    import pyarrow as pa

    from desk.export.plan import Plan

AT_A_TIME = 20_000  # rows that are Python objects at one moment
_CURRENCY = re.compile("[A-Z]{3}")
_HIGHEST_PRICE = 1e9  # what a catalogue takes for a price


def number_of(revision: str = "") -> Coalesce:
    """The number that a revision has in the catalogue; `revision` is the way to it, such as `revision__`."""
    return Coalesce(f"{revision}renumbered__number", f"{revision}number")


_PRODUCT = (
    "product__product_id", number_of(), "title", "description", "brand", "seller_category", "price", "currency",
    "seller", "product__received_at",
)  # fmt: skip
_PREDICTION = (
    "product__product_id", number_of("revision__"), "predicted_at", "category_id", "branch_id", "confidence",
    "threshold", "decision", "audit_probability", "audit_drawn", "blind", "model_version", "policy_id", "bento_tag",
)  # fmt: skip


def products(plan: Plan) -> pa.Table:
    """The revisions that were received, in the order of arrival."""
    found = (
        row
        for window in plan.windows(Revision)
        for row in Revision.objects.filter(window).order_by("id").values_list(*_PRODUCT).iterator(AT_A_TIME)
    )
    names = (
        "product_id", "revision", "title", "description", "brand", "seller_category", "price", "currency", "seller",
        "received_at",
    )  # fmt: skip
    return table("products", names, map(_product, found))


def predictions(plan: Plan) -> pa.Table:
    """The predictions that were stored, in their order."""
    found = (
        row
        for window in plan.windows(Prediction)
        for row in Prediction.objects.filter(window).order_by("id").values_list(*_PREDICTION).iterator(AT_A_TIME)
    )
    return table("predictions", ("product_id", "revision", *_PREDICTION[2:]), map(_prediction, found))


def _product(row: tuple[Any, ...]) -> tuple[Any, ...]:
    *texts, price, currency, seller, received_at = row
    return (*texts, price_of(price), currency_of(currency), seller, received_at)


def price_of(price: float | None) -> float | None:
    """A price that a catalogue takes, else None."""
    return price if price is not None and math.isfinite(price) and 0 <= price <= _HIGHEST_PRICE else None


def currency_of(text: str | None) -> str | None:
    """The three letters of a currency, else None."""
    code = (text or "").strip().upper()
    return code if _CURRENCY.fullmatch(code) else None


def _prediction(row: tuple[Any, ...]) -> tuple[Any, ...]:
    # A prediction without a chance comes from outside of the draw: null, as where nobody draws.
    place = _PREDICTION.index("audit_probability")
    return (*row[:place], row[place] or None, *row[place + 1 :])


def table(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> pa.Table:
    """`rows` as a table of the catalogue; other columns are null."""
    import pyarrow as pa

    from aisle.catalogue.tables import SCHEMAS

    schema = pa.schema([SCHEMAS[name].field(column).with_nullable(True) for column in columns])
    parts = [
        pa.table([pa.array(values, field.type) for values, field in zip(zip(*part, strict=True), schema, strict=True)],
                 schema=schema)
        for part in batches(rows, AT_A_TIME)
    ]  # fmt: skip
    return pa.concat_tables(parts) if parts else schema.empty_table()


def batches(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """`rows` in lists of at most `size`."""
    rest = iter(rows)
    while part := list(islice(rest, size)):
        yield part


TABLES: dict[str, Callable[[Plan], pa.Table]] = {"products": products, "predictions": predictions}
