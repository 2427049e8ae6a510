"""Read fast, answer as scikit-learn does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from aisle.model.vectorizer import Vectorizer
from aisle.model.words import words

TEXTS = ["corner sofa estella", "sofa for 2 persons", "router rt 19", "ab a corner corner sofa"]
KINDS: dict[str, dict[str, Any]] = {
    "words": {"tokenizer": words, "token_pattern": None, "ngram_range": (1, 2)},
    "pairs": {"tokenizer": words, "token_pattern": None, "ngram_range": (2, 3)},
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 5)},
}
asked = st.lists(st.text(alphabet="abcdefos \t19é", max_size=30) | st.sampled_from(TEXTS), max_size=5)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(texts=asked)
def test_weights_are_those_of_scikit_learn(kind: str, texts: list[str]) -> None:
    vectorizer = Vectorizer(sublinear_tf=True, lowercase=False, dtype=np.float32, **KINDS[kind])
    vectorizer.fit(TEXTS)
    found = vectorizer.transform(texts)
    assert found.shape == (len(texts), len(vectorizer.vocabulary_))
    if texts:
        np.testing.assert_allclose(
            found.toarray(), TfidfVectorizer.transform(vectorizer, texts).toarray(), rtol=1e-5, atol=1e-6
        )
