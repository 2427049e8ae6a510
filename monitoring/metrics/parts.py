"""All that the monitor takes from Evidently, in one place: its modules move from release to release.

Importing this costs some ten seconds, so that it is done inside the functions that need it. Evidently reports its use
to its makers unless DO_NOT_TRACK=true is set before the import, as `aisle` sets it for every command.
"""

from __future__ import annotations

from evidently import DataDefinition, Dataset, Report  # type: ignore[import-untyped]
from evidently.core.metric_types import (  # type: ignore[import-untyped]
    SingleValue,
    SingleValueCalculation,
    SingleValueMetric,
)
from evidently.core.report import Context, Snapshot  # type: ignore[import-untyped]
from evidently.legacy.model.widget import BaseWidgetInfo  # type: ignore[import-untyped]
from evidently.legacy.renderers.html_widgets import (  # type: ignore[import-untyped]
    CounterData,
    WidgetSize,
    counter,
    table_data,
)
from evidently.legacy.utils import NumpyEncoder  # type: ignore[import-untyped]
from evidently.metrics import ValueDrift  # type: ignore[import-untyped]
from evidently.metrics.column_statistics import distribution  # type: ignore[import-untyped]
from evidently.sdk.models import (  # type: ignore[import-untyped]
    DashboardModel,
    DashboardTabModel,
    PanelMetric,
    ProjectModel,
)
from evidently.sdk.panels import bar_plot_panel, line_plot_panel  # type: ignore[import-untyped]
from evidently.tests import gte, lt, lte  # type: ignore[import-untyped]

__all__ = [
    "BaseWidgetInfo",
    "Context",
    "CounterData",
    "DashboardModel",
    "DashboardTabModel",
    "DataDefinition",
    "Dataset",
    "NumpyEncoder",
    "PanelMetric",
    "ProjectModel",
    "Report",
    "SingleValue",
    "SingleValueCalculation",
    "SingleValueMetric",
    "Snapshot",
    "ValueDrift",
    "WidgetSize",
    "bar_plot_panel",
    "counter",
    "distribution",
    "gte",
    "line_plot_panel",
    "lt",
    "lte",
    "table_data",
]
