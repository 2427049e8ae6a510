"""A drawing of coverage: a line a method, a dot for each accuracy asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

LEFT, WIDTH, ROW, TOP, RIGHT = 325, 480, 34, 64, 30
SHADES = ("#0b3d78", "#2f6fb5", "#6fa3d8", "#a9c8ea")
DARK_SHADES = ("#cfe2f7", "#8fbbea", "#5a92d0", "#386ba8")

STYLE = """\
text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2933; }
.title { font-weight: 600; }
.ours { font-weight: 700; }
.axis { font-size: 12px; fill: #52606d; text-anchor: middle; }
.name { text-anchor: end; }
.grid { stroke: #d5dbe1; }
.span { stroke: #9aa5b1; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7eb; }
  .axis { fill: #9aa5b1; }
  .grid { stroke: #323f4b; }
  .span { stroke: #616e7c; }
"""


def coverage_chart(title: str, targets: Sequence[str], methods: Mapping[str, Sequence[float]], ours: str) -> str:
    """The drawing as SVG, in light and dark.

    Parameters
    ----------
    targets : what each dot stands for, the highest accuracy first
    methods : name to coverages in [0, 1], one a target; drawn best first by the second target
    ours : the name that is written bold
    """
    dark = [f"  .dot{place} {{ fill: {shade}; }}" for place, shade in enumerate(DARK_SHADES)]
    light = [f".dot{place} {{ fill: {shade}; }}" for place, shade in enumerate(SHADES)]
    style = STYLE.replace("@media", "\n".join(light) + "\n@media") + "\n".join(dark) + "\n}"
    height = TOP + ROW * len(methods) + 40
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{style}\n</style>",
        f'<text class="title" x="12" y="22">{escape(title)}</text>',
        *_legend(targets),
        *_grid(height),
    ]
    ordered = sorted(methods.items(), key=lambda one: (-one[1][1], one[0]))
    for place, (name, coverages) in enumerate(ordered):
        lines += _row(name, coverages, TOP + ROW * place + ROW // 2, name == ours)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _legend(targets: Sequence[str]) -> list[str]:
    lines = []
    for place, target in enumerate(targets):
        x = LEFT + place * 90
        lines.append(f'<circle class="dot{place}" cx="{x + 6}" cy="41" r="6"/>')
        lines.append(f'<text x="{x + 18}" y="46">{escape(target)}</text>')
    return lines


def _grid(height: int) -> list[str]:
    lines = []
    for percent in range(0, 101, 20):
        x = LEFT + WIDTH * percent // 100
        lines.append(f'<line class="grid" x1="{x}" y1="{TOP}" x2="{x}" y2="{height - 34}"/>')
        lines.append(f'<text class="axis" x="{x}" y="{height - 14}">{percent} %</text>')
    return lines


def _row(name: str, coverages: Sequence[float], y: int, ours: bool) -> list[str]:
    places = [LEFT + WIDTH * coverage for coverage in coverages]
    kind = "name ours" if ours else "name"
    return [
        f'<text class="{kind}" x="{LEFT - 16}" y="{y + 5}">{escape(name)}</text>',
        f'<line class="span" x1="{min(places):.1f}" y1="{y}" x2="{max(places):.1f}" y2="{y}"/>',
        *(
            f'<circle class="dot{place}" cx="{x:.1f}" cy="{y}" r="{7 if ours else 5.5}"/>'
            for place, x in enumerate(places)
        ),
    ]
