from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aisle.errors import DataError, exit_code_of
from aisle.files import (
    clean_leftovers,
    read_json,
    replacing,
    replacing_folder,
    sha256_of,
    sha256_of_bytes,
    write_json,
    write_text,
)

FULL = Path("/dev/full")


def test_replacing_puts_the_new_content_in_place_and_makes_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    for text in ("old", "new"):
        write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert [one.name for one in path.parent.iterdir()] == ["b.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_error_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "b.txt"
    path.write_text("old", encoding="utf-8")

    def half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("ne", encoding="utf-8")
            raise DataError("no more")

    with pytest.raises(DataError, match="no more"):
        half()
    assert path.read_text(encoding="utf-8") == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["b.txt"]


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full to play the full disk")
def test_a_full_disk_is_one_line_and_the_old_content_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "b.txt"
    path.write_text("old", encoding="utf-8")

    def on_a_full_disk(**_: object) -> tuple[int, str]:
        (tmp_path / "part").symlink_to(FULL)
        return os.open(FULL, os.O_WRONLY), str(tmp_path / "part")

    monkeypatch.setattr("tempfile.mkstemp", on_a_full_disk)
    assert exit_code_of(lambda: write_text(path, "new" * 10_000)) == 2
    assert "the disk is full; free some space and run the same command again" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["b.txt"]


KILLED = """
import sys, time
from aisle.files import {how}
with {how}(sys.argv[1]) as temporary:
    (temporary / "x" if temporary.is_dir() else temporary).write_text("half of the ne")
    print("writing", flush=True)
    time.sleep(60)
"""


def kill_while_writing(how: str, path: Path, root: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED.format(how=how), str(path)], cwd=root, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL


def test_a_kill_leaves_the_old_file_and_the_next_write_goes_on(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "b.txt"
    path.write_text("old", encoding="utf-8")
    kill_while_writing("replacing", path, root)
    assert path.read_text(encoding="utf-8") == "old"
    write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.glob("*.txt")) == [path]  # what the kill left is hidden and named otherwise


def test_a_kill_leaves_no_file_where_there_was_none(tmp_path: Path, root: Path) -> None:
    kill_while_writing("replacing", tmp_path / "b.txt", root)
    assert not (tmp_path / "b.txt").exists()


def test_a_kill_leaves_the_old_folder_and_the_next_one_goes_on(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "data"
    path.mkdir()
    (path / "old").touch()
    kill_while_writing("replacing_folder", path, root)
    assert [one.name for one in path.iterdir()] == ["old"]
    clean_leftovers(path)
    assert [one.name for one in tmp_path.iterdir()] == ["data"]
    with replacing_folder(path) as folder:
        (folder / "new").touch()
    assert [one.name for one in path.iterdir()] == ["new"]
    assert [one.name for one in tmp_path.iterdir()] == ["data"]


def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir()
    (path / "old").touch()

    def half() -> None:
        with replacing_folder(path) as folder:
            (folder / "new").touch()
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        half()
    assert [one.name for one in path.iterdir()] == ["old"]
    assert [one.name for one in tmp_path.iterdir()] == ["data"]


def test_a_folder_taken_away_without_its_successor_is_put_back(tmp_path: Path) -> None:
    (tmp_path / ".data.abc.old" / "data").mkdir(parents=True)
    (tmp_path / ".data.abc.old" / "data" / "x").touch()
    clean_leftovers(tmp_path / "data")
    assert [one.name for one in (tmp_path / "data").iterdir()] == ["x"]
    assert [one.name for one in tmp_path.iterdir()] == ["data"]


def test_json_comes_back_as_it_was_and_reads_well(tmp_path: Path) -> None:
    value = {"name": "Ångström ½", "numbers": [1, 2.5, None, True], "empty": {}}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value
    assert "Ångström" in (tmp_path / "x.json").read_text(encoding="utf-8")
    assert (tmp_path / "x.json").read_text(encoding="utf-8").endswith("}\n")


def test_json_without_a_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"accuracy": float("nan")})
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'{"a": 1,\n "b": }', r"x\.json: line 2: not JSON \(Expecting value\)"),
        (b"", r"x\.json: line 1: not JSON"),
        (b'{"a": "\xff"}', r"x\.json: not UTF-8 text \(byte 7\)"),
    ],
)
def test_broken_json_is_told_with_its_line(tmp_path: Path, content: bytes, line: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(DataError, match=line):
        read_json(tmp_path / "x.json")


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_of(tmp_path / "x") == sha256_of_bytes(b"abc")
    assert sha256_of_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
