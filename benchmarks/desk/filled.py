"""A ledger of any size whose truth is known: products of many days, audits, reviews, and what people answered.

    filled = fill(Shape(products=1_000_000))        # into the database of Django's settings

People err and skip at random; contradicted decisions get a second look, and where two people differ
somebody adjudicates. The newest tasks are still open.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.desk.answering import asked
from benchmarks.desk.bulk import insert, moments, next_key, settled
from benchmarks.desk.flow import DAY, TITLES, Flow, Shape, branch, flow, leaf

_PREDICTION = (
    "id revision_id product_id predicted_at category_id branch_id confidence branch_confidence threshold decided_id "
    "service_decision decision reason alternatives model_version policy_id audit_probability audit_drawn blind"
)
_PRODUCT = (
    "id product_id seller received_at revision category_id branch_id source settled_at audit_probability audit_drawn "
    "blind double"
)
_REVISION = "id product_id number title brand price currency seller content_hash received_at"
_TASK = (
    "id kind product_id revision_id prediction_id first_id blind priority state created_at done_at expected_category_id"
)
_ANSWER = (
    "uuid task_id product_id revision_id person_id status category_id skip_reason note suggested_category_id shown_at "
    "answered_at"
)
_TALLY = "day branch_id seller model_version decision products drawn confidence_sum"


@dataclass(frozen=True)
class Filled:
    """What was written: the products with their truth, and the keys of people."""

    shape: Shape
    flow: Flow
    people: list[int]


def fill(shape: Shape, now: np.datetime64 | None = None, say: Callable[[str], None] = lambda _: None) -> Filled:
    """Write a ledger of this shape into an empty database; `now` is the end of its last day but for some hours."""
    from desk.ledger.models import Answer, Prediction, Product, Revision, Tally, Task

    now = now if now is not None else np.datetime64(int(time.time()), "s")
    made = Filled(shape, flow(shape, now), _people())
    first = [next_key(model) for model in (Product, Revision, Prediction, Task)]
    random = np.random.default_rng(shape.seed + 1)
    tasks, answers, settled_as = asked(shape, made.flow, first, made.people, now, random)
    steps: tuple[tuple[Any, str, Iterator[Sequence[Any]]], ...] = (
        (Product, _PRODUCT, _products(made, first, settled_as)),
        (Revision, _REVISION, _revisions(made, first, random)),
        (Prediction, _PREDICTION, _predictions(made, first)),
        (Tally, _TALLY, _tally(made)),
        (Task, _TASK, _timed(tasks, (9, 10), made)),
        (Answer, _ANSWER, _timed(answers, (10, 11), made)),
    )
    for model, columns, rows in steps:
        began = time.perf_counter()
        insert(model, columns, rows)
        say(f"{model.__name__}: {time.perf_counter() - began:.1f} s")
    settled()
    return made


def _people() -> list[int]:
    from desk.people.models import Person

    names = ("ada", "ben", "cleo", "dan", "eve", "finn")
    return [Person.objects.get_or_create(username=f"labeller-{name}")[0].pk for name in names]


def _products(made: Filled, first: list[int], settled_as: dict[int, str]) -> Iterator[Sequence[Any]]:
    f, shape = made.flow, made.shape
    when = moments(f.seconds, f.origin)
    columns = (one.tolist() for one in (f.seller, f.top, f.auto, f.probability, f.drawn, f.blind, f.double))
    start = first[0]
    for place, (seller, top, auto, chance, drawn, blind, double) in enumerate(zip(*columns, strict=True)):
        other = settled_as.get(place)
        category = other or (leaf(shape, top) if auto else None)
        source = ("audit" if auto else "review") if other else "auto" if auto else "none"
        yield (
            start + place, f"p{start + place}", f"seller {seller:03}", when[place], 1, category,
            category.partition("-")[0] if category else None, source, when[place] if category else None, chance, drawn,
            blind, double,
        )  # fmt: skip


def _revisions(made: Filled, first: list[int], random: np.random.Generator) -> Iterator[Sequence[Any]]:
    f, count = made.flow, len(made.flow.truth)
    when = moments(f.seconds, f.origin)
    words = random.integers(0, len(TITLES), (count, 3)).tolist()
    price = np.round(random.lognormal(3, 1, count), 2).tolist()
    for place, (truth, seller) in enumerate(zip(f.truth.tolist(), f.seller.tolist(), strict=True)):
        a, b, c = words[place]
        title = f"{TITLES[a]} {TITLES[b]} {leaf(made.shape, truth)} {TITLES[c]} {place}"
        yield (
            first[1] + place, first[0] + place, 1, title, TITLES[c].title(), price[place], "EUR",
            f"seller {seller:03}", f"{place:064x}", when[place],
        )  # fmt: skip


def _predictions(made: Filled, first: list[int]) -> Iterator[Sequence[Any]]:
    f, shape = made.flow, made.shape
    when = moments(f.seconds + 2, f.origin)
    names = [leaf(shape, number) for number in range(shape.branches * shape.leaves)]
    threshold = float(f.confidence[f.auto].min()) if f.auto.any() else None
    columns = (one.tolist() for one in (f.top, f.confidence, f.auto, f.probability, f.drawn, f.blind, f.version))
    for place, (top, sure, auto, chance, drawn, blind, version) in enumerate(zip(*columns, strict=True)):
        name, said = names[top], "auto" if auto else "review"
        yield (
            first[2] + place, first[1] + place, first[0] + place, when[place], name, branch(shape, top), sure, sure,
            threshold, name if auto else None, said, said, "confident" if auto else "below_threshold", "[]",
            str(version + 1), "0123456789ab", chance, drawn, blind,
        )  # fmt: skip


def _tally(made: Filled) -> Iterator[Sequence[Any]]:
    f, shape = made.flow, made.shape
    day = ((f.seconds + 2) // DAY).astype(np.int64)
    of_branch = f.top // shape.leaves
    sizes = (day.max(initial=0) + 1, shape.branches, shape.sellers, shape.versions, 2)
    code = np.ravel_multi_index((day, of_branch, f.seller, f.version, f.auto.astype(np.int64)), sizes)
    slices, place = np.unique(code, return_inverse=True)
    sums = [np.bincount(place, weights=one.astype(float)) for one in (np.ones(len(code)), f.drawn, f.confidence)]
    for number, (one, of, seller, version, auto) in enumerate(zip(*np.unravel_index(slices, sizes), strict=True)):
        yield (
            str(f.origin.astype("datetime64[D]") + np.timedelta64(int(one), "D")), f"b{of:02}", f"seller {seller:03}",
            str(version + 1), "auto" if auto else "review", int(sums[0][number]), int(sums[1][number]),
            float(sums[2][number]),
        )  # fmt: skip


def _timed(rows: list[tuple[Any, ...]], places: tuple[int, int], made: Filled) -> Iterator[Sequence[Any]]:
    """The rows with their two times, in seconds so far, as the database keeps them; None stays."""
    columns = []
    for place in places:
        seconds = np.array([np.nan if row[place] is None else row[place] for row in rows], dtype=np.float64)
        texts = moments(np.nan_to_num(seconds), made.flow.origin)
        columns.append([None if row[place] is None else text for row, text in zip(rows, texts, strict=True)])
    one, other = places
    for row, first, second in zip(rows, *columns, strict=True):
        cells = list(row)
        cells[one], cells[other] = first, second
        yield cells
