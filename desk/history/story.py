"""Everything that happened to one product, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.formats import localize

from aisle.catalogue.columns import PRODUCT_FIELDS
from desk.history import braking, exported, names
from desk.ledger.models import Answer, Decision, Prediction, Product, Revision, Status, Task

MOST = 500  # entries of each kind; a product with more is a feed that flips

_REASONS = {
    "confident": "the confidence reaches the threshold",
    "below_threshold": "the confidence is below the threshold",
    "few_labels": "the category has too few labels",
    "automation_off": "automation is off for it",
    "brake": "a brake holds it",
    "person": "a person said something else before",
}


@dataclass(frozen=True)
class Entry:
    """One thing that happened."""

    at: datetime
    kind: str  # revision, prediction, task, answer, correction, export
    title: str
    who: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    tone: str = ""
    open: bool = False  # whether its facts are shown at once
    order: int = 0  # among things of the same moment


def story(product: Product, texts_alone: bool = False) -> list[Entry]:
    """What happened to `product`, the newest first; `texts_alone` leaves out what anybody said of its category."""
    entries = [*_revisions(product), *_exports(product, texts_alone)]
    if not texts_alone:
        entries += [*_predictions(product), *_tasks(product), *_answers(product), *_corrections(product)]
    return sorted(entries, key=lambda entry: (entry.at, entry.order), reverse=True)


def _revisions(product: Product) -> Iterator[Entry]:
    before: Revision | None = None
    for revision in product.revisions.order_by("number")[:MOST]:
        changed = [
            (name.replace("_", " "), _text(getattr(revision, name)))
            for name in PRODUCT_FIELDS
            if before is None or getattr(before, name) != getattr(revision, name)
        ]
        facts = [(name, text) for name, text in changed if text or before is not None]
        first = before is None
        title = "Received" if first else f"Texts changed: revision {revision.number}"
        yield Entry(revision.received_at, "revision", title, revision.seller or "", facts, order=0)
        before = revision


def _predictions(product: Product) -> Iterator[Entry]:
    rows = product.predictions.select_related("revision", "brake").order_by("-predicted_at")[:MOST]
    for one in rows:
        automatic = one.decision == Decision.AUTO
        category = names.full_name(one.decided_id or one.category_id)
        title = f"Decided automatically: {category}" if automatic else f"Suggested: {category}, left to people"
        facts = [
            ("confidence", f"{one.confidence:.3f}"),
            ("threshold", "people always decide" if one.threshold is None else f"{one.threshold:.3f}"),
            ("why", _REASONS.get(one.reason, one.reason.replace("_", " "))),
            ("revision", str(one.revision.number)),
            ("model version", one.model_version),
            ("policy", one.policy_id),
            ("audit", _draw(one)),
        ]
        if one.bento_tag:
            facts.append(("Bento", one.bento_tag))
        if one.brake is not None:
            facts.append(("brake", f"{braking.described(one.brake)} ({one.brake.reason})"))
        yield Entry(
            one.predicted_at,
            "prediction",
            title,
            f"model {one.model_version}",
            facts,
            "good" if automatic else "wait",
            order=1,
        )


def _tasks(product: Product) -> Iterator[Entry]:
    rows = product.tasks.select_related("claimed_by", "revision").order_by("-id")[:MOST]
    for one in rows:
        facts = [("state", one.get_state_display()), ("revision", str(one.revision.number))]
        if one.blind:
            facts.append(("blind", "no suggestion is shown"))
        if one.state == "claimed" and one.claimed_by:
            facts.append(("claimed by", one.claimed_by.username))
        yield Entry(one.created_at, "task", f"{Task(kind=one.kind).get_kind_display()} asked for", "", facts, order=2)


def _answers(product: Product) -> Iterator[Entry]:
    rows = product.answers.select_related("person", "task", "revision").order_by("-answered_at")[:MOST]
    undone = set(product.answers.filter(undoes__isnull=False).values_list("undoes_id", flat=True))
    for one in rows:
        kind = one.task.get_kind_display()
        yield Entry(
            one.answered_at,
            "answer",
            f"{kind}: {_said(one)}" + (" (undone later)" if one.pk in undone else ""),
            one.person.username,
            _facts_of(one),
            open=bool(one.note or one.skip_reason),
            order=3,
        )


def _facts_of(answer: Answer) -> list[tuple[str, str]]:
    facts = [("revision", str(answer.revision.number))]
    if answer.status == Status.ANSWERED:
        shown = names.full_name(answer.suggested_category_id) or "nothing, the task was blind"
        facts.append(("was shown", shown))
    if answer.skip_reason:
        facts.append(("reason", answer.skip_reason))
    if answer.note:
        facts.append(("note", answer.note))
    return facts


def _corrections(product: Product) -> Iterator[Entry]:
    for one in product.corrections.select_related("person", "revision").order_by("-corrected_at")[:MOST]:
        facts = [("before", names.full_name(one.before_category_id) or "no category"), ("reason", one.reason)]
        yield Entry(
            one.corrected_at,
            "correction",
            f"Corrected to {names.full_name(one.category_id)}",
            one.person.username,
            facts,
            open=True,
            order=4,
        )


def _exports(product: Product, texts_alone: bool) -> Iterator[Entry]:
    """Closed days that hold something of the product; a day with an answer would tell that there is one."""
    for one, tables in exported.days_of(product, MOST, texts_alone):
        assert one.written_at is not None
        files = ", ".join(name for name in sorted(one.files) if name.split("/")[0] in tables)
        yield Entry(one.written_at, "export", f"Exported with the day {one.day}", "", [("files", files)], order=5)


def _said(answer: Answer) -> str:
    if answer.status == Status.ANSWERED:
        return names.full_name(answer.category_id)
    return "an answer was taken back" if answer.status == Status.UNDONE else "cannot say"


def _draw(prediction: Prediction) -> str:
    drawn = "drawn" if prediction.audit_drawn else "not drawn"
    blind = ", blind" if prediction.audit_drawn and prediction.blind else ""
    return f"{drawn}{blind}; probability {prediction.audit_probability:.4g}"


def _text(value: object) -> str:
    """As the page shows a value: numbers whole."""
    return "" if value is None else str(localize(value))
