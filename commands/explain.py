"""`aisle explain`: why a product is put where it is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.errors import ConfigurationError, DataError, ModelError

if TYPE_CHECKING:
    from aisle.model.contributions import Contribution
    from aisle.model.explain import Explanation
    from aisle.model.views import Labelled

EPILOG = """\
examples:
  aisle explain "hammer drill 18v with case"
  aisle explain "cut-off disc 115mm" --seller-category "Tools > Discs" --seller Toolbarn --price 4.99 --currency EUR
  aisle explain "bike tyre 26 inch" --json

What spoke for the category, and what against it in favour of the next one; the labelled products
that are most alike; and, where the answer is unsure, the reason in one sentence."""

WORK = Path("work")
_LINES = 6  # words and fields shown on each side
_BAR = 20  # characters of the longest bar
_TEXT = 34  # characters of a word or a field's value
_TITLE = 56
_PARTS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")  # eighths of a block
_FIELDS = {"seller_category": "seller's category"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The product's fields, the model, and the form of the answer."""
    parser.epilog = EPILOG
    parser.add_argument("title", metavar="TITLE", help="of the product")
    parser.add_argument("--description", metavar="TEXT", help="of the product")
    parser.add_argument("--seller", metavar="NAME", help="who sells it")
    parser.add_argument("--seller-category", metavar="TEXT", help="the seller's own category, as in 'Tools > Discs'")
    parser.add_argument("--brand", metavar="NAME", help="of the product")
    parser.add_argument("--price", type=float, metavar="NUMBER", help="in --currency")
    parser.add_argument("--currency", metavar="CODE", help="of the price, as in EUR")
    parser.add_argument("--model", type=Path, metavar="PATH", help="a model file (default: the last run's chosen one)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int | None:
    """Print the explanation."""
    product = _product(arguments)
    path = arguments.model or chosen_model()

    import pandas as pd

    from aisle.model.explain import explain
    from aisle.model.storage import load

    categorizer = load(path)
    names = _names()
    try:
        (explanation,) = explain(categorizer, pd.DataFrame([product]), names)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    if arguments.json:
        print(json.dumps(explanation.record(), ensure_ascii=False, indent=2))
    else:
        print(text(arguments.title, explanation, lambda category: names.get(category, category)))
    return 0


def _product(arguments: argparse.Namespace) -> dict[str, str | float | None]:
    if not arguments.title.strip():
        raise ConfigurationError("TITLE is empty; give the words that the product is sold under")
    if arguments.price is not None and not 0 < arguments.price < float("inf"):
        raise ConfigurationError(f"--price {arguments.price:g} must be above 0; leave it out where it is unknown")
    if arguments.currency is not None and arguments.price is None:
        raise ConfigurationError("--currency belongs to --price; give both, or neither")
    names = ("title", "description", "seller", "seller_category", "brand", "price", "currency")
    return {name: getattr(arguments, name) for name in names}


def chosen_model() -> Path:
    """The model file of the candidate that the last run chose."""
    from aisle.files import read_json

    choice = WORK / "choice" / "candidate.json"
    if not choice.exists():
        raise DataError(f"{choice}: no run has chosen a model yet; run `dvc repro`, or name a file with --model")
    return WORK / "candidates" / str(read_json(choice)["candidate"]) / "model.skops"


def _names() -> dict[str, str]:
    """Names of categories from the root down, where the tree is at hand."""
    from aisle.catalogue.taxonomy import read_taxonomy

    path = Path("data/taxonomy.csv")
    if not path.exists():
        return {}
    taxonomy = read_taxonomy(path)
    return {category: taxonomy.name(category) or category for category in taxonomy.categories}


def text(title: str, explained: Explanation, name: Callable[[str], str]) -> str:
    """The explanation for the terminal."""
    category, rival = name(explained.category_id), name(explained.rival_id)
    parts = [
        _cut(title, 100),
        f"  {category} ({explained.category_id}), {_percent(explained.confidence)} sure; next: {rival}",
    ]
    if explained.reason:
        parts.append(f"  Why not surer: {explained.reason}.")
    spoke_for, spoke_against = explained.spoke_for[:_LINES], explained.spoke_against[:_LINES]
    shown = [*spoke_for, *spoke_against]
    largest = max((abs(one.contribution) for one in shown), default=1.0)
    width = max((len(_cut(one.text, _TEXT)) for one in shown), default=0)
    for heading, voices in ((f"For {category}", spoke_for), (f"Against it, for {rival}", spoke_against)):
        if voices:
            parts += ["", heading, *_bars(voices, largest, width)]
    if not shown:
        parts += ["", "This model does not weigh words one by one, or knows none of these."]
    if explained.nearest:
        parts += ["", "Labelled products most like it", *_nearest(explained.nearest, name)]
    return "\n".join(parts)


def _bars(voices: Sequence[Contribution], largest: float, width: int) -> list[str]:
    lines = []
    for one in voices:
        eighths = max(1, round(abs(one.contribution) / largest * _BAR * 8))
        bar = "█" * (eighths // 8) + _PARTS[eighths % 8]
        label = _FIELDS.get(one.field, one.field)
        lines.append(f"  {label:<17}  {_cut(one.text, _TEXT):<{width}}  {one.contribution:+.2f}  {bar}")
    return lines


def _nearest(labelled: Sequence[Labelled], name: Callable[[str], str]) -> list[str]:
    width = max(len(_cut(one.title, _TITLE)) for one in labelled)
    return [f"  {one.similarity:.2f}  {_cut(one.title, _TITLE):<{width}}  {name(one.category_id)}" for one in labelled]


def _cut(words: str, most: int) -> str:
    words = " ".join(words.split())
    return words if len(words) <= most else f"{words[: most - 1]}…"


def _percent(share: float) -> str:
    return f"{100 * min(share, 0.999):.0f} %" if share < 0.99 else f"{100 * min(share, 0.999):.1f} %"
