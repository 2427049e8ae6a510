"""How the metrics show themselves on Evidently's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitoring.metrics.parts import BaseWidgetInfo, CounterData, WidgetSize, counter, table_data


def counters(title: str, shown: Mapping[str, str], *, half: bool = False) -> list[BaseWidgetInfo]:
    """A row of figures, each above its name."""
    size = WidgetSize.HALF if half else WidgetSize.FULL
    return [counter(title=title, size=size, counters=[CounterData(name, value) for name, value in shown.items()])]


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[BaseWidgetInfo]:
    """A table of texts."""
    return [table_data(title=title, size=WidgetSize.FULL, column_names=list(columns), data=[list(row) for row in rows])]


def percent(share: float | None) -> str:
    """`0.9123` as `91.2 %`; a dash where there is no figure."""
    return "–" if share is None or share != share else f"{100 * share:.1f} %"
