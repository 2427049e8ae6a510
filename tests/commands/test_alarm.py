"""`aisle alarm`: what a person does at the desk, and the check of the alarm's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from aisle.audit.alarms.watching import watch_folder, write_state
from aisle.files import write_json
from commands.main import main
from monitoring import posting, reference
from monitoring.copying import mark
from tests.monitoring import made

DAYS = 8
DAY = str(made.day_of(DAYS - 1))
VERDICT = {
    "key": f"monitor:{DAY}:3:red",
    "colour": "red",
    "day": DAY,
    "summary": "60 % are right.",
    "reasons": [],
    "gaps": [],
    "blame": [],
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.catalogue(tmp_path_factory.mktemp("bad") / "data", days=DAYS, per_day=80, error=0.4)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, Any]]:
    """A folder with a verdict, a champion, and a desk; what the desk is sent."""
    found: list[tuple[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        found.append((request.url.path, json.loads(request.content)))
        content = {"new": True} if "alarms" in request.url.path else {"holds": "all products: stopped"}
        return httpx.Response(201, json=content)

    def desk() -> posting.Desk:
        return posting.Desk("http://127.0.0.1:9", "t", transport=httpx.MockTransport(answer))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(posting, "known_desk", desk)
    monkeypatch.setattr(reference, "read_reference", made.reference)
    write_json(tmp_path / "work/monitoring" / DAY / "verdict.json", VERDICT)
    write_json(tmp_path / "work/monitoring/2025-01-01/verdict.json", {**VERDICT, "day": "2025-01-01"})
    return found


def run(*words: str) -> int:
    return main(["alarm", *words])


def test_tells_the_last_verdict(sent: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tell") == 0
    assert [(path, body["key"]) for path, body in sent] == [("/api/alarms", VERDICT["key"])]
    assert "is told: red, 60 % are right." in capsys.readouterr().out


def test_stops_with_the_verdict_as_the_reason(sent: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("stop") == 0
    ((path, body),) = sent
    assert path == "/api/brakes"
    assert (body["scope"], body["kind"], body["alarm"]) == ("all", "stop", VERDICT["key"])
    assert body["reason"] == f"red on {DAY}: 60 % are right."
    assert "The desk holds a brake: all products: stopped." in capsys.readouterr().out


@pytest.mark.parametrize("words", [("tell",), ("stop",), ("tighten", "--confidence", "0.97")])
def test_a_rehearsed_verdict_reaches_no_desk(
    sent: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    write_json(tmp_path / "work/monitoring" / DAY / "verdict.json", VERDICT | {"rehearsed": True})
    assert run(*words) == 2
    assert "of rehearsed days, and no desk is told or braked for made-up days" in capsys.readouterr().err
    assert not sent


def test_rehearsed_days_reach_no_desk_whatever_the_reason(
    sent: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "made").mkdir()
    mark(tmp_path / "made")
    assert run("stop", "--into", "made", "--reason", "why") == 2
    assert "made: its days are rehearsed" in capsys.readouterr().err
    assert not sent


def test_what_others_wrote_cannot_move_the_cursor(
    sent: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = "seller \x1b[2Jnorth"
    write_json(tmp_path / "work/monitoring" / DAY / "verdict.json", VERDICT | {"summary": bad})
    assert run("tell") == 0
    assert "\x1b" not in capsys.readouterr().out
    assert sent[0][1]["summary"] == "seller [2Jnorth"


def test_a_reason_of_one_s_own_needs_no_verdict(sent: list[Any], tmp_path: Path) -> None:
    words = ("--scope", "seller", "--value", "north.example", "--reason", "titles are cut", "--reports", "none")
    assert run("stop", *words) == 0
    assert sent[0][1]["reason"] == "titles are cut"
    assert "alarm" not in sent[0][1]


def test_tightens_to_a_confidence(sent: list[Any]) -> None:
    assert run("tighten", "--confidence", "0.97", "--reason", "why") == 0
    assert (sent[0][1]["kind"], sent[0][1]["confidence"]) == ("tighten", 0.97)


def test_tightens_to_what_audits_certify_else_stops(
    sent: list[Any], catalogue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where two of five are wrong whatever the confidence, nothing is certified."""
    assert run("tighten", "--into", str(catalogue)) == 0
    assert sent[0][1]["kind"] == "stop"
    assert "no confidence is certified" in sent[0][1]["reason"]
    assert "audits of 14 days were wrong" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("stop", "--scope", "seller"), "name the seller"),
        (("stop", "--value", "north"), "leave it out"),
        (("stop", "--confidence", "0.9"), "a stop has no --confidence; use tighten"),
        (("tighten", "--confidence", "97"), "--confidence 97: it lies above 0 and up to 1, as 0.97"),
        (("tighten", "--reason", "x", "--day", "soon"), "--day 'soon' is no day; write YYYY-MM-DD"),
        (("tell", "--scope", "seller"), "--scope belongs to tighten and stop"),
        (("check", "--reason", "x"), "--reason belongs to tighten and stop"),
        (("tell", "--day", "2024-01-01"), "there is no verdict of 2024-01-01; run `aisle monitor` first"),
        (("check",), "alarm.json: not there"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    sent: list[Any], capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert run(*words) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
    assert not sent


def test_without_a_desk_it_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (posting.URL_VARIABLE, posting.TOKEN_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert run("stop", "--reason", "x") == 2
    assert "set AISLE_DESK_URL to its address and AISLE_DESK_TOKEN" in capsys.readouterr().err


class TestChecking:
    @pytest.fixture
    def state(self, sent: list[Any], catalogue: Path, tmp_path: Path) -> Path:
        path = tmp_path / "work/monitoring" / DAY / "alarm.json"
        write_state(path, watch_folder(catalogue, 0.1, as_of=made.day_of(DAYS - 1)))
        return path

    def test_the_labels_give_the_same(self, state: Path, catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("check", "--into", str(catalogue)) == 0
        assert "it rang at audit" in capsys.readouterr().out

    def test_other_labels_are_found_out(self, state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        other = made.catalogue(tmp_path / "other", days=DAYS, per_day=80, error=0.4, seed=7)
        assert run("check", "--into", str(other)) == 2
        assert "were changed, not only added to" in capsys.readouterr().err
