"""Run the suites over a catalogue folder and say, rule by rule, which rows break them.

Great Expectations is imported inside the functions that use it: it takes seconds.
"""

from __future__ import annotations

import datetime
import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from aisle.errors import ConfigurationError
from expectations.suites import SUITES, Level, Rule, read_suite

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.expectations.expectation import Expectation

EXAMPLES = 20  # rows shown of each broken rule
_ID_COLUMNS = {"taxonomy": ("row", "category_id")}
_LONGEST = 120  # characters shown of one value


@dataclass(frozen=True)
class RuleResult:
    """What one rule found: `unexpected` rows break it, `observed` is its figure where it is about the whole table."""

    name: str
    expectation: str
    level: Level
    sentence: str
    mend: str
    success: bool
    unexpected: int
    shards: int
    observed: float | int | None
    examples: list[dict[str, Any]]


@dataclass(frozen=True)
class TableResult:
    """What a suite found in one table."""

    table: str
    rows: int
    evaluated: int
    expectations: list[RuleResult]

    def broken(self, level: Level) -> list[RuleResult]:
        """The broken rules of one level, in the order of the suite."""
        return [one for one in self.expectations if not one.success and one.level == level]

    def as_json(self) -> dict[str, Any]:
        """Plain data for `result.json`."""
        return {
            "rows": self.rows,
            "evaluated": self.evaluated,
            "errors": len(self.broken("error")),
            "warnings": len(self.broken("warning")),
            "expectations": [asdict(one) for one in self.expectations],
        }


def validate_table(
    table: str, frame: pd.DataFrame, parameters: Mapping[str, Any], suite: Path | str | None = None
) -> TableResult:
    """Evaluate the suite of `table` (or the one at `suite`) on `frame`.

    Parameters
    ----------
    frame : DataFrame
        Any index; with `shard` where the table has shards.
    parameters : mapping
        Values for the `$PARAMETER` names of the suite: `leaves` (list of category ids) and
        `latest_moment` (ISO 8601 time; anything later lies in the future).

    Raises
    ------
    ConfigurationError
        Where an expectation of the suite is unknown, cannot be evaluated, or was left out:
        a suite that evaluates less than it holds never passes.
    """
    path = SUITES / f"{table}.json" if suite is None else Path(suite)
    rules = read_suite(path)
    frame = frame.reset_index(drop=True)
    outcomes = {}
    for result in _evaluate(table, frame, rules, parameters, path).results:
        name = result.expectation_config.meta["rule"] if result.expectation_config else None
        if _raised(result.exception_info):
            raise ConfigurationError(f"{path}: {name} cannot be evaluated: {_raised(result.exception_info)}")
        outcomes[name] = result
    left_out = [rule.name for rule in rules if rule.name not in outcomes]
    if left_out:
        raise ConfigurationError(
            f"{path}: {len(left_out)} of {len(rules)} expectations were not evaluated ({', '.join(left_out)}); "
            "nothing is validated until all are"
        )
    found = [_describe(rule, outcomes[rule.name].success, outcomes[rule.name].result, table, frame) for rule in rules]
    return TableResult(table, len(frame), len(outcomes), found)


def _evaluate(
    table: str, frame: pd.DataFrame, rules: list[Rule], parameters: Mapping[str, Any], path: Path
) -> ExpectationSuiteValidationResult:
    gx = great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    suite = gx.ExpectationSuite(name=table, expectations=[_expectation(rule, path) for rule in rules])
    asset = context.data_sources.add_pandas(name=table).add_dataframe_asset(name=table)
    batch = asset.add_batch_definition_whole_dataframe(name=table).get_batch({"dataframe": frame})
    return batch.validate(  # type: ignore[no-any-return] # the module comes from an import function
        suite,
        # Without index columns the result names rows by their position in the frame.
        result_format={"result_format": "COMPLETE", "exclude_unexpected_values": True},
        expectation_parameters=dict(parameters),
    )


def great_expectations() -> Any:
    """Import Great Expectations quietly and with its telemetry off, and register our own expectations."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    if "great_expectations" not in sys.modules:
        with warnings.catch_warnings():
            # It imports two deprecated modules of the standard library; nothing that we can mend.
            warnings.filterwarnings("ignore", r"module 'sre_\w+' is deprecated", DeprecationWarning)
            import great_expectations
    import great_expectations

    import expectations.custom  # noqa: F401 - importing registers the classes

    return great_expectations


def _expectation(rule: Rule, path: Path) -> Expectation:
    from great_expectations.compatibility import pydantic
    from great_expectations.exceptions.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    # A suite that is built from dictionaries logs what it cannot build, and goes on without it.
    try:
        return ExpectationConfiguration(**dict(rule.configuration)).to_domain_obj()
    except GreatExpectationsError as error:
        raise ConfigurationError(f"{path}: {rule.name}: {error.message}; see expectations/custom.py") from error
    except (pydantic.ValidationError, TypeError) as error:
        raise ConfigurationError(f"{path}: {rule.name}: {rule.expectation} does not fit: {error}") from error


def _raised(exception_info: Any) -> str | None:
    """The message of an exception during evaluation: one record, or one a metric."""
    if not exception_info:
        return None
    records = [exception_info] if "raised_exception" in exception_info else exception_info.values()
    messages = [str(one["exception_message"]) for one in records if one["raised_exception"]]
    return messages[0] if messages else None


def _describe(
    rule: Rule, success: bool | None, result: Mapping[str, Any], table: str, frame: pd.DataFrame
) -> RuleResult:
    rows = frame.iloc[result.get("unexpected_index_list") or []]
    return RuleResult(
        name=rule.name,
        expectation=rule.expectation,
        level=rule.level,
        sentence=rule.sentence,
        mend=rule.mend,
        success=bool(success),
        unexpected=int(result.get("unexpected_count") or 0),
        shards=rows["shard"].nunique() if "shard" in rows else min(len(rows), 1),
        observed=result.get("observed_value"),
        examples=_examples(rule, rows, table),
    )


def _examples(rule: Rule, rows: pd.DataFrame, table: str) -> list[dict[str, Any]]:
    """The first rows by id; rules over several columns keep the rows together that belong together."""
    ids = list(_ID_COLUMNS.get(table, ("product_id", "revision")))
    together = rule.columns if "column_list" in rule.configuration["kwargs"] else []
    order = list(dict.fromkeys([*together, *ids]))
    shown = [*dict.fromkeys([*ids, *rule.columns, *(["shard"] if "shard" in rows else [])])]
    first = rows.sort_values(order, kind="stable", na_position="first").head(EXAMPLES)
    return [{str(name): _plain(value) for name, value in row.items()} for row in first[shown].to_dict("records")]


def _plain(value: Any) -> Any:
    """A value of a frame as JSON holds it; long texts are cut."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return str(value)
    return value.item() if hasattr(value, "item") else value


def latest_moment(now: datetime.datetime, tolerance_minutes: float = 5) -> str:
    """The moment after which something lies in the future; the tolerance allows for clocks that differ."""
    return (now + datetime.timedelta(minutes=tolerance_minutes)).isoformat()
