from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import judging, page, plots, words
from monitoring.settings import Settings
from tests.monitoring import made

DAYS = 10
NAMES = {"garden": "Garden", "toys": "Toys", "toys-car": "Cars"}


def judged(folder: Path, **options: Any) -> judging.Judged:
    made.catalogue(folder, days=DAYS, per_day=80, **options)
    settings = Settings(window_days=DAYS, least_rows=24)
    return judging.judge(folder, settings, reference=made.reference(), day=made.day_of(DAYS - 1))


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> judging.Judged:
    """Errors, a shift, a missing day, and names that are no HTML."""

    def cut(frame: pd.DataFrame, number: int) -> pd.DataFrame:
        frame = frame.assign(seller=frame["seller"].replace("north.example", "<b>North & $ons</b>"))
        return frame.assign(title="<i>" + frame["title"].str[:5]) if number >= DAYS - 5 else frame

    folder = tmp_path_factory.mktemp("red") / "data"
    made.catalogue(folder, days=DAYS, per_day=80, error=0.35, change=cut)
    (folder / "predictions" / f"{made.day_of(3)}.parquet").unlink()
    settings = Settings(window_days=DAYS, least_rows=24)
    return judging.judge(folder, settings, reference=made.reference(), day=made.day_of(DAYS - 1))


def html(found: judging.Judged) -> str:
    return page.render(found.verdict.as_table(), plots.draw(found.pictured), NAMES)


class TestThePage:
    def test_says_the_verdict_first(self, red: judging.Judged) -> None:
        text = html(red)
        assert text.index("Red: alarm") < text.index("How accurate are automatic decisions really?")
        assert "<title>Red: Aisle on 2025-06-11</title>" in text
        assert "aisle alarm" in text

    def test_shows_every_reason_and_gap(self, red: judging.Judged) -> None:
        text = html(red)
        for reason in red.verdict.reasons:
            assert f"<code>{reason.code}</code>" in text
        assert "<code>missing_day</code>" in text
        assert ">no predictions</text>" in text

    def test_what_others_wrote_is_text(self, red: judging.Judged) -> None:
        text = html(red)
        assert "<b>North" not in text
        assert "<i>" not in text.replace("<i></i>", "")
        assert "&lt;b&gt;North &amp; $ons" in text

    def test_nothing_on_it_moves_a_cursor(self, red: judging.Judged) -> None:
        table = red.verdict.as_table() | {"summary": "seller \x1b[2Jnorth\x9b1m"}
        text = page.render(table, {}, {"toys": "To\x07ys"})
        assert "seller [2Jnorth 1m" in text
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)

    def test_a_rehearsal_is_called_one(self, red: judging.Judged) -> None:
        assert "A rehearsal." in page.render(red.verdict.as_table() | {"rehearsed": True}, {}, NAMES)
        assert "A rehearsal." not in html(red)

    def test_the_bound_names_its_horizon(self, red: judging.Judged) -> None:
        horizon = f"{Settings().horizon:,}"
        assert f"while the promise holds, it rings within {horizon} audits with a probability of at most 5 %" in html(
            red
        )

    def test_all_four_plots_are_there_and_take_the_page_s_colours(self, red: judging.Judged) -> None:
        found = plots.draw(red.pictured)
        assert set(found) == {"accuracy", "alarm", "flow", "drift"}
        assert all("var(--" in one and 'role="img"' in one for one in found.values())

    def test_asks_for_nothing_elsewhere(self, red: judging.Judged) -> None:
        text = html(red)
        assert not re.findall(
            r'(?:src|href)="(?!#|data:,|evidently\.html)[^"]+"', re.sub(r"<svg.*?</svg>", "", text, flags=re.S)
        )
        assert "@import" not in text

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [320, 390, 1200])
    def test_fits_every_width(self, red: judging.Judged, tmp_path: Path, page: Any, width: int, scheme: str) -> None:
        path = tmp_path / "index.html"
        path.write_text(html(red))
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("section.verdict.red").bounding_box()["y"] < 400

    def test_without_any_audit_and_champion_s_rows(self, tmp_path: Path) -> None:
        made.catalogue(tmp_path / "data", days=3, per_day=20)
        other = made.reference(model_version="9")
        settings = Settings(window_days=3)
        found = judging.judge(tmp_path / "data", settings, reference=other, day=made.day_of(2))
        text = html(found)
        assert "Not yet known" in text
        assert "Not judged" in text


class TestGaps:
    def gap(self, day: int | None, text: str, code: str = "unknown_model", count: int = 0) -> dict[str, Any]:
        name = None if day is None else str(made.day_of(day))
        return {"day": name, "code": code, "text": f"{name}: {text}" if name else text, "count": count}

    def test_days_in_a_row_are_one_line_with_the_sum(self) -> None:
        found = page.grouped([self.gap(number, f"{60 + number} predictions of a model (v 2)") for number in range(4)])
        assert found == [
            {"days": "2025-06-02 to 06-05", "code": "unknown_model", "text": "246 predictions of a model (v 2)"}
        ]

    def test_one_is_of_the_same_kind_as_many(self) -> None:
        found = page.grouped([self.gap(0, "1 prediction of x"), self.gap(1, "2,000 predictions of x")])
        assert [one["text"] for one in found] == ["2,001 predictions of x"]

    def test_what_differs_stands_apart(self) -> None:
        gaps = [
            self.gap(None, "somewhere", "no_time"),
            self.gap(0, "no predictions", "missing_day"),
            self.gap(0, "3 predictions of a (v 2)"),
            self.gap(1, "3 predictions of a (v 3)"),
            self.gap(3, "3 predictions of a (v 2)"),
        ]
        found = page.grouped(gaps)
        assert [one["days"] for one in found] == ["–", "2025-06-02", "2025-06-02", "2025-06-03", "2025-06-05"]
        assert [one["text"] for one in found][:2] == ["somewhere", "no predictions"]

    def test_a_year_s_end(self) -> None:
        days = ["2025-12-31", "2026-01-01"]
        gaps = [{"day": day, "code": "missing_day", "text": f"{day}: no predictions", "count": 0} for day in days]
        assert [one["days"] for one in page.grouped(gaps)] == ["2025-12-31 to 2026-01-01"]


class TestPlots:
    def test_spans_are_in_order_and_hold_enough_audits(self) -> None:
        days = [made.day_of(number) for number in range(10)]
        table = pd.DataFrame({"day": days, "answered": [5, 5, 12, 30, 1, 1, 1, 20, 3, 0]})
        found = plots.spans(table, 20)
        assert [len(one) for one in found] == [3, 1, 6]
        assert [day for span in found for day in span] == days

    @given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 40))
    def test_no_day_with_audits_is_lost(self, audits: list[int], least: int) -> None:
        days = [dt.date(2025, 1, 1) + dt.timedelta(days=number) for number in range(len(audits))]
        found = plots.spans(pd.DataFrame({"day": days, "answered": audits}), least)
        counts = dict(zip(days, audits, strict=True))
        shown = [day for span in found for day in span]
        assert shown == sorted(set(shown))
        assert sum(counts[day] for day in shown) == sum(audits)
        assert all(sum(counts[day] for day in span) >= least for span in found) or len(found) == 1

    def test_days_in_a_row_are_one_gap(self) -> None:
        gaps = [(made.day_of(number), "missing_day") for number in (1, 2, 5)] + [(made.day_of(3), "future")]
        found = plots._runs(gaps)
        assert found == [
            ("future", made.day_of(3), made.day_of(3)),
            ("missing_day", made.day_of(1), made.day_of(2)),
            ("missing_day", made.day_of(5), made.day_of(5)),
        ]


class TestWords:
    def known(self, **changes: Any) -> dict[str, Any]:
        values = {
            "target": 0.93,
            "tolerance": 0.05,
            "known": False,
            "answered": 40,
            "wrong": 2,
            "low": 0.83,
            "high": 0.99,
        }
        more = {"audits_needed": 1200, "audits_needed_is_least": False, "days_needed": 12, "audits_a_day": 100.0}
        return values | more | changes

    def test_known(self) -> None:
        assert words.known(self.known(known=True, low=0.9)) == (
            "Known: of 40 answered audits 2 are confirmed wrong, and the interval, 90.0–99.0 %, begins at 88 % or "
            "above."
        )

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            (
                {},
                "About 1,200 more answered audits of automatic decisions are needed, 12 days at the present 100 a day.",
            ),
            (
                {"audits_needed_is_least": True},
                "At least 1,200 more answered audits of automatic decisions, all of them",
            ),
            ({"days_needed": None}, "none come in now, so draw audits and have them answered."),
            ({"audits_needed": None}, "if it is broken, the alarm will ring"),
            ({"answered": 0}, "Not known: no audit of an automatic decision is answered."),
        ],
    )
    def test_not_known(self, changes: dict[str, Any], said: str) -> None:
        assert said in words.known(self.known(**changes))

    def test_slices_have_names_for_people(self) -> None:
        one = {"column": "seller × branch_id", "value": "north × toys", "change": "errors"}
        assert words.slice_(one, NAMES) == "seller north, branch Toys"
        assert words.slice_(one | {"value": "a × b × c"}, NAMES).startswith("seller a × b × c")
        assert words.slice_(one | {"column": "all", "value": "all"}, {}) == "all automatic decisions together"

    def alarm(self, **changes: Any) -> dict[str, Any]:
        values = {"count": 900, "errors": 30, "alarmed": False, "capital": 0.2, "goal": 20, "horizon": 5000}
        return values | {"false_alarm": 0.05} | changes

    def test_the_alarm_names_its_horizon(self) -> None:
        said = words.alarm(self.alarm())
        assert said.endswith("While the promise holds, it rings within 5,000 audits with a probability of at most 5 %.")
        assert words.beyond(self.alarm(count=5000)) == ""

    def test_beyond_the_horizon_it_warns(self) -> None:
        """At ten horizons it may have rung in a third of all cases, by the bound of the alarm itself."""
        assert "with a probability of up to 34.2 %. Set `horizon`" in words.alarm(self.alarm(count=50_000))
        rung = {"alarmed": True, "which": "early", "alarm_at": 5100, "alarm_day": "2025-07-01", "count": 6000}
        assert "6,000 audits are more than its horizon of 5,000" in words.alarm(self.alarm(**rung))

    def test_commands_become_code_and_nothing_else_does(self) -> None:
        assert words.marked("run `aisle monitor` <now>") == "run <code>aisle monitor</code> &lt;now&gt;"
