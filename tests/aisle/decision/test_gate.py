from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from aisle.config import Gate
from aisle.decision.gate import Verdict, compare, paired_difference, tango_interval
from aisle.errors import DataError

MARGINS = Gate(accuracy_margin=0.01, coverage_margin=0.02)


def frame(right: NDArray[np.bool_], automatic: NDArray[np.bool_]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "product_id": [f"p{row}" for row in range(len(right))],
            "category_id": np.where(right, "this", "other"),
            "decision": np.where(automatic, "auto", "review"),
        }
    )


def truth(rows: int, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"product_id": [f"p{row}" for row in range(rows)], "category_id": "this", **more})


def first(share: float, rows: int) -> NDArray[np.bool_]:
    """True for the first `share` of `rows`."""
    return np.arange(rows) < round(share * rows)


def verdict(
    challenger: tuple[float, float], champion: tuple[float, float] | None, rows: int = 5000, target: float | None = 0.9
) -> Verdict:
    """Shares right and automatic of both; all automatic ones are right as far as there are any."""
    sides = [None if one is None else frame(first(one[0], rows), first(one[1], rows)) for one in (challenger, champion)]
    assert sides[0] is not None
    return compare(sides[0], sides[1], truth(rows), target, MARGINS)


class TestCompare:
    def test_a_challenger_as_good_as_the_champion_passes(self) -> None:
        found = verdict((0.85, 0.6), (0.85, 0.6))
        assert found.result == "passed"
        assert [check.outcome for check in found.checks] == ["passed", "passed", "passed"]

    def test_a_better_challenger_passes(self) -> None:
        assert verdict((0.88, 0.7), (0.85, 0.6)).result == "passed"

    @pytest.mark.parametrize(
        ("challenger", "failing"),
        [((0.80, 0.6), "accuracy_all"), ((0.85, 0.5), "coverage")],
        ids=["accuracy", "coverage"],
    )
    def test_a_challenger_worse_by_more_than_the_margin_fails_and_says_where(
        self, challenger: tuple[float, float], failing: str
    ) -> None:
        found = verdict(challenger, (0.85, 0.6))
        assert found.result == "failed"
        assert [check.name for check in found.checks if check.outcome == "failed"] == [failing]
        assert any("worse by more than" in reason for reason in found.reasons)

    def test_few_rows_leave_it_undecided(self) -> None:
        found = verdict((0.85, 0.6), (0.85, 0.6), rows=60)
        assert found.result == "undecided"
        assert any("too few test rows" in reason for reason in found.reasons)

    def test_without_a_champion_is_a_case_of_its_own(self) -> None:
        found = verdict((0.85, 0.6), None)
        assert found.result == "no_champion"
        assert found.reasons[-1] == "there is no champion yet to compare with"

    @pytest.mark.parametrize("champion", [None, (0.5, 0.5)])
    def test_a_refuted_promise_fails_whatever_the_champion_does(self, champion: tuple[float, float] | None) -> None:
        found = verdict((0.5, 0.8), champion)
        assert found.result == "failed"
        assert "refuted" in found.reasons[0]

    def test_a_policy_without_promise_is_not_held_to_one(self) -> None:
        assert verdict((0.5, 0.8), (0.5, 0.8), target=None).result == "passed"

    def test_automation_off_breaks_no_promise_but_costs_coverage(self) -> None:
        found = verdict((0.85, 0.0), (0.85, 0.6))
        assert found.checks[0].outcome == "passed"
        assert "nothing is decided automatically" in found.reasons[0]
        assert found.result == "failed"

    def test_labels_that_the_champion_cannot_know_are_wrong_for_it_and_counted(self) -> None:
        rows = 1000
        labels = truth(rows).assign(category_id=np.where(first(0.1, rows), "new kind", "this"))
        right = labels["category_id"].to_numpy() == "this"
        challenger = frame(right, right).assign(category_id=labels["category_id"])
        found = compare(challenger, frame(right, right), labels, 0.9, MARGINS, known_to_champion={"this", "other"})
        assert found.result == "passed"
        assert "100 of 1,000 test rows belong to 1 categories that it does not know" in found.reasons[-1]

    def test_a_tree_that_knows_all_labels_is_not_mentioned(self) -> None:
        right = first(0.9, 500)
        found = compare(frame(right, right), frame(right, right), truth(500), 0.9, MARGINS, {"this", "and", "more"})
        assert len(found.reasons) == 3

    def test_answers_for_other_products_are_refused(self) -> None:
        answers = frame(first(1, 10), first(1, 10))
        with pytest.raises(DataError, match="champion's answers are not those of the test rows"):
            compare(answers, answers.iloc[::-1], truth(10), 0.9, MARGINS)

    def test_no_test_rows_are_refused(self) -> None:
        with pytest.raises(DataError, match=r"no test rows.*split\.test"):
            compare(frame(first(1, 0), first(1, 0)), None, truth(0), 0.9, MARGINS)

    def test_rows_of_one_group_count_once(self) -> None:
        right = first(0.85, 5000)
        answers = frame(right, right)
        alone = compare(answers, answers, truth(5000), 0.9, MARGINS)
        grouped = compare(answers, answers, truth(5000, group=np.arange(5000) // 50), 0.9, MARGINS)
        assert (alone.result, grouped.result) == ("passed", "undecided")

    def test_the_result_is_plain_data(self) -> None:
        found = verdict((0.85, 0.6), (0.85, 0.6)).as_dict()
        assert found["result"] == "passed"
        assert found["rows"] == 5000
        assert {"name", "outcome", "low", "high", "limit"} <= found["checks"][1].keys()


class TestTangoInterval:
    @pytest.mark.parametrize(
        ("gains", "losses", "rows", "level", "published"),
        [
            (1, 7, 21, 0.95, (-0.517, -0.026)),
            (7, 0, 14, 0.95, (0.177034, 0.732008)),
            (28, 25, 618, 0.90, (-0.0148, 0.0247)),
        ],
        ids=["airway hyper-responsiveness", "none lost", "many rows"],
    )
    def test_gives_the_published_interval(
        self, gains: int, losses: int, rows: int, level: float, published: tuple[float, float]
    ) -> None:
        """The first from Fagerland, Lydersen & Laake (2014), the others from R: PropCIs::scoreci.mp."""
        digits = len(str(published[1]).split(".")[1])
        assert tango_interval(gains, losses, rows, level) == pytest.approx(published, abs=0.51 * 10**-digits)

    def test_without_a_difference_it_is_as_wide_as_the_rows_allow(self) -> None:
        z_squared = 1.959964**2
        assert tango_interval(0, 0, 50)[1] == pytest.approx(z_squared / (50 + z_squared), rel=1e-5)

    @given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 100))
    def test_holds_the_estimate_and_turns_round_with_the_sides(self, gains: int, losses: int, same: int) -> None:
        rows = gains + losses + same
        low, high = tango_interval(gains, losses, rows)
        assert -1 <= low < (gains - losses) / rows < high <= 1
        assert tango_interval(losses, gains, rows) == pytest.approx((-high, -low), abs=1e-6)

    @given(st.integers(0, 20), st.integers(0, 20))
    def test_more_rows_of_the_same_say_more(self, gains: int, losses: int) -> None:
        few, many = tango_interval(gains, losses, 100), tango_interval(10 * gains, 10 * losses, 1000)
        assert many[1] - many[0] < few[1] - few[0]


class TestPairedDifference:
    def test_equal_weights_say_what_no_weights_say(self) -> None:
        one, two = first(0.6, 200), first(0.5, 200)
        assert paired_difference(one, two, np.full(200, 7.0)) == pytest.approx(paired_difference(one, two))

    def test_unequal_weights_move_the_estimate_and_widen_the_interval(self) -> None:
        one, two = first(0.6, 200), first(0.5, 200)
        weight = np.where(np.arange(200) % 2, 1.0, 9.0)
        estimate, low, high = paired_difference(one, two, weight)
        _, plain_low, plain_high = paired_difference(one, two)
        assert estimate == pytest.approx(0.1)
        assert high - low > plain_high - plain_low


def drawn(
    rng: np.random.Generator, rows: int, gains: float, losses: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Challenger and champion right on `rows` rows; they differ on a share `gains` + `losses` of them."""
    kind = rng.choice(4, rows, p=[gains, losses, 0.85 - gains, 0.15 - losses])
    return (kind == 0) | (kind == 2), (kind == 1) | (kind == 2)


class TestGuarantee:
    """A challenger that is truly worse by the margin passes in at most 2.5 % of cases; an equal one fails as rarely."""

    TIMES = 1000
    NOISE = 3 * np.sqrt(0.025 * 0.975 / TIMES)

    @pytest.mark.parametrize("rows", [300, 1500])
    @pytest.mark.parametrize("losses", [0.02, 0.05, 0.12])
    def test_guarantee_a_worse_challenger_seldom_passes(self, rows: int, losses: float) -> None:
        rng = np.random.default_rng(1)
        passed = 0
        for _ in range(self.TIMES):
            challenger, champion = drawn(rng, rows, losses - 0.01, losses)
            passed += paired_difference(challenger, champion)[1] >= -0.01
        assert passed / self.TIMES <= 0.025 + self.NOISE

    def test_guarantee_an_equal_challenger_seldom_fails(self) -> None:
        rng = np.random.default_rng(2)
        failed = 0
        for _ in range(self.TIMES):
            challenger, champion = drawn(rng, 1500, 0.05, 0.05)
            failed += paired_difference(challenger, champion)[2] < 0
        assert failed / self.TIMES <= 0.025 + self.NOISE

    @pytest.mark.parametrize("where", ["likely", "unlikely", "both"])
    def test_guarantee_holds_when_audits_prefer_some_products(self, where: str) -> None:
        """Rows drawn with probability 0.5 or 0.05; the models differ on one kind of rows, or on both."""
        rng = np.random.default_rng(3)
        passed = 0
        for _ in range(self.TIMES):
            likely = rng.random(6000) < 0.3
            audit_probability = np.where(likely, 0.5, 0.05)
            sampled = rng.random(6000) < audit_probability
            differing = {"likely": likely, "unlikely": ~likely, "both": np.ones(6000, bool)}[where]
            share = {"likely": 0.3, "unlikely": 0.7, "both": 1.0}[where]
            loss = differing & (rng.random(6000) < 0.035 / share)
            gain = differing & ~loss & (rng.random(6000) < (0.025 / share) / (1 - 0.035 / share))
            rows = sampled
            _, low, _ = paired_difference(gain[rows], loss[rows], 1 / audit_probability[rows])
            passed += low >= -0.01
        assert passed / self.TIMES <= 0.05 + self.NOISE

    def test_guarantee_holds_when_products_come_in_groups(self) -> None:
        """Five offers of one physical product share its fate."""
        rng = np.random.default_rng(4)
        group = np.repeat(np.arange(200), 5)
        passed = 0
        for _ in range(self.TIMES):
            challenger, champion = drawn(rng, 200, 0.04, 0.05)
            passed += paired_difference(challenger[group], champion[group], group=group)[1] >= -0.01
        assert passed / self.TIMES <= 0.025 + self.NOISE

    def test_guarantee_of_the_whole_gate(self) -> None:
        """Worse by the margin in accuracy over all products, equal in coverage."""
        rng = np.random.default_rng(5)
        results = []
        for _ in range(300):
            challenger, champion = drawn(rng, 3000, 0.03, 0.04)
            automatic = rng.random(3000) < 0.6
            answers = [frame(challenger, automatic), frame(champion, automatic)]
            results.append(compare(answers[0], answers[1], truth(3000), None, MARGINS).result)
        assert results.count("passed") / 300 <= 0.05 + 3 * np.sqrt(0.025 * 0.975 / 300)
        assert results.count("failed") > 0
