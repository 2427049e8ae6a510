from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from aisle.audit.expected import expected_accuracy, expected_errors, track_record
from aisle.errors import DataError

THRESHOLD = 0.8


def rows(
    many: int, rng: np.random.Generator, unsure: float = 1.0, bold: float = 0.0, pets: float = 0.25
) -> pd.DataFrame:
    """Products whose confidence promises too much by `bold`, and in pets by 6 points more."""
    confidence = 1 - 0.5 * rng.beta(0.6 * unsure, 2.0, many)
    is_pets = rng.random(many) < pets
    chance = np.clip(confidence - bold - 0.06 * is_pets, 0, 1)
    return pd.DataFrame(
        {
            "confidence": confidence,
            "branch_id": np.where(is_pets, "pets", "tools"),
            "decision": np.where(confidence >= THRESHOLD, "auto", "review"),
            "right": rng.random(many) < chance,
        }
    )


def truth(window: pd.DataFrame) -> float:
    return float(window["right"][window["decision"] == "auto"].mean())


@pytest.mark.parametrize(("unsure", "pets"), [(1.0, 0.25), (3.0, 0.25), (1.0, 0.9), (0.5, 0.05)])
@pytest.mark.parametrize("bold", [0.0, 0.03])
def test_interval_holds_the_truth_when_the_mix_shifts(unsure: float, pets: float, bold: float) -> None:
    """Other shares of confidence and branch, P(right | confidence, branch) as before, calibrated or not."""
    rng = np.random.default_rng([int(10 * unsure), int(100 * pets), int(100 * bold)])
    inside = []
    for _ in range(100):
        window = rows(800, rng, unsure, bold, pets)
        found = expected_accuracy(window, rows(1_500, rng, bold=bold))
        inside.append(found.low <= truth(window) <= found.high)
    assert np.mean(inside) >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 100)


def test_it_follows_the_mix_where_the_accuracy_of_the_reference_alone_would_not() -> None:
    rng = np.random.default_rng(1)
    off, off_before = [], []
    for _ in range(30):
        reference, window = rows(1_500, rng, bold=0.03), rows(2_000, rng, 3.0, 0.03, 0.9)
        found = expected_accuracy(window, reference)
        off.append(found.value - truth(window))
        off_before.append(truth(reference) - truth(window))
        assert found.mix < 0
    assert abs(np.mean(off)) < 0.015
    assert np.mean(off_before) > 0.04


def test_it_does_not_see_that_a_confidence_is_worth_less() -> None:
    """What it cannot do: the labels shifted under the same confidence, and it says what used to be true."""
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(30):
        window = rows(800, rng, bold=0.1)
        found = expected_accuracy(window, rows(1_500, rng))
        inside.append(found.low <= truth(window) <= found.high)
        assert found.estimate
        assert "cannot see" in found.basis
    assert np.mean(inside) < 0.1


def test_weights_of_the_reference_are_honoured() -> None:
    """A held-out frame in which the wrong ones are twice as likely as in the flow."""
    rng = np.random.default_rng(3)
    off = []
    for _ in range(30):
        flow = rows(12_000, rng)
        probability = np.where(flow["right"], 0.05, 0.1)  # the wrong ones were labelled twice as often
        taken = rng.random(len(flow)) < probability
        window = rows(2_000, rng)
        found = expected_accuracy(window, flow.assign(weight=1 / probability)[taken])
        off.append(found.value - truth(window))
    assert abs(np.mean(off)) < 0.01


def test_row_by_row_it_comes_to_the_same() -> None:
    rng = np.random.default_rng(4)
    window, reference = rows(4_000, rng, bold=0.05), rows(3_000, rng, bold=0.05)
    auto = window[window["decision"] == "auto"]
    error = expected_errors(auto, reference)
    assert error.mean() == pytest.approx(1 - expected_accuracy(window, reference).value, abs=0.01)
    pets = (auto["branch_id"] == "pets").to_numpy()
    assert error[pets].mean() - error[~pets].mean() == pytest.approx(0.06, abs=0.025)
    assert ((error >= 0) & (error <= 1)).all()


def test_too_little_is_unknown_and_never_a_number() -> None:
    rng = np.random.default_rng(5)
    window = rows(100, rng)
    few = expected_accuracy(window, rows(10, rng))
    assert np.isnan(few.value)
    assert (few.low, few.high) == (0.0, 1.0)
    assert "not known" in few.basis
    nothing = expected_accuracy(window[window["decision"] == "review"], rows(1_000, rng))
    assert np.isnan(nothing.value)
    assert nothing.rows == 0
    unseen = expected_accuracy(window.assign(branch_id="garden"), rows(1_000, rng))
    assert unseen.supported == 0
    assert 0 < unseen.low < unseen.value < unseen.high < 1
    with pytest.raises(DataError, match="the reference has no column 'right'"):
        expected_accuracy(window, window.drop(columns="right"))


def test_the_record_against_later_audits() -> None:
    days = pd.DataFrame(
        {
            "estimated": [0.95, 0.96, 0.95, np.nan],
            "audited": [0.94, 0.95, 0.80, 0.9],
            "audited_low": [0.90, 0.90, 0.75, 0.8],
            "audited_high": [0.97, 0.98, 0.85, 1.0],
        }
    )
    found = track_record(days)
    assert (found.days, found.agreed.value) == (3, pytest.approx(2 / 3))
    assert found.difference.low < 0.05 < found.difference.high
    assert found.text.startswith("2 of 3 estimates")
    assert "too high" in found.text
    assert (found.audits, found.first) == (3, None)
    none = track_record(days.head(0))
    assert (none.days, none.agreed.low, none.agreed.high) == (0, 0.0, 1.0)


def test_the_record_is_weighted_by_audits_and_not_by_what_they_found() -> None:
    """Spans without an error have narrow intervals: by these, an estimate that is far off would look good."""
    days = pd.DataFrame(
        {
            "estimated": 0.95,
            "audited": [1.0, 0.7],
            "audited_low": [0.96, 0.6],
            "audited_high": [1.0, 0.8],
            "answered": [100, 300],
            "first": [dt.date(2025, 6, 1), dt.date(2025, 6, 5)],
            "last": [dt.date(2025, 6, 4), dt.date(2025, 6, 9)],
        }
    )
    found = track_record(days)
    assert found.difference.value == pytest.approx((100 * -0.05 + 300 * 0.25) / 400)
    assert (found.audits, found.first, found.last) == (400, dt.date(2025, 6, 1), dt.date(2025, 6, 9))
    assert "2 spans of days from 2025-06-01 to 2025-06-09, 400 audits" in found.text
    assert "17.5 points too high" in found.text
    assert track_record(days.assign(answered=0)).difference.value == pytest.approx(0.1)
    hidden = track_record(days.assign(estimated=[0.95, np.nan]))
    assert (hidden.audits, hidden.last) == (100, dt.date(2025, 6, 4))


def test_interval_of_the_mean_difference_holds_the_truth() -> None:
    rng = np.random.default_rng(6)
    inside = []
    for _ in range(400):
        audited = 0.93 + 0.02 * rng.standard_normal(15)
        half = rng.uniform(0.03, 0.06, 15)
        days = pd.DataFrame(
            {
                "estimated": 0.95,
                "audited": audited,
                "audited_low": audited - half,
                "audited_high": audited + half,
                "answered": rng.integers(30, 90, 15),
            }
        )
        found = track_record(days).difference
        inside.append(found.low <= 0.02 <= found.high)
    assert np.mean(inside) >= 0.92
