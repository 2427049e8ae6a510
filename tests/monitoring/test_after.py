"""What happens at the desk after a verdict, and which brake recent audits ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from aisle.errors import ConfigurationError
from monitoring import judging
from monitoring.acting import act
from monitoring.after import Certified, certified_confidence, reach_of, tightened
from monitoring.posting import Desk
from monitoring.remembering import Acted
from monitoring.settings import Settings
from tests.monitoring import made

DAYS = 10


def spoilt(share: float, below: float = 1.1) -> Any:
    """Decisions with a confidence below `below` go wrong with this chance; all others are right."""

    def change(frame: pd.DataFrame, number: int) -> pd.DataFrame:
        rng = np.random.default_rng(number)
        wrong = (rng.random(len(frame)) < share) & (frame["confidence"] < below).to_numpy()
        other = frame["true_category_id"].map(
            dict(zip(made.LEAVES, [*made.LEAVES][1:] + [*made.LEAVES][:1], strict=True))
        )
        return frame.assign(category_id=other.where(wrong, frame["true_category_id"]), right=~wrong)

    return change


@pytest.fixture(scope="module")
def unsure_ones_wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine of ten are wrong where the confidence is below .92; above all are right."""
    folder = tmp_path_factory.mktemp("unsure") / "data"
    return made.catalogue(folder, days=DAYS, per_day=200, change=spoilt(0.9, 0.92))


@pytest.fixture(scope="module")
def all_wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("all") / "data"
    return made.catalogue(folder, days=DAYS, per_day=80, change=spoilt(0.5))


def certified(folder: Path, **options: Any) -> Certified:
    return certified_confidence(folder, made.reference(2000), made.day_of(DAYS - 1), DAYS, **options)


class TestWhatAuditsCertify:
    def test_the_confidence_above_which_the_promise_holds(self, unsure_ones_wrong: Path) -> None:
        found = certified(unsure_ones_wrong)
        assert found.confidence is not None
        assert 0.9 < found.confidence <= 0.95
        assert found.wrong > 50

    def test_nothing_where_everything_is_wrong(self, all_wrong: Path) -> None:
        assert certified(all_wrong).confidence is None

    def test_of_one_seller_alone(self, unsure_ones_wrong: Path) -> None:
        found = certified(unsure_ones_wrong, scope="seller", value="north.example")
        assert 0 < found.audits < certified(unsure_ones_wrong).audits
        assert certified(unsure_ones_wrong, scope="seller", value="nobody") == Certified(None, 0, 0, DAYS)


class TestWhichBrake:
    def test_tightened_to_the_confidence(self) -> None:
        brake = tightened(Certified(0.9312345678, 300, 20, 14), made.reference(), "all", "", "Why.")
        assert brake is not None
        assert (brake.kind, brake.confidence) == ("tighten", 0.931235)
        assert brake.why == "Why. Tightened to what audits certify (20 of 300 audits of 14 days were wrong)."

    def test_never_below_what_was_certified(self) -> None:
        brake = tightened(Certified(0.93123401, 300, 20, 14), made.reference(), "all", "", "")
        assert brake is not None
        assert brake.confidence is not None
        assert brake.confidence >= 0.93123401

    def test_a_stop_where_nothing_is_certified(self) -> None:
        brake = tightened(Certified(None, 30, 20, 14), made.reference(), "branch", "toys", "Why.")
        assert brake is not None
        assert (brake.scope, brake.value, brake.kind, brake.confidence) == ("branch", "toys", "stop", None)

    def test_none_where_the_threshold_that_holds_is_certified(self) -> None:
        assert tightened(Certified(made.THRESHOLD, 300, 3, 14), made.reference(), "all", "", "") is None

    def test_who_is_blamed_is_held_alone_where_that_explains_enough(self) -> None:
        def verdict(column: str, share: float, change: str = "errors") -> dict[str, Any]:
            return {"blame": [{"column": column, "value": "v", "share_explained": share, "change": change}]}

        blamed = Settings(brake="blamed")
        assert reach_of(verdict("seller", 0.7), blamed) == ("seller", "v")
        assert reach_of(verdict("branch_id", 0.7), blamed) == ("branch", "v")
        assert reach_of(verdict("seller", 0.7), Settings()) == ("all", "")
        for other in (verdict("seller", 0.3), verdict("day", 0.9), verdict("seller", 0.9, "share"), {"blame": []}):
            assert reach_of(other, blamed) == ("all", "")


class TestActing:
    @pytest.fixture(autouse=True)
    def reports(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "reports"

    def acted(self, folder: Path, told: int = 201, **settings: Any) -> tuple[list[str], list[tuple[str, Any]]]:
        """The lines, and what the desk was sent."""
        sent: list[tuple[str, Any]] = []

        def answer(request: httpx.Request) -> httpx.Response:
            sent.append((request.url.path, json.loads(request.content)))
            new = {"key": "k", "new": True}
            return (
                httpx.Response(told, json=new)
                if "alarms" in request.url.path
                else httpx.Response(200, json={"holds": "h"})
            )

        chosen = Settings(window_days=DAYS, least_rows=24, brake_days=DAYS, **settings)
        found = judging.judge(folder, chosen, reference=made.reference(2000), day=made.day_of(DAYS - 1))
        desk = Desk("http://127.0.0.1:8000", "t", transport=httpx.MockTransport(answer))
        lines: list[str] = []
        try:
            lines += act(found, folder, chosen, desk, Acted(self.folder))
        except ConfigurationError as error:
            lines.append(f"refused: {error}")
        return lines, sent

    def test_tells_and_no_more_by_default(self, all_wrong: Path) -> None:
        lines, sent = self.acted(all_wrong)
        assert [path for path, _ in sent] == ["/api/alarms"]
        assert lines == ["Told the desk at http://127.0.0.1:8000."]

    def test_stops_where_the_setting_says_so_with_the_reason(self, all_wrong: Path) -> None:
        _, sent = self.acted(all_wrong, after_alarm="stop")
        (_, alarm), (path, brake) = sent
        assert path == "/api/brakes"
        assert (brake["kind"], brake["scope"], brake["alarm"]) == ("stop", "all", alarm["key"])
        assert "Automatically after monitor:" in brake["reason"]
        assert alarm["summary"][:40] in brake["reason"]

    def test_tightens_to_what_audits_certify(self, unsure_ones_wrong: Path) -> None:
        lines, sent = self.acted(unsure_ones_wrong, after_alarm="tighten")
        assert (sent[1][1]["kind"], 0.9 < sent[1][1]["confidence"] <= 0.95) == ("tighten", True)
        assert lines[-1] == "The desk holds a brake: h."

    def test_tightening_to_nothing_is_a_stop(self, all_wrong: Path) -> None:
        _, sent = self.acted(all_wrong, after_alarm="tighten")
        assert sent[1][1]["kind"] == "stop"

    def test_a_brake_that_people_may_have_released_is_not_set_again(self, all_wrong: Path) -> None:
        """The alarm stands for days; what people did at the desk since is theirs."""
        _, first = self.acted(all_wrong, after_alarm="stop")
        lines, again = self.acted(all_wrong, after_alarm="stop")
        assert [path for path, _ in first] == ["/api/alarms", "/api/brakes"]
        assert [path for path, _ in again] == ["/api/alarms"]
        assert lines[-1].startswith(f"No new brake: this alarm set one on {made.day_of(DAYS - 1)} (h).")

    def test_it_is_set_again_where_the_alarm_began_anew(self, all_wrong: Path) -> None:
        self.acted(all_wrong, after_alarm="stop")
        _, sent = self.acted(all_wrong, after_alarm="stop", alarm_since=made.FIRST)
        assert [path for path, _ in sent] == ["/api/alarms", "/api/brakes"]

    def test_confidences_do_not_pile_up(self, unsure_ones_wrong: Path) -> None:
        """Each day's audits certify a little else; one alarm tightens once."""
        self.acted(unsure_ones_wrong, after_alarm="tighten")
        _, sent = self.acted(unsure_ones_wrong, after_alarm="stop")
        assert [path for path, _ in sent] == ["/api/alarms"]

    def test_a_token_that_may_not_tell_brakes_all_the_same(self, all_wrong: Path) -> None:
        lines, sent = self.acted(all_wrong, told=403, after_alarm="stop")
        assert [path for path, _ in sent] == ["/api/alarms", "/api/brakes"]
        assert lines[-1].startswith("refused: the desk at")

    def test_brakes_only_after_an_alarm(self, tmp_path: Path) -> None:
        folder = made.catalogue(tmp_path / "data", days=DAYS, per_day=80, error=0.04)
        _, sent = self.acted(folder, after_alarm="stop")
        assert [(path, body["colour"]) for path, body in sent] == [("/api/alarms", "green")]
