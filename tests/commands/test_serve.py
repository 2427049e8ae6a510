"""`aisle serve`: which Bento it chooses, what it says, what it becomes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import yaml

from commands.main import main
from pipelines.bento import store

Became = list[tuple[list[str], dict[str, str]]]


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "AISLE_MODEL_NAME", "BENTOML_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def write_bento(home: Path, version: str, number: str, hour: int, run_id: str = "run") -> Path:
    """A Bento as the store holds it, without its contents."""
    path, model = home / "bentos" / "aisle" / version, home / "models" / "aisle" / version
    path.mkdir(parents=True)
    model.mkdir(parents=True)
    (model / "model.skops").write_bytes(b"weights")
    about = {
        "name": "aisle",
        "version": version,
        "creation_time": f"2026-03-01T{hour:02}:00:00.000001+00:00",
        "labels": {"model_name": "aisle", "model_version": number, "run_id": run_id},
        "models": [{"tag": f"aisle:{version}", "alias": "aisle-model"}],
    }
    (path / "bento.yaml").write_text(yaml.safe_dump(about))
    return path


def name_champion(number: str, run_id: str = "run") -> None:
    """A registry with just what the question for the champion reads."""
    with sqlite3.connect("mlflow.db") as opened:
        opened.execute("CREATE TABLE registered_model_aliases (name, alias, version)")
        opened.execute("CREATE TABLE model_versions (name, version, run_id)")
        opened.execute("INSERT INTO registered_model_aliases VALUES ('aisle', 'champion', ?)", (int(number),))
        opened.execute("INSERT INTO model_versions VALUES ('aisle', ?, ?)", (int(number), run_id))
    opened.close()


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> Became:
    """What the process was replaced by."""
    seen: Became = []
    monkeypatch.setattr("os.execve", lambda _, words, environment: seen.append((words, environment)))
    return seen


class TestChoice:
    def test_the_newest_of_the_champion(self, became: Became, capsys: pytest.CaptureFixture[str]) -> None:
        home = Path("bentos")
        write_bento(home, "1-aaa", "1", 8)
        wanted = write_bento(home, "1-bbb", "1", 9)
        write_bento(home, "2-ccc", "2", 10)
        name_champion("1")
        main(["serve", "--port", "8123"])
        ((words, environment),) = became
        assert words[1:] == [
            "-P", "-m", "service.run", str(wanted.absolute()), "--host", "127.0.0.1", "--port", "8123",
        ]  # fmt: skip
        assert environment["BENTOML_HOME"] == str(home.absolute())
        assert environment["PYTHONPATH"] == str(wanted.absolute() / "src")
        said = capsys.readouterr()
        assert said.out == "serving aisle:1-bbb (version 1 of aisle)\n"
        assert said.err == ""

    @pytest.mark.parametrize(("number", "run_id"), [("3", "run"), ("2", "another registry's run")])
    def test_the_champion_has_moved_on(
        self, became: Became, capsys: pytest.CaptureFixture[str], number: str, run_id: str
    ) -> None:
        write_bento(Path("bentos"), "1-aaa", "1", 8)
        write_bento(Path("bentos"), "2-bbb", "2", 9)
        name_champion(number, run_id)
        main(["serve"])
        said = capsys.readouterr()
        assert "serving aisle:2-bbb" in said.out
        (line,) = said.err.splitlines()
        assert f"the champion is version {number} now, which is not packaged; serving aisle:2-bbb" in line
        assert "`aisle package`" in line
        assert became

    def test_nobody_is_champion_any_more(self, became: Became, capsys: pytest.CaptureFixture[str]) -> None:
        write_bento(Path("bentos"), "1-aaa", "1", 8)
        main(["serve"])
        assert "nobody is champion now; serving the newest Bento, aisle:1-aaa" in capsys.readouterr().err
        assert became

    def test_the_registry_cannot_be_asked(self, became: Became, capsys: pytest.CaptureFixture[str]) -> None:
        write_bento(Path("bentos"), "1-aaa", "1", 8)
        Path("mlflow.db").write_text("no database")
        main(["serve"])
        assert "does not say who is champion" in capsys.readouterr().err
        assert became

    def test_there_is_none(self, became: Became, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["serve"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("bentos: no Bento yet; `aisle package` builds one from the champion")
        assert not became


class TestNamed:
    def test_by_tag_by_version_by_folder(self, became: Became, tmp_path: Path) -> None:
        first = write_bento(Path("bentos"), "1-aaa", "1", 8).absolute()
        write_bento(Path("bentos"), "2-bbb", "2", 9)
        for name in ("aisle:1-aaa", "1-aaa", "bentos/bentos/aisle/1-aaa"):
            main(["serve", name])
        assert [words[4] for words, _ in became] == [str(first)] * 3

    def test_an_unpacked_one_needs_no_store(self, became: Became, tmp_path: Path) -> None:
        write_bento(Path("bentos"), "1-aaa", "1", 8)
        store.export(store.bentos(store.home())[0], tmp_path / "unpacked")
        (tmp_path / "bentos").rename(tmp_path / "elsewhere")
        main(["serve", "unpacked"])
        assert became[0][0][4] == str(tmp_path / "unpacked")

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("aisle:9-zzz", "neither a folder nor a Bento of the store"),
            ("aisle.bento", "unpack it first, as in: mkdir bento && tar xf aisle.bento -C bento"),
            ("empty", "no Bento (there is no bento.yaml in it)"),
            ("foreign", "not written by `aisle package`"),
            ("without-model", "the model aisle:1-aaa of this Bento is gone"),
        ],
    )
    def test_what_is_no_bento(self, became: Became, capsys: pytest.CaptureFixture[str], name: str, said: str) -> None:
        Path("empty").mkdir()
        Path("foreign").mkdir()
        Path("foreign/bento.yaml").write_text("name: other\nversion: v1\nlabels: {}\n")
        kept = write_bento(Path("lost"), "1-aaa", "1", 8)
        kept.rename("without-model")
        assert main(["serve", name]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
        assert not became

    @pytest.mark.parametrize("port", ["-1", "65536", "http", "8000.5"])
    def test_a_port_that_is_none(self, capsys: pytest.CaptureFixture[str], port: str) -> None:
        with pytest.raises(SystemExit) as left:
            main(["serve", "--port", port])
        assert left.value.code == 2
        assert "give a number from 0 to 65535" in capsys.readouterr().err
