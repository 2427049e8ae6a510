"""The ways in which sellers spoil a title, one at a time, for measuring what each costs.

Each corruption keeps the order and the number of titles, never gives an empty title (the
original stands where nothing would be left), and depends on the seed alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from aisle.errors import ConfigurationError

Corruption = Callable[[str, np.random.Generator], str]

_NEIGHBOURS = {
    key: near
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for key, near in zip(
        row,
        (row[max(i - 1, 0) : i + 2].replace(k, "") for i, k in enumerate(row)),
        strict=True,
    )
}
_INNER_VOWEL = re.compile(r"(?<=\w)[aeiouyäöüàáâèéêìíîòóôùúû](?=\w)", re.IGNORECASE)


def cut(title: str, length: int) -> str:
    """The first `length` characters, as a till or a narrow column cuts them (even inside a word)."""
    return title[:length].rstrip()


def drop_vowels(word: str) -> str:
    """`word` without its inner vowels ("sleeping" → "slpng"); the first and last letter stay."""
    return _INNER_VOWEL.sub("", word)


def misspell(word: str, rng: np.random.Generator) -> str:
    """`word` with one slip of the fingers: two letters swapped, one lost, one doubled, or a neighbouring key.

    Words under three letters and those with digits (sizes, model codes) stay as they are.
    """
    if len(word) < 3 or not word.isalpha():
        return word
    slip, at = int(rng.integers(4)), int(rng.integers(1, len(word) - 1))
    if slip == 0 and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if slip == 1:
        return word[:at] + word[at + 1 :]
    if slip == 2 and word[at].lower() in _NEIGHBOURS:
        near = _NEIGHBOURS[word[at].lower()]
        return word[:at] + near[int(rng.integers(len(near)))] + word[at + 1 :]
    return word[:at] + word[at] + word[at:]


def _vowels_dropped(title: str, rng: np.random.Generator) -> str:
    return " ".join(drop_vowels(word) for word in title.split())


def _misspelt(title: str, rng: np.random.Generator) -> str:
    return " ".join(misspell(word, rng) for word in title.split())


def _shuffled(title: str, rng: np.random.Generator) -> str:
    words = title.split()
    return " ".join(words[i] for i in rng.permutation(len(words)))


CORRUPTIONS: dict[str, Corruption] = {
    "cut_19": lambda title, rng: cut(title, 19),
    "cut_30": lambda title, rng: cut(title, 30),
    "vowels_dropped": _vowels_dropped,
    "misspelt": _misspelt,
    "capitals": lambda title, rng: title.upper(),
    "shuffled": _shuffled,
    "last_word_missing": lambda title, rng: " ".join(title.split()[:-1]),
}


def corrupt(titles: Sequence[str], kind: str, seed: int) -> list[str]:
    """Corrupt each of `titles` in one way.

    Parameters
    ----------
    titles : sequence of str, of length n
    kind : str
        A key of `CORRUPTIONS`; `ConfigurationError` for another.
    seed : int
        The same titles, kind and seed give the same answer on every machine.

    Returns
    -------
    list of str, of length n
        None is empty or blank unless its original is.
    """
    if kind not in CORRUPTIONS:
        raise ConfigurationError(f"corruption '{kind}' is not known; choose one of {', '.join(CORRUPTIONS)}")
    rng = np.random.default_rng(seed)
    corruption = CORRUPTIONS[kind]
    return [spoilt if (spoilt := corruption(title, rng)).strip() else title for title in titles]
