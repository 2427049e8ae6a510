from __future__ import annotations

import numpy as np
import pytest

from aisle.audit.replay.rates import FLOOR, audit_chances

SURE = np.clip(np.random.default_rng(0).beta(2, 0.5, 2000), 0.01, 0.99)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_active_audits_prefer_unsure_products_at_the_same_price(share: float) -> None:
    chance = audit_chances(SURE, SURE, share, 1000)
    assert chance.mean() == pytest.approx(share, rel=0.02)
    assert chance.min() >= share * FLOOR * (1 - 1e-9)
    assert (np.diff(chance[np.argsort(SURE)]) <= 1e-12).all()
    assert chance[SURE < 0.5].mean() > 1.4 * chance[SURE > 0.9].mean()


def test_with_hardly_any_product_to_go_by_audits_are_even() -> None:
    assert audit_chances(SURE[:5], SURE[:7], 0.1, 1000) == pytest.approx(np.full(7, 0.1))


def test_products_that_are_all_alike_are_audited_evenly() -> None:
    alike = np.full(100, 0.7)
    assert audit_chances(alike, alike, 0.1, 1000) == pytest.approx(np.full(100, 0.1))
