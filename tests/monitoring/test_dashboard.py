from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from aisle.errors import exit_code_of
from monitoring import dashboard
from monitoring.workspace import NOT_JUDGED, project_folder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, list[str], dict[str, str]]]:
    """What is started in the place of a server; the folder is empty."""
    found: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda *words: found.append(words))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["dashboard"])
    return found


def a_day(folder: Path, name: str = "day", *tags: str) -> None:
    path = project_folder(folder) / "snapshots" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"tags": tags}))


def test_nothing_to_show_is_one_line(started: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(dashboard.main) == 2
    assert "no day is there yet; `aisle monitor` adds one" in capsys.readouterr().err
    assert not started


def test_serves_to_this_machine_alone_and_reports_to_nobody(
    started: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_day(tmp_path / dashboard.WORKSPACE)
    dashboard.main()
    ((program, command, environment),) = started
    assert Path(program).name == "evidently"
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert environment["DO_NOT_TRACK"] == "true"
    assert f"1 day: http://127.0.0.1:{command[-1]}/projects/" in capsys.readouterr().out


def test_days_that_were_not_judged_are_not_counted(
    started: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, tags in (("one", []), ("two", []), ("between", [NOT_JUDGED])):
        a_day(tmp_path / dashboard.WORKSPACE, name, *tags)
    dashboard.main()
    assert capsys.readouterr().out.startswith("2 days: ")


def test_a_port_in_use(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = int(listener.getsockname()[1])
        assert exit_code_of(lambda: print(dashboard.chosen_port(taken))) == 2
        assert f"`make dashboard PORT={taken + 1}`" in capsys.readouterr().err
        monkeypatch.setattr(dashboard, "USUAL_PORT", taken)
        assert dashboard.chosen_port(None) != taken
