"""The front page: one self-contained file, the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aisle.audit.blame import slices
from monitoring import words
from monitoring.plots import LEAST_AUDITS
from pipelines.report.page import TEMPLATES as LOOK
from pipelines.report.rendering import environment
from pipelines.report.words import count, exact, interval, percent

TEMPLATES = Path(__file__).parent / "templates"
MOST_GAPS = 40


def render(verdict: Mapping[str, Any], figures: Mapping[str, str], names: Mapping[str, str]) -> str:
    """The page.

    Parameters
    ----------
    verdict : plain data
        As `Verdict.as_table` gives it.
    figures : SVG texts by name
        As `monitoring.plots.draw` gives them; one that is left out is not shown.
    names : mapping
        Names of branches and categories by id.
    """
    templates = environment(TEMPLATES)
    filters: dict[str, Callable[..., str]] = {
        "percent": percent,
        "exact": lambda share: exact(round(share, 6)),
        "interval": interval,
        "count": count,
        "marked": words.marked,
    }
    templates.filters.update(filters)
    style = "\n".join((folder / "page.css").read_text(encoding="utf-8") for folder in (LOOK, TEMPLATES))
    shown = {name: figures.get(name) for name in ("accuracy", "alarm", "flow", "drift")}
    said = {"colour", "part", "sign", "sign_state", "blamed", "known", "alarm", "basis"}
    return templates.get_template("page.html.j2").render(
        v=verdict,
        figures=SimpleNamespace(**shown),
        names=names,
        style=style,
        words=SimpleNamespace(slice=words.slice_, **{name: getattr(words, name) for name in said}),
        least_audits=LEAST_AUDITS,
        blame_level=slices.LEVEL,
        most_gaps=MOST_GAPS,
    )
