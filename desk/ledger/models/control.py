"""What was stopped, rung, written out, administered."""

from __future__ import annotations

from django.db import models

from desk.ledger.models.base import WrittenOnce
from desk.ledger.models.products import Revision
from desk.people.models import Person


class BrakeScope(models.TextChoices):
    """What a brake holds."""

    ALL = "all", "all products"
    BRANCH = "branch", "a branch"
    SELLER = "seller", "a seller"


class BrakeKind(models.TextChoices):
    """How a brake holds."""

    STOP = "stop", "nothing is decided automatically"
    TIGHTEN = "tighten", "only from a higher confidence on"


class Brake(models.Model):
    """Less automation than the service allows, until people release it; it can only tighten."""

    scope = models.CharField(max_length=8, choices=BrakeScope.choices)
    value = models.CharField(max_length=200, blank=True, default="")  # branch id or seller
    kind = models.CharField(max_length=8, choices=BrakeKind.choices)
    confidence = models.FloatField(null=True, blank=True)  # of `tighten`: decided automatically from here on
    reason = models.CharField(max_length=1000)
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="brakes_set")
    alarm = models.ForeignKey("Alarm", on_delete=models.PROTECT, null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, related_name="brakes_released"
    )
    release_reason = models.CharField(max_length=1000, blank=True, default="")


class Alarm(models.Model):
    """A verdict of the monitoring, as it was posted."""

    key = models.CharField(max_length=200, unique=True)  # of the sender: the same alarm sent twice is one
    raised_at = models.DateTimeField(db_index=True)
    colour = models.CharField(max_length=10)  # red, yellow, green, unknown
    summary = models.CharField(max_length=1000)
    verdict = models.JSONField(default=dict)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True)
    acknowledge_reason = models.CharField(max_length=1000, blank=True, default="")


class Export(models.Model):
    """A closed day, written out to `data/`."""

    day = models.DateField(unique=True)
    planned_at = models.DateTimeField()
    written_at = models.DateTimeField(null=True, blank=True)
    plan = models.JSONField(default=dict)  # what it holds, see desk.export.plan
    files = models.JSONField(default=dict)  # name: {"rows": n, "sha256": …}


class Renumbered(WrittenOnce):
    """A revision that has another number in the catalogue, which held revisions of its product before."""

    revision = models.OneToOneField(Revision, on_delete=models.PROTECT, primary_key=True)
    number = models.PositiveIntegerField()


class Event(WrittenOnce):
    """Something administered: who did what to whom, when."""

    at = models.DateTimeField(db_index=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True)
    what = models.CharField(max_length=60)
    about = models.CharField(max_length=300, blank=True, default="")
    detail = models.JSONField(default=dict)
