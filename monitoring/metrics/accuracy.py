"""Metrics of what was decided, and of how much of it is right."""

from __future__ import annotations

from typing import Literal

from aisle.audit.estimates import Estimate, estimate
from monitoring.accuracy import sums_of
from monitoring.metrics.parts import Context, Dataset, SingleValue, SingleValueCalculation, SingleValueMetric
from monitoring.metrics.showing import counters, percent

POPULATION = "population"  # the dataset of the window's products, beside the rows
End = Literal["estimate", "low", "high"]


class AuditedAccuracy(SingleValueMetric):  # type: ignore[misc]
    """Share of automatic decisions that are right, by audits (Hájek's estimate), or an end of its 95 % interval.

    The dataset `population` beside the rows (`additional_data`) needs `decision`, `audit_probability` and `state` (a
    place in `aisle.audit.estimates.STATES`, −1 where nobody was asked), one row a product; without an audit there is
    no figure, so leave the metric out.
    """

    end: End = "estimate"


class AuditedAccuracyCalculation(SingleValueCalculation[AuditedAccuracy]):  # type: ignore[misc]
    """Counts the audits of the population."""

    def calculate(self, context: Context, current_data: Dataset, reference_data: Dataset | None) -> SingleValue:
        """The figure, with estimate, interval and number of audits beside it."""
        found = audited(context.additional_data[POPULATION])
        value = found.accuracy if self.metric.end == "estimate" else getattr(found, self.metric.end)
        result = self.result(float(value))
        result.widget = (
            counters(
                self.display_name(),
                {
                    "right among automatic decisions": percent(found.accuracy),
                    "95 % interval": f"{100 * found.low:.1f}–{percent(found.high)}",
                    "audits answered": f"{found.answered:,}",
                    "confirmed wrong": f"{found.wrong:,}",
                },
            )
            if self.metric.end == "estimate"
            else []
        )
        return result

    def display_name(self) -> str:
        """Its name for people."""
        ends = {"estimate": "", "low": ", low end of the 95 % interval", "high": ", high end of the 95 % interval"}
        return "Audited accuracy of automatic decisions" + ends[self.metric.end]


def audited(data: Dataset) -> Estimate:
    """The estimate of accuracy from the audits among the automatic decisions of `data`."""
    rows = data.as_dataframe()
    chosen = (rows["decision"] == "auto") & rows["audit_probability"].notna()
    return estimate(sums_of(rows[chosen.to_numpy(dtype=bool)]))


class AutomaticShare(SingleValueMetric):  # type: ignore[misc]
    """Coverage: share of products that are decided automatically; the rows need `decision`."""


class AutomaticShareCalculation(SingleValueCalculation[AutomaticShare]):  # type: ignore[misc]
    """Counts the decisions of the rows."""

    def calculate(
        self, context: Context, current_data: Dataset, reference_data: Dataset | None
    ) -> tuple[SingleValue, SingleValue | None]:
        """The share, beside that of the reference where there is one."""
        now, rows = _automatic(current_data)
        shown = {"decided automatically": percent(now), "predictions": f"{rows:,}"}
        before = None
        if reference_data is not None:
            before, _ = _automatic(reference_data)
            shown |= {"in the reference": percent(before)}
        result = self.result(now)
        result.widget = counters(self.display_name(), shown)
        return result, None if before is None else self.result(before)

    def display_name(self) -> str:
        """Its name for people."""
        return "Coverage"


def _automatic(data: Dataset) -> tuple[float, int]:
    decision = data.as_dataframe()["decision"]
    return float((decision == "auto").mean()), len(decision)
