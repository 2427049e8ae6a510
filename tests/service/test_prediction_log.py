from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aisle.catalogue.predictions import line_of
from aisle.catalogue.tables import PREDICTIONS
from service import prediction_files, prediction_log
from service.prediction_log import FIELDS, PredictionLog
from tests.service.log_rows import ids, logged, rows, until

NAME = re.compile(r"predictions-\d{8}T\d\d-[A-Za-z0-9._-]+-\d+-\d+\.jsonl")
BIG = 2**30


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "WRITE_SECONDS", 0.01)
    monkeypatch.setattr(prediction_log, "RETRY_SECONDS", 0.03)


@pytest.fixture
def opened() -> Iterator[Callable[..., PredictionLog]]:
    logs: list[PredictionLog] = []

    def make(folder: Path, rotate_bytes: int = BIG, with_products: bool = False) -> PredictionLog:
        logs.append(PredictionLog(folder, rotate_bytes, with_products))
        return logs[-1]

    yield make
    for log in logs:
        log.close(5)


def test_fields_are_those_of_the_table() -> None:
    assert list(FIELDS) == PREDICTIONS.names


def test_a_line_holds_all_fields_and_no_text_of_the_product(
    opened: Callable[..., PredictionLog], tmp_path: Path
) -> None:
    log = opened(tmp_path / "logs")
    log.add(rows(0, 2), [{"title": "secret"}] * 2)
    log.close(5)
    (path,) = (tmp_path / "logs").iterdir()
    assert NAME.fullmatch(path.name)
    first, second = (json.loads(line) for line in path.read_bytes().splitlines())
    assert list(first) == list(FIELDS)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first.pop("predicted_at"))
    assert first == {
        **{name: None for name in FIELDS if name != "predicted_at"},
        "product_id": "p0",
        "revision": 1,
        "category_id": "1/2",
        "branch_id": "1",
        "confidence": 0.1 + 0.2,
        "decision": "review",
        "model_version": "3",
        "policy_id": "policy",
        "bento_tag": "aisle:3",
    }
    assert second["product_id"] == "p1"
    assert log.state() == {"failing": False, "since": None, "lost": 0, "written": 2, "queued": 0}


def test_products_are_logged_when_asked_for(opened: Callable[..., PredictionLog], tmp_path: Path) -> None:
    class Product(msgspec.Struct):
        title: str

    log = opened(tmp_path, with_products=True)
    log.add(rows(0), [Product("Lego\ncastle \u2028 ü")])
    log.close(5)
    (line,) = next(tmp_path.iterdir()).read_bytes().splitlines()
    assert json.loads(line)["product"] == {"title": "Lego\ncastle \u2028 ü"}
    assert line_of(line).product_id == "p0"


def test_lines_are_written_while_the_service_runs(opened: Callable[..., PredictionLog], tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.add(rows(0))
    until(lambda: logged(tmp_path, "*.jsonl.part") == ["p0"])
    log.add(rows(1))
    until(lambda: logged(tmp_path, "*.jsonl.part") == ["p0", "p1"])


def test_without_rows_there_is_no_file(opened: Callable[..., PredictionLog], tmp_path: Path) -> None:
    opened(tmp_path / "logs").close(5)
    assert list((tmp_path / "logs").iterdir()) == []


@pytest.mark.parametrize("rotate_bytes", [1, 300, 1000, 5000])
def test_files_are_closed_by_size_between_lines(
    rotate_bytes: int, opened: Callable[..., PredictionLog], tmp_path: Path
) -> None:
    log = opened(tmp_path, rotate_bytes)
    for first in range(0, 60, 20):
        log.add(rows(first, 20))
        until(lambda: log.state()["queued"] == 0)
    log.close(5)
    assert logged(tmp_path) == ids(60)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    line = len(next(tmp_path.iterdir()).read_bytes().splitlines()[0]) + 1
    assert max(sizes) <= max(rotate_bytes, line + 1)
    assert len(sizes) >= 60 * (line - 1) / max(rotate_bytes, line)


def test_a_file_is_closed_when_its_hour_is_over(
    opened: Callable[..., PredictionLog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = ["20261121T06"]
    for module in (prediction_log, prediction_files):
        monkeypatch.setattr(module, "hour_now", lambda: hour[0])
    log = opened(tmp_path)
    log.add(rows(0))
    until(lambda: log.state()["written"] == 1)
    assert logged(tmp_path) == []
    hour[0] = "20261121T07"
    until(lambda: logged(tmp_path) == ["p0"])
    log.add(rows(1))
    log.close(5)
    assert [path.name[12:23] for path in sorted(tmp_path.iterdir())] == ["20261121T06", "20261121T07"]


def test_a_folder_that_is_taken_away_is_made_again(opened: Callable[..., PredictionLog], tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    log = opened(folder)
    log.add(rows(0))
    until(lambda: log.state()["written"] == 1)
    shutil.rmtree(folder)
    log.add(rows(1))
    until(lambda: log.state()["written"] == 2 and not log.state()["failing"])
    log.close(5)
    assert logged(folder) == ["p1"]


def test_a_file_that_another_host_took_for_a_dead_ones_is_left_to_it(
    opened: Callable[..., PredictionLog], tmp_path: Path
) -> None:
    """Where hosts do not see each other's locks: what is written under another's name could be collected already."""
    log = opened(tmp_path)
    log.add(rows(0))
    until(lambda: log.state()["written"] == 1)
    (first,) = tmp_path.iterdir()
    taken = first.rename(first.with_suffix(""))
    log.add(rows(1))
    until(lambda: log.state()["written"] == 2)
    (second,) = tmp_path.glob("*.part")
    assert logged(tmp_path) == ["p0"]
    second.rename(taken.with_name("elsewhere"))
    second.write_text("of another\n")
    log.close(5)
    assert second.read_text() == "of another\n"
    assert logged(tmp_path) == ["p0"]


def fail_with(number: int, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Have each write fail while the only element is true."""
    failing, write = [True], os.write

    def failing_write(place: int, content: Any) -> int:
        if failing[0]:
            raise OSError(number, os.strerror(number))
        return write(place, content)

    monkeypatch.setattr(prediction_files.os, "write", failing_write)
    return failing


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE])
def test_what_cannot_be_written_waits_and_is_written_once(
    number: int,
    opened: Callable[..., PredictionLog],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing = fail_with(number, monkeypatch)
    log = opened(tmp_path)
    log.add(rows(0, 3))
    until(lambda: log.state()["failing"])
    log.add(rows(3, 2))
    time.sleep(0.1)
    state = log.state()
    assert (state["queued"], state["written"], state["lost"]) == (5, 0, 0)
    assert state["since"].endswith("Z")
    failing[0] = False
    until(lambda: log.state()["written"] == 5)
    until(lambda: not log.state()["failing"])
    log.close(5)
    assert logged(tmp_path) == ids(5)
    told = [record.getMessage() for record in caplog.records]
    assert [os.strerror(number) in told[0], "logged again" in told[1], len(told)] == [True, True, 2]


def test_the_queue_is_bounded_and_what_does_not_fit_is_counted(
    opened: Callable[..., PredictionLog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_log, "MOST_QUEUED", 10)
    failing = fail_with(errno.ENOSPC, monkeypatch)
    log = opened(tmp_path)
    for first in range(0, 12, 3):
        log.add(rows(first, 3))
    assert (log.state()["queued"], log.state()["lost"]) == (9, 3)
    failing[0] = False
    until(lambda: log.state()["written"] == 9)
    log.add(rows(12))
    log.close(5)
    assert logged(tmp_path) == [*ids(9), "p12"]
    log.add(rows(13))
    assert log.state()["lost"] == 4


def test_what_waits_at_the_end_is_lost_and_said(
    opened: Callable[..., PredictionLog],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail_with(errno.ENOSPC, monkeypatch)
    log = opened(tmp_path)
    log.add(rows(0, 7))
    log.close(5)
    state = log.state()
    assert (state["lost"], state["queued"], state["failing"]) == (7, 0, True)
    assert "7 predictions could not be written before the end" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_rows_that_cannot_be_lines_are_lost_alone(
    opened: Callable[..., PredictionLog], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = opened(tmp_path)
    log.add(rows(0))
    log.add({**rows(1, 2), "confidence": [0.5]})
    log.add({**rows(3), "category_id": [object()]})
    log.add(rows(4))
    log.close(5)
    assert logged(tmp_path) == ["p0", "p4"]
    assert (log.state()["lost"], log.state()["failing"]) == (3, False)
    assert "are lost" in caplog.text
