"""From the raw text of a product to cleaned text, and from cleaned text to tokens."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

_MARK_UP = re.compile(r"<[^<>]{0,300}>|\bhttps?://\S+")
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffd\u200b-\u200f\ufeff]+")
_WORD = re.compile(r"[^\W_]+")
_VOWEL_INSIDE = re.compile(r"(?<=\w)[aeiouy]")
# Where the first part of a title ends: a dash between blanks, a bracket or a comma, or a word of fitting.
_PART_ENDS = re.compile(r"\s[-\u2013|]\s|[,(\[;:]|\s(?:for|with|by|in|from|fur|mit|von|pour|avec|voor|met)\s")
# After these words a title names another thing: what it fits, or what comes with it (en, de, fr, nl).
_FITTING = frozenset(
    [
        *("for", "fits", "fit", "fitting", "compatible", "suitable", "with"),
        *("fur", "passend", "mit", "pour", "avec", "voor", "geschikt", "met"),
    ]
)
_LETTERS_OR_DIGITS = re.compile(r"\d+|[^\W\d_]+")  # numbers apart from their units


@lru_cache(maxsize=8192)  # several views read the same field of the same product
def clean(text: str) -> str:
    """`text` in small letters, without mark-up, accents and unreadable characters.

    >>> clean("<b>Fold-Out&nbsp;SOFA</b> Estell\u00e1")
    'fold-out sofa estella'
    """
    if "&" in text:
        text = html.unescape(text)
    if "<" in text or "http" in text:
        text = _MARK_UP.sub(" ", text)
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(character for character in decomposed if not unicodedata.combining(character))
    if not (text.isascii() and text.isprintable()):
        text = _UNREADABLE.sub(" ", text)
    return " ".join(text.split()).casefold()


def words(text: str) -> list[str]:
    """The words of a cleaned text, numbers apart from their units.

    >>> words("synology rt19-router 58.4cm")
    ['synology', 'rt', '19', 'router', '58', '4', 'cm']
    """
    return _LETTERS_OR_DIGITS.findall(text)


def skeletons(text: str) -> list[str]:
    """Words of a cleaned text without their inner vowels, so that a word and its abbreviation meet.

    >>> skeletons("sleeping bag slpng bg 70")
    ['slpng', 'bg', 'slpng', 'bg']
    """
    stripped = (_VOWEL_INSIDE.sub("", word) for word in _WORD.findall(text) if word.isalpha())
    return [skeleton for skeleton in stripped if len(skeleton) > 1]


def roles_of_words(text: str) -> list[str]:
    """Words of a cleaned text, marked as the thing or as what it fits or comes with; none where nothing says so.

    >>> roles_of_words("battery 18v for cordless drill")
    ['^battery', '^18', '^v', '~cordless', '~drill']
    >>> roles_of_words("cordless drill")
    []
    """
    named = words(text)
    cut = next((place for place, word in enumerate(named) if place and word in _FITTING), len(named))
    if cut == len(named):
        return []
    return [f"^{word}" for word in named[:cut]] + [f"~{word}" for word in named[cut:] if word not in _FITTING]


def edges(text: str) -> list[str]:
    """The outermost words of a cleaned title and of its first part, where many languages name the thing itself.

    >>> edges("womens team color scuff slipper - navy blue")
    ['<womens', 'slipper>', 'scuff slipper>', 'blue>>']
    """
    return list(_edges(text))


@lru_cache(maxsize=8192)
def _edges(text: str) -> tuple[str, ...]:
    first = next((part for part in _PART_ENDS.split(text) if part.strip()), "")
    named = [word for word in words(first) if word.isalpha() and len(word) > 1]
    last = next((word for word in reversed(words(text)) if word.isalpha() and len(word) > 1), None)
    found = [f"<{named[0]}", f"{named[-1]}>"] if named else []
    if len(named) > 1:
        found.append(f"{named[-2]} {named[-1]}>")
    return tuple(found) if last is None else (*found, f"{last}>>")
