"""Write `docs/benchmarks.md` and its drawing from `benchmarks/results/*.json`.

    python -m benchmarks.documents [--check]

With --check nothing is written; it only says whether the document is what the results give.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from aisle.errors import DataError, exit_code_of
from aisle.files import write_text
from benchmarks import results
from benchmarks.catalogues import PROJECT
from benchmarks.chart import coverage_chart
from benchmarks.results import Result, read_results

DOCUMENT = PROJECT / "docs" / "benchmarks.md"
DRAWING = PROJECT / "docs" / "benchmarks.svg"
FIRST = ("peers", "thresholds")  # the others follow by name

INTRODUCTION = """\
# Benchmarks

<!-- Written by `python -m benchmarks.documents` from benchmarks/results/*.json: do not edit by hand. -->

Every figure here was printed by the command that stands above its table, which also wrote it to
`benchmarks/results/`. Shares are fractions. *reach* is what a figure should be; one that is missed
is said to be. Each command takes `--quick`: a small run that shows that it works, whose figures say
nothing and go to the temporary folder. Real offers are read where they lie (`AISLE_REAL_DATA`).

Nothing was chosen by looking at test rows: settings come from cross-validation on training rows, or
from validation rows.
"""


def document(found: Mapping[str, Sequence[Result]]) -> str:
    """The text of the document, from the rows of each benchmark by its name."""
    names = sorted(found, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    parts = [INTRODUCTION, _overview({name: found[name] for name in names})]
    for name in names:
        tables = _peers(found[name]) if name == "peers" else [_plain_table(found[name])]
        parts += [f"## {name}\n", _setup(name), *tables]
    return "\n".join(parts)


def drawing(found: Mapping[str, Sequence[Result]]) -> str | None:
    """The drawing of the comparison on real offers, where there is one."""
    wide = _wide(found.get("peers", ()), "wdc")
    if not wide:
        return None
    targets = ("99", "98", "95", "90")
    methods = {name: [row[f"coverage_{target}"].value for target in targets] for name, row in wide.items()}
    return coverage_chart(
        "WDC, official test: share of offers that can be accepted at an accuracy of …",
        [f"{target} %" for target in targets],
        methods,
        ours="Aisle",
    )


def read_all(folder: Path) -> dict[str, list[Result]]:
    """The rows of every results file of a folder, by the name of the benchmark."""
    return {path.stem: read_results(path) for path in sorted(folder.glob("*.json"))}


def _setup(name: str) -> str:
    """What the benchmark's own module says of it; its command stands there too."""
    try:
        module = importlib.import_module(f"benchmarks.{name}")
    except ModuleNotFoundError as error:
        raise DataError(f"benchmarks/results/{name}.json: there is no benchmarks.{name} that wrote it") from error
    return inspect.cleandoc(module.__doc__ or "") + "\n"


def _overview(found: Mapping[str, Sequence[Result]]) -> str:
    aims = [(name, row) for name, rows in found.items() for row in rows if row.reach]
    missed = [(name, row) for name, row in aims if not row.reached]
    text = f"{len(aims) - len(missed)} of {len(aims)} aims are reached."
    if missed:
        text += " Missed:\n\n" + "\n".join(
            f"- `{row.id}` ([{name}](#{name})): {_shown(row)}, should be {row.reach}" for name, row in missed
        )
    return text + "\n"


def _plain_table(rows: Sequence[Result]) -> str:
    return _table(
        ["id", "what", "value", "unit", "reach", "reached"],
        [
            [f"`{row.id}`", row.what, _shown(row), row.unit, row.reach or "", _mark(row) if row.reach else ""]
            for row in rows
        ],
    )


def _peers(rows: Sequence[Result]) -> list[str]:
    """The aims, a wide table for each catalogue (methods by figures), and what is left."""
    from benchmarks.peers.tasks import TITLES

    parts = ["### What Aisle should reach\n", _plain_table([row for row in rows if row.reach])]
    placed = {row.id for row in rows if row.reach}
    for catalogue, title in TITLES.items():
        wide = _wide(rows, catalogue)
        if not wide:
            continue
        parts += [f"### {title}: Aisle beside its peers\n"]
        if catalogue == "wdc":
            parts += [f"![Coverage of each method at four accuracies]({DRAWING.name})\n"]
        parts += [_wide_table(wide)]
        placed |= {row.id for by_figure in wide.values() for row in by_figure.values()}
    left = [row for row in rows if row.id not in placed]
    return [*parts, *(["### Beside these\n", _plain_table(left)] if left else [])]


def _wide(rows: Sequence[Result], catalogue: str) -> dict[str, dict[str, Result]]:
    """Of one catalogue: for each method, named for people, its rows by the name of the figure; Aisle last."""
    from benchmarks.peers.measuring import FIGURES
    from benchmarks.peers.methods import PEERS

    by_id = {row.id: row for row in rows}
    prefixes = {title: f"{catalogue}.peer.{name}" for name, (title, _) in PEERS.items()} | {"Aisle": catalogue}
    found = {
        title: {figure: by_id[f"{prefix}.{figure}"] for figure in FIGURES if f"{prefix}.{figure}" in by_id}
        for title, prefix in prefixes.items()
    }
    return {title: row for title, row in found.items() if row}


def _wide_table(wide: Mapping[str, Mapping[str, Result]]) -> str:
    """Methods by figures, the best of each figure in bold."""
    from benchmarks.peers.measuring import FIGURES

    short = {
        "weighted_f1": "weighted F1",
        "weighted_f1_mean_levels": "weighted F1, mean of levels",
        "fit_seconds": "fit, s",
        "score_us": "score, µs a product",
    }
    figures = [figure for figure in FIGURES if any(figure in row for row in wide.values())]
    best = {}
    for figure in figures:
        values = [row[figure].value for row in wide.values() if figure in row]
        best[figure] = min(values) if figure in ("gap", "ece", "fit_seconds", "score_us") else max(values)
    body = []
    for title, row in wide.items():
        cells = [_cell(figure, row[figure].value) if figure in row else "" for figure in figures]
        bold = [
            figure in row and cell == _cell(figure, best[figure]) for figure, cell in zip(figures, cells, strict=True)
        ]
        body.append([title, *(f"**{cell}**" if is_best else cell for cell, is_best in zip(cells, bold, strict=True))])
    return _table(
        ["method", *(short.get(figure, figure.replace("coverage_", "coverage@")) for figure in figures)], body
    )


def _cell(figure: str, value: float) -> str:
    if figure == "fit_seconds":
        return f"{value:.1f}"
    if figure == "score_us":
        return f"{value:.0f}"
    return f"{value:.4f}" if figure == "gap" else f"{value:.3f}"


def _shown(row: Result) -> str:
    """Four digits, or as many as it takes to stay on the side of the limit where the value lies."""
    texts = (f"{row.value:.{digits}g}" for digits in (4, 6))
    return next((text for text in texts if row._replace(value=float(text)).reached == row.reached), repr(row.value))


def _mark(row: Result) -> str:
    return "yes" if row.reached else "**missed**"


def _table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


def main() -> None:
    """Write the document, or check it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.documents",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the document is not current")
    check: bool = parser.parse_args().check
    found = read_all(results.FOLDER)
    for path, text in ((DOCUMENT, document(found)), (DRAWING, drawing(found))):
        current = path.read_text(encoding="utf-8") if path.exists() else None
        if check and current != text:
            raise DataError(
                f"{path.relative_to(PROJECT)} is not what the results give; run python -m benchmarks.documents"
            )
        if not check and text is not None and current != text:
            write_text(path, text)
            print(f"written to {path}")


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
