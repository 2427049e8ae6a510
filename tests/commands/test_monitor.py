"""`aisle monitor` on a made catalogue, with the reference that such a one has."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from commands.main import main
from monitoring import judging, posting
from monitoring.copying import mark
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
        (["--window", "0"], "--window 0: a window has 1 to 3660 days"),
        (["--window", "999999"], "--window 999999: a window has 1 to 3660 days"),
        (["--settings", "huge.yaml"], "huge.yaml: window_days is 999999"),
        (["--day", "0001-01-10"], "0001-01-10: too early for a window of 30 days"),
        (["--day", "9999-12-31"], "no predictions from 9999-12-02 to 9999-12-31"),
        (["--day", "yesterday"], "--day 'yesterday' is no day; write YYYY-MM-DD"),
        (["--day", "2031-01-01"], "no predictions from 2030-12-03 to 2031-01-01; there are some from"),
        (["--settings", "none.yaml"], "none.yaml: no such file"),
        (["--into", "nowhere"], "nowhere: holds no catalogue"),
        (["--day", LAST, "--window", "3"], "not allowed with argument"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    catalogues: Path, project: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    into = [] if "--into" in options else ["--into", str(catalogues / "good")]
    if "huge.yaml" in options:
        (project / "huge.yaml").write_text("window_days: 999999\n")
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
    assert run(catalogues / "bad") == 3  # the disk is full, and red is red
    assert verdict(project) == before
    assert [one.name for one in (project / "work/monitoring").iterdir() if one.name.startswith(".")] == []


@pytest.mark.parametrize("reports", ["afile", "afile/below"])
def test_reports_into_a_file_is_one_line_before_the_work(
    catalogues: Path, project: Path, capsys: pytest.CaptureFixture[str], reports: str
) -> None:
    (project / "afile").touch()
    assert run(catalogues / "good", "--reports", reports) == 2
    output = capsys.readouterr()
    assert output.err == f"aisle: --reports {reports}: afile is a file; name a folder\n"
    assert output.out == ""


def test_a_reader_that_goes_away_takes_nothing_with_it(
    catalogues: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("commands.monitor._text", gone)
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    assert run(catalogues / "bad") == 3
    assert verdict(project)["colour"] == "red"


def test_names_of_sellers_cannot_move_the_cursor(
    tmp_path: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = "north\x1b[2J\x1b[1;1H\nGreen: all is as promised\x9b31m"

    def renamed(frame: pd.DataFrame, _: int) -> pd.DataFrame:
        wrong = (frame["seller"] == "north.example").to_numpy()
        other = frame["true_category_id"].map(dict(zip(made.LEAVES, [*made.LEAVES][::-1], strict=True)))
        return frame.assign(
            seller=frame["seller"].where(~wrong, bad),
            category_id=other.where(wrong, frame["true_category_id"]),
        )

    assert run(made.catalogue(tmp_path / "c", days=DAYS, per_day=160, change=renamed)) == 3
    shown = capsys.readouterr().out
    assert "seller north [2J [1;1H Green: all is as promised 31m" in shown
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
    assert not any(line.startswith("Green") for line in shown.splitlines())
    html = (project / "work/monitoring" / LAST / "index.html").read_text()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", html)


class TestRehearsedDays:
    @pytest.fixture
    def rehearsed(self, catalogues: Path, project: Path) -> str:
        shutil.copytree(catalogues / "bad", project / "made up")
        mark(project / "made up")
        return "made up"

    def test_no_desk_is_told_and_reports_go_beside(
        self, rehearsed: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def never() -> posting.Desk:
            raise AssertionError

        monkeypatch.setattr(posting, "desk_of", never)
        assert run(Path(rehearsed)) == 3
        shown = capsys.readouterr().out
        assert f"Page: made up-reports/{LAST}/index.html" in shown
        assert "Rehearsed days: no desk is told of them." in shown
        assert not (project / "work").exists()
        folder = project / "made up-reports" / LAST
        assert json.loads((folder / "verdict.json").read_text())["rehearsed"] is True
        assert "A rehearsal." in (folder / "index.html").read_text()

    def test_reports_go_where_one_says(self, rehearsed: str, project: Path) -> None:
        assert run(Path(rehearsed), "--reports", "there") == 3
        assert (project / "there" / LAST / "verdict.json").is_file()

    def test_real_days_are_called_nothing_else(self, catalogues: Path, project: Path) -> None:
        run(catalogues / "good")
        assert "rehearsed" not in verdict(project)


def test_settings_of_one_s_own(catalogues: Path, project: Path) -> None:
    (project / "mine.yaml").write_text(SHIPPED.read_text().replace("least_rows: 30 ", "least_rows: 500"))
    assert run(catalogues / "good", "--settings", "mine.yaml") == 4
    assert verdict(project)["settings"]["least_rows"] == 500


class TestTheDesk:
    @pytest.fixture
    def desk(self, monkeypatch: pytest.MonkeyPatch) -> list[httpx.Response]:
        """Answers to give; the desk is known."""
        answers: list[httpx.Response] = []

        def desk() -> posting.Desk:
            transport = httpx.MockTransport(lambda _: answers.pop(0))
            return posting.Desk("http://127.0.0.1:9", "t", transport=transport, sleep=lambda _: None)

        monkeypatch.setattr(posting, "desk_of", desk)
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

    def test_is_told_and_braked_though_nothing_can_be_written(
        self,
        catalogues: Path,
        project: Path,
        desk: list[Any],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

        for place in ("monitoring.writing.write", "monitoring.remembering.write_json"):
            monkeypatch.setattr(place, full)
        (project / "stop.yaml").write_text("after_alarm: stop\n")
        desk += [httpx.Response(201, json={"new": True}), httpx.Response(200, json={"holds": "all: stopped"})]
        assert run(catalogues / "bad", "--settings", "stop.yaml") == 3
        output = capsys.readouterr()
        assert output.out.startswith("Red: alarm")
        assert "The desk holds a brake: all: stopped." in output.out
        assert "Page:" not in output.out
        assert output.err.count("the disk is full") == 2
        assert not desk

    def test_a_defect_of_ours_is_raised_only_after_the_desk_was_told(
        self, catalogues: Path, desk: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("monitoring.writing.write", lambda *_: 1 / 0)
        desk.append(httpx.Response(201, json={"new": True}))
        with pytest.raises(ZeroDivisionError):
            run(catalogues / "bad")
        assert not desk
        assert capsys.readouterr().out.startswith("Red: alarm")

    def test_a_released_brake_is_not_set_again(
        self, catalogues: Path, project: Path, desk: list[Any], capsys: pytest.CaptureFixture[str]
    ) -> None:
        (project / "stop.yaml").write_text("after_alarm: stop\n")
        desk += [httpx.Response(201, json={"new": True}), httpx.Response(200, json={"holds": "all: stopped"})]
        run(catalogues / "bad", "--settings", "stop.yaml")
        desk.append(httpx.Response(200, json={"new": False}))
        run(catalogues / "bad", "--settings", "stop.yaml")
        assert f"No new brake: this alarm set one on {LAST} (all: stopped)." in capsys.readouterr().out
        assert not desk

    def test_is_left_alone(self, catalogues: Path, desk: list[Any]) -> None:
        assert run(catalogues / "bad", "--no-desk") == 3

    def test_half_of_one_is_said_before_the_work(
        self, catalogues: Path, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv(posting.URL_VARIABLE, "http://desk.example")
        assert run(catalogues / "good") == 2
        assert "AISLE_DESK_TOKEN is not" in capsys.readouterr().err
        assert not (project / "work").exists()
