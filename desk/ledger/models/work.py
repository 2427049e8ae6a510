"""What people were asked, and what they said."""

from __future__ import annotations

from django.db import models

from desk.ledger.models.base import WrittenOnce
from desk.ledger.models.products import Prediction, Product, Revision
from desk.people.models import Person


class Kind(models.TextChoices):
    """Why people are asked."""

    AUDIT = "audit", "Audit"  # drawn at random from all products
    REVIEW = "review", "Review"  # the machine was not sure, or not allowed
    CONFIRM = "confirm", "Second look"  # an audit contradicts the decision, or the item is labelled twice
    ADJUDICATE = "adjudicate", "Adjudication"  # two people differ
    TEST = "test", "Test"  # an item known to be right


class State(models.TextChoices):
    """Where a task stands."""

    OPEN = "open", "open"
    CLAIMED = "claimed", "claimed"
    ANSWERED = "answered", "answered"
    SKIPPED = "skipped", "skipped"
    SUPERSEDED = "superseded", "superseded"  # a newer revision came


class Status(models.TextChoices):
    """What an answer is."""

    ANSWERED = "answered", "answered"
    SKIPPED = "skipped", "cannot say"
    UNDONE = "undone", "undone"  # takes back the answer that it names


class Task(models.Model):
    """One question to one person: which category?"""

    kind = models.CharField(max_length=12, choices=Kind.choices)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="tasks")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT)
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, null=True, blank=True)
    first = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True)  # the task it looks at again
    blind = models.BooleanField(default=False)  # no suggestion is shown
    expected_category_id = models.CharField(max_length=200, null=True, blank=True)  # of a test item
    priority = models.SmallIntegerField(default=0)  # the highest first
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    claimed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="claims")
    claimed_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "kind"],
                condition=models.Q(kind__in=["audit", "review"]),
                name="one_task_of_a_kind_a_revision",
            ),
            # One that a reviewer could not answer is asked again, of another one.
            models.UniqueConstraint(
                fields=["first"],
                condition=models.Q(kind="adjudicate", state__in=["open", "claimed"]),
                name="one_open_adjudication_a_question",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-priority", "id"], condition=models.Q(state__in=["open", "claimed"]), name="task_queue"
            ),
            models.Index(fields=["state", "kind"], name="task_by_state"),
            models.Index(fields=["done_at"], name="task_by_done"),
            # For the quality page: the audits of a time, and how much waits since when.
            models.Index(fields=["kind", "created_at"], name="task_by_kind"),
            models.Index(
                fields=["kind", "created_at"], condition=models.Q(state__in=["open", "claimed"]), name="task_backlog"
            ),
        ]


class Answer(WrittenOnce):
    """What a person said of a task."""

    uuid = models.UUIDField(unique=True)  # made by the browser: an answer sent twice is one answer
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="answers")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="answers")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="answers")
    status = models.CharField(max_length=10, choices=Status.choices)
    category_id = models.CharField(max_length=200, null=True, blank=True)  # null for a skip
    skip_reason = models.CharField(max_length=40, blank=True, default="")
    note = models.CharField(max_length=1000, blank=True, default="")
    suggested_category_id = models.CharField(max_length=200, null=True, blank=True)  # shown; null when blind
    undoes = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="undone_by")
    shown_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(db_index=True)
    # The product as it stood before this answer changed it, for an undo; null where it changed nothing.
    changed_from = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["person", "-answered_at"], name="answer_by_person")]


class Correction(WrittenOnce):
    """A category set by a person outside any task."""

    uuid = models.UUIDField(unique=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="corrections")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="corrections")
    category_id = models.CharField(max_length=200)
    before_category_id = models.CharField(max_length=200, null=True, blank=True)
    reason = models.CharField(max_length=1000)
    corrected_at = models.DateTimeField(db_index=True)
