"""Whose writer is dead, looked at with real locks, and as a user who may not write."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aisle.catalogue import log_files
from aisle.catalogue.log_files import close_whole_lines, dead, give_closed_name, is_at, open_files
from tests.aisle.catalogue.prediction_logs import line, write
from tests.service.log_rows import folder_of_another


def is_dead(path: Path) -> bool:
    with dead(path) as found:
        return found


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return write(tmp_path, 1, [line("a"), line("b")[:40]], ".jsonl.part")


def test_a_file_is_dead_when_nobody_locks_it(part: Path) -> None:
    with part.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not is_dead(part)
    assert is_dead(part)


def test_what_cannot_be_found_out_is_no_death(part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_dead(tmp_path / "predictions-gone.jsonl.part")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied", str(part))

    monkeypatch.setattr(log_files, "_locked", refuse)
    assert not is_dead(part)


def test_a_file_without_content_may_be_opening(tmp_path: Path) -> None:
    path = write(tmp_path, 1, [], ".jsonl.part")
    assert not is_dead(path)
    os.utime(path, (0, 0))
    assert is_dead(path)


def test_nobody_else_takes_it_while_the_block_runs(part: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with dead(part) as first, dead(part) as second:
        assert (first, second) == (True, False)
    with pytest.raises(ValueError, match="mine"), dead(part):
        raise ValueError("mine")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_name_that_was_given_to_another_file(part: Path) -> None:
    with part.open("rb") as opened:
        assert is_at(opened.fileno(), part)
        closed = give_closed_name(part)
        assert not is_at(opened.fileno(), part)
        part.touch()
        assert not is_at(opened.fileno(), part)
    part.write_text("x")
    assert give_closed_name(part) == closed.with_name("predictions-20250629T23-host-1-1_2.jsonl")


def test_closing_cuts_the_half_line_off(part: Path, tmp_path: Path) -> None:
    close_whole_lines(part)
    assert [path.name for path in tmp_path.iterdir()] == ["predictions-20250629T23-host-1-1.jsonl"]
    assert (tmp_path / "predictions-20250629T23-host-1-1.jsonl").read_text() == line("a")


AS_ANOTHER = """
import sys
from pathlib import Path
from aisle.catalogue.collecting import collect
done = collect(Path(sys.argv[1]) / "logs", Path(sys.argv[1]) / "data")
print(done.files, done.open_files, sum(done.rows.values()), done.refused)
"""


def test_another_user_collects_while_a_service_writes(root: Path) -> None:
    """Files that may be read and not written, as those of a service are for its group."""
    with folder_of_another() as (folder, before):
        logs = folder / "logs"
        write(logs, 1, [line("a")])
        held, left = write(logs, 2, [line("b")], ".jsonl.part"), write(logs, 3, [line("c")], ".jsonl.part")
        for path in (held, left):
            path.chmod(0o440)
        if before:
            os.chown(logs, 65534, 65534)
        with held.open("rb") as writer:
            fcntl.flock(writer, fcntl.LOCK_EX)
            command = [*before, sys.executable, "-c", AS_ANOTHER, str(folder)]
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("2 1 2 []\n", "")
        assert open_files(logs) == [held]
