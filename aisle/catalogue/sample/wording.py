"""What a seller's keyboard does to words: abbreviations, inflection, capitals, cuts, remains of mark-up."""

from __future__ import annotations

import numpy as np

from aisle.catalogue.corruption import cut, drop_vowels, misspell
from aisle.catalogue.sample.sellers import Seller

ABBREVIATIONS = {
    "with": "w/", "for": "f.", "and": "&", "battery": "batt", "batteries": "batt",
    "cordless": "cdls", "wireless": "wrls",
    "black": "blk", "white": "wht", "grey": "gry", "blue": "blu", "green": "grn", "brown": "brn", "silver": "slv",
    "stainless": "s/s", "steel": "stl", "aluminium": "alu", "leather": "lthr", "cotton": "cttn", "plastic": "plst",
    "set": "st", "pack": "pk", "pieces": "pcs", "garden": "gdn", "kitchen": "ktch", "machine": "mach",
    "electric": "elec",
    "charger": "chrgr", "cover": "cvr", "replacement": "repl", "protective": "prot", "adjustable": "adj",
    "waterproof": "wtrprf", "sleeping": "slp", "women's": "wmns", "men's": "mns", "kids": "kds", "children's": "chldns",
    "table": "tbl", "chair": "chr", "light": "lt", "holder": "hldr", "automatic": "auto", "portable": "port",
    "professional": "prof", "medium": "med", "large": "lg", "small": "sm", "double": "dbl", "single": "sgl",
    "bluetooth": "bt", "jacket": "jkt", "trousers": "trs", "bottle": "btl", "shampoo": "shmp", "filter": "fltr",
    "Edelstahl": "VA", "schwarz": "schw.", "weiß": "ws", "mit": "m.", "für": "f.",
    "Stück": "St.", "avec": "av.", "pour": "p.",
}  # fmt: skip
_NO_PLURAL = ("s", "x", "z")
_SPELLINGS = {"colour": "color", "grey": "gray", "tyre": "tire", "aluminium": "aluminum", "pyjamas": "pajamas"}
MARKUP = ("<b>{}</b>", "{}<br>", "{} &amp; more", "&quot;{}&quot;", "{} &#8211; new", "<p>{}", "{}&nbsp;", "<strong>{}")


def abbreviate(word: str) -> str:
    """`word` as a till has it: a usual abbreviation, else its first letters and a dot where it is long."""
    usual = ABBREVIATIONS.get(word) or ABBREVIATIONS.get(word.lower())
    if usual is not None:
        return usual
    if len(word) < 7 or not word.isalpha():
        return word
    return drop_vowels(word) if len(word) % 2 else f"{word[:4]}."


def inflect(word: str) -> str:
    """The plural of a word, or its singular where it stands in the plural."""
    if not word.isalpha():
        return word
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        return word[:-1]
    if word.endswith(("ife", "elf")):
        return f"{word.rstrip('e')[:-1]}ves"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(_NO_PLURAL) or word.endswith(("ch", "sh")) else f"{word}s"


def spoil(words: list[str], seller: Seller, u: list[float], rng: np.random.Generator) -> str:
    """The title of these words in the seller's format; never empty.

    `u` holds uniform numbers: five for the title, then one for each word.
    """
    if seller.abbreviated or seller.vowels_dropped or seller.misspelt > 0.02:
        words = [_spoilt_word(word, seller, v, rng) for word, v in zip(words, u[5:], strict=False)] + words[
            len(u) - 5 :
        ]
    elif u[4] < seller.misspelt * len(words):
        at = int(u[3] * len(words))
        words = [*words[:at], misspell(words[at], rng), *words[at + 1 :]]
    title = " ".join(words)
    if seller.currency == "USD":
        title = " ".join(_SPELLINGS.get(word, word) for word in title.split(" "))
    if seller.case == "capitals":
        title = title.upper()
    elif seller.case == "small":
        title = title.lower()
    elif seller.case == "title":
        title = " ".join(word[:1].upper() + word[1:] for word in title.split(" "))
    else:
        title = title[:1].upper() + title[1:]
    if seller.cut:
        title = cut(title, seller.cut)
    if u[0] < seller.markup:
        title = MARKUP[int(u[1] * len(MARKUP))].format(title)
    return title


def _spoilt_word(word: str, seller: Seller, v: float, rng: np.random.Generator) -> str:
    if v < seller.abbreviated:
        return abbreviate(word)
    if v < seller.abbreviated + seller.vowels_dropped:
        return drop_vowels(word)
    if v > 1 - seller.misspelt:
        return misspell(word, rng)
    return word
