from __future__ import annotations

import dataclasses
import html
import math
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba

from aisle.audit.replay.results import Round
from aisle.audit.replay.settings import REGIMES, ReplaySettings
from monitoring.replay_page import curves, figures, strokes, words
from monitoring.replay_page.page import render, row, write_page
from pipelines.report.drawing import PALETTE
from tests.monitoring.made_rounds import made_round, made_rounds

NOTHING: dict[str, Any] = {"coverage": 0.0, "automatic": 0, "believed": None, "true_accuracy": None, "estimate": None}
ONE = ReplaySettings(seeds=(0,))


def text_of(page: str) -> str:
    """What a reader of the page sees, in one line."""
    body = re.sub(r"<(style|svg).*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def changed(rounds: Iterable[Round], regime: str, numbers: Iterable[int] = range(1, 100), **values: Any) -> list[Round]:
    """`rounds` with other `values` in some rounds of a regime."""
    there = set(numbers)
    return [
        dataclasses.replace(one, **values) if one.regime == regime and one.round in there else one for one in rounds
    ]


def regime_of(rounds: Iterable[Round], name: str) -> curves.Regime:
    return next(one for one in curves.gather(rounds) if one.name == name)


@pytest.fixture(scope="module")
def page() -> str:
    return render(made_rounds(), ReplaySettings(), "data")


# --- curves


def test_a_band_is_the_mean_and_the_range_of_the_seeds() -> None:
    rounds = [
        dataclasses.replace(made_round(seed, "human", 1), coverage=value) for seed, value in enumerate((0.2, 0.3, 0.7))
    ]
    band = regime_of(rounds, "human").band(lambda one: one.coverage)
    assert band.middle == pytest.approx([0.4])
    assert (band.low, band.high) == (pytest.approx([0.2]), pytest.approx([0.7]))


def test_a_round_without_automatic_decisions_is_a_gap_and_not_zero() -> None:
    rounds = changed(made_rounds(("human",), rounds=4, seeds=(0,)), "human", (2,), **NOTHING)
    band = regime_of(rounds, "human").band(lambda one: one.true_accuracy)
    assert np.isnan(band.middle).tolist() == [False, True, False, False]
    assert np.nanmin(band.low) > 0.5


def test_a_round_that_is_missing_is_a_gap() -> None:
    rounds = [one for one in made_rounds(("human",), rounds=5, seeds=(0,)) if one.round != 3]
    band = regime_of(rounds, "human").band(lambda one: one.coverage)
    assert band.rounds.tolist() == [1, 2, 3, 4, 5]
    assert np.isnan(band.middle).tolist() == [False, False, True, False, False]


def test_the_late_rounds_are_those_before_the_last_and_seeds_that_stopped_earlier_have_none() -> None:
    rounds = [one for one in made_rounds(("human",), seeds=(0, 1)) if one.seed == 0 or one.round < 8]
    late = regime_of(rounds, "human").late()
    assert {seed: [one.round for one in found] for seed, found in late.items()} == {0: [10, 11, 12]}
    assert len(regime_of(rounds, "human").late(7)) == 2


def test_accuracy_over_rounds_counts_each_automatic_decision_once() -> None:
    few = dataclasses.replace(made_round(0, "human", 1), automatic=100, true_accuracy=0.5)
    many = dataclasses.replace(made_round(0, "human", 2), automatic=900, true_accuracy=0.9)
    none = dataclasses.replace(made_round(0, "human", 3), **NOTHING)
    assert curves.true([few, many, none]) == pytest.approx((50 + 810) / 1000)
    assert curves.true([none]) is None
    assert curves.coverage([few, many, none]) == pytest.approx(1000 / 3000)


def test_a_replay_without_a_threshold_that_the_truth_would_allow_has_no_share_of_it() -> None:
    assert curves.share_of_oracle([dataclasses.replace(made_round(0, "human", 1), oracle_coverage=0.0)]) is None


def test_the_interval_over_seeds_holds_the_mean() -> None:
    """Nineteen times in twenty; counted over repeated draws of five seeds."""
    rng = np.random.default_rng(4)
    found = [curves.spread(rng.normal(0.8, 0.03, 5)) for _ in range(3000)]
    assert np.mean([one.low <= 0.8 <= one.high for one in found if one.low and one.high]) == pytest.approx(
        0.95, abs=0.012
    )


def test_two_seeds_give_no_interval() -> None:
    assert curves.spread([0.4, 0.6, None]) == curves.Spread(pytest.approx(0.5), None, None, 2)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=8))
def test_intervals_of_shares_are_shares(values: list[float]) -> None:
    found = curves.spread(values)
    if found.low is not None and found.high is not None and found.value is not None:
        assert 0 <= found.low <= found.value + 1e-12
        assert found.value <= found.high + 1e-12 <= 1 + 1e-9


def test_a_round_that_stands_twice_counts_as_last_written() -> None:
    first = made_round(0, "human", 1)
    (found,) = curves.gather([first, dataclasses.replace(first, coverage=0.1)])
    assert [one.coverage for one in found.rounds] == [0.1]


# --- words


def headline(rounds: list[Round], target: float = 0.92) -> words.Headline:
    return words.headline(curves.gather(rounds), target)


def test_the_headline_says_what_was_believed_and_what_was_true() -> None:
    rounds = changed(made_rounds(), "everything", believed=0.96, true_accuracy=0.79, flow_accuracy=0.7)
    rounds = changed(rounds, "representative", believed=0.94, true_accuracy=0.95, flow_accuracy=0.755)
    told = headline(rounds)
    assert told.lead == "A model that learns from its own decisions believed 96 % and was right in 79 %."
    assert told.cure == (
        "With random audits, weighted to stand for the whole flow, it believed 94 % and was right in 95 %: "
        "the target of 92 % holds, and 5.5 points more of all products end in their right category."
    )
    assert (told.believed_wrong, told.truly_wrong) == (4, 21)


def test_what_the_cure_gains_comes_with_its_interval_over_seeds() -> None:
    rounds = changed(made_rounds(), "everything", flow_accuracy=0.7)
    rounds = [
        dataclasses.replace(one, flow_accuracy=0.73 + 0.01 * one.seed) if one.regime == "representative" else one
        for one in rounds
    ]
    assert (
        "4.0 points more of all products end in their right category (95 % interval +1.5 to +6.5 points, 3 seeds)."
        in (headline(rounds).cure)
    )


def test_a_loop_that_does_not_bite_is_not_made_one() -> None:
    told = headline(changed(made_rounds(), "everything", believed=0.935, true_accuracy=0.93))
    assert told.lead.startswith(
        "Here the loop did not bite: a model that learns from its own decisions believed 93.5 %"
    )
    assert told.lead.endswith("the target of 92 % was kept.")


def test_a_cure_that_fails_is_said_to_fail() -> None:
    rounds = changed(made_rounds(), "representative", true_accuracy=0.9, flow_accuracy=0.5)
    told = headline(changed(rounds, "everything", flow_accuracy=0.6))
    assert "was right in 90.0 %, below the target of 92 %" in told.cure
    assert "yet 10.0 points fewer of all products" in told.cure


def test_nothing_automatic_is_said_instead_of_a_share() -> None:
    told = headline(changed(changed(made_rounds(), "everything", **NOTHING), "representative", **NOTHING))
    assert "decided nothing automatically" in told.lead
    assert "nothing was decided automatically" in told.cure
    assert told.truly_wrong is None


def test_the_headline_compares_the_same_rounds() -> None:
    told = headline([one for one in made_rounds() if one.regime != "representative" or one.round <= 6])
    assert told.last == 6


def test_the_headline_says_when_the_alarm_rang_and_whose_audits_rang_it() -> None:
    assert headline(made_rounds()).alarm == "A referee’s random audits raised the alarm in rounds 3–5."
    assert headline(made_rounds(("mixed",))).alarm == ""
    rounds = changed(made_rounds(("mixed",)), "mixed", range(4, 13), alarm=True, alarm_round=4)
    assert headline(rounds).alarm == "Its random audits raised the alarm in round 4."


def test_a_regime_that_serves_the_catalogue_better_than_the_cure_is_named() -> None:
    assert headline(made_rounds()).best == ""
    rounds = changed(made_rounds(), "human", flow_accuracy=0.99, automatic=300)
    told = headline(changed(rounds, "representative", flow_accuracy=0.9, automatic=700)).best
    assert told == (
        "Most products ended right under “human”, 99.0 %, which decided 30 % automatically; "
        "“representative” 90.0 % and 70 %."
    )


def test_without_the_naive_regime_another_is_told_of() -> None:
    told = headline(changed(made_rounds(("human",)), "human", believed=0.95, true_accuracy=0.9))
    assert told.lead == "The regime “human” believed 95 % and was right in 90 %."
    assert told.cure == ""


@pytest.mark.parametrize(
    ("alarms", "said"),
    [
        ([None, None], "none"),
        ([4], "round 4"),
        ([7, 5, 6], "rounds 5–7"),
        ([None, 5, 5], "round 5 (2 of 3 seeds)"),
    ],
)
def test_when_the_alarm_rang(alarms: list[int | None], said: str) -> None:
    assert words.alarm_words(alarms) == said


def test_regimes_have_the_same_cap_and_not_the_same_answers(page: str) -> None:
    assert "are given the same products and the same cap of answers a round" in text_of(page)


def test_what_is_missing_is_named() -> None:
    rounds = [
        one
        for one in made_rounds(("everything", "human"), seeds=(0, 1))
        if one.regime == "everything" or (one.seed == 0 and one.round < 7)
    ]
    rounds = [one for one in rounds if (one.seed, one.regime, one.round) != (1, "everything", 4)]
    assert words.missing(curves.gather(rounds), ["everything", "human", "mixed"], (0, 1), 12) == [
        "Regime “everything”: seed 1 lacks round 4.",
        "Regime “human”: seed 0 ends after round 6 of 12, seed 1 has not begun.",
        "Regime “mixed” has not begun.",
    ]
    assert words.missing(curves.gather(made_rounds()), REGIMES, (0, 1, 2), 12) == []


@pytest.mark.parametrize(
    ("believed", "true", "badge"),
    [(0.96, 0.79, "wrong"), (0.93, 0.93, "certified"), (0.925, 0.915, "open"), (None, None, "off")],
)
def test_each_regime_has_its_verdict(believed: float | None, true: float | None, badge: str) -> None:
    values = NOTHING if believed is None else {"believed": believed, "true_accuracy": true}
    regime = regime_of(changed(made_rounds(("human",)), "human", **values), "human")
    assert words.verdict(regime, 0.92)[0] == badge


def test_every_regime_and_every_setting_has_its_words() -> None:
    assert set(words.SENTENCES) == set(REGIMES) == set(figures.LINES)
    for settings in (
        ReplaySettings(),
        ReplaySettings(review_order="queue", active_audits=True, certainty_weights=True),
    ):
        assert all(value for _, value in words.facts(settings))
    told = dict(words.facts(ReplaySettings(active_audits=True, certainty_weights=True)))
    assert told != dict(words.facts(ReplaySettings()))


# --- figures


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_names_at_the_ends_of_lines_do_not_overlap(values: list[float]) -> None:
    heights = strokes.apart(sorted(values), 8.0, 0.0, 100.0)
    assert all(math.isfinite(one) for one in heights)
    assert all(after - before > 7 for before, after in pairwise(heights))


def test_drawings_take_the_colours_of_the_page(page: str) -> None:
    for svg in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        assert not [colour for colour in PALETTE.values() if colour in svg]


def test_a_bell_stands_in_the_round_of_the_alarm_and_only_there() -> None:
    for name, bells in (("everything", [3, 4, 5]), ("human", [])):
        axes = figures.believed(regime_of(made_rounds(), name), 0.92, 70, 12).axes[0]
        assert [line.get_xdata()[0] for line in axes.lines if line.get_markersize() == 15] == bells
        assert any(("alarm in rounds 3–5" if bells else "no alarm") == one.get_text() for one in axes.texts)


def test_stacked_answers_reach_what_was_spent() -> None:
    regime = regime_of(made_rounds(seeds=(0,)), "representative")
    axes = figures.answers(regime, 300, 12).axes[0]
    tops = [bar.get_y() + bar.get_height() for bar in axes.patches]
    assert max(tops) == max(one.spent for one in regime.rounds)


def test_a_kind_of_answer_has_one_colour_in_all_regimes() -> None:
    assert set(figures.ANSWER_COLOURS) == set(words.ANSWERS) == set(made_round(0, "mixed", 1).answers)
    for name in ("everything", "mixed"):
        axes = figures.answers(regime_of(made_rounds(seeds=(0,)), name), 300, 12).axes[0]
        colours = {bar.get_facecolor() for bar in axes.patches}
        assert to_rgba(figures.ANSWER_COLOURS["review"]) in colours
        assert (to_rgba(figures.ANSWER_COLOURS["audit"]) in colours) is (name == "mixed")


# --- the page


def test_the_page_asks_for_nothing_and_runs_nothing(page: str) -> None:
    assert "<script" not in page
    assert "://" not in page.replace("http://www.w3.org", "")
    assert "default-src 'none'" in page
    assert set(re.findall(r'(?:src|href)="([^#"][^"]*)"', page)) <= {"data:,"}


def test_the_page_tells_the_story_of_all_regimes(page: str) -> None:
    told = text_of(page)
    assert "A replay of data: 12 rounds of 1,000 products, 3 seeds, target accuracy 92 %." in told.replace("\xa0", " ")
    assert page.count("<svg") == 3 * len(REGIMES) + 2 + 6
    assert "Not whole yet" not in told
    for name in REGIMES:
        assert words.SENTENCES[name] in told
    assert "mean of 3 seeds, bands go from the lowest to the highest" in told


def test_the_table_holds_the_figures_of_the_last_rounds(page: str) -> None:
    told = text_of(page)
    shown = row(regime_of(made_rounds(), "everything"), 0.92)
    assert len(shown["figures"]) == 9
    assert shown["below"]
    assert shown["alarm"] == "rounds 3–5"
    for value in shown["figures"]:
        assert value["text"] in told
        assert value["interval"] in told


def test_one_seed_has_neither_band_nor_interval() -> None:
    told = text_of(render(made_rounds(seeds=(0,)), ONE, "data"))
    assert "One seed, so no band" in told
    assert all(not value["interval"] for value in row(regime_of(made_rounds(seeds=(0,)), "mixed"), 0.92)["figures"])


def test_an_interrupted_replay_shows_what_there_is_and_says_what_is_missing() -> None:
    rounds = [one for one in made_rounds(("everything", "human"), seeds=(0,)) if one.regime != "human" or one.round < 5]
    page = render(rounds, ONE, "data")
    assert "Regime “human”: seed 0 ends after round 4 of 12." in text_of(page)
    assert "Regime “audited” has not begun." in text_of(page)
    assert page.count("<svg") == 3 * 2 + 2 + 5


def test_a_replay_that_has_not_begun_has_a_page() -> None:
    told = text_of(render([], ReplaySettings(), "data"))
    assert "No round is done yet." in told
    assert "Regime “mixed” has not begun." in told


def test_a_regime_that_never_decides_alone_is_drawn_with_gaps() -> None:
    page = render(changed(made_rounds(), "audited", **NOTHING), ReplaySettings(), "data")
    assert "nothing automatic" in text_of(page)
    assert "nan" not in page.lower()


def test_names_are_shown_and_never_run() -> None:
    assert "<script>" not in render([], ReplaySettings(), "<script>alert(1)</script>")


def test_the_same_rounds_give_the_same_page(tmp_path: Any) -> None:
    for name in ("a.html", "b.html"):
        write_page(tmp_path / name, made_rounds(("human",), rounds=2, seeds=(0,)), ONE, "data")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
