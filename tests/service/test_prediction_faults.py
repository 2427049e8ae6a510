"""The log on disks that are really full, in folders that really refuse, and in processes that are really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aisle.catalogue.log_files import OPENING_SECONDS
from service import prediction_log
from service.prediction_files import close_leftovers
from service.prediction_log import PredictionLog
from tests.conftest import lacking
from tests.service.log_rows import folder_of_another, ids, logged, rows, until

ROOT = Path(__file__).parents[2]
HOUSE = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], check=False, capture_output=True
    )
    if done.returncode:
        lacking("only root can make a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_nothing_that_fits_the_queue(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction_log, "RETRY_SECONDS", 0.05)
    log = PredictionLog(small_disk, 2**30)
    for first in range(0, 400, 40):  # some 100 kB
        log.add(rows(first, 40))
        time.sleep(0.02)
    until(lambda: bool(log.state()["failing"]))
    time.sleep(0.3)
    state = log.state()
    assert 100 < state["written"] < 300
    assert (state["queued"] + state["written"], state["lost"]) == (400, 0)
    assert logged(small_disk) == ids(state["written"])
    until(lambda: list(small_disk.glob("*.part")) == [])
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    until(lambda: log.state()["written"] == 400 and not log.state()["failing"])
    log.close(5)
    assert logged(small_disk) == ids(400)


WRITER = """
import sys, time
from pathlib import Path
from service import prediction_log
from tests.service.log_rows import rows
log = prediction_log.PredictionLog(Path(sys.argv[1]), int(sys.argv[2]))
"""


def started(code: str, *words: str, **more: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER + code, *words]
    more = {"stdout": subprocess.PIPE, **more}
    return subprocess.Popen([*more.pop("before", []), *command], text=True, env=HOUSE, **more)


def test_a_limit_on_the_size_of_files_begins_new_ones(tmp_path: Path) -> None:
    code = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
prediction_log.RETRY_SECONDS = 0.02
for first in range(0, 300, 30):
    log.add(rows(first, 30))
    time.sleep(0.01)
while log.state()["queued"]:
    time.sleep(0.01)
log.close(5)
print(log.state()["written"], log.state()["lost"])
"""
    told, _ = started(code, str(tmp_path), str(2**30)).communicate(timeout=60)
    assert told == "300 0\n"
    assert logged(tmp_path) == ids(300)
    assert max(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000


def test_a_lost_permission_is_said_and_outlived() -> None:
    """As a user whom permissions bind: root is none, so it becomes another, who may still read the tools."""
    code = """
prediction_log.RETRY_SECONDS = 0.05
def until(condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise SystemExit("did not happen: " + str(log.state()))
folder = Path(sys.argv[1])
log.add(rows(0, 3))  # more than a file may hold
until(lambda: log.state()["written"] == 3)
folder.chmod(0o500)
log.add(rows(3, 3))
until(lambda: log.state()["failing"])
log.add(rows(6, 3))
folder.chmod(0o700)
until(lambda: log.state()["written"] == 9 and not log.state()["failing"])
log.close(5)
print(log.state()["lost"])
"""
    with folder_of_another() as (folder, before):
        told, _ = started(code, str(folder), "1", before=before).communicate(timeout=60)
        assert told == "0\n"
        assert logged(folder) == ids(9)


def test_killed_at_any_time_the_log_has_whole_lines_each_once(tmp_path: Path) -> None:
    code = """
for number in range(int(sys.argv[3]), 10**9):
    log.add(rows(number))
    print(number, time.time(), flush=True)
    time.sleep(0.0003)
"""
    folder = tmp_path / "logs"
    held: set[str] = set()
    for first, pause in enumerate((1.3, 1.57, 1.84)):
        with (tmp_path / "added").open("w+") as added:
            process = started(code, str(folder), "20000", str(first * 10**7), stdout=added)
            until(lambda: (tmp_path / "added").stat().st_size > 0)
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            killed_at = time.time()
            process.wait(timeout=30)
            *whole, _ = (tmp_path / "added").read_text().split("\n")
        assert len(whole) > 100
        held |= {f"p{line.split()[0]}" for line in whole if float(line.split()[1]) < killed_at - 1}
        close_leftovers(folder)
        assert list(folder.glob("*.part")) == []
        names = logged(folder)
        assert len(set(names)) == len(names)
        assert held <= set(names)
    assert len(held) > 100


def test_files_of_the_dead_are_closed_without_their_half_lines(tmp_path: Path) -> None:
    contents = {
        "predictions-20261121T06-h-1-1.jsonl.part": (b'{"a":1}\n{"a":2}\n{"a"', b'{"a":1}\n{"a":2}\n'),
        "predictions-20261121T06-h-1-2.jsonl.part": (b'{"a":1}\n' + b"x" * 200_000, b'{"a":1}\n'),
        "predictions-20261121T06-h-1-3.jsonl.part": (b'{"a":1}\n', b'{"a":1}\n'),
        "predictions-20261121T06-h-1-4.jsonl.part": (b'{"a"', None),
        "predictions-20261121T06-h-1-5.jsonl.part": (b"", None),
        "other.part": (b"x", b"x"),
    }
    for name, (content, _) in contents.items():
        (tmp_path / name).write_bytes(content)
    os.utime(tmp_path / "predictions-20261121T06-h-1-5.jsonl.part", (0, 0))
    assert close_leftovers(tmp_path) == 5
    for name, (_, left) in contents.items():
        closed = tmp_path / name.replace(".jsonl.part", ".jsonl")
        assert (closed.read_bytes() if closed.exists() else None) == left, name
    assert len(list(tmp_path.iterdir())) == 4


def test_files_of_the_living_are_left_alone(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, 2**30)
    log.add(rows(0))
    until(lambda: log.state()["written"] == 1)
    fresh = tmp_path / "predictions-20261121T06-h-1-5.jsonl.part"
    fresh.touch()  # made a moment ago, and not locked yet
    assert OPENING_SECONDS > 1
    assert close_leftovers(tmp_path) == 0
    log.add(rows(1))
    log.close(5)
    assert logged(tmp_path) == ids(2)
    assert fresh.exists()


def test_the_next_start_closes_what_the_last_one_left(tmp_path: Path) -> None:
    left = tmp_path / "predictions-20261121T06-h-1-5.jsonl.part"
    left.write_bytes(b'{"a":1}\n{"b')
    log = PredictionLog(tmp_path, 2**30)
    until(lambda: left.with_suffix("").exists())
    log.close(5)
    assert left.with_suffix("").read_bytes() == b'{"a":1}\n'


def test_two_processes_share_a_folder(tmp_path: Path) -> None:
    code = (
        "log.add(rows(int(sys.argv[3]), 50)); time.sleep(0.3); log.add(rows(int(sys.argv[3]) + 50, 50)); log.close(9)"
    )
    processes = [started(code, str(tmp_path), "500", str(first)) for first in (0, 100)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    for process in processes:
        process.communicate()
    assert sorted(logged(tmp_path), key=lambda name: int(name[1:])) == ids(200)
