"""A metric of what the monitor has worked out before: the alarm, lasting shifts, the loop, what is expected.

It reads the dataset `figures` that the report gets beside its rows (`additional_data`): one row a figure, with `name`,
`value`, and the `text` that stands beside it on the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitoring.metrics.parts import (
    Context,
    Dataset,
    SingleValue,
    SingleValueCalculation,
    SingleValueMetric,
)
from monitoring.metrics.showing import counters

if TYPE_CHECKING:
    import pandas as pd

FIGURES = "figures"  # the name of the dataset
TITLES = {
    "alarm": "Evidence against the promise (the alarm rings at 1)",
    "expected": "Expected accuracy (an estimate, not audited)",
    "lasting": "Lasting shifts",
    "loop": "Signs of a model that feeds on itself",
    "target": "Promised accuracy",
    "text": "Titles told from the reference's by a classifier (0.5: not at all)",
}


class MonitorFigure(SingleValueMetric):  # type: ignore[misc]
    """One of the figures of `TITLES`: the level of the alarm, the number of lasting shifts, of signs of the loop, …

    A figure that is not known has no row; leave its metric out.
    """

    name: str


class MonitorFigureCalculation(SingleValueCalculation[MonitorFigure]):  # type: ignore[misc]
    """Reads the figure."""

    def calculate(self, context: Context, current_data: Dataset, reference_data: Dataset | None) -> SingleValue:
        """The figure, with its text."""
        table: pd.DataFrame = context.additional_data[FIGURES].as_dataframe()
        row = table.set_index("name").loc[self.metric.name]
        value, text = float(row["value"]), str(row["text"])
        result = self.result(value)
        result.widget = counters(self.display_name(), {text: f"{value:.4g}"}, half=True)
        return result

    def display_name(self) -> str:
        """Its name for people."""
        return TITLES[self.metric.name]
