"""The custom expectations, as Great Expectations classes around the functions of `expectations.rules`.

Importing this module registers them. A suite that is loaded before that loses them without failing,
so `expectations.validation` imports it first and counts what was evaluated.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation, MulticolumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_map_metric_provider import (
    MulticolumnMapMetricProvider,
)

from expectations import rules

# The decorators make class methods of the functions below them (hence `cls`), and one of them carries no types.

_COLUMNS = ("batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if")


class ColumnValuesLeaf(ColumnMapMetricProvider):
    """Rows whose category is a leaf."""

    condition_metric_name = "column_values.leaf"
    condition_value_keys = ("leaves",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series[str], leaves: list[str], **_: Any) -> pd.Series[bool]:  # noqa: N805
        return column.isin(leaves)


class ExpectColumnValuesToBeLeaves(ColumnMapExpectation):
    """Each category of the column is one of `leaves`: unknown and inner categories are refused; null is skipped."""

    leaves: list[str] | dict[str, Any]  # a dictionary before `$PARAMETER` is resolved

    map_metric: ClassVar[str] = "column_values.leaf"
    success_keys: ClassVar[tuple[str, ...]] = ("leaves", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "leaves")


class ColumnValuesSaySomething(ColumnMapMetricProvider):
    """Rows whose text is more than mark-up."""

    condition_metric_name = "column_values.say_something"
    filter_column_isnull = False

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series[str], **_: Any) -> pd.Series[bool]:  # noqa: N805
        return rules.says_something(column)


class ExpectColumnValuesToSaySomething(ColumnMapExpectation):
    """Each text holds something to see beside its mark-up; null and empty texts are refused."""

    map_metric: ClassVar[str] = "column_values.say_something"
    args_keys: ClassVar[tuple[str, ...]] = ("column",)


class ParentsKnown(MulticolumnMapMetricProvider):
    """Rows whose parent is in the tree."""

    condition_metric_name = "multicolumn_values.parents_known"
    condition_domain_keys = _COLUMNS

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_list: pd.DataFrame, **_: Any) -> pd.Series[bool]:  # noqa: N805
        return rules.parent_known(*_series(column_list))


class ExpectParentsToBeKnown(MulticolumnMapExpectation):
    """Over (category, parent): each parent is a category of the same table."""

    map_metric: ClassVar[str] = "multicolumn_values.parents_known"
    args_keys: ClassVar[tuple[str, ...]] = ("column_list",)


class OutsideCycles(MulticolumnMapMetricProvider):
    """Rows that are no ancestor of themselves."""

    condition_metric_name = "multicolumn_values.outside_cycles"
    condition_domain_keys = _COLUMNS

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_list: pd.DataFrame, **_: Any) -> pd.Series[bool]:  # noqa: N805
        return rules.outside_cycles(*_series(column_list))


class ExpectTreeWithoutCycles(MulticolumnMapExpectation):
    """Over (category, parent): no category is above itself."""

    map_metric: ClassVar[str] = "multicolumn_values.outside_cycles"
    args_keys: ClassVar[tuple[str, ...]] = ("column_list",)


class OneValueAGroup(MulticolumnMapMetricProvider):
    """Rows of groups that hold one value."""

    condition_metric_name = "multicolumn_values.one_value_a_group"
    condition_domain_keys = _COLUMNS

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_list: pd.DataFrame, **_: Any) -> pd.Series[bool]:  # noqa: N805
        return rules.one_value_a_group(*_series(column_list))


class ExpectOneValueAGroup(MulticolumnMapExpectation):
    """Over (group, value): all rows of a group hold the same value; nulls take no part."""

    map_metric: ClassVar[str] = "multicolumn_values.one_value_a_group"
    args_keys: ClassVar[tuple[str, ...]] = ("column_list",)


class CalmPace(MulticolumnMapMetricProvider):
    """Labels given at a pace at which a person can think."""

    condition_metric_name = "multicolumn_values.calm_pace"
    condition_domain_keys = _COLUMNS
    condition_value_keys = ("labels_a_minute",)

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_list: pd.DataFrame, labels_a_minute: int, **_: Any) -> pd.Series[bool]:  # noqa: N805
        labeller, labelled_at = _series(column_list)
        return rules.calm_pace(labeller, labelled_at, labels_a_minute)


class ExpectLabellersToKeepACalmPace(MulticolumnMapExpectation):
    """Over (labeller, moment): no sixty seconds hold more than `labels_a_minute` labels of one labeller."""

    labels_a_minute: int

    map_metric: ClassVar[str] = "multicolumn_values.calm_pace"
    success_keys: ClassVar[tuple[str, ...]] = ("labels_a_minute", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column_list", "labels_a_minute")


class AnswersAgree(MulticolumnMapMetricProvider):
    """Answers that nobody contradicts, or that are settled."""

    condition_metric_name = "multicolumn_values.answers_agree"
    condition_domain_keys = _COLUMNS

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_list: pd.DataFrame, **_: Any) -> pd.Series[bool]:  # noqa: N805
        return rules.answers_agree(*_series(column_list))


class ExpectAnswersToAgree(MulticolumnMapExpectation):
    """Over (product, revision, category, adjudicated): one category a revision, or an adjudicated answer."""

    map_metric: ClassVar[str] = "multicolumn_values.answers_agree"
    args_keys: ClassVar[tuple[str, ...]] = ("column_list",)


class ConfidentEnough(MulticolumnMapMetricProvider):
    """Decisions that the threshold allows."""

    condition_metric_name = "multicolumn_values.confident_enough"
    condition_domain_keys = _COLUMNS

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_list: pd.DataFrame, **_: Any) -> pd.Series[bool]:  # noqa: N805
        return rules.confident_enough(*_series(column_list))


class ExpectAutomaticDecisionsToBeConfident(MulticolumnMapExpectation):
    """Over (decision, confidence, threshold): `auto` only where the confidence reaches the threshold."""

    map_metric: ClassVar[str] = "multicolumn_values.confident_enough"
    args_keys: ClassVar[tuple[str, ...]] = ("column_list",)


def _series(columns: pd.DataFrame) -> list[Any]:
    """The columns one by one, in the order in which the suite names them."""
    return [columns[name] for name in columns.columns]
