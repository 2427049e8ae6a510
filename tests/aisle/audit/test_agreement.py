from __future__ import annotations

import numpy as np
import pytest

from aisle.audit.agreement import agreement, error_rate, suggestion_effect


def test_kappa_fails_and_ac1_does_not_where_nearly_all_say_yes() -> None:
    """118 yes-yes, 5 and 2 apart, no no-no: raw 94.4 %, and kappa calls it worse than chance."""
    first = ["yes"] * 118 + ["yes"] * 5 + ["no"] * 2
    second = ["yes"] * 118 + ["no"] * 5 + ["yes"] * 2
    found = agreement(first, second)
    assert found.raw.value == pytest.approx(118 / 125)
    assert found.kappa.value == pytest.approx(-0.0234, abs=5e-4)
    assert found.ac1.value == pytest.approx(0.9407, abs=5e-4)


def test_perfect_agreement_on_few_items_is_no_certainty() -> None:
    found = agreement(["a", "b", "c"] * 3, ["a", "b", "c"] * 3)
    assert found.ac1.value == found.kappa.value == 1
    assert found.ac1.low < 0.9
    assert np.isnan(agreement(["a"], ["a"]).kappa.value)  # only ever one answer: not defined


def test_nothing_is_known_without_items() -> None:
    found = agreement([], [])
    assert (found.ac1.low, found.ac1.high, found.ac1.count) == (-1, 1, 0)


@pytest.mark.parametrize(("people", "items"), [(0.02, 100), (0.1, 40), (0.1, 400), (0.3, 200)])
def test_the_intervals_of_agreement_hold_the_truth(people: float, items: int) -> None:
    share = 1 / np.arange(1, 21)
    share /= share.sum()
    errs = np.full((20, 20), people / 19) + np.eye(20) * (1 - people - people / 19)
    joint = np.einsum("t,ti,tj->ij", share, errs, errs)
    mean, raw = joint.sum(0), np.trace(joint)
    chance = (mean * (1 - mean)).sum() / 19
    ac1, kappa = (raw - chance) / (1 - chance), (raw - mean @ mean) / (1 - mean @ mean)
    rng, inside = np.random.default_rng(items), np.zeros(2)
    for _ in range(500):
        pairs = rng.choice(400, size=items, p=joint.ravel() / joint.sum())
        found = agreement(pairs // 20, pairs % 20)
        inside += [found.ac1.low <= ac1 <= found.ac1.high, found.kappa.low <= kappa <= found.kappa.high]
    assert (inside / 500 >= 0.91).all()  # approximate: 93 % or so


def test_the_error_rate_of_each_person() -> None:
    found = error_rate([True, False, False, True, False], ["ann", "ann", "ann", "ben", "ben"])
    assert found["ann"].value == pytest.approx(1 / 3)
    assert found["ben"].count == 2
    assert found["ben"].low < 0.5 < found["ben"].high


@pytest.mark.parametrize(("shown", "blind"), [(0.95, 0.95), (0.97, 0.9), (0.6, 0.5), (1.0, 0.99)])
@pytest.mark.parametrize("audits", [(40, 5), (200, 50), (1000, 200)])
def test_the_interval_of_the_difference_holds_the_truth(shown: float, blind: float, audits: tuple[int, int]) -> None:
    rng, inside = np.random.default_rng(audits[0]), 0
    for one, other in zip(rng.binomial(audits[0], shown, 1000), rng.binomial(audits[1], blind, 1000), strict=True):
        found = suggestion_effect(int(one), audits[0], int(other), audits[1]).difference
        inside += found.low - 1e-12 <= shown - blind <= found.high + 1e-12
    assert inside / 1000 >= 0.93


def test_calibration_uses_blind_audits_where_showing_buys_agreement() -> None:
    assert suggestion_effect(980, 1000, 180, 200).calibrate_on_blind()
    assert not suggestion_effect(980, 1000, 180, 200).calibrate_on_blind(most=0.1)
    assert not suggestion_effect(20, 20, 9, 10).calibrate_on_blind()  # ten points apart, by chance
    assert not suggestion_effect(900, 1000, 198, 200).calibrate_on_blind()
    assert not suggestion_effect(0, 0, 5, 5).calibrate_on_blind()


def test_the_test_of_suggestions_rejects_no_more_often_than_it_says() -> None:
    rng = np.random.default_rng(9)
    p_values = [
        suggestion_effect(int(one), 300, int(other), 80).p_value
        for one, other in zip(rng.binomial(300, 0.95, 1500), rng.binomial(80, 0.95, 1500), strict=True)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.06
