"""Whatever people do in whatever order: what a label of the export says is what the desk shows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aisle.catalogue.labels import answered_labels, resolve_labels
from aisle.catalogue.tables import read_table
from desk.export.closing import run
from desk.history.correcting import correct
from desk.labelling import answers
from desk.ledger.models import Answer, Correction, Export, Product, State, Status, Task
from desk.people.models import Person
from tests.desk.export.made import say
from tests.desk.labelling.items import ask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tree")]
CATEGORIES = ("drills", "saws", "plush", None)

# Who does what: answers what waits for them, takes the last answer back, corrects.
STEPS = st.tuples(
    st.sampled_from(("answer", "answer", "answer", "undo", "correct", "export", "early")),
    st.integers(0, 2),
    st.sampled_from(CATEGORIES),
)


class Clock:
    """A clock that goes on a second whenever somebody looks at it."""

    def __init__(self) -> None:
        self.time = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        self.time += dt.timedelta(seconds=1)
        return self.time


class _Undone(Exception):
    """Takes an example back."""


@pytest.fixture
def into(tree: Path) -> Path:
    return tree.parent


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    decision=st.sampled_from(("auto", "review")),
    drawn=st.booleans(),
    blind=st.booleans(),
    double=st.booleans(),
    steps=st.lists(STEPS, min_size=1, max_size=8),
)
def test_the_resolved_label_is_what_the_desk_shows(
    into: Path,
    monkeypatch: pytest.MonkeyPatch,
    decision: str,
    drawn: bool,
    blind: bool,
    double: bool,
    steps: list[tuple[str, int, str | None]],
) -> None:
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", clock)
    folder = into.parent / str(uuid4())
    folder.mkdir()
    (folder / "taxonomy.csv").write_bytes((into / "taxonomy.csv").read_bytes())
    try:
        with transaction.atomic():
            _example(clock, folder, decision, drawn or decision == "auto", blind, double, steps)
            raise _Undone
    except _Undone:
        pass


def _example(
    clock: Clock,
    folder: Path,
    decision: str,
    drawn: bool,
    blind: bool,
    double: bool,
    steps: list[tuple[str, int, str | None]],
) -> None:
    people = [Person.objects.create_user(name, role="reviewer") for name in ("ann", "bob", "eve")]
    task = ask(decision, "drills", audit=drawn, blind=blind, double=double, product_id="one")
    for kind, who, category_id in steps:
        if kind == "answer":
            _answer(people[who], category_id)
        elif kind == "undo":
            _undo(people[who])
        elif kind == "correct" and category_id:
            _correct(people[who], task.product, category_id)
        elif kind == "export":
            clock.time += dt.timedelta(days=2)
            run(folder)
        elif kind == "early":
            clock.time += dt.timedelta(minutes=20 * who)
            run(folder, early=True)
    clock.time += dt.timedelta(days=3)  # what came after an early closing goes out with the day after
    run(folder)
    product = Product.objects.get(product_id="one")
    labels = read_table(folder, "labels")
    resolved = resolve_labels(answered_labels(labels, ("drills", "saws", "plush"))) if len(labels) else labels
    unsettled = Task.objects.filter(product=product, first__isnull=False, state__in=(State.OPEN, State.CLAIMED))
    if product.source != "correction" and unsettled.exists():
        return  # the desk asks itself
    assert resolved["category_id"].tolist() == ([product.category_id] if product.category_id else [])
    assert len(labels[labels["origin"] != "model"]) == _known()
    for export in Export.objects.all():
        assert all((folder / name).exists() for name in export.files)


def _known() -> int:
    stands = Answer.objects.exclude(status=Status.UNDONE).filter(undone_by=None)
    return stands.count() + Correction.objects.count()


def _answer(person: Person, category_id: str | None) -> None:
    seen = Answer.objects.filter(person=person).exclude(status=Status.UNDONE).values("task__product")
    waits = Task.objects.filter(state__in=(State.OPEN, State.CLAIMED)).order_by("id").first()
    if waits is None or (waits.first_id and waits.product_id in {row["task__product"] for row in seen}):
        return
    say(waits, person, category_id)


def _undo(person: Person) -> None:
    last = Answer.objects.filter(person=person).exclude(status=Status.UNDONE).order_by("-id").first()
    if last is None:
        return
    try:
        answers.undo(person, last.uuid)
    except answers.AnswerRefused:
        return


def _correct(person: Person, product: Product, category_id: str) -> None:
    product.refresh_from_db()
    if (product.source, product.category_id) != ("correction", category_id):
        correct(person, product.pk, category_id, "looked at it", uuid4(), product.category_id)
