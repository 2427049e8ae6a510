"""`aisle package`: what it says and what it writes. The packaging itself: tests/pipelines/test_bento.py."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aisle.errors import RegistryError
from commands.main import main
from pipelines.bento import packaging, store
from tests.commands.test_serve import write_bento


@pytest.fixture(autouse=True)
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A store with a Bento that stands for the one packaged now; what was asked for."""
    monkeypatch.delenv("BENTOML_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    path = write_bento(store.home(), "3-5fd2a1c09b7e", "3", 8)
    (path / "src" / "service").mkdir(parents=True)
    (path / "src" / "service" / "run.py").write_text("code")
    words: list[dict[str, Any]] = []

    def package(folder: Path, **options: Any) -> packaging.Packaged:
        words.append(options)
        return packaging.Packaged(store.read_bento(path), new=not words[1:], compared=103)

    monkeypatch.setattr(packaging, "package", package)
    return words


def test_says_what_was_made_and_what_to_do_next(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["package"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "packaged aisle:3-5fd2a1c09b7e, 0.0 MB: answers 103 products as the registry does"
    assert said[1:4] == ["  model_name       aisle", "  model_version    3", "  run_id           run"]
    assert [line.split()[:2] for line in said[-2:]] == [["aisle", "serve"], ["aisle", "package"]]
    assert asked == [{"override": False, "reason": "", "again": False}]
    main(["package"])
    assert capsys.readouterr().out.splitlines()[0] == (
        "aisle:3-5fd2a1c09b7e, 0.0 MB, is there already; nothing was built"
    )


def test_options_reach_the_packaging(asked: list[dict[str, Any]]) -> None:
    main(["package", "--override", "--reason", "agreed", "--again"])
    assert asked == [{"override": True, "reason": "agreed", "again": True}]


def test_warnings_go_to_standard_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def package(folder: Path, **options: Any) -> packaging.Packaged:
        (bento,) = store.bentos(store.home())
        return packaging.Packaged(bento, new=False, warnings=("one", "two"))

    monkeypatch.setattr(packaging, "package", package)
    assert main(["package"]) == 0
    assert capsys.readouterr().err == "aisle: warning: one\naisle: warning: two\n"


WHOLE = [
    "bento.yaml",
    "models/aisle/3-5fd2a1c09b7e/model.skops",
    "models/aisle/latest",
    "src/service/run.py",
]


def test_one_file_that_tar_unpacks_and_that_is_the_same_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["package", "--output", "out/aisle.bento"]) == 0
    written = (tmp_path / "out" / "aisle.bento").read_bytes()
    assert f"written to out/aisle.bento, sha256 {hashlib.sha256(written).hexdigest()}" in capsys.readouterr().out
    assert main(["package", "--output", "out/aisle.bento"]) == 0
    assert (tmp_path / "out" / "aisle.bento").read_bytes() == written
    listed = subprocess.run(["tar", "tf", "out/aisle.bento"], check=True, capture_output=True, text=True).stdout
    assert listed.splitlines() == WHOLE


def test_a_folder_with_its_model(tmp_path: Path) -> None:
    for _ in range(2):  # a second time in its own place
        assert main(["package", "--output", "out/bento"]) == 0
        found = sorted(one.relative_to("out/bento").as_posix() for one in Path("out/bento").rglob("*") if one.is_file())
        assert found == WHOLE
    assert Path("out/bento/models/aisle/latest").read_text() == "3-5fd2a1c09b7e"
    assert store.read_bento(tmp_path / "out" / "bento").model.is_relative_to(tmp_path / "out")


def test_a_newer_model_of_the_store_is_not_named_as_the_latest_of_another(tmp_path: Path) -> None:
    (store.home() / "models" / "aisle" / "latest").write_text("4-000000000000")
    main(["package", "--output", "bento"])
    assert (tmp_path / "bento" / "models" / "aisle" / "latest").read_text() == "3-5fd2a1c09b7e"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("full", "a folder with other things in it; name a new folder, or a file that ends in .bento"),
        ("a_file", "a file; name a new folder"),
        ("folder.bento", "this is a folder; name a file, as in folder.bento/aisle.bento"),
    ],
)
def test_nothing_of_others_is_overwritten(capsys: pytest.CaptureFixture[str], target: str, said: str) -> None:
    Path("full").mkdir()
    Path("full/thesis.txt").write_text("years of work")
    Path("a_file").write_text("mine")
    Path("folder.bento").mkdir()
    assert main(["package", "--output", target]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert Path("full/thesis.txt").read_text() == "years of work"
    assert Path("a_file").read_text() == "mine"


def test_a_refusal_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(folder: Path, **options: Any) -> None:
        raise RegistryError("no version of aisle is the champion yet")

    monkeypatch.setattr(packaging, "package", refuse)
    assert main(["package"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "aisle: no version of aisle is the champion yet\n")
