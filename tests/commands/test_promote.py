"""`aisle promote` with the real MLflow on a temporary SQLite store."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from commands.main import main
from pipelines.registry import connection

# SQLAlchemy finds fault with MLflow's own queries.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

WHO = ["--by", "ann", "--reason", "two points more coverage"]


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "AISLE_MODEL_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def three_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with versions 1 (no champion then), 2 (failed against 1) and 3 (undecided against 1)."""
    folder = tmp_path_factory.mktemp("versions")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        client = connection.connect()
        client.create_registered_model("aisle")
        gates = [
            {"gate": "no_champion", "gate_champion": "none"},
            {"gate": "failed", "gate_champion": "1", "gate_reasons": '["coverage 40 % against 60 %"]'},
            {"gate": "undecided", "gate_champion": "1", "gate_reasons": '["too few test rows"]'},
        ]
        for number, tags in enumerate(gates, 1):
            kept = folder / "models" / str(number)
            kept.mkdir(parents=True)
            (kept / "MLmodel").touch()
            client.create_model_version("aisle", kept.as_uri(), tags=tags)
    return folder


@pytest.fixture
def store(three_versions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    shutil.copyfile(three_versions / "mlflow.db", tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    return connection.connect()


def champion(store: Any) -> str:
    return str(store.get_model_version_by_alias("aisle", "champion").version)


def history(store: Any) -> list[str]:
    tags = store.get_registered_model("aisle").tags
    return [value for key, value in sorted(tags.items()) if key.startswith("promoted ")]


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line on standard error of a command that ends with code 2."""
    capsys.readouterr()
    assert main(["promote", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line


class TestPromote:
    def test_the_first_champion(self, store: Any, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["promote", "1", *WHO]) == 0
        assert capsys.readouterr().out == "aisle version 1 is the champion now, the first one\n"
        assert champion(store) == "1"
        tags = store.get_model_version("aisle", "1").tags
        assert tags["promoted_by"] == "ann"
        assert tags["reason"] == "two points more coverage"
        assert tags["replaced"] == "none"
        assert tags["promoted_at"].endswith("Z")
        assert history(store) == ["version 1 as the first champion, by ann: two points more coverage"]

    def test_latest_is_the_highest_number_and_says_what_it_replaces(
        self, store: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        store.set_registered_model_alias("aisle", "champion", "1")
        assert main(["promote", "latest", *WHO]) == 0
        said = capsys.readouterr()
        assert said.out == "aisle version 3 is the champion now, instead of version 1\n"
        assert said.err == "aisle: mind that the gate was undecided: too few test rows\n"
        assert champion(store) == "3"
        assert store.get_model_version("aisle", "3").tags["replaced"] == "1"

    def test_going_back_keeps_the_history(self, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        import datetime

        from pipelines.registry import versions

        class Clock(datetime.datetime):
            seconds = 0

            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
                cls.seconds += 1
                return datetime.datetime(2025, 6, 1, 12, 0, cls.seconds, tzinfo=tz)

        monkeypatch.setattr(versions.datetime, "datetime", Clock)
        for number in ("1", "3", "1"):
            assert main(["promote", number, "--by", "ann", "--reason", f"to {number}"]) == 0
        assert champion(store) == "1"
        assert history(store) == [
            "version 1 as the first champion, by ann: to 1",
            "version 3 instead of version 1, by ann: to 3",
            "version 1 instead of version 3, by ann: to 1",
        ]

    def test_the_champion_again_changes_nothing(self, store: Any, capsys: pytest.CaptureFixture[str]) -> None:
        store.set_registered_model_alias("aisle", "champion", "1")
        assert main(["promote", "1", *WHO]) == 0
        assert "is the champion already; nothing was changed" in capsys.readouterr().out
        assert "promoted_by" not in store.get_model_version("aisle", "1").tags

    def test_a_gate_that_compared_with_another_champion_is_said(
        self, store: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        store.set_registered_model_alias("aisle", "champion", "2")
        assert main(["promote", "3", *WHO]) == 0
        assert "the gate compared it with version 1, not with version 2" in capsys.readouterr().err

    def test_a_failed_gate_is_refused_and_can_be_overridden(
        self, store: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        store.set_registered_model_alias("aisle", "champion", "1")
        line = refused(capsys, "2", *WHO)
        assert "version 2 failed the gate (coverage 40 % against 60 %)" in line
        assert "--override" in line
        assert champion(store) == "1"
        assert main(["promote", "2", *WHO, "--override"]) == 0
        assert champion(store) == "2"
        assert store.get_model_version("aisle", "2").tags["gate_overridden"] == "true"


class TestRefused:
    @pytest.mark.usefixtures("store")
    def test_an_unknown_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert refused(capsys, "9", *WHO) == "aisle: the model aisle has no version 9; it has 1, 2, 3"

    @pytest.mark.usefixtures("store")
    @pytest.mark.parametrize("version", ["", "newest", "-1", "1.5", "²"])
    def test_what_is_no_version(self, capsys: pytest.CaptureFixture[str], version: str) -> None:
        line = refused(capsys, *WHO, "--", version)
        assert line == f"aisle: '{version}' is no version; give a number, or latest"

    @pytest.mark.usefixtures("store")
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--by", " ", "--reason", "x"], "--by is empty"),
            (["--by", "ann", "--reason", ""], "--reason is empty"),
            (["--by", "ann", "--reason", "x" * 1001], "--reason has 1001 characters"),
        ],
    )
    def test_no_name_or_no_reason(self, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
        assert said in refused(capsys, "1", *words)

    def test_a_version_that_lost_its_files(
        self, store: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        store.create_model_version("aisle", (tmp_path / "gone").as_uri())
        assert "version 4 has lost its files" in refused(capsys, "latest", *WHO)

    def test_nothing_was_registered_yet(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, three_versions: Path
    ) -> None:
        shutil.copyfile(three_versions / "mlflow.db", tmp_path / "mlflow.db")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("AISLE_MODEL_NAME", "another")
        assert "the model another has no version yet; `make run` registers one" in refused(capsys, "latest", *WHO)

    def test_a_store_out_of_reach(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        assert "tracking store http://127.0.0.1:9: out of reach" in refused(capsys, "1", *WHO)

    def test_nothing_to_promote(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as left:
            main(["promote", *WHO])
        assert left.value.code == 2
        assert "VERSION" in capsys.readouterr().err
