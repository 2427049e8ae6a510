"""Where the evidence lies, and how page, pictures and tables are written from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aisle.errors import DataError
from aisle.files import read_json, replacing, write_json, write_text
from pipelines.report.figures import draw
from pipelines.report.page import render
from pipelines.report.plots import tables

EVIDENCE = Path("work/evidence")
PAGE = Path("work/report.html")


def read_evidence(folder: Path | str = EVIDENCE) -> dict[str, Any]:
    """Read `evidence.json`; `DataError` where no run has written it."""
    path = Path(folder) / "evidence.json"
    if not path.exists():
        raise DataError(f"{path}: no evidence there yet; run `dvc repro` first")
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: not evidence; run `dvc repro -f evaluate` to write it again")
    return content


def write_evidence(evidence: Mapping[str, Any], folder: Path | str = EVIDENCE, page: Path | str = PAGE) -> None:
    """Write `evidence.json`, a table a plot, a picture a figure, and the page."""
    folder = Path(folder)
    write_json(folder / "evidence.json", evidence)
    for name, table in tables(evidence).items():
        write_text(folder / f"{name}.csv", table)
    drawn = draw(evidence)
    for name, figure in drawn.items():
        with replacing(folder / f"{name}.png") as temporary:
            temporary.write_bytes(figure.png or b"")
    write_text(page, render(evidence, {name: figure.svg for name, figure in drawn.items()}))


def write_page(folder: Path | str = EVIDENCE, page: Path | str = PAGE) -> Path:
    """Render the page again from the evidence in `folder`; returns where it is."""
    evidence = read_evidence(folder)
    try:
        drawn = draw(evidence, png=False)
        text = render(evidence, {name: figure.svg for name, figure in drawn.items()})
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{Path(folder) / 'evidence.json'}: not the evidence of this version; run `dvc repro -f evaluate`"
        ) from error
    write_text(page, text)
    return Path(page)
