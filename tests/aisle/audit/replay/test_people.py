from __future__ import annotations

import numpy as np
import pytest

from aisle.audit.replay.people import FIRST, SECOND, THIRD, People
from aisle.bounds import clopper_pearson

NAMES = np.array([f"p{number}" for number in range(20_000)], dtype=object)


@pytest.mark.parametrize("rate", [0.02, 0.2])
@pytest.mark.parametrize("person", [FIRST, SECOND, THIRD])
def test_people_err_at_the_stated_rate(rate: float, person: str) -> None:
    slips = People(rate, "key").slips(NAMES, person)
    low, high = clopper_pearson(int(slips.sum()), slips.size, 0.999)
    assert low <= rate <= high


def test_two_people_err_independently() -> None:
    people = People(0.2, "key")
    both = people.slips(NAMES, FIRST) & people.slips(NAMES, SECOND)
    low, high = clopper_pearson(int(both.sum()), both.size, 0.999)
    assert low <= 0.04 <= high


def test_who_slips_is_the_same_in_every_regime_and_another_with_another_seed() -> None:
    assert (People(0.2, "one").slips(NAMES, FIRST) == People(0.2, "one").slips(NAMES, FIRST)).all()
    assert (People(0.2, "one").slips(NAMES, FIRST) != People(0.2, "two").slips(NAMES, FIRST)).any()


def test_a_slip_names_what_looks_most_like_the_product() -> None:
    right = np.full(NAMES.size, "b", dtype=object)
    people = People(0.02, "key")
    slips = people.slips(NAMES, FIRST)
    for alternatives, slip in ((["a", "b", "c"], "a"), (["b", "c", "a"], "c"), (["b"], "b")):
        said = people.answers(NAMES, right, [alternatives] * NAMES.size)
        assert set(said[slips]) == {slip}
        assert set(said[~slips]) == {"b"}
