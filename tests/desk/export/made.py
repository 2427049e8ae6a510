"""Days of a desk: products with predictions and tasks, what people say of them, and the shards that come out."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
from django.utils import timezone

from aisle.catalogue.tables import read_table
from desk.export.closing import Exported, run
from desk.labelling import answers
from desk.labelling.queue import EXPIRY
from desk.ledger.models import Answer, State, Task
from desk.people.models import Person

TODAY = timezone.now().astimezone(dt.UTC).date()


def later(days: float = 3) -> dt.datetime:
    """A moment so many days after this one."""
    return timezone.now() + dt.timedelta(days=days)


def say(task: Task, person: Person, category_id: str | None, days: float = 0) -> Answer:
    """Let `person` take a task and answer it, so many days from now; None: cannot say."""
    now = later(days)
    Task.objects.filter(pk=task.pk).update(
        state=State.CLAIMED, claimed_by=person, claimed_at=now, claimed_until=now + EXPIRY
    )
    reason = "" if category_id else answers.SKIP_REASONS[0]
    return answers.give(task.pk, person, uuid4(), category_id=category_id, skip_reason=reason, now=now)


def export(into: Path, days: float = 3) -> Exported:
    """Export, so many days from now."""
    return run(into, now=later(days))


def labels(into: Path) -> list[dict[str, Any]]:
    """The labels in the folder, in their order, null as None."""
    frame = read_table(into, "labels")
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def bytes_of(into: Path) -> dict[str, bytes]:
    """All shards in the folder with their content."""
    return {str(path.relative_to(into)): path.read_bytes() for path in sorted(into.rglob("*.parquet"))}
