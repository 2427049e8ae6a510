"""What the inbox remembers besides the ledger: files on their way in, and how the worker stands."""

from __future__ import annotations

import uuid

from django.db import models

from desk.people.models import Person


class UploadState(models.TextChoices):
    """Where a file stands."""

    CHOSEN = "chosen", "columns not named yet"
    CHECKING = "checking", "being checked"
    STORING = "storing", "being stored"
    DONE = "done", "stored"
    FAILED = "failed", "not stored"


class Upload(models.Model):
    """A file that a person sent in the browser; the worker reads it, and deletes it once it is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10)  # csv, jsonl, parquet
    bytes = models.BigIntegerField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="uploads")
    created_at = models.DateTimeField(db_index=True)
    mapping = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=UploadState.choices, default=UploadState.CHOSEN, db_index=True)
    read = models.BigIntegerField(default=0)  # bytes, of the pass that runs
    counts = models.JSONField(default=dict)  # outcome: products
    refused = models.JSONField(default=list)  # the first: [where, reason]
    problem = models.CharField(max_length=1000, blank=True, default="")
    finished_at = models.DateTimeField(null=True, blank=True)


class Beat(models.Model):
    """How the worker stands; a row of its name, changed by it every few seconds."""

    name = models.CharField(max_length=40, unique=True)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)  # the service, last
    error = models.CharField(max_length=500, blank=True, default="")  # of the last try; empty: all is well
    error_since = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField(null=True, blank=True)
