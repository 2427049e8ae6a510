"""Finding a category by typing: its names, its path, words of products that people put there, slips forgiven."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log1p

from django.db.models import Exists, OuterRef

from aisle.catalogue.taxonomy import Taxonomy
from desk.labelling.words import Vocabulary, words_of
from desk.ledger.models import Answer, State, Status, Task
from desk.tree import taxonomy

MOST = 50
_LEARNT_FROM = 20_000  # of the latest answers
_LEARN_AGAIN = 300.0  # seconds
_FEWEST, _SHARE = 2, 0.4  # a word means a category once that many and that share of its answers say so
_NAME, _PATH, _LEARNT = 10.0, 4.0, 5.0
_WHOLE, _BEGINS, _HOLDS, _SLIP = 1.0, 0.75, 0.45, 0.4


@dataclass(frozen=True)
class Learnt:
    """What past answers teach: how much a word means a category, and how often each category is the answer."""

    words: Mapping[str, Mapping[str, float]]
    answers: Mapping[str, int]


NOTHING = Learnt({}, {})


class Index:
    """The leaves of a tree, ready to be searched.

    Parameters
    ----------
    tree : Taxonomy
    learnt : Learnt
    """

    def __init__(self, tree: Taxonomy, learnt: Learnt = NOTHING) -> None:
        self._tree = tree
        self._weights: dict[str, dict[str, float]] = defaultdict(dict)
        self._lengths: dict[str, int] = {}
        self._usual = {leaf: log1p(count) for leaf, count in learnt.answers.items()}
        for leaf in tree.leaves:
            own = words_of(tree.name(leaf))
            self._lengths[leaf] = len(own)
            for step in tree.path(leaf)[:-1]:
                self._add(words_of(tree.name(step)), leaf, _PATH)
            self._add(own, leaf, _NAME)
        for word, categories in learnt.words.items():
            for leaf, share in categories.items():
                if leaf in self._lengths:
                    self._add([word], leaf, _LEARNT * share)
        self._vocabulary = Vocabulary(self._weights)
        self._ids = {leaf.casefold(): leaf for leaf in tree.leaves}

    def _add(self, words: Iterable[str], leaf: str, weight: float) -> None:
        for word in words:
            known = self._weights[word]
            known[leaf] = max(known.get(leaf, 0.0), weight)

    def find(self, text: str, limit: int = 10) -> list[str]:
        """Ids of at most `limit` leaves that fit what was typed, the best first.

        Leaves that fit every word come before those that fit some of them.
        """
        words = words_of(text)
        scores: dict[str, float] = defaultdict(float)
        fitting: dict[str, int] = defaultdict(int)
        for place, word in enumerate(words):
            for leaf, weight in self._fits(word, place == len(words) - 1).items():
                scores[leaf] += weight
                fitting[leaf] += 1
        best = max(fitting.values(), default=0)
        chosen = [leaf for leaf, count in fitting.items() if count == best]
        chosen.sort(key=lambda leaf: (-self._score(leaf, scores[leaf], len(words)), self._tree.name(leaf), leaf))
        exact = self._ids.get(text.strip().casefold())
        if exact is not None:
            chosen = [exact, *(leaf for leaf in chosen if leaf != exact)]
        return chosen[:limit]

    def _score(self, leaf: str, score: float, words: int) -> float:
        # Among equals the one whose name says no more than was typed, and the one that people use.
        return score - 0.6 * max(0, self._lengths[leaf] - words) + 0.3 * self._usual.get(leaf, 0.0)

    def _fits(self, word: str, last: bool) -> dict[str, float]:
        """How well each leaf fits one word; the last one may still be growing."""
        best: dict[str, float] = {}

        def take(known: str, share: float) -> None:
            for leaf, weight in self._weights[known].items():
                if share * weight > best.get(leaf, 0.0):
                    best[leaf] = share * weight

        begun = self._vocabulary.beginning(word)
        for known in begun:
            take(known, _WHOLE if known == word else _BEGINS if last else _BEGINS - 0.1)
        for known in self._vocabulary.holding(word):
            take(known, _HOLDS)
        if not best or begun == []:
            for known, number in self._vocabulary.with_slips(word):
                take(known, _SLIP / number)
        return best


def find(text: str, limit: int = 10) -> list[str]:
    """Ids of leaves that fit what was typed, the best first; at most `limit` of them, 1 to 50.

    Raises
    ------
    DataError
        Where there is no tree.
    """
    return index().find(text, min(max(limit, 1), MOST))


class _Kept:
    """The index of this process: made again when the tree changes, and now and then for new answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._index: Index | None = None
        self._tree: Taxonomy | None = None
        self._made = 0.0

    def get(self) -> Index:
        tree = taxonomy()
        current = self._index
        if current is not None and tree is self._tree and time.monotonic() - self._made < _LEARN_AGAIN:
            return current
        # One makes it; meanwhile the others go on with the one that is there, if it is of this tree.
        if not self._lock.acquire(blocking=current is None or tree is not self._tree):
            assert current is not None
            return current
        try:
            if self._index is None or tree is not self._tree or time.monotonic() - self._made >= _LEARN_AGAIN:
                self._index, self._tree = Index(tree, learn()), tree
                self._made = time.monotonic()
            return self._index
        finally:
            self._lock.release()

    def forget(self) -> None:
        self._index = None


_KEPT = _Kept()


def index() -> Index:
    """The index of the tree as it is now, with what was learnt in the last minutes."""
    return _KEPT.get()


def forget() -> None:
    """Make the index anew at the next search."""
    _KEPT.forget()


def learn() -> Learnt:
    """What the latest answers teach, but for products that somebody is still asked about.

    Their words would tell the second person what the first one said.
    """
    asked = Task.objects.filter(product=OuterRef("product"), state__in=[State.OPEN, State.CLAIMED])
    latest = Answer.objects.filter(status=Status.ANSWERED, undone_by=None).order_by("-id")[:_LEARNT_FROM]
    rows = Answer.objects.filter(pk__in=latest.values("pk")).exclude(Exists(asked))
    return learnt_of(rows.values_list("revision__title", "category_id"))


def learnt_of(rows: Iterable[tuple[str, str | None]]) -> Learnt:
    """What titles with their categories teach."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    answers: dict[str, int] = defaultdict(int)
    for title, category_id in rows:
        if category_id is None:
            continue
        answers[category_id] += 1
        for word in set(words_of(title)):
            if len(word) >= 3 and not word.isdigit():
                counts[word][category_id] += 1
    words: dict[str, dict[str, float]] = {}
    for word, by in counts.items():
        total = sum(by.values())
        kept = {one: count / total for one, count in by.items() if count >= _FEWEST and count / total >= _SHARE}
        if kept:
            words[word] = kept
    return Learnt(words, dict(answers))
