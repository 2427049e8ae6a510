"""Products that the catalogue knows from elsewhere: their revisions go on counting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest
from django.db import DatabaseError, transaction

from aisle.catalogue.tables import read_table, write_shard
from desk.export import closing
from desk.inbox.intake import receive
from desk.inbox.scoring import score_waiting
from desk.ledger.models import Correction, Product, Renumbered
from desk.people.models import Person
from tests.desk.export.made import bytes_of, export, later
from tests.desk.inbox.service import Service, product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tree")]
People = Callable[..., Person]


@pytest.fixture
def into(tree: Path) -> Path:
    """A catalogue that holds two revisions of p1, from an import."""
    imported(tree.parent, "2024-05-01", ("p1", 1), ("p1", 2))
    return tree.parent


def imported(folder: Path, name: str, *revisions: tuple[str, int]) -> None:
    rows = pd.DataFrame(revisions, columns=pd.Index(["product_id", "revision"]))
    times = pd.Timestamp("2024-05-01", tz="UTC")
    write_shard(rows.assign(title="Old drill", received_at=times), "products", folder / f"products/{name}.parquet")


def come_in(days: float, *products: object) -> None:
    receive(list(products), later(days))  # type: ignore[arg-type]
    score_waiting(Service().client())


def numbers(folder: Path, table: str = "products") -> list[tuple[str, int]]:
    """What the desk's shards hold."""
    rows = read_table(folder, table)
    ours = rows[rows["shard"].str.contains("desk")]
    return list(zip(ours["product_id"], ours["revision"].astype(int), strict=True))


def test_revisions_come_after_those_that_the_catalogue_holds(into: Path, person: People) -> None:
    come_in(0, product("p1", "Drill"), product("p2", "Drill"))
    known = Product.objects.get(product_id="p1")
    Correction.objects.create(
        uuid=uuid4(), product=known, revision=known.revisions.get(), category_id="saws", person=person("business"),
        corrected_at=later(0), reason="seen",
    )  # fmt: skip
    export(into)
    assert numbers(into) == [("p1", 3), ("p2", 1)]
    assert numbers(into, "predictions") == [("p1", 3), ("p2", 1)]
    assert sorted(numbers(into, "labels")) == [("p1", 3), ("p1", 3), ("p2", 1)]


def test_the_next_revision_of_a_known_product_goes_on_counting(into: Path) -> None:
    come_in(0, product("p1", "Drill"))
    export(into)
    come_in(4, product("p1", "Better drill"), product("p1-other", "Drill"))
    export(into, 8)
    assert numbers(into) == [("p1", 3), ("p1", 4), ("p1-other", 1)]
    assert list(Renumbered.objects.order_by("number").values_list("revision__number", "number")) == [(1, 3), (2, 4)]


def test_a_number_of_the_sender_that_comes_later_stays(into: Path) -> None:
    come_in(0, product("p1", "Drill", revision=7))
    export(into)
    assert numbers(into) == [("p1", 7)]
    assert not Renumbered.objects.exists()


def test_an_import_between_two_days_is_counted(into: Path) -> None:
    come_in(0, product("p2", "Drill"))
    export(into)
    imported(into, "2999-01-01", ("p2", 2))
    come_in(4, product("p2", "Better drill"))
    export(into, 8)
    assert numbers(into) == [("p2", 1), ("p2", 4)]  # above all that others wrote


def test_a_late_revision_of_the_past_does_not_become_the_latest(into: Path) -> None:
    come_in(0, product("p2", "Drill", revision=4))
    export(into)
    come_in(4, product("p2", "Old drill", revision=2))
    export(into, 8)
    assert numbers(into) == [("p2", 4), ("p2", 2)]


def test_shards_that_were_deleted_come_back_with_the_same_bytes(into: Path) -> None:
    come_in(0, product("p1", "Drill"))
    export(into)
    before = bytes_of(into)
    imported(into, "2999-01-01", ("p1", 4))
    for path in into.rglob("*-desk.parquet"):
        path.unlink()
    export(into)
    assert {name: content for name, content in bytes_of(into).items() if "2999" not in name} == before


@pytest.mark.parametrize("placed", [0, 1, 2])
def test_killed_between_the_shards_it_gives_the_same_numbers(
    into: Path, placed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_in(0, product("p1", "Drill"), product("p2", "Drill"))
    moved: list[object] = []

    def killed(folder: Path) -> None:
        moved.append(folder)
        if len(moved) > placed:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(closing, "sync_folder", killed)
        with pytest.raises(KeyboardInterrupt):
            export(into)
    export(into)
    assert numbers(into) == numbers(into, "predictions") == [("p1", 3), ("p2", 1)]


def test_a_number_is_written_once(into: Path) -> None:
    come_in(0, product("p1", "Drill"))
    export(into)
    with pytest.raises(DatabaseError, match="written once"), transaction.atomic():
        Renumbered.objects.update(number=9)
