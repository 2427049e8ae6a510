"""What `aisle plan audits` does: rates from what was predicted lately, or from the scores of the last run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.audit.planning import BUDGETS, flow_of, plan_audits
from aisle.audit.rates import write_rates
from aisle.catalogue.tables import read_table, shards_of
from aisle.config import Parameters
from aisle.errors import ConfigurationError
from pipelines.planning import known_products
from pipelines.report import audit_plan
from pipelines.report.outlook import check_name

_LATELY = 30  # days


@dataclass(frozen=True)
class Wish:
    """What was asked for; without budgets some are compared that the volume allows."""

    budgets: tuple[float, ...]
    days: tuple[int, ...]
    aim: str
    floor: float
    volume: float | None
    folder: Path
    candidate: str | None = None


def planned(wish: Wish, parameters: Parameters) -> audit_plan.Outcome:
    """The plans of all budgets.

    Raises
    ------
    ConfigurationError
        For numbers out of range, or automatic decisions asked for where none are known.
    """
    if shards_of(wish.folder, "predictions"):
        confidence, automatic, weight, volume, source = _predicted(wish.folder)
    else:
        pool, source, _ = known_products(wish.candidate, parameters)
        confidence, weight, volume = pool.confidence, pool.weight, 1000.0
        automatic = None
    if wish.aim == "auto" and automatic is None:
        raise ConfigurationError(
            f"{wish.folder}/predictions holds nothing yet, so what is automatic is not known; add --of all"
        )
    aimed = np.ones(confidence.size) if wish.aim == "all" or automatic is None else automatic
    flow = flow_of(confidence, aimed, wish.volume or volume, weight)
    budgets = wish.budgets or tuple(float(one) for one in BUDGETS if one <= flow.volume) or (flow.volume,)
    return audit_plan.Outcome(
        plan_audits(flow, budgets, wish.days, wish.floor), wish.days, wish.aim, flow.volume, source
    )


def _predicted(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, None, float, str]:
    """Confidences of the last days of predictions, what was automatic, and products a day."""
    predictions = read_table(folder, "predictions")
    first = predictions.sort_values("predicted_at", kind="stable").drop_duplicates("product_id")
    day = first["predicted_at"].dt.floor("D")
    late = first[(day > day.max() - np.timedelta64(_LATELY, "D")).to_numpy()]
    days = max(late["predicted_at"].dt.floor("D").nunique(), 1)
    automatic = (late["decision"] == "auto").to_numpy(dtype=np.float64)
    source = f"the predictions in {folder} ({len(late):,} products of {days} days)"
    return late["confidence"].to_numpy(dtype=np.float64), automatic, None, len(late) / days, source


def run(wish: Wish, parameters: Parameters, save: Path | None, plot: Path) -> str:
    """Plan, write the drawing and the rates of the middle budget; the table to print."""
    check_name(plot)
    outcome = planned(wish, parameters)
    chosen = outcome.plans[len(outcome.plans) // 2]
    audit_plan.write(outcome, chosen, plot)
    lines = [audit_plan.table(outcome, chosen), "", f"As a drawing: {plot}"]
    if save is not None:
        write_rates(chosen.rates, save)
        lines.append(f"The rates: {save}, for `aisle audit draw --rates {save}`")
    return "\n".join(lines)
