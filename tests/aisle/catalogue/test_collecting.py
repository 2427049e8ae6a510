"""The collector: every row once, wherever it is killed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aisle.catalogue import collecting
from aisle.catalogue.collecting import collect
from aisle.catalogue.journal import JOURNAL, LEDGER, read_ledger
from aisle.catalogue.tables import PREDICTIONS, read_table, shards_of
from aisle.errors import DataError
from aisle.files import holding
from tests.aisle.catalogue.prediction_logs import ids_in, line, write


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Three closed files over two days, one of a service that was killed, one still being written."""
    folder = tmp_path / "logs"
    write(folder, 1, [line("a"), line("b", "2025-06-30"), line("a")])
    write(folder, 2, [line("c"), line("d")])
    write(folder, 3, [line("e", "2025-06-30")])
    write(folder, 4, [line("f"), line("g")[:50]], ".jsonl.part")
    return folder


ALL = Counter({"a": 2, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1})


def left_in(folder: Path) -> list[str]:
    """What lies there, without the ledger, which stays."""
    return sorted(path.name for path in folder.iterdir() if path.name != LEDGER)


def test_every_row_comes_into_a_shard_of_its_day(logs: Path, tmp_path: Path) -> None:
    done = collect(logs, tmp_path / "data")
    assert ids_in(tmp_path / "data") == ALL
    assert {str(day): rows for day, rows in done.rows.items()} == {"2025-06-29": 5, "2025-06-30": 2}
    assert done.files == 4
    assert done.truncated == ["predictions-20250629T23-host-1-4.jsonl"]
    shards = shards_of(tmp_path / "data", "predictions")
    assert shards == sorted(done.shards)
    assert [shard.name[:11] for shard in shards] == ["2025-06-29-", "2025-06-30-"]
    assert {len(shard.stem) for shard in shards} == {10 + 1 + 12}
    rows = read_table(tmp_path / "data", "predictions")
    assert list(rows.columns) == [*PREDICTIONS.names, "shard"]
    assert set(rows["confidence"]) == {0.1 + 0.2}
    assert left_in(logs) == ["collected"]
    assert len(left_in(logs / "collected")) == 4


def test_again_finds_nothing(logs: Path, tmp_path: Path) -> None:
    collect(logs, tmp_path / "data")
    before = {path: path.read_bytes() for path in shards_of(tmp_path / "data", "predictions")}
    done = collect(logs, tmp_path / "data")
    assert (done.files, done.rows, done.shards) == (0, Counter(), [])
    assert {path: path.read_bytes() for path in shards_of(tmp_path / "data", "predictions")} == before


def test_what_comes_later_makes_shards_of_its_own(logs: Path, tmp_path: Path) -> None:
    collect(logs, tmp_path / "data")
    write(logs, 5, [line("h")])
    assert len(collect(logs, tmp_path / "data").shards) == 1
    assert ids_in(tmp_path / "data") == ALL + Counter("h")


def test_files_can_be_deleted_instead(logs: Path, tmp_path: Path) -> None:
    collect(logs, tmp_path / "data", delete=True)
    assert left_in(logs) == []
    assert ids_in(tmp_path / "data") == ALL


def test_a_dry_run_changes_nothing(logs: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in logs.iterdir()}
    done = collect(logs, tmp_path / "data", dry_run=True)
    assert (done.files, sum(done.rows.values()), len(done.shards)) == (4, 7, 2)
    assert {path.name: path.read_bytes() for path in logs.iterdir()} == before
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_being_written_is_left_alone(logs: Path, tmp_path: Path) -> None:
    with (logs / "predictions-20250629T23-host-1-4.jsonl.part").open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = collect(logs, tmp_path / "data")
    assert (done.files, done.open_files, done.truncated) == (3, 1, [])
    assert left_in(logs) == ["collected", "predictions-20250629T23-host-1-4.jsonl.part"]
    assert collect(logs, tmp_path / "data").files == 1
    assert ids_in(tmp_path / "data") == ALL


def test_a_file_that_is_just_being_opened_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "logs", 1, [], ".jsonl.part")
    assert collect(tmp_path / "logs", tmp_path / "data").open_files == 1
    os.utime(path, (0, 0))
    assert collect(tmp_path / "logs", tmp_path / "data").files == 1
    assert shards_of(tmp_path / "data", "predictions") == []


def test_a_file_with_a_bad_line_stays_and_the_others_are_collected(logs: Path, tmp_path: Path) -> None:
    bad = write(logs, 2, [line("c"), '{"half": \n', line("d")])
    done = collect(logs, tmp_path / "data")
    assert ids_in(tmp_path / "data") == ALL - Counter("cd")
    (said,) = done.refused
    assert said.startswith(f"{bad}: line 2: is no prediction")
    assert bad.exists()
    write(logs, 2, [line("c"), line("d")])
    assert collect(logs, tmp_path / "data").refused == []
    assert ids_in(tmp_path / "data") == ALL


def test_the_same_file_is_not_collected_twice(logs: Path, tmp_path: Path) -> None:
    content = (logs / "predictions-20250629T23-host-1-2.jsonl").read_text()
    write(logs, 7, [content])
    assert "holds the same as" in collect(logs, tmp_path / "data").refused[0]
    write(logs, 2, [content])  # as if somebody had put it back
    assert len(collect(logs, tmp_path / "data").refused) == 2
    assert ids_in(tmp_path / "data") == ALL


@pytest.mark.parametrize("delete", [False, True])
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_is_collected_is_not_collected_again_under_another_name(
    logs: Path, tmp_path: Path, delete: bool, dry_run: bool
) -> None:
    content = (logs / "predictions-20250629T23-host-1-2.jsonl").read_text()
    collect(logs, tmp_path / "data", delete=delete)
    again = write(logs, 8, [content])
    write(logs, 9, [line("h")])
    done = collect(logs, tmp_path / "data", delete=delete, dry_run=dry_run)
    (said,) = done.refused
    assert said.startswith(f"{again}: holds the same as predictions-20250629T23-host-1-2.jsonl, whose rows are colle")
    assert str(logs / LEDGER) in said
    assert (done.files, again.exists()) == (1, True)
    assert ids_in(tmp_path / "data") == (ALL if dry_run else ALL + Counter("h"))


def test_an_entry_taken_out_of_the_ledger_lets_its_rows_in_again(logs: Path, tmp_path: Path) -> None:
    """As when the catalogue lost the shards."""
    collect(logs, tmp_path / "data")
    ledger = json.loads((logs / LEDGER).read_text())
    assert sorted(ledger.values()) == [path.name for path in sorted((logs / "collected").iterdir())]
    (logs / LEDGER).unlink()
    for path in (logs / "collected").iterdir():
        path.rename(logs / path.name)
    assert collect(logs, tmp_path / "other").files == 4
    assert ids_in(tmp_path / "other") == ALL
    assert json.loads((logs / LEDGER).read_text()) == ledger


def test_files_without_rows_are_all_the_same(tmp_path: Path) -> None:
    for number in (1, 2):
        write(tmp_path / "logs", number, [])
        assert collect(tmp_path / "logs", tmp_path / "data").files == 1


@pytest.mark.parametrize("content", ["{", "[]", '{"abc": "predictions-1.jsonl"}', '{"' + "a" * 64 + '": 3}'])
def test_a_ledger_that_is_none(logs: Path, tmp_path: Path, content: str) -> None:
    logs.mkdir(exist_ok=True)
    (logs / LEDGER).write_text(content)
    with pytest.raises(DataError, match=r"collected\.json"):
        collect(logs, tmp_path / "data")
    assert left_in(logs) == [f"predictions-20250629T23-host-1-{number}.jsonl" for number in (1, 2, 3)] + [
        "predictions-20250629T23-host-1-4.jsonl.part"
    ]


def test_a_closed_file_that_cannot_be_read_stays_and_the_others_are_collected(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path, *more: Any) -> Any:
        if path.name.endswith("-2.jsonl"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read_log(path, *more)

    read_log = collecting.read_log
    monkeypatch.setattr(collecting, "read_log", read)
    done = collect(logs, tmp_path / "data")
    assert done.refused == [f"{logs / 'predictions-20250629T23-host-1-2.jsonl'}: permission denied; check who owns it"]
    assert ids_in(tmp_path / "data") == ALL - Counter("cd")


def test_another_file_of_the_same_name_is_collected(logs: Path, tmp_path: Path) -> None:
    collect(logs, tmp_path / "data")
    write(logs, 1, [line("z")])
    assert collect(logs, tmp_path / "data").refused == []
    assert ids_in(tmp_path / "data") == ALL + Counter("z")
    assert "predictions-20250629T23-host-1-1_2.jsonl" in left_in(logs / "collected")


def test_memory_holds_some_files_at_a_time(logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "GROUP_BYTES", 1)
    done = collect(logs, tmp_path / "data")
    assert len(done.shards) == 5  # the file over two days makes two
    assert ids_in(tmp_path / "data") == ALL


def test_one_collector_at_a_time(logs: Path, tmp_path: Path) -> None:
    with holding(logs), pytest.raises(DataError, match="another command"):
        collect(logs, tmp_path / "data")
    (tmp_path / "data").mkdir()
    with holding(tmp_path / "data"), pytest.raises(DataError, match="another command"):
        collect(logs, tmp_path / "data")
    assert collect(logs, tmp_path / "data").files == 4


def test_folders_that_are_none(logs: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        collect(tmp_path / "nowhere", tmp_path / "data")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="this is a file"):
        collect(logs, tmp_path / "file")


class Killed(BaseException):
    """As good as a kill: nothing of ours catches it."""


def killing(monkeypatch: pytest.MonkeyPatch, at: int, before: bool) -> None:
    """Die at the `at`-th change of a name, before or after it."""
    count = 0

    def wrapped(change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            now = count == at
            if now and before:
                raise Killed
            try:
                return change(*arguments, **options)
            finally:
                if now:
                    raise Killed

        return call

    for name in ("replace", "rename", "unlink", "mkdir"):
        monkeypatch.setattr(os, name, wrapped(getattr(os, name)))


def killed_once(folder: Path, at: int, before: bool, delete: bool, groups_of: int) -> bool:
    """Collect with a kill at the `at`-th change, then without; whether there were so many changes."""
    logs, data = folder / "logs", folder / "data"
    write(logs, 1, [line("a"), line("b", "2025-06-30"), line("a")])
    write(logs, 2, [line("c")])
    write(logs, 3, [line("d"), line("e")[:9]], ".jsonl.part")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collecting, "GROUP_BYTES", groups_of)
        killing(patch, at, before)
        try:
            collect(logs, data, delete=delete)
            killed = False
        except Killed:
            killed = True
    collect(logs, data, delete=delete)
    assert ids_in(data) == Counter({"a": 2, "b": 1, "c": 1, "d": 1}), (at, before)
    assert left_in(logs) == ([] if delete else ["collected"])
    assert [path.name for path in (data / "predictions").iterdir() if path.suffix != ".parquet"] == []
    assert sorted(read_ledger(logs).values()) == [f"predictions-20250629T23-host-1-{one}.jsonl" for one in (1, 2, 3)]
    write(logs, 4, [line("c")])  # the same as 2, which one of the two runs collected
    assert len(collect(logs, data, delete=delete).refused) == 1, (at, before)
    return killed


@pytest.mark.parametrize("delete", [False, True])
@pytest.mark.parametrize("groups_of", [1, 1 << 20])
@pytest.mark.parametrize("before", [True, False])
def test_killed_at_any_change_and_run_again_each_row_comes_once(
    tmp_path: Path, delete: bool, groups_of: int, before: bool
) -> None:
    at = 1
    while killed_once(tmp_path / str(at), at, before, delete, groups_of):
        at += 1
    assert at > 12


SCRIPT = """
import os, signal, sys
from pathlib import Path
at, count = int(sys.argv[1]), 0

def wrapped(change):
    def call(*arguments, **options):
        global count
        result = change(*arguments, **options)
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

from aisle.catalogue.collecting import collect
for name in ("replace", "rename", "unlink", "open", "fsync"):
    setattr(os, name, wrapped(getattr(os, name)))
collect(Path(sys.argv[2]), Path(sys.argv[3]))
"""


@pytest.mark.parametrize("at", [2, 4, 6, 9, 12, 15])
def test_really_killed(logs: Path, tmp_path: Path, root: Path, at: int) -> None:
    command = [sys.executable, "-c", SCRIPT, str(at), str(logs), str(tmp_path / "data")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    collect(logs, tmp_path / "data")
    assert ids_in(tmp_path / "data") == ALL
    assert left_in(logs) == ["collected"]


def test_a_service_may_take_a_name_again_before_the_collection_is_completed(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(collecting._Collection, "_tidy", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            collect(logs, tmp_path / "data")
    write(logs, 1, [line("z")])
    assert collect(logs, tmp_path / "data").resumed
    assert ids_in(tmp_path / "data") == ALL + Counter("z")


def test_a_file_taken_away_before_its_rows_were_safe(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written of the interrupted collection goes, and the rest is collected afresh."""
    with monkeypatch.context() as patch:
        patch.setattr(collecting, "sync_folder", lambda _: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            collect(logs, tmp_path / "data")
    assert ids_in(tmp_path / "data") == ALL
    (logs / "predictions-20250629T23-host-1-2.jsonl").unlink()
    collect(logs, tmp_path / "data")
    assert ids_in(tmp_path / "data") == ALL - Counter("cd")


def test_a_dry_run_says_what_an_interrupted_collection_still_has_to_do(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(collecting._Collection, "_write", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            collect(logs, tmp_path / "data")
    write(logs, 9, [line("z")])
    done = collect(logs, tmp_path / "data", dry_run=True)
    assert (done.resumed, sum(done.rows.values())) == (True, 8)
    assert (logs / JOURNAL).exists()


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"into": 3}'])
def test_a_journal_that_is_none(logs: Path, tmp_path: Path, content: str) -> None:
    (logs / JOURNAL).write_text(content)
    with pytest.raises(DataError, match=r"collecting\.json"):
        collect(logs, tmp_path / "data")
