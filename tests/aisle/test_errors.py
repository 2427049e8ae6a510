from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from aisle.errors import (
    AisleError,
    ConfigurationError,
    DataError,
    ModelError,
    NotCertified,
    RegistryError,
    exit_code_of,
    one_line,
)


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def run() -> NoReturn:
        raise error

    return run


@pytest.mark.parametrize("kind", [ConfigurationError, DataError, NotCertified, ModelError, RegistryError])
def test_what_a_user_can_mend_is_one_line_and_exit_code_2(
    kind: type[AisleError], capsys: pytest.CaptureFixture
) -> None:
    assert exit_code_of(raising(kind("labels/x.parquet: row 3:\n   no category;  add one"))) == 2
    printed = capsys.readouterr()
    assert printed.err == "aisle: labels/x.parquet: row 3: no category; add one\n"
    assert printed.out == ""


def test_what_runs_well_gives_its_code(capsys: pytest.CaptureFixture) -> None:
    assert exit_code_of(lambda: None) == 0
    assert exit_code_of(lambda: 1) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "the file system is read-only"),
        (errno.ENOENT, "no such file or folder"),
        (errno.EISDIR, "this is a folder"),
        (errno.ENOTDIR, "this is a file"),
        (errno.EMFILE, "too many open files"),
    ],
)
def test_the_system_is_explained(number: int, words: str, capsys: pytest.CaptureFixture) -> None:
    assert exit_code_of(raising(OSError(number, "raw words", "some/file"))) == 2
    assert capsys.readouterr().err.startswith(f"aisle: some/file: {words}")
    assert one_line(OSError(number, "raw words")).startswith(words)


def test_another_error_of_the_system_keeps_its_words() -> None:
    assert one_line(OSError(errno.EPIPE, "Broken pipe", "x")) == "[Errno 32] Broken pipe: 'x'"
    assert one_line(DataError("")) == "DataError"


def test_a_defect_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_code_of(raising(ZeroDivisionError()))


def test_an_interruption_is_told(capsys: pytest.CaptureFixture) -> None:
    assert exit_code_of(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "aisle: interrupted; the same command goes on from here\n"


def test_a_reader_that_goes_away_is_no_failure(root: Path) -> None:
    script = (
        "import sys; from aisle.errors import exit_code_of\n"
        "def run():\n    for n in range(100_000): print(n)\n"
        "sys.exit(exit_code_of(run))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
