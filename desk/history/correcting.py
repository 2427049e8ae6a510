"""A person sets the category of a product, outside any task."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from aisle.errors import DataError
from desk.history import names
from desk.inbox.rows import whole
from desk.ledger.models import Correction, Kind, Product, Revision, Source, State, Task
from desk.people.models import Person
from desk.tree import taxonomy

MOST_LETTERS = 1000


def correct(
    person: Person, product_pk: int, category_id: str, reason: str, uuid: UUID, before_category_id: str | None
) -> Correction:
    """Write a correction and publish its category, in one transaction; the same `uuid` again changes nothing.

    An open review is not needed any more and is superseded. An open audit stays: it asks whether its
    prediction was right, which a correction must not answer.

    Parameters
    ----------
    category_id : str
        A leaf of the tree.
    reason : str
        Why, for the history, 1 to 1,000 characters.
    before_category_id : str or None
        What the person saw; `DataError` where somebody else changed it meanwhile.
    """
    tree, reason = taxonomy(), reason.strip()
    if category_id not in tree or category_id in tree.children:
        raise DataError(f"'{category_id}' is not a category that products can be put into")
    if not 1 <= len(reason) <= MOST_LETTERS:
        raise DataError(f"give a reason of 1 to {MOST_LETTERS:,} characters: it stays in the history")
    return whole(lambda: _correct(person, product_pk, category_id, reason, uuid, before_category_id))


def _correct(
    person: Person, product_pk: int, category_id: str, reason: str, uuid: UUID, before_category_id: str | None
) -> Correction:
    # Tasks before the product, as whoever answers and whoever scores take them: nobody waits in a circle.
    reviews = Task.objects.filter(product_id=product_pk, kind=Kind.REVIEW, state__in=[State.OPEN, State.CLAIMED])
    list(reviews.order_by("id").select_for_update().values_list("id", flat=True))
    product = Product.objects.select_for_update().get(pk=product_pk)
    known = Correction.objects.filter(uuid=uuid).first()
    if known is not None:
        return _same(known, product, person)
    if product.category_id != before_category_id:
        now = names.full_name(product.category_id) or "no category"
        raise DataError(f"somebody changed this product meanwhile: it is in {now} now; look again")
    if product.category_id == category_id and product.source == Source.CORRECTION:
        raise DataError("the product was corrected to this category already")
    moment = timezone.now()
    correction = Correction.objects.create(
        uuid=uuid,
        product=product,
        revision=Revision.objects.get(product=product, number=product.revision),
        person=person,
        category_id=category_id,
        before_category_id=product.category_id,
        reason=reason,
        corrected_at=moment,
    )
    product.category_id, product.branch_id = category_id, taxonomy().branch_of(category_id)
    product.source, product.settled_at = Source.CORRECTION, moment
    product.save(update_fields=["category_id", "branch_id", "source", "settled_at"])
    reviews.update(state=State.SUPERSEDED, done_at=moment)
    return correction


def _same(known: Correction, product: Product, person: Person) -> Correction:
    if known.product_id != product.pk or known.person_id != person.pk:
        raise DataError("this form was used for another correction; open the page of the product again")
    return known
