"""What products, and the predictions for them, look like as plain numbers and categories.

These are the columns in which a day is compared with the champion's held-out frame. A number is null
where there is nothing to measure; that a field is missing is a column of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.model.text import field
from aisle.model.words import clean, words

if TYPE_CHECKING:
    from aisle.model.categorizer import Categorizer

PRODUCT_NUMBERS = ("title_length", "description_length", "unseen_tokens", "log_price", "breadcrumb_depth")
PRODUCT_CATEGORIES = ("language", "currency", "seller", "breadcrumb_start")
MISSING_FIELDS = {
    "missing_title": "title",
    "missing_description": "description",
    "missing_brand": "brand",
    "missing_breadcrumb": "seller_category",
    "missing_price": "price",
}
PREDICTION_NUMBERS = ("confidence",)
PREDICTION_CATEGORIES = ("category_id", "branch_id", "decision")

DATA_COLUMNS = (*PRODUCT_NUMBERS, *PRODUCT_CATEGORIES, *MISSING_FIELDS)
PREDICTION_COLUMNS = (*PREDICTION_NUMBERS, *PREDICTION_CATEGORIES)
NUMBERS = (*PRODUCT_NUMBERS, *PREDICTION_NUMBERS)
NOTHING = "(none)"  # the value of a category where a product has none
UNKNOWN = "unknown"  # the language of a text without any stop word

# Frequent words that no other of these languages writes so, in small letters, without accents.
_STOP_WORDS = {
    "en": "and the for with of your you this that from by are easy all our has have been it",
    "de": "und fur mit der das dem ist von zum zur eine einen auch nicht auf bei wird passend oder",
    "fr": "et pour avec les des du une dans sur est vous votre aux sans qui cette au le la",
    "nl": "en voor met het een van op te zijn bij ook niet uw geschikt deze aan naar dit wordt",
}
_LANGUAGE_OF = {word: language for language, listed in _STOP_WORDS.items() for word in listed.split()}
_STEP = re.compile(r"\s*[>/|›»]\s*")
_LATIN = "LATIN"


class Vocabulary(Protocol):
    """Whatever knows the words that a model was trained on."""

    def unseen_share(self, products: Any) -> NDArray[np.float64]:
        """Share of the words of each title that no training product had, shape (n,), in [0, 1]."""


def vocabulary_of(categorizer: Categorizer) -> Vocabulary | None:
    """The part of a model that knows its training words; None for a model that keeps none."""
    classifier = categorizer.classifier_
    steps = [step for _, step in getattr(classifier, "steps", [])]
    return next((part for part in (getattr(classifier, "text_", None), *steps) if hasattr(part, "unseen_share")), None)


def described(rows: pd.DataFrame, vocabulary: Vocabulary | None = None) -> pd.DataFrame:
    """The columns of n products and their predictions that are watched, in the order and with the index of `rows`.

    Parameters
    ----------
    rows : frame of n rows
        Product fields, and `category_id, branch_id, confidence, decision` where there are predictions.
        A field that is no column counts as missing throughout; a prediction's column is left out.
    vocabulary : Vocabulary, optional
        Of the champion; without it `unseen_tokens` is left out.

    Returns
    -------
    frame of n rows
        Numbers (`NUMBERS`, float, null where there is nothing to measure): characters of title and
        description; share of a title's words that the champion never saw, in [0, 1]; natural logarithm of
        the price in its currency; steps of the breadcrumb; confidence, in [0, 1]. Categories (text, never
        null): language, currency, seller, the breadcrumb's first step, "yes" or "no" for each of
        `MISSING_FIELDS`, category, branch and decision.
    """
    titles, descriptions = field(rows, "title"), field(rows, "description")
    breadcrumbs = [_steps(text) for text in field(rows, "seller_category")]
    columns: dict[str, Any] = {
        "title_length": _lengths(titles),
        "description_length": _lengths(descriptions),
        "log_price": np.log(_prices(rows)),
        "breadcrumb_depth": np.array([len(steps) or np.nan for steps in breadcrumbs], dtype=np.float64),
        "language": [language_of(f"{one} {other}") for one, other in zip(titles, descriptions, strict=True)],
        "currency": _or_nothing(rows, "currency"),
        "seller": _or_nothing(rows, "seller"),
        "breadcrumb_start": [steps[0] if steps else NOTHING for steps in breadcrumbs],
    }
    if vocabulary is not None:
        columns["unseen_tokens"] = vocabulary.unseen_share(rows) if len(rows) else np.empty(0)
    for name, missing_field in MISSING_FIELDS.items():
        columns[name] = np.where(_missing(rows, missing_field), "yes", "no")
    if "confidence" in rows:
        columns["confidence"] = rows["confidence"].to_numpy(dtype=np.float64)
    columns |= {name: _or_nothing(rows, name) for name in PREDICTION_CATEGORIES if name in rows}
    ordered = [name for name in (*DATA_COLUMNS, *PREDICTION_COLUMNS) if name in columns]
    return pd.DataFrame({name: _typed(name, columns[name]) for name in ordered}, index=rows.index)


def language_of(text: str) -> str:
    """The language of a text by its stop words: en, de, fr or nl, another script by its name, or "unknown".

    Letters first: where most are not Latin, the script is told ("cyrillic", "greek", "cjk", …). Else the
    language with the most stop words; "unknown" without any, or when two have as many. Titles alone seldom have
    stop words, so that a shop without descriptions is mostly "unknown": what is compared is the mix.

    >>> language_of("Deckel für den Topf, passend für 24 cm"), language_of("Lid for the pot, 24 cm")
    ('de', 'en')
    """
    script = _script_of(text)
    if script != _LATIN:
        return script.lower()
    found = Counter(_LANGUAGE_OF[word] for word in words(clean(text)) if word in _LANGUAGE_OF).most_common(2)
    if not found or (len(found) == 2 and found[0][1] == found[1][1]):
        return UNKNOWN
    return found[0][0]


def _script_of(text: str) -> str:
    """The script of most letters, by the first word of their Unicode names; Latin where there is no letter."""
    if text.isascii():
        return _LATIN
    strange = [letter for letter in text if letter.isalpha() and not letter.isascii()]
    plain = sum(letter.isascii() and letter.isalpha() for letter in text)
    if len(strange) <= plain:  # whatever the strange ones are, they are not most of the letters
        return _LATIN
    scripts = Counter(unicodedata.name(letter, UNKNOWN).split(" ")[0] for letter in strange)
    scripts[_LATIN] += plain
    return scripts.most_common(1)[0][0]


def _lengths(texts: list[str]) -> NDArray[np.float64]:
    return np.array([len(text.strip()) or np.nan for text in texts], dtype=np.float64)


def _steps(breadcrumb: str) -> list[str]:
    return [step for step in _STEP.split(breadcrumb.strip()) if step]


def _prices(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Prices above zero, null for all others."""
    if "price" not in rows:
        return np.full(len(rows), np.nan)
    prices = rows["price"].to_numpy(dtype=np.float64)
    return np.where(np.isfinite(prices) & (prices > 0), prices, np.nan)


def _missing(rows: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    if name == "price":
        return np.isnan(_prices(rows))
    return np.array([not text.strip() for text in field(rows, name)], dtype=bool)


def _or_nothing(rows: pd.DataFrame, name: str) -> list[str]:
    return [text.strip() or NOTHING for text in field(rows, name)]


def _typed(name: str, values: Any) -> NDArray[Any]:
    return np.asarray(values, dtype=np.float64 if name in NUMBERS else object)
