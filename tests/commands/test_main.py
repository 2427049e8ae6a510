from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import tomllib
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from aisle.errors import DataError
from commands import main

ROOT = Path(__file__).parents[2]
TOOLS = ("mlflow", "great_expectations", "dvc", "sklearn", "pandas", "numpy", "matplotlib", "yaml")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[argparse.Namespace], int | None]], None]:
    """Put a command `try` with one option, which runs what it is given, into the table."""

    def put(run: Callable[[argparse.Namespace], int | None]) -> None:
        module = types.ModuleType("commands.try_")
        module.add_arguments = lambda parser: parser.add_argument("--days", type=int, help="how many")  # type: ignore[attr-defined]
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "commands.try_", module)
        monkeypatch.setitem(main.COMMANDS, "try", ("commands.try_", "try something out"))

    return put


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_names_every_command_and_the_exit_codes(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if words:
        with pytest.raises(SystemExit, match="0"):
            main.main(words)
    else:
        assert main.main(words) == 0
    told = capsys.readouterr().out
    for name, (_, help_line) in main.COMMANDS.items():
        assert f"\n  {name} " in told
        assert help_line in told
    assert "exit codes:" in told


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    with pytest.raises(SystemExit, match="0"):
        main.main(["--version"])
    assert capsys.readouterr().out == f"aisle {declared['project']['version']}\n"


@pytest.mark.parametrize("name", sorted(main.COMMANDS))
def test_each_command_tells_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main.main([name, "--help"])
    told = capsys.readouterr().out
    assert told.startswith(f"usage: aisle {name}")
    assert main.COMMANDS[name][1][1:] in " ".join(told.split())


def test_a_misspelt_command_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["sumary"]) == 2
    assert capsys.readouterr().err == "aisle: 'sumary' is not a command; did you mean summary?\n"


def test_an_unknown_command_gets_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["zzz"]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in main.COMMANDS)
    assert told.count("\n") == 1


def test_an_unknown_option_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main.main(["--helo"])
    told = capsys.readouterr().err
    assert told.startswith("aisle: ")
    assert told.count("\n") == 1


def test_a_wrong_value_of_an_option_is_one_line(
    command: Callable[[Callable[[argparse.Namespace], int | None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(lambda arguments: None)
    with pytest.raises(SystemExit, match="2"):
        main.main(["try", "--days", "ten"])
    told = capsys.readouterr().err
    assert "invalid int value: 'ten'; see `aisle try --help`" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(("answer", "code"), [(None, 0), (0, 0), (1, 1)])
def test_the_answer_of_a_command_is_the_exit_code(
    command: Callable[[Callable[[argparse.Namespace], int | None]], None], answer: int | None, code: int
) -> None:
    seen = []

    def run(arguments: argparse.Namespace) -> int | None:
        seen.append(arguments.days)
        return answer

    command(run)
    assert main.main(["try", "--days", "3"]) == code
    assert seen == [3]


def test_what_a_user_can_mend_is_one_line(
    command: Callable[[Callable[[argparse.Namespace], int | None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> int | None:
        raise DataError("data/taxonomy.csv: line 3: a cycle\nof two")

    command(run)
    assert main.main(["try"]) == 2
    assert capsys.readouterr().err == "aisle: data/taxonomy.csv: line 3: a cycle of two\n"


def test_a_defect_keeps_its_traceback(
    command: Callable[[Callable[[argparse.Namespace], int | None]], None],
) -> None:
    command(lambda arguments: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        main.main(["try"])


def test_no_tool_may_report_to_its_makers(
    command: Callable[[Callable[[argparse.Namespace], int | None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ, DO_NOT_TRACK="false"))
    command(lambda arguments: None)
    main.main(["try"])
    assert {name: os.environ[name] for name in main.TELEMETRY_OFF} == main.TELEMETRY_OFF


def test_help_imports_nothing_heavy() -> None:
    code = (
        f"import sys; from commands import main; main.main([]); sys.exit(str([n for n in {TOOLS} if n in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


def test_help_answers_at_once() -> None:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "commands.main", "--help"], check=True, capture_output=True, cwd=ROOT)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.4
