"""Are today's titles written differently? A classifier tries to tell them from those of the reference.

Where it can, the text has changed, in its words or in how they are written, whatever the columns say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.stats import rankdata

from aisle.bounds import keyed_uniform
from aisle.model.words import clean, words

BUCKETS = 2**16  # half of them for hashed words, half for pieces of words
PIECES, PIECES_COUNT = (1, 3), 0.7  # their lengths in characters, and for how much of a word they count
PRIOR = 1_000.0  # pieces that both sides are imagined to have had before
PARTS = 6
LEAST = 30  # titles of either side
_MOST = 3_000  # of either side; more would only take longer
_DIGIT = re.compile(r"\d")
_TELLING = 6


@dataclass(frozen=True)
class TextShift:
    """How well titles of the window can be told from those of the reference.

    Attributes
    ----------
    auc : float in [0, 1]
        Of two held-out titles, one of either side: how often the window's looks more like the window. 0.5: no
        difference.
    error : float
        Standard deviation of `auc` where nothing has changed.
    p_value : float
        That titles of one source would be told apart so well.
    telling : tuple of str
        The words that are most typical of the window.
    """

    auc: float
    error: float
    p_value: float
    telling: tuple[str, ...]


class TextDomain:
    """Titles of the reference, ready to be told from those of any window.

    The titles of both sides are dealt into parts. Each part but the first is judged by a classifier (naive
    Bayes over words and pieces of words) that learnt from the parts before it, and gives an area under the curve.
    With no difference between the sides every order of a part's titles is equally likely, whatever was learnt
    before: its area then has the distribution of Mann & Whitney (1947, "On a test of whether one of two random
    variables is stochastically larger than the other"), and differs from 0.5 independently of the other
    parts. So the mean of the areas has a variance that is known exactly, and its tail is close to a normal one.
    (The parts of an ordinary cross-validation learn from each other, and no such variance is known: Bengio &
    Grandvalet 2004, "No unbiased estimator of the variance of K-fold cross-validation".)

    Parameters
    ----------
    titles : sequence of n titles
        Equal titles of one side count once.
    weight : array of shape (n,), positive
        A title is kept with a probability in proportion to it, so that all that are kept count alike.
    seed : int
        Decides which are kept and how both sides are dealt, in whatever order they come.
    """

    def __init__(self, titles: Sequence[str], weight: NDArray[np.float64], *, seed: int = 0) -> None:
        self._seed = str(seed)
        lot = keyed_uniform(titles, self._seed, "title kept")
        chosen = lot * np.max(weight, initial=0.0) < weight
        self.titles = self._dealt([title for title, one in zip(titles, chosen, strict=True) if one])
        self._pieces = _pieces(self.titles) if len(self.titles) >= LEAST else None
        self._shares = _shares(self.titles)

    def shift(self, window: Sequence[str]) -> TextShift | None:
        """Tell the titles of a window from the reference; None where either has fewer than `LEAST` different ones."""
        titles = self._dealt(window)
        if min(len(titles), len(self.titles)) < LEAST:
            return None
        sides = [_Side(self._pieces), _Side(_pieces(titles))]
        areas, certainty = [], []
        for part in range(1, PARTS):
            direction = _log_odds(*(side.learnt(part) for side in sides))
            scores = [side.part(part) @ direction for side in sides]
            is_window = np.repeat([False, True], [len(score) for score in scores])
            auc, variance = area(np.concatenate(scores), is_window)
            areas.append(auc)
            certainty.append(1 / variance if variance > 0 else 0.0)
        if not any(certainty):  # all titles look alike to the classifier
            return TextShift(0.5, 0.0, 1.0, ())
        auc, error = float(np.average(areas, weights=certainty)), float(np.sum(certainty) ** -0.5)
        return TextShift(auc, error, float(special.ndtr((0.5 - auc) / error)), self._typical(titles))

    def _dealt(self, titles: Sequence[str]) -> list[str]:
        """The different titles, `_MOST` at most, in the order of a keyed hash."""
        different = list(set(titles))
        lot = keyed_uniform(different, self._seed, "title dealt")
        return [different[place] for place in np.argsort(lot)[:_MOST]]

    def _typical(self, window: list[str]) -> tuple[str, ...]:
        """Words of more titles than in the reference, those first that tell most of it (log odds times share)."""
        rest = 0.5 / len(self.titles)  # of a word that the reference lacks
        told = {
            word: share * np.log(share / (self._shares.get(word, 0.0) + rest))
            for word, share in _shares(window).items()
            if len(word) > 1
        }
        ordered = sorted(told, key=lambda word: (-told[word], word))
        return tuple(word for word in ordered[:_TELLING] if told[word] > 0)


class _Side:
    """Pieces of one side's titles, dealt into parts, and what the parts before each hold."""

    def __init__(self, pieces: Any) -> None:
        self._ends = np.arange(PARTS + 1) * pieces.shape[0] // PARTS
        self._pieces = pieces
        sums = [np.asarray(self.part(part).sum(axis=0)).ravel() for part in range(PARTS)]
        self._learnt = np.cumsum(sums, axis=0)

    def part(self, number: int) -> Any:
        return self._pieces[self._ends[number] : self._ends[number + 1]]

    def learnt(self, part: int) -> NDArray[np.float64]:
        """How often each piece stands in the parts before `part`."""
        return np.asarray(self._learnt[part - 1])


def _log_odds(reference: NDArray[np.float64], window: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much more often each piece stands in the window; rare ones are drawn towards no difference.

    Naive Bayes with the mean of both sides as its prior (Monroe, Colaresi & Quinn 2008, "Fightin' words").
    """
    all_here, all_there = max(window.sum(), 1.0), max(reference.sum(), 1.0)
    prior = PRIOR * (window / all_here + reference / all_there) / 2
    here, there = (window + prior) / (all_here + PRIOR), (reference + prior) / (all_there + PRIOR)
    return np.asarray(np.log(np.divide(here, there, out=np.ones_like(here), where=prior > 0)))


def area(score: NDArray[np.float64], is_window: NDArray[np.bool_]) -> tuple[float, float]:
    """Area under the curve of n scores, and its variance when every order is equally likely; ties count half.

    The variance of Mann & Whitney (1947), with the ties' share taken off (Lehmann 1975, "Nonparametrics").
    """
    n, window = len(score), int(is_window.sum())
    pairs = window * (n - window)
    if not pairs:
        return 0.5, 0.0
    rank_sum = float(rankdata(score)[is_window].sum())
    _, tied = np.unique(score, return_counts=True)
    ties = float((tied.astype(np.float64) ** 3 - tied).sum()) / (n * (n - 1))
    return (rank_sum - window * (window + 1) / 2) / pairs, (n + 1 - ties) / (12 * pairs)


def _pieces(titles: list[str]) -> Any:
    """Words, and pieces of words as they are written (capitals are a matter of style), shape (n, `BUCKETS`).

    All digits are one, else the model number that two offers of a day share would tell the day.
    """
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer

    written = [_DIGIT.sub("0", title) for title in titles]
    common: dict[str, Any] = {"n_features": BUCKETS // 2, "lowercase": False, "alternate_sign": False}
    whole = HashingVectorizer(tokenizer=words, token_pattern=None, **common)
    pieces = HashingVectorizer(analyzer="char_wb", ngram_range=PIECES, **common)
    parts = [whole.transform(map(clean, written)), PIECES_COUNT * pieces.transform(written).sqrt()]
    return sparse.csr_array(sparse.hstack(parts, format="csr"))


def _shares(titles: list[str]) -> dict[str, float]:
    """In which share of the titles each word stands."""
    found = Counter(word for title in titles for word in set(words(clean(title))))
    return {word: count / len(titles) for word, count in found.items()}
