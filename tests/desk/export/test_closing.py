from __future__ import annotations

import argparse
import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pyarrow.parquet as pq
import pytest

from aisle.catalogue.tables import read_table
from aisle.errors import ConfigurationError, DataError
from aisle.files import holding, sha256_of
from desk.configuration import Configuration
from desk.export import closing, command
from desk.export.closing import run
from desk.inbox.intake import receive
from desk.inbox.scoring import score_waiting
from desk.ledger.models import Answer, Export
from desk.people.models import Person
from tests.desk.conftest import change
from tests.desk.export.made import TODAY, bytes_of, export, labels, later, say
from tests.desk.inbox.service import Service, product
from tests.desk.labelling.items import ask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tree")]
People = Callable[..., Person]


@pytest.fixture
def into(tree: Path) -> Path:
    return tree.parent


def flow(count: int = 6, start: int = 0, days: float = 0) -> None:
    """Products that come in and are scored; every third is unsure."""
    rows = [
        product(f"f{place}", "Drill" if place % 3 else "unsure drill", price=9.5, currency="EUR", seller="shop")
        for place in range(start, start + count)
    ]
    receive(rows, later(days))
    score_waiting(Service().client())


def test_a_closed_day_is_three_shards_with_the_rows_of_the_ledger(into: Path, person: People) -> None:
    flow()
    audit = ask("auto", "drills", product_id="audited")
    say(audit, person("labeller"), "drills")
    done = export(into)
    name = f"{TODAY}-desk.parquet"
    assert done.rows == {f"products/{name}": 7, f"predictions/{name}": 7, f"labels/{name}": 6}  # 5 auto, 1 person
    stored = Export.objects.get(day=TODAY)
    assert stored.written_at is not None
    assert {one: facts["sha256"] for one, facts in stored.files.items()} == {
        one: sha256_of(into / one) for one in done.rows
    }
    products = read_table(into, "products").set_index("product_id")
    assert products.loc["f1", "title"] == "Drill"
    assert products.loc["f1", "currency"] == "EUR"
    predictions = read_table(into, "predictions").set_index("product_id")
    assert predictions.loc["f0", "decision"] == "review"
    assert predictions.loc["f1", "model_version"] == "3"
    assert pq.ParquetFile(into / f"predictions/{name}").schema_arrow.field("audit_drawn").type == "bool"


def test_exporting_again_changes_nothing_and_brings_back_what_was_deleted(into: Path, person: People) -> None:
    flow()
    say(ask("review", "drills", audit=False), person("labeller"), "saws")
    export(into)
    before = bytes_of(into)
    assert export(into, 3.1).rows == {}
    assert bytes_of(into) == before
    for name in before:
        (into / name).unlink()
    done = export(into, 9)
    assert sorted(done.again) == sorted(before)
    assert bytes_of(into) == before
    elsewhere = into.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "taxonomy.csv").write_bytes((into / "taxonomy.csv").read_bytes())
    export(elsewhere, 9)
    assert bytes_of(elsewhere) == before


def test_every_row_goes_out_once_whenever_it_is_exported(into: Path, person: People) -> None:
    flow(4)
    export(into, 2)
    flow(4, start=4, days=2)  # wait until the day after tomorrow
    flow(3, start=8, days=-5)  # an upload that took a week
    for days in (3, 4, 5, 6):
        export(into, days)
    assert sorted(read_table(into, "products")["product_id"]) == sorted(f"f{place}" for place in range(11))
    assert not read_table(into, "predictions").duplicated(["product_id", "revision"]).any()
    assert sorted(read_table(into, "predictions")["product_id"]) == sorted(
        f"f{place}" for place in (0, 1, 2, 3, 8, 9, 10)
    )
    shard = read_table(into, "products").set_index("product_id")["shard"]
    assert shard["f9"] == f"{TODAY + dt.timedelta(days=1)}-desk"


def test_a_day_waits_for_its_reviews_unless_it_is_named(into: Path) -> None:
    flow(3)
    assert export(into, 1).rows == {}
    over = dt.datetime.combine(TODAY + dt.timedelta(days=1), dt.time(), dt.UTC)
    with pytest.raises(DataError, match="its answers can be taken back until"):
        run(into, TODAY, over + dt.timedelta(minutes=5))
    assert not Export.objects.exists()
    assert run(into, TODAY, over + dt.timedelta(minutes=15)).closed == [TODAY]


def test_a_run_that_is_killed_between_any_two_steps_is_completed(
    into: Path, person: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow()
    say(ask("auto", "drills"), person("labeller"), "drills")
    before: dict[str, bytes] = {}
    real = os.replace
    for steps in range(3):
        done = 0

        def stopping(source: Path, target: Path, steps: int = steps) -> None:
            nonlocal done
            if target.parent.parent == into:  # the last step of a shard
                if done == steps:
                    raise KeyboardInterrupt
                done += 1
            real(source, target)

        with monkeypatch.context() as patched:
            patched.setattr(closing.os, "replace", stopping)  # type: ignore[attr-defined]
            with pytest.raises(KeyboardInterrupt):
                export(into)
        assert Export.objects.get(day=TODAY).written_at is None
        assert len(bytes_of(into)) == steps
        assert before.items() <= bytes_of(into).items()
        before = bytes_of(into)
    (into / ".desk-export.left").mkdir()
    export(into)
    assert before.items() <= bytes_of(into).items()
    assert len(bytes_of(into)) == 3
    assert not list(into.glob(".desk-export*"))


def test_what_somebody_else_wrote_is_not_overwritten(into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow()
    with monkeypatch.context() as patched:
        patched.setattr(closing, "_made", stopped)
        with pytest.raises(KeyboardInterrupt):
            export(into)
    path = into / f"products/{TODAY}-desk.parquet"
    path.parent.mkdir()
    path.write_bytes(b"mine")
    with pytest.raises(DataError, match="is there already, from somebody else"):
        export(into)
    assert path.read_bytes() == b"mine"
    assert not (into / "labels").exists()


def stopped(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_changed_shard_is_told(into: Path) -> None:
    flow()
    export(into)
    path = into / f"labels/{TODAY}-desk.parquet"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DataError, match="is not what the desk wrote"):
        export(into)


def test_names_sort_after_all_shards_that_are_there(into: Path) -> None:
    flow(2)
    (into / "products").mkdir()
    day = TODAY + dt.timedelta(days=2)
    shard = into / f"products/{day}-import.parquet"
    pq.write_table(pq.read_table(_one_product(into)), shard)
    export(into)
    names = [path.stem for path in sorted((into / "products").iterdir())]
    assert names == [f"{day}-import", f"{day}_desk_{TODAY}"]


def _one_product(into: Path) -> Path:
    import pandas as pd

    path = into / "one.parquet"
    pd.DataFrame({"product_id": ["old"], "title": ["Old drill"]}).to_parquet(path)
    return path


def test_days_without_anything_have_no_shards(into: Path) -> None:
    flow(2)
    done = export(into, 8)
    assert len(done.closed) == 7
    assert len(done.rows) == 3
    assert "7 days closed" in done.text()
    assert "Nothing new" in export(into, 8).text()


def test_prices_and_currencies_that_no_catalogue_takes_are_left_empty(into: Path) -> None:
    rows = [product("a", price=1e12, currency="eur"), product("b", price=5.0, currency="Euros")]
    receive(rows, later(0))
    score_waiting(Service().client())
    export(into)
    products = read_table(into, "products").set_index("product_id")
    assert products["price"].isna().tolist() == [True, False]
    assert products["currency"].tolist() == ["EUR", None]


def test_clear_errors(into: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no taxonomy\.csv"):
        export(tmp_path / "nowhere")
    with holding(into), pytest.raises(DataError, match="another command is writing it"):
        export(into)
    assert labels(into) == []


def test_the_command_says_what_it_did(into: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flow(3, days=-4)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args([])) == 0
    assert "products    3" in capsys.readouterr().out  # predicted today, which is not closed
    assert not (into / "predictions").exists()
    with pytest.raises(SystemExit):
        parser.parse_args(["--upto", "yesterday"])
    assert "'yesterday' is no day; write it as 2026-03-01" in capsys.readouterr().err


def noon(days: float = 0) -> dt.datetime:
    """Noon of today, or so many days later."""
    return dt.datetime.combine(TODAY, dt.time(12), dt.UTC) + dt.timedelta(days=days)


def test_what_waits_is_told_with_when_it_is_written(into: Path, person: People) -> None:
    flow(6)
    for number in range(3):
        say(ask("auto", "drills", product_id=f"a{number}"), person("labeller"), "drills")
    early = run(into, now=later(0.02))
    day, after, second = (TODAY + dt.timedelta(days=days) for days in range(3))
    told = f"  {day}: 9 products, 3 answers; written from {second} 00:00 UTC on, or "
    assert told + f"from {after} 00:15 UTC on with --upto {day}" in early.text(noon())
    early.may_early = True
    assert early.text(noon()).endswith("or now with --early")
    assert told + f"now with --upto {day}" in early.text(noon(1.5))
    done = export(into)
    assert "Not written yet" not in done.text()
    flow(2, start=20)  # late: it goes out with the next day
    assert f"  {export(into).until + dt.timedelta(days=1)}: 2 products; written from" in export(into).text()


def test_today_is_closed_early_and_its_rest_goes_out_later(into: Path, person: People) -> None:
    """Each row once, the same bytes again, and nothing of the day is lost."""
    flow(6)
    tasks = [ask("review", "drills", audit=False, product_id=f"r{number}") for number in range(4)]
    say(tasks[0], person("labeller"), "saws", days=0)
    now = later(0.02)  # half an hour later
    say(tasks[1], person("labeller"), "saws", days=0.019)  # … and one that can still be taken back
    first = run(into, now=now, early=True)
    assert first.until == first.closed[-1] == now.date()
    assert [one["product_id"] for one in labels(into) if one["origin"] == "review"] == ["r0"]
    before = bytes_of(into)
    assert run(into, now=now, early=True).rows == {}
    assert run(into, now=later(0.03)).rows == {}, "without --early neither"
    flow(3, start=10)
    say(tasks[2], person("labeller"), "saws", days=0.021)
    for name in before:
        (into / name).unlink()
    assert sorted(run(into, now=now, early=True).again) == sorted(before)
    assert bytes_of(into) == before
    export(into, 4)
    assert before.items() <= bytes_of(into).items()
    people = [one["product_id"] for one in labels(into) if one["origin"] == "review"]
    assert sorted(set(people)) == ["r0", "r1", "r2"]
    products = read_table(into, "products")["product_id"]
    assert sorted(products) == sorted(
        [*(f"f{place}" for place in (*range(6), 10, 11, 12)), *(f"r{n}" for n in range(4))]
    )
    predictions = read_table(into, "predictions")
    assert len(predictions) == 13
    assert not predictions.duplicated(["product_id", "revision"]).any()


def test_an_answer_that_is_taken_back_after_an_early_closing_never_goes_out(into: Path, person: People) -> None:
    flow(2)
    given = say(ask("review", "drills", audit=False, product_id="r"), person("labeller"), "saws", days=0)
    run(into, now=later(0.001), early=True)
    assert not [one for one in labels(into) if one["origin"] == "review"]
    Answer.objects.create(
        uuid=uuid4(), task=given.task, product=given.product, revision=given.revision, person=given.person,
        status="undone", undoes=given, answered_at=later(0.002),
    )  # fmt: skip
    export(into, 4)
    assert not [one for one in labels(into) if one["origin"] == "review"]


def test_early_is_for_today_alone_and_not_for_production(
    into: Path, configuration: Configuration, capsys: pytest.CaptureFixture[str]
) -> None:
    flow(3)
    with pytest.raises(DataError, match="is not closed"):
        run(into, TODAY + dt.timedelta(days=1), later(0), early=True)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args([])) == 0
    assert "or now with --early" in capsys.readouterr().out
    change(configuration, production=True)
    assert command.run(parser.parse_args([])) == 0
    assert "--early" not in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match="--early is for a desk that somebody tries"):
        command.run(parser.parse_args(["--early"]))
    assert not Export.objects.filter(day=TODAY).exists()
    change(configuration, production=False)
    assert command.run(parser.parse_args(["--early"])) == 0
    assert "products    3" in capsys.readouterr().out
