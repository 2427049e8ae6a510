"""Pages of products: the list, one with its history, its correction."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.crypto import salted_hmac
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from aisle.errors import DataError
from desk.history import correcting, names
from desk.history.forms import CorrectionForm
from desk.history.listing import Found, Wanted, find
from desk.history.story import story
from desk.labelling import queue
from desk.ledger.models import Prediction, Product, Revision, Source
from desk.people.access import page, person_of
from desk.people.models import Person, Role

_MOST_PAGES = 20  # that are looked through for one that is not wholly hidden


@require_GET
@page(Role.BUSINESS)
def products(request: HttpRequest) -> HttpResponseBase:
    """Products, the newest first, or those that fit a search."""
    wanted = Wanted.of(request.GET.dict())
    found, hidden = _shown_to(person_of(request), wanted)
    kept: dict[str, str] = {"q": wanted.text, "seller": wanted.seller, "source": wanted.source}
    following = urlencode({**kept, "before": str(found.next_before)}) if found.next_before is not None else ""
    first = urlencode(kept) if wanted.before is not None else ""
    rows = [
        (row, "" if row.product.pk in hidden else names.full_name(row.product.category_id), row.product.pk in hidden)
        for row in found.rows
    ]
    values = {
        "rows": rows,
        "wanted": wanted,
        "sources": Source.choices,
        "following": following,
        "first": first,
        "left_out": wanted.source and queue.kinds_for(person_of(request)),
    }
    return render(request, "history/products.html", values)


@page(Role.BUSINESS)
def product(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One product as it stands, and everything that happened to it; a correction is sent here too.

    Whoever could still be asked about the product sees its texts alone: their answer must be their own.
    """
    shown = get_object_or_404(Product, pk=pk)
    hidden = pk in queue.could_be_given(person_of(request), [pk])
    before = _mark(shown) if hidden else shown.category_id
    form = CorrectionForm(request.POST) if request.method == "POST" else CorrectionForm.fresh(before)
    if request.method == "POST" and form.is_valid() and _corrected(request, shown, form):
        return redirect("product", pk=pk)
    revision = get_object_or_404(Revision, product=shown, number=shown.revision)
    prediction = None
    if not hidden:
        prediction = shown.predictions.filter(revision=revision).order_by("-predicted_at").first()
    values = {
        "product": shown,
        "revision": revision,
        "hidden": hidden,
        "category": "" if hidden else names.full_name(shown.category_id),
        "entries": story(shown, texts_alone=hidden),
        "form": form,
        "choices": _choices(shown, prediction),
    }
    return render(request, "history/product.html", values)


@require_GET
@page(Role.BUSINESS)
def categories(request: HttpRequest) -> HttpResponseBase:
    """Leaves that fit what is typed, for the field of the correction."""
    return JsonResponse({"categories": names.like(request.GET.get("q", "")[:200])})


def _shown_to(person: Person, wanted: Wanted) -> tuple[Found, set[int]]:
    """A page of the list, and the products on it of which `person` must not see what was said.

    Where products of one source are looked for, these are left out: their place in the list would tell their source.
    """
    for _ in range(_MOST_PAGES):
        found = find(wanted)
        hidden = queue.could_be_given(person, [row.product.pk for row in found.rows])
        if not wanted.source:
            return found, hidden
        left = [row for row in found.rows if row.product.pk not in hidden]
        if left or found.next_before is None:
            break
        wanted = replace(wanted, before=found.next_before)
    return Found(left, found.next_before), set()


def _corrected(request: HttpRequest, shown: Product, form: CorrectionForm) -> bool:
    given = form.cleaned_data
    before = shown.category_id if given["before"] == _mark(shown) else given["before"] or None
    try:
        category_id = names.leaf_of(given["category_id"])
        correcting.correct(person_of(request), shown.pk, category_id, given["reason"], given["uuid"], before)
    except DataError as error:
        form.add_error(None, f"{str(error)[0].upper()}{str(error)[1:]}.")
        return False
    messages.success(request, f"Corrected to {names.full_name(category_id)}.")
    return True


def _mark(shown: Product) -> str:
    """Stands for the category of a product in a form whose reader must not see it."""
    return "~" + salted_hmac("desk.history.pages", f"{shown.pk}:{shown.category_id or ''}").hexdigest()


def _choices(shown: Product, prediction: Prediction | None) -> list[tuple[str, str, float]]:
    """The service's alternatives that are not the category now: id, full name, probability."""
    if prediction is None:
        return []
    pairs = [(str(one), float(probability)) for one, probability in prediction.alternatives]
    return [(one, names.full_name(one), share) for one, share in pairs if one != shown.category_id][:5]
