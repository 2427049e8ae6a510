"""What the last run found, in a few lines for a terminal."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aisle.decision.wear import Wear
from aisle.errors import DataError
from aisle.files import read_json

NOTHING = "–"
LABEL_WIDTH = 11
LINE_WIDTH = 100


@dataclass(frozen=True)
class Run:
    """The files of the last run that the summary tells of, as they were written."""

    comparison: Mapping[str, Any]
    metrics: Mapping[str, Any]
    policy: Mapping[str, Any]
    registration: Mapping[str, Any]


def read_run(folder: Path | str = ".") -> Run:
    """Read the results of the last run below `folder`; `DataError` names the first that is missing."""
    folder = Path(folder)
    return Run(
        comparison=_table(folder / "work/choice/comparison.json"),
        metrics=_table(folder / "metrics.json"),
        policy=_table(folder / "work/policy.json"),
        registration=_table(folder / "work/registration.json"),
    )


def _table(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise DataError(f"{path}: not there, so no run has ended here yet; `make run` makes one")
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: a table of names and values was expected; `make run` writes it again")
    return content


def text(run: Run, program: str = "aisle", today: datetime.date | None = None) -> str:
    """The summary of `run`: candidates, promise, test rows, where to look, what to type next.

    `program` is how the `aisle` command is called from where the reader sits; `today` says
    whether calibration rows are old.
    """
    day = today or datetime.datetime.now(datetime.UTC).date()
    blocks = [_heading(run), _candidates(run.comparison), _outcome(run, day), _next(run, program)]
    return "\n\n".join(blocks)


def _heading(run: Run) -> str:
    data_version = str(run.metrics["data_version"])[:12]
    return f"Data {data_version}, target accuracy {percent(run.metrics['target_accuracy'])}"


def _candidates(comparison: Mapping[str, Any]) -> str:
    rows = sorted(comparison["candidates"], key=lambda one: -(one["coverage"] or 0))
    width = max(len(one["candidate"]) for one in rows)
    header = f"  {'Candidate':<{width}}   Accuracy   Coverage     Gap   Fit (s)"
    lines = [
        f"{'*' if one['candidate'] == comparison['chosen'] else ' '} {one['candidate']:<{width}}"
        f" {percent(one['accuracy']):>10} {percent(one['coverage']):>10} {decimal(one['gap'], 3):>7}"
        f" {decimal(one['fit_seconds'], 1):>9}"
        for one in rows
    ]
    target = percent(comparison["target_accuracy"])
    explanation = f"""\
  On training rows, out of fold. Accuracy: of all products. Coverage: the largest share that could
  be decided automatically with {target} of it right. Gap: what a perfect ordering would gain.
* {_wrapped(f"Chosen: {comparison['reason']}", 2)}"""
    return "\n".join([header, *lines, "", explanation])


def _outcome(run: Run, today: datetime.date) -> str:
    metrics = run.metrics
    return "\n".join(
        f"{label:<{LABEL_WIDTH}}{value}"
        for label, value in [
            ("Promise", _lines(_promise(metrics, run.policy), _start(metrics, run.policy), _wear(run, today))),
            ("Threshold", _threshold(metrics, run.policy)),
            ("Test rows", _test_rows(metrics)),
            ("Report", "work/report.html"),
            ("Model", _model(run.registration)),
            ("Gate", _gate(run.registration["gate"])),
        ]
    )


def _promise(metrics: Mapping[str, Any], policy: Mapping[str, Any]) -> str:
    if policy["kind"] != "target_accuracy":
        return f"none: the policy is {policy['kind']}, which keeps no accuracy"
    named = "decided automatically" if policy.get("level", "leaf") == "leaf" else "put into a branch automatically"
    return (
        f"{percent(metrics['target_accuracy'])} right among products {named}, "
        f"with {percent(metrics['confidence_level'])} confidence: "
        f"{'certified' if metrics['certified'] else 'NOT certified'}"
    )


def _start(metrics: Mapping[str, Any], policy: Mapping[str, Any]) -> str:
    """What people under review start with; empty where no branch is certain enough."""
    if policy.get("branch_start") is None:
        return ""
    said = (
        f"under review, people start in a branch from a branch confidence of {policy['branch_start']:.4f} on: "
        f"{percent(policy['branch_start_accuracy'])} of these right, certified"
    )
    if metrics.get("start_accuracy") is None:
        return said
    return f"{said} (test rows: {percent(metrics['started'])} of them, {percent(metrics['start_accuracy'])} right)"


def _wear(run: Run, today: datetime.date) -> str:
    """How often the calibration rows were used, and when fresh audits are due; empty where nobody counted."""
    counted = run.registration.get("calibration")
    if not counted:
        return ""
    youngest = counted["youngest"]
    wear = Wear(
        uses=counted["uses"],
        confidence_level=run.metrics["confidence_level"],
        youngest=None if youngest is None else datetime.date.fromisoformat(youngest),
        after_uses=counted["refresh_after_uses"],
        after_days=counted["refresh_after_days"],
    )
    return f"{wear.used()}; {wear.when(today)}"


def _threshold(metrics: Mapping[str, Any], policy: Mapping[str, Any]) -> str:
    if policy.get("branch_thresholds"):
        own = sum(value is not None for value in policy["branch_thresholds"].values())
        return f"one a branch ({own} of {len(policy['branch_thresholds'])} branches decide automatically)"
    if metrics["threshold"] is None:
        return "none keeps the promise: automation is off, every product goes to people"
    return f"{metrics['threshold']:.4f}: from this {_confidence(policy)} on, a product is decided automatically"


def _confidence(policy: Mapping[str, Any]) -> str:
    return "confidence" if policy.get("level", "leaf") == "leaf" else "branch confidence"


def _test_rows(metrics: Mapping[str, Any]) -> str:
    size = f"{metrics['test_size']:,} products"
    if metrics["accuracy"] is None:
        return f"{size}: none decided automatically; {percent(metrics['accuracy_all'])} of all would be right"
    return (
        f"{size}: {percent(metrics['coverage'])} decided automatically, {percent(metrics['accuracy'])} of them right "
        f"(interval {percent(metrics['accuracy_low'])} to {percent(metrics['accuracy_high'])})"
    )


def _model(registration: Mapping[str, Any]) -> str:
    return f"{registration['model_name']} version {registration['version']}, alias {registration['alias']}"


def _gate(gate: Mapping[str, Any]) -> str:
    """What the gate says, and below it its reasons; without a champion the reasons say all."""
    reasons = [str(reason) for reason in gate["reasons"]]
    result = [] if gate["result"] == "no_champion" and reasons else [str(gate["result"]).replace("_", " ")]
    return _lines(*result, *reasons)


def _lines(*sentences: str) -> str:
    """Sentences below each other beside a label; empty ones are left out."""
    return f"\n{'':<{LABEL_WIDTH}}".join(_wrapped(one) for one in sentences if one)


def _wrapped(sentence: str, indent: int = LABEL_WIDTH) -> str:
    """A sentence of any length in lines that fit a terminal, all but the first indented."""
    return textwrap.fill(sentence, LINE_WIDTH - indent).replace("\n", "\n" + " " * indent)


def _next(run: Run, program: str) -> str:
    rows = [("make ui", "see the run and the model version in MLflow")]
    if run.registration["gate"]["result"] != "failed":
        rows.append((f'{program} promote latest --by NAME --reason "…"', "make this version the champion"))
    width = max(len(command) for command, _ in rows)
    return "\n".join(
        f"{'Next' if index == 0 else '':<{LABEL_WIDTH}}{command:<{width}}   {purpose}"
        for index, (command, purpose) in enumerate(rows)
    )


def percent(share: float | None) -> str:
    """`0.953` as `95.3 %`, `0.95` as `95 %`; a dash where there is no figure."""
    return NOTHING if share is None else f"{100 * share:.1f}".removesuffix(".0") + " %"


def decimal(value: float | None, places: int) -> str:
    """A figure with `places` decimals; a dash where there is none."""
    return NOTHING if value is None else f"{value:.{places}f}"
