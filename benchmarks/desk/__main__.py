"""The command: `python -m benchmarks.desk [--quick] [--only PART]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from aisle.errors import exit_code_of
from benchmarks.results import Result, measure_parts


def main() -> None:
    """Measure all parts, or one, and write the results."""
    measure_parts("desk", "benchmarks.desk", str(__doc__), PARTS)


def _interval(quick: bool) -> list[Result]:
    from benchmarks.desk.intervals import QUICK_SIMULATIONS, SIMULATIONS, measured

    return measured(QUICK_SIMULATIONS, 200) if quick else measured(SIMULATIONS)


def _draw(quick: bool) -> list[Result]:
    from benchmarks.desk.draw import PRODUCTS, QUICK_PRODUCTS, measured

    return measured(QUICK_PRODUCTS if quick else PRODUCTS)


def _kills(quick: bool) -> list[Result]:
    from benchmarks.desk.kills import KILLS, QUICK_KILLS, kill_rows

    return kill_rows(QUICK_KILLS if quick else KILLS)


def _intake(quick: bool) -> list[Result]:
    from benchmarks.desk.intake import intake_rows
    from benchmarks.serving.__main__ import newest, sample_products
    from benchmarks.serving.servers import our_bento

    with tempfile.TemporaryDirectory(prefix="aisle-intake-") as made:
        folder = Path(made)
        with our_bento(newest(folder / "bento"), folder / "predictions", folder / "service.log") as server:
            return intake_rows(server, sample_products(), quick=quick)


def _pages(quick: bool) -> list[Result]:
    from benchmarks.desk.pages import page_rows

    return page_rows(2_000 if quick else 1_000_000)


def _labelling(quick: bool) -> list[Result]:
    from benchmarks.desk.people import labelling_rows

    return labelling_rows(quick=quick)


def _next_item(quick: bool) -> list[Result]:
    from benchmarks.desk.next_item import next_item_rows

    return next_item_rows(20_000 if quick else 1_000_000)


def _keys(quick: bool) -> list[Result]:
    from benchmarks.desk.keys import key_rows

    return key_rows(quick=quick)


PARTS: dict[str, Callable[[bool], list[Result]]] = {  # by what the ids of their rows begin with
    "interval": _interval,
    "draw": _draw,
    "kills": _kills,
    "intake": _intake,
    "quality_page": _pages,
    "labelling": _labelling,
    "next_item": _next_item,
    "keys": _keys,
}


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
