"""The model of the sample's past: naive Bayes on hashed words, with exact arithmetic.

It was trained on the labelled catalogue that was brought in, wrong labels included, and it scored
the products of every day after. Weights are whole numbers, so that all machines agree to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

_MOST_CELLS = 2**26  # of the table of weights: a quarter of a gigabyte
_MOST_BUCKETS = 2**15
_SCALE = 256  # weights are multiples of 1/256
_SMOOTHING = 0.3
_BINS = 25
_ROWS_AT_ONCE = 2000


class PastModel:
    """Complement naive Bayes (Rennie, Shih, Teevan & Karger 2003) with a confidence learnt on rows kept apart.

    Parameters
    ----------
    categories : int
        Categories are the numbers below it.
    """

    def __init__(self, categories: int) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer

        buckets = _MOST_BUCKETS
        while buckets * categories > _MOST_CELLS and buckets > 2**10:
            buckets //= 2
        self._hashing = HashingVectorizer(
            n_features=buckets,
            ngram_range=(1, 2),
            token_pattern=r"(?u)\b\w+\b",
            norm=None,
            alternate_sign=False,
            binary=True,
            dtype=np.float32,
        )
        self._counts = np.zeros((categories, buckets), dtype=np.float32)
        self._weights = np.zeros((buckets, categories), dtype=np.float32)
        self._margins = np.zeros(0)
        self._shares = np.zeros(0)

    def learn(self, titles: Sequence[str], categories: npt.NDArray[np.int64]) -> None:
        """Count one part of the training rows."""
        words = self._hashing.transform(titles)
        n = len(titles)
        members = sparse.csr_matrix(
            (np.ones(n, dtype=np.float32), (categories, np.arange(n))), shape=(len(self._counts), n)
        )
        found = (members @ words).tocoo()
        self._counts[found.row, found.col] += found.data

    def finish(self) -> None:
        """Turn the counts into weights; categories without a training row can never be chosen."""
        of_word = self._counts.sum(axis=0, dtype=np.float64)
        seen = np.asarray(self._counts.any(axis=1))
        for number, own in enumerate(self._counts):
            other = of_word - own + _SMOOTHING
            inside = own + _SMOOTHING
            rarity = np.log(inside / inside.sum()) - np.log(other / other.sum())
            self._weights[:, number] = np.round(rarity * _SCALE) if seen[number] else -(2**14)
        self._counts = np.zeros((0, 0), dtype=np.float32)

    def calibrate(self, titles: Sequence[str], categories: npt.NDArray[np.int64]) -> None:
        """Learn from rows kept apart which share is right at which margin; it never falls with the margin."""
        if not len(titles):
            self._margins, self._shares = np.zeros(1), np.full(1, 0.5)
            return
        top, margin = self._top(titles)
        order = np.argsort(margin, kind="stable")
        parts = [part for part in np.array_split(order, min(_BINS, max(1, len(order) // 8))) if len(part)]
        self._margins = np.array([float(np.median(margin[part])) for part in parts])
        shares = [(float(np.sum(top[part] == categories[part])) + 0.5) / (len(part) + 1.0) for part in parts]
        self._shares = np.maximum.accumulate(np.array(shares))

    def score(self, titles: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Top category and confidence in (0, 1) of each title, to four digits."""
        top, margin = self._top(titles)
        confidence = np.interp(margin, self._margins, self._shares)
        beyond = np.clip((margin - self._margins[-1]) / (1.0 + np.abs(margin)), 0.0, 1.0)  # keeps an order at the top
        return top, np.round(confidence + (1.0 - confidence) * 0.5 * beyond, 4)

    def _top(self, titles: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        tops, margins = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
        for start in range(0, len(titles), _ROWS_AT_ONCE):
            words = self._hashing.transform(titles[start : start + _ROWS_AT_ONCE])
            scores = words @ self._weights
            top = scores.argmax(axis=1)
            best = scores[np.arange(len(top)), top]
            scores[np.arange(len(top)), top] = -np.inf
            length = np.maximum(np.asarray(words.sum(axis=1)).ravel(), 1.0)
            tops.append(top.astype(np.int64))
            margins.append((best - scores.max(axis=1)).astype(np.float64) / (_SCALE * np.sqrt(length)))
        return np.concatenate(tops), np.concatenate(margins)
