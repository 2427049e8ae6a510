"""The API: products in, and where a product stands."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from desk.inbox.intake import MOST, Receipt, receive
from desk.labelling import queue
from desk.ledger.models import Product, Revision, Source, State, Task, Waiting
from desk.people.access import ApiError, api, person_of, read_json
from desk.people.models import Scope


class Products(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request; each product is checked for itself, so that a bad one spoils no other."""

    products: list[Any]


@api(Scope.INTAKE)
def take_products(request: HttpRequest) -> JsonResponse:
    """`POST /api/products {"products": [1 to 1,000]}`: stored when the answer is there; sent again, nothing changes.

    Answers 200 with columns, a place a product in the order sent; 400 where none of them is good.
    """
    products = read_json(request, Products).products
    if not 1 <= len(products) <= MOST:
        raise ApiError(400, f"{len(products)} products; a request holds 1 to {MOST:,}")
    receipt = receive(products, timezone.now())
    answer = _told(receipt)
    if len(receipt.errors) < len(products):
        return JsonResponse(answer)
    return JsonResponse({"error": "no product is good; errors says why", **answer}, status=400)


def _told(receipt: Receipt) -> dict[str, Any]:
    return {
        **receipt.counts(),
        "product_id": receipt.product_id,
        "revision": receipt.revision,
        "outcome": receipt.outcome,
        "errors": [{"place": place, **error._asdict()} for place, error in receipt.errors.items()],
    }


@api(Scope.READ, methods=("GET",))
def product_standing(request: HttpRequest, product_id: str) -> JsonResponse:
    """`GET /api/products/PRODUCT_ID`: where a product stands, and its category once it has one.

    As on its page, whoever could still be asked about the product is not told what was said of it: `hidden` is true,
    and its category, its source and whether it is settled are null. So it is for a token of such a person.
    """
    product = Product.objects.filter(product_id=product_id).first() if "\0" not in product_id else None
    if product is None:
        raise ApiError(404, "no product of this id has come in")
    revision = Revision.objects.get(product=product, number=product.revision)
    waiting = Waiting.objects.filter(revision=revision).first()
    hidden = product.pk in queue.could_be_given(person_of(request), [product.pk])
    return JsonResponse(
        {
            "product_id": product.product_id,
            "revision": product.revision,
            "received_at": product.received_at,
            "state": None if hidden and waiting is None else _state(product, waiting),
            "category_id": None if hidden else product.category_id,
            "branch_id": None if hidden else product.branch_id,
            "source": None if hidden else product.source,
            "settled_at": None if hidden else product.settled_at,
            "hidden": hidden,
            "error": waiting.last_error or None if waiting is not None else None,
        }
    )


def _state(product: Product, waiting: Waiting | None) -> str:
    """`waiting` for the service, `refused` by it, under `review`, or `settled`."""
    if waiting is not None:
        return "refused" if waiting.refused else "waiting"
    open_reviews = Task.objects.filter(
        product=product, revision__number=product.revision, prediction__decision="review",
        state__in=(State.OPEN, State.CLAIMED),
    )  # fmt: skip
    return "review" if product.source == Source.NONE or open_reviews.exists() else "settled"
