"""The front page: one self-contained file, the verdict first, then what it rests on."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aisle.audit.blame import slices
from monitoring import words
from monitoring.plots import LEAST_AUDITS
from monitoring.printing import all_printable
from pipelines.report.page import TEMPLATES as LOOK
from pipelines.report.rendering import environment
from pipelines.report.words import NOTHING, count, exact, interval, percent

_COUNTED = re.compile(r"([\d,]+) (prediction|answer|product|audit)s?\b")
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
    verdict = all_printable(verdict)
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
    said = {"colour", "part", "sign", "sign_state", "blamed", "answers", "known", "alarm", "basis"}
    return templates.get_template("page.html.j2").render(
        v=verdict,
        figures=SimpleNamespace(**shown),
        names=all_printable(names),
        gaps=grouped(verdict["gaps"]),
        style=style,
        words=SimpleNamespace(slice=words.slice_, **{name: getattr(words, name) for name in said}),
        least_audits=LEAST_AUDITS,
        blame_level=slices.LEVEL,
        most_gaps=MOST_GAPS,
    )


def grouped(gaps: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Gaps for people: days in a row with the same gap are one line, with the sum of what they count.

    Parameters
    ----------
    gaps : sequence of mappings
        As a verdict has them: `day`, `code`, `text`, `count`.

    Returns
    -------
    list of dicts
        `days`, `code`, `text`, in the order of their first days.
    """
    runs: dict[tuple[str, str], list[_Run]] = {}
    for one in gaps:
        day = dt.date.fromisoformat(str(one["day"])) if one["day"] else None
        text = str(one["text"]).removeprefix(f"{day}: ")
        found = _COUNTED.search(text)
        kind = (str(one["code"]), _COUNTED.sub(r"# \2s", text, count=1))
        counted = int(found[1].replace(",", "")) if found else 0
        same = runs.setdefault(kind, [])
        if same and day is not None and same[-1].last is not None and (day - same[-1].last).days == 1:
            same[-1].last = day
            same[-1].counted += counted
        else:
            same.append(_Run(str(one["code"]), text, day, day, counted))
    listed = sorted((one for same in runs.values() for one in same), key=lambda one: one.first or dt.date.min)
    return [{"days": one.days, "code": one.code, "text": one.said} for one in listed]


@dataclass
class _Run:
    """Days in a row with the same gap."""

    code: str
    text: str
    first: dt.date | None
    last: dt.date | None
    counted: int

    @property
    def days(self) -> str:
        if self.first is None or self.last is None:
            return NOTHING
        if self.first == self.last:
            return str(self.first)
        end = f"{self.last:%m-%d}" if self.first.year == self.last.year else str(self.last)
        return f"{self.first} to {end}"

    @property
    def said(self) -> str:
        if self.first == self.last:
            return self.text
        return _COUNTED.sub(lambda found: f"{self.counted:,} {found[2]}s", self.text, count=1)
