"""Products that wait go to the service; what it says is stored with all that follows, in one transaction."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from django.db import transaction
from django.utils import timezone

from aisle.catalogue.columns import PRODUCT_FIELDS
from aisle.client import Categorized, ServiceClient
from aisle.errors import AisleError, ConfigurationError, ServiceUnavailable, one_line
from desk.inbox.brakes import holding
from desk.inbox.drawing import draw_new
from desk.inbox.routing import Model, Predicted, Scored, predicted, published, tallied, task_of
from desk.inbox.rows import add_up, insert, update, whole
from desk.ledger import models
from desk.people import events
from desk.people.models import Person

MOST = 1000  # what the service takes in one request
ALTERNATIVES = 6  # of each product: as many as a labeller has keys for, and the suggestion, which is the first
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 3600.0  # seconds: the bounds between which the pauses of a product double
_SHOWN = 300
_ROUTED = ("category_id", "branch_id", "source", "settled_at", "audit_probability", "audit_drawn", "blind", "double")
_TALLY_KEY = ("day", "branch_id", "seller", "model_version", "decision")
_TALLY_SUMS = ("products", "drawn", "confidence_sum")


class _Due(NamedTuple):
    """A revision that waits; with its product, both by their keys, and as the service wants it."""

    revision: int
    tries: int
    product: int
    product_id: str
    number: int
    texts: tuple[Any, ...]

    def sent(self) -> dict[str, Any]:
        """The product of a request."""
        fields = {name: value for name, value in zip(PRODUCT_FIELDS, self.texts, strict=True) if value is not None}
        return {"product_id": self.product_id, "revision": self.number, **fields}


@dataclass(frozen=True)
class _Said:
    """What the service said of a batch: an answer or a refusal a place, None where it said neither."""

    model: Model
    scored: list[Scored | None]
    refused: dict[int, str]


class Scores(Protocol):
    """The part of `ServiceClient` that is needed here."""

    def categorize(self, products: Sequence[Mapping[str, Any]], alternatives: int = 3) -> Categorized:
        """Category, confidence and decision of each product."""

    def ready(self) -> bool:
        """Whether the service answers now."""


def score_waiting(client: Scores | ServiceClient, most: int = MOST) -> int:
    """Score products that wait, and route them; how many are done with, scored or refused by the service.

    What fails stays where it is. A product that was sent in a batch that failed while the service
    is up waits longer from try to try, and goes in smaller batches, so that one that the service
    cannot bear does not hold up the others. Refused is only what the service names with a reason:
    an answer that names no product, as that of a proxy, says nothing of any of them.

    Raises
    ------
    ServiceUnavailable, ConfigurationError, DataError
        Where the service gave no answer for any of them; the ledger is then as it was, but for the
        tries of the products.
    """
    batch = _due(min(most, MOST))
    if not batch:
        return 0
    return _score(client, batch)


def _score(client: Scores | ServiceClient, batch: Sequence[_Due]) -> int:
    try:
        said = _ask(client, [one.sent() for one in batch])
    except AisleError as error:
        if not isinstance(error, ConfigurationError) and client.ready():
            _put_off(batch, one_line(error))
        raise
    return whole(lambda: _store(batch, said))


def _due(most: int) -> list[_Due]:
    """What may be sent now, oldest first; fewer at a time the more often they failed."""
    found = models.Waiting.objects.filter(refused=False, next_try_at__lte=timezone.now())
    names = ("tries", "revision__product_id", "revision__product__product_id", "revision__number")
    values = found.values_list("revision_id", *names, *(f"revision__{name}" for name in PRODUCT_FIELDS))
    rows = [
        _Due(row[0], row[1], row[2], row[3], row[4], row[5:])
        for row in values.order_by("next_try_at", "revision_id")[:most]
    ]
    size = most
    for place, one in enumerate(rows):
        size = min(size, max(1, most >> 2 * one.tries))
        if place >= size:
            return rows[:place]
    return rows


def _ask(client: Scores | ServiceClient, sent: Sequence[Mapping[str, Any]]) -> _Said:
    answer = client.categorize(sent, alternatives=ALTERNATIVES)
    refused = {error.place: f"{error.field or error.code}: {error.detail}"[:_SHOWN] for error in answer.errors}
    try:
        scored = [None if place in refused else _sound(answer, place) for place in range(len(sent))]
    except (TypeError, ValueError, IndexError) as error:
        raise ServiceUnavailable(f"the service answered what no scoring service answers ({one_line(error)})") from error
    model = answer.model
    if not 1 <= len(model.version) <= 100 or not 1 <= len(model.policy_id) <= 40 or len(model.bento_tag or "") > 200:
        raise ServiceUnavailable("the service answered with a model whose version or policy no registry gives")
    return _Said(Model(model.version, model.policy_id, model.bento_tag), scored, refused)


def _sound(answer: Categorized, place: int) -> Scored:
    """The answer to one product; `ValueError` or `TypeError` where it holds what the ledger cannot."""
    scored = Scored(
        category_id=_id(answer.category_id[place]),
        branch_id=_id(answer.branch_id[place]),
        confidence=_share(answer.confidence[place]),
        branch_confidence=_share(answer.branch_confidence[place]),
        threshold=None if answer.threshold[place] is None else _share(answer.threshold[place]),
        decision=str(answer.decision[place]),
        decided_id=None if answer.decided_id[place] is None else _id(answer.decided_id[place]),
        start_branch_id=None if answer.start_branch_id[place] is None else _id(answer.start_branch_id[place]),
        reason=str(answer.reason[place])[:40],
        alternatives=[
            [_id(one), _share(probability)]
            for one, probability in zip(
                answer.alternatives[place], answer.alternative_probabilities[place], strict=True
            )
        ],
    )
    if scored.decision not in models.Decision.values:
        raise ValueError(f"a decision '{scored.decision[:20]}'")
    if (scored.decision == models.Decision.AUTO) != (scored.decided_id is not None):
        raise ValueError("an automatic decision without its category")
    return scored


def _store(batch: Sequence[_Due], said: _Said) -> int:
    """Predictions, draws, tasks, states and tally of a batch: all of it, or nothing."""
    products = _locked(batch)
    waiting = models.Waiting.objects.filter(pk__in=[one.revision for one in batch], refused=False)
    still = set(waiting.values_list("pk", flat=True))
    known = _known(batch, products, said.model)
    if known & still:
        models.Waiting.objects.filter(pk__in=known & still).delete()
    left = still - known
    rows = [
        (one.revision, products[one.product], scored)
        for one, scored in zip(batch, said.scored, strict=True)
        if scored is not None and one.revision in left
    ]
    refused = {batch[place].revision: text for place, text in said.refused.items() if batch[place].revision in still}
    if rows:
        _route(rows, said.model)
    _refuse(refused)
    return len(rows) + len(refused) + len(known & still)


def _known(batch: Sequence[_Due], products: Mapping[int, models.Product], model: Model) -> set[int]:
    """Revisions that this model has predicted already: that stands, whoever put them in the queue again."""
    seen = [one.revision for one in batch if products[one.product].audit_probability is not None]
    if not seen:
        return set()
    found = models.Prediction.objects.filter(revision_id__in=seen, model_version=model.version)
    return set(found.values_list("revision_id", flat=True))


def _locked(batch: Sequence[_Due]) -> dict[int, models.Product]:
    """The products of a batch, kept from others until the transaction ends; before them the tasks that go.

    Whoever answers a task takes the task first and its product then, and so does this.
    """
    keys = {one.product for one in batch}
    seen = [one.product for one in batch if one.number > 1]
    if seen:
        going = models.Task.objects.filter(
            product_id__in=seen, kind=models.Kind.REVIEW, state__in=(models.State.OPEN, models.State.CLAIMED)
        )
        list(going.order_by("id").select_for_update().values_list("id", flat=True))
    found = models.Product.objects.filter(pk__in=keys).order_by("id").select_for_update()
    return {one.pk: one for one in found}


def _route(rows: Sequence[tuple[int, models.Product, Scored]], model: Model) -> None:
    now = timezone.now()
    products = [product for _, product, _ in rows]
    earlier = [one.pk for one in products if one.audit_probability is not None]
    draw_new(products, [scored for _, _, scored in rows], now)
    held = holding()
    predictions = [predicted(revision, product, scored, model, held, now) for revision, product, scored in rows]
    keys = dict(insert(models.Prediction, Predicted._fields, predictions, returning=("revision_id", "id")))
    if earlier:
        models.Task.objects.filter(
            product_id__in=earlier, kind=models.Kind.REVIEW, state__in=(models.State.OPEN, models.State.CLAIMED)
        ).update(state=models.State.SUPERSEDED, done_at=now)
    tasks = [task_of(one, keys[one.revision_id], now) for one in predictions]
    models.Task.objects.bulk_create([task for task in tasks if task is not None])
    pairs = list(zip(predictions, products, strict=True))
    for prediction, product in pairs:
        published(product, prediction, now)
    update(models.Product, _ROUTED, [(one.pk, *(getattr(one, name) for name in _ROUTED)) for one in products])
    add_up(models.Tally, _TALLY_KEY, _TALLY_SUMS, tallied(pairs))
    models.Waiting.objects.filter(pk__in=[revision for revision, _, _ in rows]).delete()


def _refuse(refused: Mapping[int, str]) -> None:
    """Mark what the service refuses, with its reason: a new revision helps, or somebody who tries it again."""
    if refused:
        update(models.Waiting, ["refused", "last_error"], [(key, True, said[:_SHOWN]) for key, said in refused.items()])


def try_refused_again(person: Person) -> int:
    """Let all that the service refused go to it once more, as for the first time; how many. It is logged."""
    with transaction.atomic():
        chosen = models.Waiting.objects.filter(refused=True)
        count = chosen.update(refused=False, tries=0, next_try_at=timezone.now(), last_error="")
        if count:
            events.record(person, "refused products tried again", f"{count:,} products", products=count)
    return count


def _put_off(batch: Sequence[_Due], error: str) -> None:
    """Let the products of a batch that failed wait, each for a time of its own."""
    now = timezone.now()
    rows = []
    for one in batch:
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(one.tries, 20))
        pause = dt.timedelta(seconds=random.uniform(longest / 2, longest))
        rows.append((one.revision, one.tries + 1, now + pause, error[:_SHOWN]))
    whole(lambda: update(models.Waiting, ["tries", "next_try_at", "last_error"], rows))


def _id(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 200 or "\0" in value:
        raise ValueError("a category that is no id")
    return value


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and 0 <= value <= 1):
        raise ValueError("a probability outside of [0, 1]")
    return float(value)
