from __future__ import annotations

import numpy as np
import pytest

from aisle.audit.replay.rates import FLOOR, audit_chances

SURE = np.clip(np.random.default_rng(0).beta(2, 0.5, 2000), 0.01, 0.99)


def test_active_audits_prefer_unsure_automatic_decisions_at_the_same_price() -> None:
    chance = audit_chances(SURE, SURE >= 0.7, SURE, 0.1, 1000)
    assert chance.mean() == pytest.approx(0.1, rel=0.02)
    assert chance.min() >= 0.1 * FLOOR * (1 - 1e-9)
    barely, surely = (SURE >= 0.72) & (SURE < 0.8), SURE > 0.95
    assert chance[barely].mean() > chance[surely].mean()


@pytest.mark.parametrize("automatic", [SURE > 2, np.zeros(2000, dtype=bool)])
def test_without_automatic_decisions_audits_are_even(automatic: np.ndarray) -> None:
    assert audit_chances(SURE, automatic, SURE[:7], 0.1, 1000) == pytest.approx(np.full(7, 0.1))


def test_with_hardly_any_product_to_go_by_audits_are_even() -> None:
    assert audit_chances(SURE[:5], SURE[:5] > 0, SURE[:7], 0.1, 1000) == pytest.approx(np.full(7, 0.1))
