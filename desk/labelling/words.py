"""Words as people type them: case, accents and endings do not count, and a slip of the finger is forgiven."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS, _LONGEST = 12, 40
_SLIPS_FROM = 4  # letters; a shorter word with a slip could be anything


def words_of(text: str) -> list[str]:
    """The words of a text, without case and accents; at most 12, of at most 40 letters."""
    plain = unicodedata.normalize("NFKD", text[:400].casefold())
    bare = "".join(one for one in plain if not unicodedata.combining(one))
    return [stem(word[:_LONGEST]) for word in _WORD.findall(bare)[:_MOST_WORDS]]


def stem(word: str) -> str:
    """Without the endings of an English plural: drills, drill; boxes, box; batteries, battery."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def slips(left: str, right: str, most: int) -> int:
    """How many slips lie between two words: a letter missing, too many, wrong, or two swapped; `most` + 1 for more.

    Optimal string alignment (Damerau, A technique for computer detection and correction of spelling errors, 1964).
    """
    if abs(len(left) - len(right)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(right) + 1))
    for row, letter in enumerate(left, 1):
        now = [row]
        for column, other in enumerate(right, 1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != other))
            if row > 1 and column > 1 and letter == right[column - 2] and left[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        if min(now) > most:
            return most + 1
        before, last = last, now
    return last[-1]


class Vocabulary:
    """Known words, to be found by how they begin, by what they hold, and with slips.

    Parameters
    ----------
    words : iterable of str
        As of `words_of`.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._words = sorted(set(words))
        self._text = "\n" + "\n".join(self._words) + "\n"
        self._pieces: dict[str, list[int]] = defaultdict(list)
        for place, word in enumerate(self._words):
            for piece in _pieces(word):
                self._pieces[piece].append(place)

    def __len__(self) -> int:
        return len(self._words)

    def beginning(self, start: str, most: int = 500) -> list[str]:
        """Words that begin with `start`, itself first."""
        place = bisect_left(self._words, start)
        end = place
        while end < len(self._words) and end - place < most and self._words[end].startswith(start):
            end += 1
        return self._words[place:end]

    def holding(self, part: str, most: int = 200) -> list[str]:
        """Words that hold `part`, which has at least three letters, after their beginning."""
        if len(part) < 3:
            return []
        found: list[str] = []
        place = self._text.find(part)
        while place >= 0 and len(found) < most:
            start = self._text.rfind("\n", 0, place) + 1
            end = self._text.find("\n", place)
            if start != place:
                found.append(self._text[start:end])
            place = self._text.find(part, end)
        return found

    def with_slips(self, word: str, most: int = 20) -> list[tuple[str, float]]:
        """Words, or beginnings of words, one slip away (from eight letters on two), with the number of slips.

        A slip in the first letter is rare, and counts as one and a half.
        """
        if len(word) < _SLIPS_FROM:
            return []
        allowed = 2 if len(word) >= 8 else 1
        counts: dict[int, int] = defaultdict(int)
        for piece in _pieces(word):
            for place in self._pieces.get(piece, ()):
                counts[place] += 1
        # A slip spoils at most three pairs of letters (two swapped letters).
        fewest = max(1, len(_pieces(word)) - 3 * allowed)
        likely = sorted((place for place, count in counts.items() if count >= fewest), key=lambda one: -counts[one])
        found = []
        for place in likely[:150]:
            known = self._words[place]
            number = slips(word, known, allowed)
            if number > allowed and len(known) > len(word):
                number = min(slips(word, known[: len(word) + more], allowed) for more in (0, 1))
            if number <= allowed:
                found.append((known, number + (0.0 if known[0] == word[0] else 0.5)))
        return sorted(found, key=lambda pair: pair[1])[:most]


def _pieces(word: str) -> set[str]:
    """Pairs of letters, the first letter with the beginning before it."""
    padded = f"^{word}"
    return {padded[place : place + 2] for place in range(len(padded) - 1)}
