from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.audit.blame.families import discovered
from aisle.audit.blame.slices import slice_name, slices_of
from aisle.audit.blame.timing import Candidates


def rows_of(many: int, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "seller": rng.choice(["one", "two", "three"], many),
            "branch_id": rng.choice(["a", "b"], many),
            "model_version": rng.choice(["1", "2"], many),
            "day": pd.Timestamp("2025-06-01") + pd.to_timedelta(rng.integers(0, 5, many), unit="D"),
        }
    )


def candidates_of(frame: pd.DataFrame) -> Candidates:
    return Candidates(slices_of(frame, ("seller", "branch_id"), (("seller", "branch_id"),)), frame)


def numbers(candidates: Candidates) -> dict[str, int]:
    return {candidates.name(number): number for number in range(len(candidates))}


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(0, 10_000))
def test_sums_are_those_of_the_members(many: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    candidates, values = candidates_of(rows_of(many, rng)), rng.random(many)
    members = [candidates.members(number) for number in range(len(candidates))]
    assert candidates.sums(values) == pytest.approx(np.array([values[one].sum() for one in members]))
    same = candidates.same_rows()
    assert all((members[first] == members[number]).all() for number, first in enumerate(same))
    assert len({one.tobytes() for one in members if one.any()}) == len(
        {int(same[n]) for n, m in enumerate(members) if m.any()}
    )


def test_every_slice_at_every_time_is_a_candidate_with_a_name() -> None:
    frame = rows_of(400, np.random.default_rng(1))
    candidates = candidates_of(frame)
    named = numbers(candidates)
    assert len(named) == len(candidates) == (1 + 3 + 2 + 6) * (1 + 2 + 5 + 4)
    inside = candidates.members(named["seller = one since 2025-06-04"])
    assert (inside == ((frame["seller"] == "one") & (frame["day"] >= "2025-06-04"))).all()
    inside = candidates.members(named["branch_id = b within model_version = 2"])
    assert (inside == ((frame["branch_id"] == "b") & (frame["model_version"] == "2"))).all()
    assert (candidates.members(named["since 2025-06-05"]) == (frame["day"] == "2025-06-05")).all()
    assert not candidates.inside[
        [named[one] for one in ("all", "seller = one", "day = 2025-06-01", "since 2025-06-02")]
    ].any()
    assert candidates.inside[named["seller = one since 2025-06-02"]]


def test_of_the_same_rows_the_plainer_name_stands() -> None:
    """A seller who comes with the last two days, and a model version that takes over."""
    frame = pd.DataFrame(
        {
            "seller": ["one", "one", "two", "two"],
            "day": ["2025-06-01", "2025-06-02", "2025-06-03", "2025-06-04"],
            "model_version": ["1", "1", "2", "2"],
        }
    )
    candidates = Candidates(slices_of(frame, ("seller",)), frame)
    named, same = numbers(candidates), candidates.same_rows()
    for other in ("model_version = 2", "since 2025-06-03", "seller = two since 2025-06-02"):
        assert same[named[other]] == named["seller = two"]
    assert set(candidates.others(named["seller = two"], same)) == {"model_version = 2", "since 2025-06-03"}
    assert same[named["since 2025-06-04"]] == named["day = 2025-06-04"]


def test_the_cost_of_a_slice_inside_a_time_is_that_of_both() -> None:
    candidates = candidates_of(rows_of(400, np.random.default_rng(2)))
    named, cost = numbers(candidates), candidates.cost(np.ones(len(candidates), dtype=bool))
    found = {name: np.exp(cost[number]) for name, number in named.items()}
    assert found["all"] == pytest.approx(1)
    assert found["seller = one"] == pytest.approx(3)
    assert found["since 2025-06-03"] == pytest.approx(4)
    assert found["seller = one since 2025-06-03"] == pytest.approx(12)
    assert found["seller × branch_id = one × a within day = 2025-06-03"] == pytest.approx(3 * 2 * 5)


def test_names_of_times() -> None:
    assert slice_name("since", "2025-06-03", "2025-06-03") == "since 2025-06-03"
    assert slice_name("seller", "one", within="day = 2025-06-03") == "seller = one within day = 2025-06-03"


def test_a_column_of_time_that_is_missing_brings_no_times() -> None:
    frame = rows_of(50, np.random.default_rng(3)).drop(columns=["day", "model_version"])
    assert len(candidates_of(frame)) == 1 + 3 + 2 + 6


@pytest.mark.parametrize("method", ["bh", "by"])
@pytest.mark.parametrize("true", [0, 5])
def test_false_discoveries_validity_over_both_families(method: str, true: int) -> None:
    """20 slices, 2,000 inside times: of all found at most a tenth is false, wherever the true ones are."""
    rng = np.random.default_rng(4)
    inside = np.arange(2_020) >= 20
    share = []
    for _ in range(400):
        p_value = rng.random(2_020)
        real = rng.choice(2_020, true, replace=False) if rng.random() < 0.5 else rng.choice(20, true, replace=False)
        p_value[real] *= 1e-5
        found = discovered(p_value, np.ones(2_020, dtype=bool), inside, method) <= 0.1
        share.append((found.sum() - found[real].sum()) / max(found.sum(), 1))
    assert np.mean(share) <= 0.1 + 2 * np.sqrt(0.09 / 400)


def test_a_large_family_costs_a_slice_by_itself_a_factor_of_two_at_most() -> None:
    inside = np.arange(10_010) >= 10
    p_value = np.where(inside, 1.0, 0.5)
    p_value[3] = 0.004
    every = np.ones(len(inside), dtype=bool)
    assert discovered(p_value, every, inside)[3] == pytest.approx(2 * 10 * 0.004)
    assert discovered(p_value, ~inside, inside)[3] == pytest.approx(10 * 0.004)
    assert (discovered(p_value, ~every, inside) == 1).all()
