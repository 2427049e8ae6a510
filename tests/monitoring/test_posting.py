from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from aisle.errors import ConfigurationError, DataError, ServiceUnavailable
from monitoring.posting import RETRIES, Desk, desk_of, known_desk

VERDICT: dict[str, Any] = {
    "key": "monitor:2025-06-30:3:red",
    "colour": "red",
    "summary": "91 % are right.",
    "reasons": [],
    "gaps": [],
    "blame": [],
    "accuracy": {},
}


class FakeDesk:
    """Answers from a list, and keeps what was sent."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def desk(self, url: str = "http://127.0.0.1:8000") -> Desk:
        return Desk(url, "token", transport=httpx.MockTransport(self), sleep=self.waits.append)

    def sent(self, number: int = -1) -> Any:
        return json.loads(self.requests[number].content)


def said(status: int, error: str) -> httpx.Response:
    return httpx.Response(status, json={"error": error})


def new() -> httpx.Response:
    return httpx.Response(201, json={"key": "k", "new": True, "acknowledged": False})


class TestTelling:
    def test_sends_what_the_desk_takes(self) -> None:
        fake = FakeDesk(new())
        with fake.desk() as desk:
            assert desk.tell(VERDICT)
        (request,) = fake.requests
        assert (request.method, request.url.path) == ("POST", "/api/alarms")
        assert request.headers["Authorization"] == "Bearer token"
        assert set(fake.sent()) == {"key", "colour", "summary", "raised_at", "verdict"}
        assert fake.sent()["verdict"] == VERDICT
        assert fake.sent()["raised_at"].endswith("+00:00")

    @pytest.mark.parametrize(
        "again", [httpx.Response(200, json={"new": False}), said(409, "the key belongs to another alarm")]
    )
    def test_the_same_again_is_one_alarm_whatever_its_figures(self, again: httpx.Response) -> None:
        assert not FakeDesk(again).desk().tell(VERDICT)

    def test_a_long_verdict_is_trimmed_and_a_long_summary_cut(self) -> None:
        fake = FakeDesk(new())
        fake.desk().tell({**VERDICT, "summary": "s" * 3000, "gaps": [{"text": "x" * 100}] * 5000})
        assert len(fake.sent()["summary"]) == 1000
        assert len(json.dumps(fake.sent()["verdict"]).encode()) < 64 * 1024
        assert fake.sent()["verdict"]["left_out"]

    def test_nothing_that_others_wrote_moves_a_cursor(self) -> None:
        fake = FakeDesk(new(), httpx.Response(200, json={"holds": "seller \x1b[31mnorth"}))
        bad = "seller \x1b[2Jnorth\nGreen"
        with fake.desk() as desk:
            desk.tell({**VERDICT, "summary": bad, "blame": [{"value": bad}]})
            assert desk.brake("seller", "stop", bad, value=" n\x07 ") == "seller  [31mnorth".replace("  ", " ")
        told, braked = fake.sent(0), fake.sent(1)
        assert told["summary"] == told["verdict"]["blame"][0]["value"] == "seller [2Jnorth Green"
        assert (braked["reason"], braked["value"]) == ("seller [2Jnorth Green", " n\x07 ")

    def test_what_passes_is_tried_again(self) -> None:
        fake = FakeDesk(httpx.ConnectError("refused"), said(503, "starting"), httpx.Response(429), new())
        assert fake.desk().tell(VERDICT)
        assert len(fake.waits) == 3

    def test_a_desk_that_never_answers_is_one_clear_line(self) -> None:
        fake = FakeDesk(*[httpx.ConnectError("refused")] * (RETRIES + 1))
        with pytest.raises(ServiceUnavailable, match=f"did not answer after {RETRIES + 1} tries .*refused.*nothing is"):
            fake.desk().tell(VERDICT)

    def test_it_waits_as_long_as_the_desk_asks(self) -> None:
        fake = FakeDesk(httpx.Response(429, headers={"Retry-After": "7"}), new())
        fake.desk().tell(VERDICT)
        assert 7 <= fake.waits[0] <= 20

    @pytest.mark.parametrize(
        ("answer", "kind", "text"),
        [
            (said(401, "no token"), ConfigurationError, "refused the token .*set AISLE_DESK_TOKEN .*scope alarm"),
            (said(403, "not with this scope"), ConfigurationError, "scope alarm"),
            (httpx.Response(404), ConfigurationError, "check AISLE_DESK_URL"),
            (httpx.Response(302, headers={"Location": "/log-in"}), ConfigurationError, "check AISLE_DESK_URL"),
            (httpx.Response(200, text="<html>"), ConfigurationError, "without JSON"),
            (said(400, "summary is empty"), DataError, "refused what was sent .*400: summary is empty"),
            (said(413, "the verdict is larger"), DataError, "larger"),
        ],
    )
    def test_refusals_are_said_and_not_tried_again(self, answer: httpx.Response, kind: Any, text: str) -> None:
        fake = FakeDesk(answer)
        with pytest.raises(kind, match=text) as error:
            fake.desk().tell(VERDICT)
        assert "\n" not in str(error.value)
        assert not fake.waits

    def test_the_token_is_never_said(self) -> None:
        with pytest.raises(ConfigurationError) as error:
            FakeDesk(said(401, "no")).desk().tell(VERDICT)
        assert "Bearer" not in str(error.value)


class TestBraking:
    def set(self, fake: FakeDesk, **options: Any) -> str | None:
        return fake.desk().brake("seller", "tighten", "feed changed", value="north", confidence=0.97, **options)

    def test_says_what_holds(self) -> None:
        fake = FakeDesk(httpx.Response(200, json={"brake": 1, "holds": "seller north: only from confidence 0.97 on"}))
        assert self.set(fake, alarm="key") == "seller north: only from confidence 0.97 on"
        body = {"scope": "seller", "value": "north", "kind": "tighten", "confidence": 0.97, "reason": "feed changed"}
        assert fake.sent() == body | {"alarm": "key"}
        assert fake.requests[0].url.path == "/api/brakes"

    def test_a_stop_has_no_confidence(self) -> None:
        fake = FakeDesk(httpx.Response(200, json={"holds": "all products: stopped"}))
        fake.desk().brake("all", "stop", "why")
        assert fake.sent() == {"scope": "all", "value": "", "kind": "stop", "reason": "why"}

    def test_the_same_brake_again_is_no_error(self) -> None:
        assert self.set(FakeDesk(said(409, "the same brake holds already"))) is None

    def test_an_alarm_that_the_desk_was_not_told_of_is_left_out(self) -> None:
        fake = FakeDesk(said(404, "no alarm with this key was raised"), httpx.Response(200, json={"holds": "x"}))
        assert self.set(fake, alarm="key") == "x"
        assert "alarm" not in fake.sent()

    def test_a_seller_that_the_desk_does_not_know(self) -> None:
        with pytest.raises(DataError, match="no product of a seller 'north'"):
            self.set(FakeDesk(said(400, "no product of a seller 'north' has come yet")))


class TestTheEnvironment:
    def test_no_desk(self) -> None:
        assert desk_of({}) is None
        with pytest.raises(ConfigurationError, match="set AISLE_DESK_URL to its address and AISLE_DESK_TOKEN"):
            known_desk({})

    def test_a_desk(self) -> None:
        desk = known_desk({"AISLE_DESK_URL": "https://desk.example/ ", "AISLE_DESK_TOKEN": " abc "})
        assert desk.url == "https://desk.example"

    @pytest.mark.parametrize(
        ("environment", "said"),
        [
            ({"AISLE_DESK_URL": "http://desk"}, "AISLE_DESK_URL is set, and AISLE_DESK_TOKEN is not"),
            ({"AISLE_DESK_TOKEN": "abc"}, "AISLE_DESK_TOKEN is set, and AISLE_DESK_URL is not"),
            ({"AISLE_DESK_URL": "desk", "AISLE_DESK_TOKEN": "abc"}, "AISLE_DESK_URL: "),
            ({"AISLE_DESK_URL": "http://desk", "AISLE_DESK_TOKEN": "a b"}, "holds a character that no token has"),
            (
                {"AISLE_DESK_URL": "http://desk.example", "AISLE_DESK_TOKEN": "abc"},
                "would send the token in the clear; write https://",
            ),
            (
                {"AISLE_DESK_URL": "https://ann:s3cret@desk.example", "AISLE_DESK_TOKEN": "abc"},
                "^AISLE_DESK_URL: the address of the desk holds a password; set AISLE_DESK_TOKEN in the environment",
            ),
        ],
    )
    def test_what_cannot_be_a_desk_is_a_mistake(self, environment: dict[str, str], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            desk_of(environment)
