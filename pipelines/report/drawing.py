"""How figures are drawn: one palette that the page can turn dark, SVG to inline, PNG to keep.

The colours are written into the SVG as CSS variables of the page's palette, and its words stay
words, in the page's font.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, RULE, PAPER = "#1d2530", "#5e6875", "#d5dae1", "#fefefe"
RIGHT, WRONG, REVIEW, TARGET = "#1f6fb2", "#c8451b", "#8d97a5", "#2c8a57"
OTHERS = ("#8465b3", "#b0832b", "#3d9a9a", "#b65c8f", "#77808c")
PALETTE = {
    "ink": INK,
    "muted": MUTED,
    "rule": RULE,
    "paper": PAPER,
    "right": RIGHT,
    "wrong": WRONG,
    "review": REVIEW,
    "target": TARGET,
    **{f"other{number}": colour for number, colour in enumerate(OTHERS, start=1)},
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.hashsalt": "aisle",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the page's palette, leaving matplotlib's settings as they were."""
    import matplotlib

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # The page shows names in its reader's fonts; only a PNG may lack a letter of a foreign script.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of `width` × `height` inches with one pair of axes; no window, no global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def laid_out(figure: Figure) -> Figure:
    """`figure` with its layout worked out once, not again for each format."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def to_svg(figure: Figure, description: str) -> str:
    """`figure` as SVG to put into a page: scales with the page, takes its colours and its font."""
    target = io.StringIO()
    with style():
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(|href=\")#([^\")]+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = re.sub(
        r"font: ([^;\"]*?)([\d.]+)px [^;\"]*", lambda found: f"font-size: {found[2]}px{_weight(found[1])}", svg
    )
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    for name, colour in PALETTE.items():
        svg = svg.replace(colour, f"var(--{name})")
    opening = re.match(r"<svg[^>]*>", svg)
    assert opening is not None
    viewbox = re.search(r'viewBox="[^"]+"', opening[0])
    assert viewbox is not None
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {viewbox[0]} '
        f'role="img" aria-label="{description}">'
    )
    return head + svg[opening.end() :].strip()


def _weight(font: str) -> str:
    return "; font-weight: bold" if "bold" in font or "700" in font else ""


def to_png(figure: Figure) -> bytes:
    """`figure` as a PNG on white, for places that show pictures only."""
    target = io.BytesIO()
    with style():
        figure.savefig(target, format="png", dpi=130, facecolor="white", metadata={"Software": None})
    return target.getvalue()
