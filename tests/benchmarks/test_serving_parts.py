"""What the parts of the serving benchmark count, so that none can pass empty."""

from __future__ import annotations

import http.server
import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.results import Result
from benchmarks.serving.generated import generated_rows, rows_of
from benchmarks.serving.killed import counted, half_lines


def values(rows: list[Result]) -> dict[str, float]:
    return {row.id.partition(".")[2]: row.value for row in rows}


def missed(rows: list[Result]) -> list[str]:
    return [row.id for row in rows if not row.reached]


def test_half_lines_are_found_in_open_and_closed_files_alone(tmp_path: Path) -> None:
    (tmp_path / "collected").mkdir()
    (tmp_path / "predictions-1.jsonl").write_text('{"a": 1}\n{"a": \n{"a": 2}\n')
    (tmp_path / "predictions-2.jsonl.part").write_text('{"a": 1}\n{"b')
    (tmp_path / "predictions-3.jsonl").write_text('{"a": 1}\n[1]\n3\nnull\n')
    (tmp_path / "other.jsonl").write_text("{")
    assert list(half_lines(tmp_path)) == [
        "predictions-1.jsonl: b'{\"a\": '",
        "predictions-2.jsonl.part: b'{\"b'",
        "predictions-3.jsonl: b'[1]'",
        "predictions-3.jsonl: b'3'",
        "predictions-3.jsonl: b'null'",
    ]


def test_rows_are_held_against_answers() -> None:
    answered = {f"p{number}" for number in range(1200)}
    logged = Counter(answered - {"p1", "p2", "p3"}) + Counter({"p7": 2, "p8": 1, "never answered": 1})
    rows = counted(answered, {"p1", "p9"}, logged, 4, 20)
    assert values(rows) == {
        "answered": 1200, "doubled": 3, "half_written": 4, "lost": 2, "lost_at_all": 3, "rows_wrong": 9,
    }  # fmt: skip
    assert missed(rows) == ["killed.rows_wrong"]


def test_a_run_in_which_nothing_was_answered_does_not_pass() -> None:
    assert missed(counted(set(), set(), Counter(), 0, 20)) == ["killed.answered"]
    answered = {f"p{number}" for number in range(1000)}
    assert missed(counted(answered, set(), Counter(answered), 0, 20)) == []


def test_a_run_in_which_nothing_was_good_does_not_pass() -> None:
    assert missed(rows_of(10_002, 1000, [], 10_000)) == []
    assert missed(rows_of(9_999, 999, ["wrong"], 10_000)) == [
        "generated.cases", "generated.good", "generated.server_errors",
    ]  # fmt: skip
    assert missed(rows_of(100, 0, [], 200)) == []  # a quick run promises nothing but answers as described


ANSWER = {"description": "said", "content": {"application/json": {"schema": {"type": "object"}}}}
SCHEMA = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}}}
DESCRIPTION = {
    "openapi": "3.1.0",
    "info": {"title": "small", "version": "1"},
    "paths": {
        "/digits": {
            "post": {
                "requestBody": {"required": True, "content": {"application/json": {"schema": SCHEMA}}},
                "responses": {"200": ANSWER, "422": ANSWER},
            }
        }
    },
}


class _Digits(http.server.BaseHTTPRequestHandler):
    """Takes digits, refuses all else, and fails at one of them."""

    statuses: Counter[int] = Counter()
    fails_at: int | None = None

    def do_GET(self) -> None:
        self._answer(200, DESCRIPTION)

    def do_POST(self) -> None:
        try:
            n = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))["n"]
            good = type(n) in (int, float) and n == int(n) and 0 <= n <= 9
        except (ValueError, TypeError, KeyError, OverflowError):
            n, good = None, False
        status = 500 if good and n == self.fails_at else 200 if good else 422
        self.statuses[status] += 1
        self._answer(status, {})

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(_Digits, "statuses", Counter())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Digits) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


@pytest.mark.parametrize("fails_at", [None, 0])
def test_made_up_requests_are_counted_by_their_answers(
    digits: str, fails_at: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_Digits, "fails_at", fails_at)
    found = values(generated_rows(digits, 40))
    statuses = _Digits.statuses
    assert found == {"cases": statuses.total(), "good": statuses[200], "server_errors": statuses[500]}
    assert statuses[200] > 0
    assert (statuses[500] > 0) == ("POST /digits: ServerError" in capsys.readouterr().out) == (fails_at is not None)
