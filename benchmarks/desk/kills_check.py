"""Run inside of a desk by `kills`: make its people, export, and look what is lost, doubled or stuck.

python -m benchmarks.desk.kills_check people|export|waiting|check [FILE]
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LABELLERS = 4


def people() -> Any:
    """Keys of a shop system and of people."""
    from desk.people import tokens
    from desk.people.models import Person

    robot = Person.objects.create_user("feed", role="administrator")
    keys = [tokens.create(None, robot, "feed", ["intake"])[1]]
    for number in range(LABELLERS):
        person = Person.objects.create_user(f"person{number}", role="reviewer")
        keys.append(tokens.create(None, person, "answers", ["answer"])[1])
    return keys


def export() -> Any:
    """Close one day more than before, whatever the calendar says: all that came since is then late."""
    from django.conf import settings
    from django.utils import timezone

    from desk.export.closing import run
    from desk.ledger.models import Export

    today = timezone.now().astimezone(dt.UTC).date()
    last = Export.objects.order_by("-day").values_list("day", flat=True).first()
    day = today if last is None else last + dt.timedelta(days=1)
    if last is not None and Export.objects.filter(written_at=None).exists():
        day = last
    return run(settings.CONFIGURATION.data, day, timezone.now() + dt.timedelta(days=(day - today).days + 2)).rows


def waiting() -> Any:
    """How many products and tasks wait; not those that all of the few people here have answered or left out."""
    from desk.labelling.eligible import stuck
    from desk.ledger.models import State, Task, Waiting

    tasks = Task.objects.filter(state__in=[State.OPEN, State.CLAIMED]).count()
    return [Waiting.objects.count(), tasks - stuck().total]


def check(path: str) -> Any:
    """What is lost, doubled and stuck, by kind; `path` names what the desk had acknowledged."""
    acknowledged = json.loads(Path(path).read_text())
    return {"lost": _lost(acknowledged), "doubled": _doubled(), "stuck": _stuck()}


def _lost(acknowledged: dict[str, Any]) -> dict[str, int]:
    from django.db.models import F, Sum

    from desk.ledger.models import Answer, Prediction, Product, Revision, Tally, Task, Waiting

    revisions = set(Revision.objects.values_list("product__product_id", "number"))
    uuids = {str(one) for one in Answer.objects.values_list("uuid", flat=True)}
    asked = set(Task.objects.values_list("prediction_id", flat=True))
    due = Prediction.objects.exclude(decision="auto", audit_drawn=False).values_list("id", flat=True)
    latest = Revision.objects.filter(number=F("product__revision"))
    scored = Prediction.objects.values("revision_id")
    unscored = latest.exclude(pk__in=scored).exclude(pk__in=Waiting.objects.values("pk"))
    counted = Tally.objects.aggregate(sum=Sum("products"))["sum"] or 0
    shards = _shards()
    predictions = set(Prediction.objects.values_list("product__product_id", "revision__number"))
    standing = Answer.objects.filter(undone_by=None).exclude(status="undone").exclude(task__kind="test")
    exported = set(zip(shards["labels"]["labeller"], shards["labels"]["labelled_at"], strict=True))
    return {
        "revisions": sum((one, number) not in revisions for one, number in acknowledged["stored"]),
        "products": Product.objects.filter(revisions=None).count(),
        "answers": sum(one not in uuids for one in acknowledged["given"]),
        "predictions": unscored.count(),
        "tasks": sum(one not in asked for one in due),
        "counted": max(0, len(predictions) - counted),
        "exported_products": len(revisions - _pairs(shards["products"])),
        "exported_predictions": len(predictions - _pairs(shards["predictions"])),
        "exported_answers": sum(
            (f"person-{person}", at) not in exported for person, at in standing.values_list("person_id", "answered_at")
        ),
    }


def _doubled() -> dict[str, int]:
    from django.db.models import Count, Q, Sum

    from desk.ledger.models import Answer, Prediction, Revision, Tally, Task

    shards = _shards()
    good = Q(answers__undone_by=None) & ~Q(answers__status="undone")
    twice = Task.objects.annotate(given=Count("answers", filter=good)).filter(given__gt=1)
    # An adjudication that somebody could not say is asked again.
    again = Q(kind="adjudicate", state="skipped")
    asked = Task.objects.filter(kind__in=["audit", "review", "adjudicate"]).exclude(again).values("revision", "kind")
    counted = Tally.objects.aggregate(sum=Sum("products"))["sum"] or 0
    undone = Answer.objects.filter(status="undone").count()
    people = shards["labels"][shards["labels"]["origin"] != "model"]
    return {
        "revisions": _more(Revision.objects.values("product", "number")),
        "predictions": _more(Prediction.objects.values("revision", "model_version")),
        "answers": twice.count(),
        "tasks": _more(asked),
        "counted": max(0, counted - Prediction.objects.count()),
        "exported_products": int(shards["products"].duplicated(["product_id", "revision"]).sum()),
        "exported_predictions": int(shards["predictions"].duplicated(["product_id", "revision"]).sum()),
        "exported_labels": int(shards["labels"].drop(columns="shard").duplicated().sum()),
        "exported_undone": max(0, people["labelled_at"].nunique() - Answer.objects.count() + 2 * undone),
    }


def _stuck() -> dict[str, int]:
    from django.conf import settings

    from desk.ledger.models import Export, Revision

    products, tasks = waiting()
    left = [path for path in settings.CONFIGURATION.data.rglob(".*") if path.name != "."]
    return {
        "waiting": products,
        "tasks": tasks,
        "exports": Export.objects.filter(written_at=None).count(),
        "left_over": len(left),
        "nothing_came_through": int(not Revision.objects.exists()),
    }


def _shards() -> dict[str, Any]:
    from django.conf import settings

    from aisle.catalogue.tables import read_table

    return {name: read_table(settings.CONFIGURATION.data, name) for name in ("products", "predictions", "labels")}


def _pairs(frame: Any) -> set[tuple[str, int]]:
    return {(str(one), int(number)) for one, number in zip(frame["product_id"], frame["revision"], strict=True)}


def _more(rows: Any) -> int:
    found = [tuple(row.values()) for row in rows.order_by()]
    return len(found) - len(set(found))


def main() -> None:
    """Do what the first word says, and print what it gives as JSON."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "desk.settings")
    import django

    django.setup()
    actions: dict[str, Callable[..., Any]] = {"people": people, "export": export, "waiting": waiting, "check": check}
    print(json.dumps(actions[sys.argv[1]](*sys.argv[2:])))


if __name__ == "__main__":
    main()
