from __future__ import annotations

import copy
import hashlib
import hmac
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.audit.sampling import Secret, draw, draw_share, exact_probability, utc_day
from aisle.errors import ConfigurationError

TEXT = "0123456789abcdef0123456789abcdef"
SECRET = Secret(TEXT)
DAY = np.datetime64("2025-04-01")
IDS = [f"shop:{number}" for number in range(20_000)]


def test_a_draw_is_the_documented_hash() -> None:
    digest = hmac.new(TEXT.encode(), b"audit\x002025-04-01\x00shop:1", hashlib.sha256).digest()
    expected = (int.from_bytes(digest[:8], "big") >> 11) / 2**53
    assert SECRET.uniform("audit", ["shop:1"], DAY).tolist() == [expected]


def test_the_same_product_gets_the_same_draw_in_any_company() -> None:
    days = DAY + (np.arange(len(IDS)) % 7).astype("timedelta64[D]")
    whole = draw(SECRET, IDS, days, 0.1, 0.3, 0.2)
    back = draw(SECRET, IDS[::-1], days[::-1], 0.1, 0.3, 0.2)
    for name in ("audit_drawn", "blind", "double"):
        assert (getattr(whole, name) == getattr(back, name)[::-1]).all()
    alone = [draw(SECRET, [one], day, 0.1).audit_drawn[0] for one, day in zip(IDS[:200], days[:200], strict=True)]
    assert alone == whole.audit_drawn[:200].tolist()


def test_another_secret_day_or_purpose_is_another_draw() -> None:
    first = SECRET.uniform("audit", IDS, DAY)
    for other in (
        Secret(TEXT[::-1]).uniform("audit", IDS, DAY),
        SECRET.uniform("blind", IDS, DAY),
        SECRET.uniform("audit", IDS, DAY + 1),
    ):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.04


def test_draws_keep_their_recorded_probability_in_every_stratum() -> None:
    rate = np.tile([0.02, 0.1, 0.5, 1.0], len(IDS) // 4)
    found = draw(SECRET, IDS, DAY, rate, 0.25, 0.1)
    for one in (0.02, 0.1, 0.5):
        drawn, count = found.audit_drawn[rate == one].sum(), (rate == one).sum()
        assert abs(drawn - one * count) < 4 * np.sqrt(count * one * (1 - one))
    assert found.audit_drawn[rate == 1].all()
    audits = found.audit_drawn.sum()
    assert abs(found.blind.sum() - 0.25 * audits) < 4 * np.sqrt(audits * 0.25 * 0.75)
    assert abs((found.blind & found.double).sum() - 0.025 * audits) < 4 * np.sqrt(audits * 0.025)
    assert not (found.blind | found.double)[~found.audit_drawn].any()


@given(st.floats(min_value=1e-300, max_value=1.0))
def test_a_recorded_probability_is_exactly_a_chance_of_the_draw(rate: float) -> None:
    """Draws fall on whole steps of 2⁻⁵³: so many of them lie below the probability as it says."""
    found = float(exact_probability(rate))
    steps = found * 2.0**53
    assert steps == int(steps) >= 1
    assert abs(found - rate) <= 2.0**-53
    assert float(exact_probability(found)) == found


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.1, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ConfigurationError, match="must lie in"):
        draw(SECRET, ["a"], DAY, rate)


def test_shares_of_all_and_of_none() -> None:
    assert draw_share(SECRET, "test", IDS, DAY, 1.0).all()
    assert not draw_share(SECRET, "test", IDS, DAY, 0.0).any()
    with pytest.raises(ConfigurationError, match="share of test audits is 2"):
        draw_share(SECRET, "test", IDS, DAY, 2)


def test_a_missing_date_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="date of first receipt"):
        draw(SECRET, ["a"], np.datetime64("NaT"), 0.5)


def test_a_day_is_that_of_utc() -> None:
    late = datetime(2025, 4, 1, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    assert utc_day(late) == date(2025, 4, 2)
    assert utc_day(datetime(2025, 4, 1, 23, 30, tzinfo=UTC)) == date(2025, 4, 1)


@pytest.mark.parametrize(
    ("text", "line"), [("", "is not set"), ("short", "has 5 characters, 32 are the least"), ("a" * 40, "be guessed")]
)
def test_a_weak_secret_is_refused(text: str, line: str) -> None:
    with pytest.raises(ConfigurationError, match=line):
        Secret.from_environment({"AISLE_AUDIT_SECRET": text})


def test_a_secret_is_neither_shown_nor_stored() -> None:
    assert TEXT not in repr(SECRET) + str(SECRET) + f"{SECRET!r}"
    with pytest.raises(TypeError):
        copy.copy(SECRET)  # by the way that pickles and copies share
