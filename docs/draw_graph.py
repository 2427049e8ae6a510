"""Draw `docs/graph.svg` from `dvc.yaml`: `make graph`; with --check, only say whether it is current.

A stage stands below all stages whose files it reads; lines that others imply are left out.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any
from xml.sax.saxutils import escape

import yaml

ROOT = Path(__file__).parents[1]
DRAWING = ROOT / "docs" / "graph.svg"
SOURCE = "data"

BOX_WIDTH, BOX_HEIGHT, GAP, STEP, MARGIN = 350, 76, 36, 122, 12

STYLE = """\
text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2933; }
.name { font-weight: 600; font-size: 16px; }
.note { font-size: 13px; fill: #52606d; }
rect { fill: #f5f7fa; stroke: #3e6fb0; stroke-width: 1.5; }
.source rect { fill: #fff7e0; stroke: #b7791f; }
path { fill: none; stroke: #7b8794; stroke-width: 1.5; }
marker path { fill: #7b8794; stroke: none; }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7eb; }
  .note { fill: #9aa5b1; }
  rect { fill: #1f2933; stroke: #6fa3e0; }
  .source rect { fill: #3a2f14; stroke: #d9a441; }
}"""

ARROW = """\
<defs>
<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 0 L8 4 L0 8 z"/>
</marker>
</defs>"""


@dataclass(frozen=True)
class Stage:
    """A stage as it is drawn: its name, what it does, how often it runs, and what it reads and writes."""

    name: str
    note: str
    times: int
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def stages_of(content: dict[str, Any]) -> list[Stage]:
    """The stages of a `dvc.yaml`, with the data as the first; a matrix is one stage that runs several times."""
    drawn = [Stage(SOURCE, "Products, labels, the category tree; kept by data.dvc.", 1, (), ("data", "data.dvc"))]
    for name, stage in content["stages"].items():
        matrix = stage.get("matrix", {})
        times = 1
        for values in matrix.values():
            times *= len(values)
        outputs = [*stage.get("outs", []), *stage.get("metrics", [])]
        writes = tuple(next(iter(one)) if isinstance(one, dict) else one for one in outputs)
        drawn.append(Stage(name, stage["desc"], times, tuple(stage["deps"]), writes))
    return drawn


def edges_of(stages: list[Stage]) -> set[tuple[str, str]]:
    """Who must run before whom, without what follows from other edges."""
    edges = {
        (before.name, after.name)
        for before in stages
        for after in stages
        if before is not after and any(_overlap(out, dep) for out in before.writes for dep in after.reads)
    }
    reachable = {stage.name: _reachable(stage.name, edges) for stage in stages}
    return {
        (before, after)
        for before, after in edges
        if not any(after in reachable[other] for start, other in edges if start == before and other != after)
    }


def _overlap(one: str, other: str) -> bool:
    first, second = Path(one).parts, Path(other).parts
    shared = min(len(first), len(second))
    return first[:shared] == second[:shared]


def _reachable(start: str, edges: set[tuple[str, str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        now = waiting.pop()
        for before, after in edges:
            if before == now and after not in found:
                found.add(after)
                waiting.append(after)
    return found


def rows_of(stages: list[Stage], edges: set[tuple[str, str]]) -> list[list[str]]:
    """The stages in rows, each as high as what it reads allows, and below what it reads from left to right."""
    depth = {stage.name: 0 for stage in stages}
    for _ in stages:
        for before, after in edges:
            depth[after] = max(depth[after], depth[before] + 1)
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for stage in stages:
        rows[depth[stage.name]].append(stage.name)
    place: dict[str, float] = {}
    for row in rows:
        row.sort(key=lambda name: mean([place[before] for before, after in edges if after == name] or [0]))
        place.update({name: index - (len(row) - 1) / 2 for index, name in enumerate(row)})
    return rows


def drawing(stages: list[Stage]) -> str:
    """The graph as an SVG picture that suits light and dark pages."""
    edges = edges_of(stages)
    rows = rows_of(stages, edges)
    widest = max(map(len, rows))
    width = 2 * MARGIN + widest * BOX_WIDTH + (widest - 1) * GAP
    height = 2 * MARGIN + (len(rows) - 1) * STEP + BOX_HEIGHT + 8
    corner: dict[str, tuple[float, float]] = {}
    for level, row in enumerate(rows):
        left = (width - len(row) * BOX_WIDTH - (len(row) - 1) * GAP) / 2
        for index, name in enumerate(row):
            corner[name] = (left + index * (BOX_WIDTH + GAP), MARGIN + level * STEP)
    lines = [_line(corner, edges, edge) for edge in sorted(edges)]
    boxes = [_box(stage, *corner[stage.name]) for stage in stages]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img">',
            "<title>The learning loop, stage by stage</title>",
            f"<style>\n{STYLE}\n</style>",
            ARROW,
            *lines,
            *boxes,
            "</svg>\n",
        ]
    )


def _line(corner: dict[str, tuple[float, float]], edges: set[tuple[str, str]], edge: tuple[str, str]) -> str:
    """A curve from the lower side of one box to the upper side of another; several share a side evenly."""
    before, after = edge
    leaving = sorted((other for start, other in edges if start == before), key=lambda name: corner[name])
    coming = sorted((start for start, other in edges if other == after), key=lambda name: corner[name])
    x0 = corner[before][0] + BOX_WIDTH * (leaving.index(after) + 1) / (len(leaving) + 1)
    x1 = corner[after][0] + BOX_WIDTH * (coming.index(before) + 1) / (len(coming) + 1)
    y0, y1 = corner[before][1] + BOX_HEIGHT, corner[after][1] - 2
    middle = (y0 + y1) / 2
    return f'<path d="M{x0:g} {y0:g} C{x0:g} {middle:g} {x1:g} {middle:g} {x1:g} {y1:g}" marker-end="url(#arrow)"/>'


def _box(stage: Stage, x: float, y: float) -> str:
    pile = [
        f'<rect x="{x + shift:g}" y="{y + shift:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8"/>'
        for shift in ((8, 4, 0) if stage.times > 1 else (0,))
    ]
    name = escape(stage.name) + (f" × {stage.times}" if stage.times > 1 else "")
    notes = textwrap.wrap(stage.note, 46)
    parts = [
        f'<g class="{"source" if stage.name == SOURCE else "stage"}">',
        *pile,
        f'<text class="name" x="{x + 14:g}" y="{y + 25:g}">{name}</text>',
        *(
            f'<text class="note" x="{x + 14:g}" y="{y + 45 + 17 * index:g}">{escape(note)}</text>'
            for index, note in enumerate(notes)
        ),
        "</g>",
    ]
    return "\n".join(parts)


def main(words: list[str] | None = None) -> int:
    """Write the drawing, or with --check compare it; 1 when it is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when the drawing is old")
    check = parser.parse_args(words).check
    new = drawing(stages_of(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))))
    if check:
        if not DRAWING.exists() or DRAWING.read_text(encoding="utf-8") != new:
            print("docs/graph.svg is not what dvc.yaml says; `make graph` draws it again", file=sys.stderr)
            return 1
        return 0
    DRAWING.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
