"""Which branches and leaves a sample of a given size has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aisle.catalogue.sample.vocabulary import (
    LANGUAGES,
    SHARED_LISTS,
    Attribute,
    Branch,
    Leaf,
    branches_by_hand,
    leaves_by_hand,
)
from aisle.errors import ConfigurationError

_STARTS = (
    "b",
    "br",
    "c",
    "ch",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "r",
    "s",
    "sk",
    "sl",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "z",
)
_MIDDLES = ("a", "e", "i", "o", "u", "ai", "ea", "ou")
_ENDS = ["", "l", "n", "r", "s", "ck", "nd", "rt", "x", "mp"]
_LEAVES_A_HEAD = 4  # neighbours that share the last word of their names
_KINDS = (
    "folding",
    "compact",
    "heavy-duty",
    "double",
    "mini",
    "modular",
    "rotary",
    "thermal",
    "inline",
    "universal",
    "vertical",
    "hybrid",
)
_ENDINGS = {"de": "er", "fr": "eur", "nl": "je"}


def choose_leaves(categories: int, branches: int, seed: int) -> list[Leaf]:
    """`categories` leaves below `branches` branches, spread evenly; by hand as far as these go.

    Raises
    ------
    ConfigurationError
        For less than two leaves, no branch, or more branches than leaves.
    """
    if branches < 1:
        raise ConfigurationError(f"{branches} branches cannot be made; ask for at least 1")
    if categories < max(2, branches):
        raise ConfigurationError(
            f"{categories} categories are too few for {branches} branches; ask for at least {max(2, branches)}"
        )
    by_hand = branches_by_hand()[:branches]
    made = [_invented_branch(number, seed) for number in range(len(by_hand), branches)]
    chosen: list[Leaf] = []
    for branch, wanted in zip([*by_hand, *made], _shares(categories, branches, by_hand), strict=True):
        known = leaves_by_hand(branch) if branch in by_hand else ()
        if wanted <= len(known):
            chosen.extend(known[i * len(known) // wanted] for i in range(wanted))
        else:
            chosen.extend(known)
            chosen.extend(_invented_leaf(branch, number, seed) for number in range(wanted - len(known)))
    return chosen


def _shares(categories: int, branches: int, by_hand: Sequence[Branch]) -> list[int]:
    """How many leaves each branch gets: what lies ready first, then the same number each."""
    ready = [len(leaves_by_hand(branch)) for branch in by_hand] + [0] * (branches - len(by_hand))
    shares = [1] * branches
    while sum(shares) < categories:
        rest = categories - sum(shares)
        open_ones = [i for i in range(branches) if shares[i] < ready[i]] or list(range(branches))
        each = max(1, rest // len(open_ones))
        for i in open_ones[:rest]:
            room = ready[i] - shares[i] if shares[i] < ready[i] else each
            shares[i] += min(each, room)
    return shares


def _word(rng: np.random.Generator, syllables: int = 2) -> str:
    parts = [
        _STARTS[int(rng.integers(len(_STARTS)))] + _MIDDLES[int(rng.integers(len(_MIDDLES)))] for _ in range(syllables)
    ]
    return "".join(parts) + _ENDS[int(rng.integers(len(_ENDS)))]


def _invented_branch(number: int, seed: int) -> Branch:
    rng = np.random.default_rng([seed, 11, number])
    name = f"{_word(rng, 2).capitalize()} supplies {number + 1}"
    brands = tuple(_word(rng).capitalize() for _ in range(8))
    return Branch(f"branch-{number + 1}", name, (name, _word(rng).capitalize()), (*brands, "Norvex", "Basik"))


def _invented_leaf(branch: Branch, number: int, seed: int) -> Leaf:
    """A leaf of made-up words; each head word has a few leaves, told apart by the word before it."""
    tag = list(branch.branch_id.encode())
    group = number // _LEAVES_A_HEAD
    of_group = np.random.default_rng([seed, 12, group, *tag])
    head, other_head = _word(of_group), _word(of_group, 3)
    rng = np.random.default_rng([seed, 13, number, *tag])
    special, kind = _word(rng), _KINDS[int(rng.integers(len(_KINDS)))]
    nouns: dict[str, tuple[str, ...]] = {
        "en": (f"{special} {head}", f"{kind} {special} {head}", f"{special} {other_head}")
    }
    for language in LANGUAGES[1:]:
        nouns[language] = (f"{_word(rng)}{_ENDINGS[language]}", f"{special}{_word(rng, 1)}{_ENDINGS[language]}")
    step = int(rng.integers(2, 40))
    sizes = tuple(f"{step * i}{('mm', 'cm', 'W', 'L', 'g')[number % 5]}" for i in range(1, 13))
    shared = list(SHARED_LISTS.values())
    return Leaf(
        category_id=f"{branch.branch_id}.leaf-{number + 1}",
        branch=branch,
        middle=f"{head.capitalize()} range {group + 1}",
        name=f"{special.capitalize()} {head} {number + 1}",
        price=float(5 + int(rng.integers(400))),
        nouns=nouns,
        attributes=(
            Attribute(sizes),
            Attribute(shared[int(rng.integers(len(shared)))]),
            Attribute((_word(rng), _word(rng), _word(rng))),
        ),
    )
