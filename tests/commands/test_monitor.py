"""`aisle monitor` on a made catalogue, with the reference that such a one has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from commands.main import main
from monitoring import judging, posting
from monitoring.settings import SHIPPED
from tests.monitoring import made

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

DAYS = 8
LAST = str(made.day_of(DAYS - 1))
FILES = {"index.html", "evidently.html", "verdict.json", "alarm.json"}


@pytest.fixture(scope="module")
def catalogues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`good`, `bad` and `unanswered`; only to be read."""
    folder = tmp_path_factory.mktemp("catalogues")
    made.catalogue(folder / "good", days=DAYS, per_day=80, error=0.03)
    made.catalogue(folder / "bad", days=DAYS, per_day=80, error=0.4)
    made.catalogue(folder / "unanswered", days=DAYS, per_day=80, answered=False)
    return folder


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder to run in, a champion, and no desk."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", posting.URL_VARIABLE, posting.TOKEN_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(judging, "read_reference", made.reference)
    monkeypatch.setattr(judging, "_vocabulary", lambda: None)
    return tmp_path


def run(catalogue: Path, *options: str) -> int:
    return main(["monitor", "--into", str(catalogue), "--day", LAST, *options])


def verdict(project: Path) -> Any:
    return json.loads((project / "work/monitoring" / LAST / "verdict.json").read_text())


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("good", 0, "Green: all is as promised"), ("bad", 3, "Red: alarm"), ("unanswered", 4, "Not yet known")],
)
def test_the_exit_code_is_the_verdict(
    catalogues: Path, project: Path, capsys: pytest.CaptureFixture[str], name: str, code: int, said: str
) -> None:
    assert run(catalogues / name) == code
    shown = capsys.readouterr().out
    assert shown.startswith(said)
    assert f"Page: work/monitoring/{LAST}/index.html" in shown
    assert {one.name for one in (project / "work/monitoring" / LAST).iterdir()} == FILES
    assert verdict(project)["exit_code"] == code
    assert len(list((project / "work/monitoring/workspace").glob("*/snapshots/*.json"))) == 1


def test_again_it_is_the_same(catalogues: Path, project: Path) -> None:
    run(catalogues / "good")
    first = verdict(project)
    run(catalogues / "good")
    assert verdict(project) == first
    assert len(list((project / "work/monitoring/workspace").glob("*/snapshots/*.json"))) == 1


def test_red_says_why_who_and_what_to_do(catalogues: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(catalogues / "bad")
    shown = capsys.readouterr().out
    for part in ("[accuracy.alarm]", "to blame", "Next: Look at who is to blame", "are promised"):
        assert part in shown


def test_unknown_says_how_many_more(catalogues: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(catalogues / "unanswered")
    assert "more answered audits of automatic decisions are needed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--window", "0"], "--window 0: a window has at least one day"),
        (["--day", "yesterday"], "--day 'yesterday' is no day; write YYYY-MM-DD"),
        (["--day", "2031-01-01"], "no predictions from 2030-12-03 to 2031-01-01; there are some from"),
        (["--settings", "none.yaml"], "none.yaml: no such file"),
        (["--into", "nowhere"], "nowhere"),
        (["--day", LAST, "--window", "3"], "not allowed with argument"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    catalogues: Path, project: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    into = [] if "--into" in options else ["--into", str(catalogues / "good")]
    try:
        code = main(["monitor", *into, *options])
    except SystemExit as error:
        code = int(error.code or 0)
    printed = capsys.readouterr().err
    assert code == 2
    assert said in printed
    assert printed.count("\n") == 1
    assert not (project / "work").exists()


def test_no_champion_is_one_line(
    catalogues: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(catalogues)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{catalogues}/none.db")
    assert run(catalogues / "good") == 2
    assert "has no champion yet" in capsys.readouterr().err


def test_a_write_that_fails_leaves_the_report_before(
    catalogues: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(catalogues / "good")
    before = verdict(project)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("monitoring.writing.write_state", full)
    assert run(catalogues / "bad") == 2
    assert verdict(project) == before
    assert [one.name for one in (project / "work/monitoring").iterdir() if one.name.startswith(".")] == []


def test_settings_of_one_s_own(catalogues: Path, project: Path) -> None:
    (project / "mine.yaml").write_text(SHIPPED.read_text().replace("least_rows: 30 ", "least_rows: 500"))
    assert run(catalogues / "good", "--settings", "mine.yaml") == 4
    assert verdict(project)["settings"]["least_rows"] == 500


class TestTheDesk:
    @pytest.fixture
    def desk(self, monkeypatch: pytest.MonkeyPatch) -> list[httpx.Response]:
        """Answers to give; the desk is known."""
        answers: list[httpx.Response] = []
        found = posting.Desk(
            "http://127.0.0.1:9", "t", transport=httpx.MockTransport(lambda _: answers.pop(0)), sleep=lambda _: None
        )
        monkeypatch.setattr(posting, "desk_of", lambda: found)
        return answers

    def test_is_told(self, catalogues: Path, desk: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
        desk.append(httpx.Response(201, json={"new": True}))
        assert run(catalogues / "bad") == 3
        assert "Told the desk at http://127.0.0.1:9." in capsys.readouterr().out

    @pytest.mark.parametrize(("name", "code"), [("good", 2), ("bad", 3)])
    def test_that_refuses_is_a_line_and_the_verdict_stands(
        self, catalogues: Path, project: Path, desk: list[Any], capsys: pytest.CaptureFixture[str], name: str, code: int
    ) -> None:
        desk.append(httpx.Response(403, json={"error": "not with this scope"}))
        assert run(catalogues / name) == code
        assert "refused the token" in capsys.readouterr().err
        assert verdict(project)["colour"] in ("green", "red")

    def test_is_left_alone(self, catalogues: Path, desk: list[Any]) -> None:
        assert run(catalogues / "bad", "--no-desk") == 3

    def test_half_of_one_is_said_before_the_work(
        self, catalogues: Path, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv(posting.URL_VARIABLE, "http://desk.example")
        assert run(catalogues / "good") == 2
        assert "AISLE_DESK_TOKEN is not" in capsys.readouterr().err
        assert not (project / "work").exists()
