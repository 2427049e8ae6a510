"""What must not change the answer: case, punctuation, accents, the order of words, mark-up around the title."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import numpy as np
import pytest

from tests.behaviour.conftest import Trained


def _without_accents(title: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", title) if not unicodedata.combining(one))


def _shuffled(title: str) -> str:
    words = title.split()
    return " ".join(np.random.default_rng(len(title)).permutation(words))


CHANGES: dict[str, tuple[Callable[[str], str], float]] = {
    "capitals": (lambda title: title.replace("ß", "ss").upper(), 1.0),
    "accents": (_without_accents, 1.0),
    "mark-up": (lambda title: f"<b>{title}</b>&nbsp;", 1.0),
    "spaces": (lambda title: f"  {title.replace(' ', '   ')} ", 1.0),
    "punctuation": (lambda title: f"*** {title.replace(' ', ', ')} !", 0.97),
    "word order": (_shuffled, 0.93),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_answer_stays(change: str, trained: Trained) -> None:
    changed, least = CHANGES[change]
    titles = trained.test["title"].head(400).str.replace("ß", "ss").tolist()
    before = np.array(trained.categories(titles))
    after = np.array(trained.categories([changed(title) for title in titles]))
    assert (before == after).mean() >= least


def test_the_confidence_stays_where_nothing_is_lost(trained: Trained) -> None:
    some = trained.test.head(200).assign(title=lambda rows: rows["title"].str.replace("ß", "ss"))
    before = trained.categorizer.predict_confidence(some)
    after = trained.categorizer.predict_confidence(some.assign(title=some["title"].str.upper()))
    np.testing.assert_allclose(before, after)


def test_less_to_read_is_less_sure(trained: Trained) -> None:
    some = trained.test.head(400)
    whole = trained.categorizer.predict_confidence(some)
    cut = trained.categorizer.predict_confidence(some.assign(title=some["title"].str[:12]))
    noise = trained.categorizer.predict_confidence(some[["product_id"]].assign(title="xqz wvk"))
    assert whole.mean() > cut.mean() > noise.mean()
