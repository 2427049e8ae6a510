"""TF-IDF as scikit-learn fits it, stored small and read fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.sparsefuncs_fast import inplace_csr_row_normalize_l2

_Numbers = Callable[[str], list[int]]
_UNKNOWN = -1  # the number of a term that is not in the vocabulary
_ALWAYS_UNKNOWN = repeat(_UNKNOWN)


class Vectorizer(TfidfVectorizer):  # type: ignore[misc]  # scikit-learn ships no types
    """TF-IDF whose vocabulary is stored as one text, and whose `transform` takes half the time.

    scikit-learn raises and catches an error for every term that it does not know, and cuts the
    same word into the same n-grams again and again; the values are the same.
    """

    def transform(self, texts: Iterable[str]) -> sparse.csr_array:
        """Weighted terms of each text, rows of length one (or zero), shape (n, terms), float32."""
        numbers = self._numbers_of_characters() if self.analyzer == "char_wb" else self._numbers_of_words()
        found = [numbers(text) for text in texts]
        shape = (len(found), len(self.vocabulary_))
        if not found:
            return sparse.csr_array(np.zeros(shape, dtype=np.float32))
        ends = np.cumsum([0, *map(len, found)])
        columns: NDArray[np.int32] = np.fromiter(chain.from_iterable(found), np.int32, int(ends[-1]))
        known = columns != _UNKNOWN
        ends = np.append(0, np.cumsum(known))[ends].astype(np.int32)
        ones = np.ones(int(ends[-1]), dtype=np.float32)
        counts = sparse.csr_array((ones, columns[known], ends), shape=shape)
        counts.sum_duplicates()
        counts.data = (np.log(counts.data) + 1) * self.idf_.astype(np.float32)[counts.indices]
        inplace_csr_row_normalize_l2(counts)  # `normalize` itself, without its checks, which cost more for one product
        return counts

    def _numbers_of_words(self) -> _Numbers:
        """From a text to the numbers of its terms, repeated as they are, -1 for those unknown."""
        number, tokenize, (shortest, longest) = self.vocabulary_.get, self.tokenizer, self.ngram_range

        def numbers(text: str) -> list[int]:
            tokens = tokenize(text)
            terms = list(tokens) if shortest == 1 else []
            for size in range(max(shortest, 2), longest + 1):
                terms += map(" ".join, zip(*(tokens[start:] for start in range(size)), strict=False))
            return list(map(number, terms, _ALWAYS_UNKNOWN))

        return numbers

    def _numbers_of_characters(self) -> _Numbers:
        """The same for n-grams of characters inside words; a word is cut once."""
        number, (shortest, longest) = self.vocabulary_.get, self.ngram_range
        cut: dict[str, list[int]] = {}

        def numbers(text: str) -> list[int]:
            found: list[int] = []
            for word in text.split():
                if word not in cut:
                    cut[word] = list(map(number, _pieces(f" {word} ", shortest, longest), _ALWAYS_UNKNOWN))
                found += cut[word]
            return found

        return numbers

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "vocabulary_" in state:
            terms = sorted(state.pop("vocabulary_").items(), key=lambda item: item[1])
            state["packed_vocabulary_"] = "\x00".join(term for term, _ in terms)
        state.pop("tokenizer", None)  # a function: given again by the view that owns this vectorizer
        state.pop("_stop_words_id", None)  # an address in memory, which would make equal models differ on disk
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if "packed_vocabulary_" in state:
            terms = state.pop("packed_vocabulary_").split("\x00")
            state["vocabulary_"] = dict(zip(terms, range(len(terms)), strict=True))
        super().__setstate__(state)


def _pieces(word: str, shortest: int, longest: int) -> list[str]:
    """n-grams of a word between blanks; a word shorter than n counts once, as a whole."""
    most = min(longest, max(len(word), shortest))
    return [
        word[start : start + size]
        for size in range(shortest, most + 1)
        for start in range(max(len(word) - size + 1, 1))
    ]
