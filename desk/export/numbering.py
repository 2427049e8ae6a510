"""Numbers of revisions of products that the catalogue knows from elsewhere, such as from an import.

The ledger counts the revisions of a product from 1, or as their sender numbers them. Where the catalogue holds
revisions of the product that others wrote, those of the ledger come after them, in their own order: the first one
of a product that was imported goes out as revision 2. Such a number is fixed when the revision goes out first, so
that its predictions and labels carry the same one, and so does every later writing of the same day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Max

from desk.export.rows import AT_A_TIME, batches
from desk.ledger.models import Export, Renumbered, Revision

if TYPE_CHECKING:
    from desk.export.plan import Plan


def renumber(plan: Plan, folder: Path) -> None:
    """Fix the numbers of the revisions of `plan` that must differ from the ledger's, before its first shard is written.

    All of them or none; what is fixed already stays.
    """
    revisions = list(_revisions(plan))
    if not revisions:
        return
    known = _Known({product_id for _, product_id, _ in revisions}, plan.name, folder)
    new = [
        Renumbered(revision_id=key, number=number)
        for key, product_id, own in revisions
        if product_id in known and (number := known.take(product_id, own)) != own
    ]
    with transaction.atomic():
        Renumbered.objects.bulk_create(new, batch_size=1000)


class _Known:
    """What the catalogue holds of some products, without the shard that is to be written."""

    def __init__(self, products: Collection[str], own_shard: str, folder: Path) -> None:
        from aisle.catalogue.tables import read_table, shards_of

        shards = {path.stem for path in shards_of(folder, "products")} - {own_shard}
        held = read_table(folder, "products", columns=("product_id", "revision"), shards=shards, products=products)
        ours = {Path(name).stem for files in Export.objects.values_list("files", flat=True) for name in files}
        others = held[~held["shard"].isin(ours)]
        self._highest = {str(one): int(most) for one, most in others.groupby("product_id")["revision"].max().items()}
        self._taken = {str(one): set(numbers) for one, numbers in held.groupby("product_id")["revision"]}
        self._added = _added_before(self._taken)

    def __contains__(self, product_id: str) -> bool:
        return product_id in self._taken

    def take(self, product_id: str, own: int) -> int:
        """The number of a revision that the ledger numbers `own`; nobody else gets it."""
        added, highest = self._added.get(product_id, 0), self._highest.get(product_id, 0)
        if own + added <= highest:
            added = self._added[product_id] = highest
        number, taken = own + added, self._taken[product_id]
        while number in taken:
            number += 1
        taken.add(number)
        return number


def _added_before(products: Collection[str]) -> dict[str, int]:
    """By how much the numbers of each product were raised on earlier days."""
    found: dict[str, int] = {}
    raised = Renumbered.objects.annotate(added=F("number") - F("revision__number"))
    for part in batches(products, 10_000):
        of_part = raised.filter(revision__product__product_id__in=part).values_list("revision__product__product_id")
        found.update(of_part.annotate(most=Max("added")))
    return found


def _revisions(plan: Plan) -> Iterator[tuple[int, str, int]]:
    """Key, product and number of the plan's revisions whose number is not fixed yet, in the order of arrival."""
    for window in plan.windows(Revision):
        rows = Revision.objects.filter(window, renumbered__isnull=True).order_by("id")
        yield from rows.values_list("id", "product__product_id", "number").iterator(AT_A_TIME)
