"""A metric of one column: its drift, as Evidently measures it, over what a quiet day of so many rows may show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitoring.metrics.parts import (
    BaseWidgetInfo,
    Context,
    Dataset,
    SingleValue,
    SingleValueCalculation,
    SingleValueMetric,
    ValueDrift,
    distribution,
)
from monitoring.metrics.showing import counters

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = "columns"  # the name of the dataset


class ColumnShift(SingleValueMetric):  # type: ignore[misc]
    """Distance of a column from the reference, as a share of its limit: above 1 it is shifted.

    The dataset `columns` beside the rows (`additional_data`) says of each `column` the `method` (as Evidently calls it)
    and the `limit` of that day: as parameters they would make another line on the dashboard every day. A column that
    the rows lack (titles, which a classifier compares) takes its `level` from there.
    """

    column: str


class ColumnShiftCalculation(SingleValueCalculation[ColumnShift]):  # type: ignore[misc]
    """Lets Evidently's `ValueDrift` measure."""

    def calculate(self, context: Context, current_data: Dataset, reference_data: Dataset | None) -> SingleValue:
        """The level, above the two distributions."""
        table: pd.DataFrame = context.additional_data[COLUMNS].as_dataframe()
        facts = table.set_index("column").loc[self.metric.column]
        if self.metric.column not in current_data.as_dataframe():
            result = self.result(float(facts["level"]))
            result.widget = counters(self.display_name(), {str(facts["text"]): f"{facts['level']:.2f}"})
            return result
        limit = float(facts["limit"])
        drift = ValueDrift(column=self.metric.column, method=facts["method"], threshold=limit)
        distance = drift.to_calculation().calculate(context, current_data, reference_data).value
        result = self.result(float(distance) / limit)
        title = f"{self.display_name()}: {distance / limit:.2f} ({facts['method']} {distance:.3f}, limit {limit:.3f})"
        columns = [one and one.column(self.metric.column) for one in (current_data, reference_data)]
        result.widget = in_percent(distribution(f"{title}. {facts['text']}", *columns))
        return result

    def display_name(self) -> str:
        """Its name for people."""
        return f"Shift of {self.metric.column.replace('_', ' ')}"


def in_percent(widgets: list[BaseWidgetInfo]) -> list[BaseWidgetInfo]:
    """Evidently's distributions as they look after a click on `perc`: a day and the reference differ much in size.

    Their traces come in pairs: counts, which show at first, and shares.
    """
    for widget in widgets:
        for number, trace in enumerate(widget.params["data"]):
            trace["visible"] = number % 2 == 1
        widget.params["layout"].setdefault("yaxis", {})["title"] = {"text": "Percent"}
        for menu in widget.params["layout"].get("updatemenus", []):
            menu["active"] = 1
    return widgets
