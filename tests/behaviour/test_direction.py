"""What must move the answer, and which way."""

from __future__ import annotations

import pytest

from tests.behaviour.conftest import Trained

pytestmark = pytest.mark.slow  # the first of these that trains
FITS = [
    ("battery for drill", "drill", "tools.cordless-drills"),
    ("battery for cordless drill 18V", "cordless drill 18V", "tools.cordless-drills"),
    ("drill bit set for hammer drill SDS-plus", "hammer drill SDS-plus", "tools.hammer-drills"),
    ("cutting disc 125mm for angle grinder", "angle grinder 125mm", "tools.grinders-and-sanders"),
    ("case for smartphone", "smartphone", "electronics.smartphones"),
]


@pytest.mark.parametrize(("accessory", "thing", "category"), FITS)
def test_naming_what_it_fits_makes_it_less_of_the_thing(
    accessory: str, thing: str, category: str, trained: Trained
) -> None:
    assert trained.probability(accessory, category) < trained.probability(thing, category)


@pytest.mark.parametrize(
    ("accessory", "category"),
    [
        ("battery for drill", "tools.cordless-drills"),
        ("cutting disc 125mm for angle grinder", "tools.grinders-and-sanders"),
        ("case for smartphone", "electronics.smartphones"),
        ("drill bit set for hammer drill SDS-plus", "tools.hammer-drills"),
    ],
)
def test_what_fits_a_thing_is_not_the_thing(accessory: str, category: str, trained: Trained) -> None:
    assert category in trained.categorizer.classes_
    assert trained.categories([accessory]) != [category]


@pytest.mark.parametrize("title", ["drill 18V", "truck red", "kitchen set", "hammer"])
def test_saying_toy_makes_it_more_of_a_toy(title: str, trained: Trained) -> None:
    assert trained.branch_probability(f"toy {title} for kids", "toys") > trained.branch_probability(title, "toys")


@pytest.mark.parametrize("title", ["bed", "bowl", "bed grey 80 cm"])
def test_saying_dog_moves_it_to_pets(title: str, trained: Trained) -> None:
    assert trained.branch_probability(f"dog {title}", "pets") > trained.branch_probability(title, "pets")


@pytest.mark.parametrize("title", ["cordless drill 18V", "Akkuschrauber 18V", "perceuse visseuse sans fil 18V"])
def test_another_language_says_the_same(title: str, trained: Trained) -> None:
    assert trained.categories([title]) == ["tools.cordless-drills"]
