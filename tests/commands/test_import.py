"""`aisle import` as it is typed: what it prints, where, and its exit code."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from commands.main import main

MAPPING = """\
product: {product_id: id, title: title, seller: shop}
category: {levels: [top, leaf], code: "_"}
"""
OFFERS = """\
id,title,shop,top,leaf
1,Cordless drill,a,1_Tools,11_Drills
2,Claw hammer,b,1_Tools,12_Hammers
3,Screwdriver,b,9_Other,12_Hammers
4,Bench hammer,b,1_Tools,12_Hammers
5,Lump hammer,a,9_Other,91_Rest
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    (tmp_path / "offers.csv").write_text(OFFERS)
    return tmp_path


def test_the_summary_says_what_came_in_and_what_to_type_next(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "mapping.yaml", "offers.csv", "--into", "data", "--day", "2024-05-01"]) == 0
    out, err = capsys.readouterr()
    assert out == (
        "Imported into data, shard 2024-05-01-import\n"
        "  products    5\n"
        "  labels      5\n"
        "  categories  5 (2 branches, 3 leaves)\n"
        "  sellers     2\n"
        "  splits      drawn later, by product group\n"
        "  warnings    1, above\n"
        "\n"
        "Next: dvc add data && dvc repro\n"
    )
    assert err == "aisle: warning: category 12 (Hammers) has 2 parents: 1 (2 rows), 9 (1 row); 1 stands\n"


def test_appending_tells_new_from_known(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", "mapping.yaml", "offers.csv", "--into", "data"])
    assert main(["import", "mapping.yaml", "offers.csv", "--into", "data", "--append"]) == 0
    assert "Nothing new: all 5 products of the files stand in data already" in capsys.readouterr().out
    (folder / "offers.csv").write_text(OFFERS.replace("Claw", "Big claw") + "6,Hand saw,c,1_Tools,13_Saws\n")
    assert main(["import", "mapping.yaml", "offers.csv", "--into", "data", "--append"]) == 0
    out = capsys.readouterr().out
    assert "  products    1 new, 1 revised, 4 unchanged\n" in out
    assert "  categories  6 (2 branches, 4 leaves), 1 of them new\n" in out


def test_official_splits_are_counted_in_their_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mapping.yaml").write_text(MAPPING + "split: {test: 't*', train: 'o*'}\n")
    (folder / "t.csv").write_text("id,title,shop,top,leaf\n7,Saw,a,1_Tools,13_Saws\n")
    assert main(["import", "mapping.yaml", "t.csv", "offers.csv", "--into", "elsewhere"]) == 0
    out = capsys.readouterr().out
    assert "  splits      train 5, test 1\n" in out
    assert "Next: to learn from it, import it --into data, then dvc add data && dvc repro\n" in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nothing.yaml", "offers.csv", "--into", "new"], "nothing.yaml: no such file; check the path"),
        (["mapping.yaml", "nothing.csv", "--into", "new"], "nothing.csv: no such file; check the path"),
        (["mapping.yaml", "offers.csv", "--into", "full"], "full: holds a catalogue already; add --append"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    main(["import", "mapping.yaml", "offers.csv", "--into", "full"])
    capsys.readouterr()
    assert main(["import", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"aisle: {line}")
    assert err.count("\n") == 1
    assert not (folder / "new").exists()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--append", "--replace"], "--replace: not allowed with argument --append"),
        (["--day", "tomorrow"], "'tomorrow' is no day; write YYYY-MM-DD"),
    ],
)
def test_impossible_options(folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], line: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["import", "mapping.yaml", "offers.csv", "--into", "data", *options])
    assert left.value.code == 2
    assert line in capsys.readouterr().err


def test_a_progress_bar_on_a_terminal_only(folder: Path, root: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "commands.main",
        "import",
        "mapping.yaml",
        "offers.csv",
        "--into",
        "data",
        "--replace",
    ]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    quiet = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert re.fullmatch("aisle: warning: .*\n", quiet.stderr)

    reader, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=terminal, check=True, env=environment)
    os.close(terminal)
    shown = os.read(reader, 65536).decode()
    os.close(reader)
    assert "import:" in shown
    assert "%" in shown


def test_the_example_in_the_documentation_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (root / "docs" / "data.md").read_text()
    for name, content in re.findall(r"^`(\S+)`\n\n```\w+\n(.*?)```", text, re.M | re.S):
        (tmp_path / name).write_text(content)
    consoles = re.findall(r"```console\n\$ aisle (.*?)\n(.*?)```", text, re.S)
    assert len(consoles) == 2
    for command, printed in consoles:
        assert main(command.split()) == 0
        assert capsys.readouterr().out == printed
    assert f"```csv\n{(tmp_path / 'catalogue' / 'taxonomy.csv').read_text()}```" in text

    mapping = (tmp_path / "mapping.yaml").read_text()
    (tmp_path / "mapping.yaml").write_text(mapping.replace("title: name", "title: nmae"))
    assert main(["import", "mapping.yaml", "offers.csv", "--into", "catalogue", "--append"]) == 2
    assert f"```\n{capsys.readouterr().err}```" in text
