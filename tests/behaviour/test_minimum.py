"""What must simply work: plain names into their branch, also shortened ones."""

from __future__ import annotations

import pytest

from aisle.catalogue.corruption import corrupt
from tests.behaviour.conftest import Trained

PLAIN = {
    "tools": ["Cordless drill 18V brushless", "Claw hammer 450g", "Step ladder 5 steps"],
    "electronics": ["Smart TV 55 inch 4K", "Wireless headphones bluetooth", "Laptop 15.6 inch 16GB"],
    "garden": ["Lawn mower electric 1400W", "Garden hose 25m", "Wheelbarrow 85L"],
    "car": ["Brake pads front axle", "Winter tyre 205/55 R16", "Car battery 12V 74Ah"],
    "household": ["Frying pan 28 cm", "Bath towel 70x140", "Vacuum cleaner bagless"],
    "furniture": ["Corner sofa grey", "Office chair ergonomic", "Wardrobe 3 doors oak"],
    "toys": ["Baby doll with accessories", "Building blocks 500 pieces", "Jigsaw puzzle 1000 pieces"],
    "sport": ["Sleeping bag 3 season", "Football size 5", "Yoga mat 6mm"],
    "clothing": ["T-shirt men XL", "Winter jacket women", "Running trousers M"],
    "office": ["Copy paper A4 500 sheets", "Ballpoint pen blue", "Toner cartridge black"],
    "pets": ["Dry dog food 12kg", "Cat litter 10L", "Dog lead 2m"],
    "health": ["Vitamin C tablets", "Shampoo 250ml", "Electric toothbrush"],
}


def test_every_branch_is_asked(trained: Trained) -> None:
    assert set(PLAIN) == set(trained.taxonomy.branches)


@pytest.mark.parametrize("branch", PLAIN)
def test_plain_names_reach_their_branch(branch: str, trained: Trained) -> None:
    found = trained.branches(PLAIN[branch])
    assert found.count(branch) >= 2, dict(zip(PLAIN[branch], found, strict=True))


@pytest.mark.parametrize(("kind", "least"), [("vowels_dropped", 0.6), ("misspelt", 0.6), ("cut_19", 0.8)])
def test_shortened_and_misspelt_names_mostly_still_reach_it(kind: str, least: float, trained: Trained) -> None:
    titles = [title for branch in PLAIN.values() for title in branch]
    branches = [branch for branch, named in PLAIN.items() for _ in named]
    found = trained.branches(corrupt(titles, kind, seed=0))
    right = sum(one == branch for one, branch in zip(found, branches, strict=True)) / len(branches)
    assert right >= least
