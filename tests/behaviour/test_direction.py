"""What must move the answer, and which way."""

from __future__ import annotations

import pytest

from tests.behaviour.conftest import Trained


@pytest.mark.parametrize(
    ("accessory", "thing"),
    [
        ("battery for cordless drill 18V", "tools.cordless-drills"),
        ("drill bit set for hammer drill SDS-plus", "tools.hammer-drills"),
        ("cutting disc 125mm for angle grinder", "tools.grinders-and-sanders"),
    ],
)
def test_what_fits_a_thing_is_not_the_thing(accessory: str, thing: str, trained: Trained) -> None:
    assert thing in trained.categorizer.classes_
    (found,) = trained.categories([accessory])
    assert found != thing
    assert trained.taxonomy.branch_of(found) == "tools"


@pytest.mark.parametrize("title", ["drill 18V", "truck red", "kitchen set", "hammer"])
def test_saying_toy_makes_it_more_of_a_toy(title: str, trained: Trained) -> None:
    assert trained.branch_probability(f"toy {title} for kids", "toys") > trained.branch_probability(title, "toys")


@pytest.mark.parametrize("title", ["bed", "bowl", "brush", "bed grey 80 cm"])
def test_saying_dog_moves_it_to_pets(title: str, trained: Trained) -> None:
    assert trained.branch_probability(f"dog {title}", "pets") > trained.branch_probability(title, "pets")


def test_a_second_language_says_the_same(trained: Trained) -> None:
    pairs = {"tools.cordless-drills": ["cordless drill 18V", "Akkuschrauber 18V", "accuboormachine 18V"]}
    for category, titles in pairs.items():
        assert set(trained.categories(titles)) == {category}
