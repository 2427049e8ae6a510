"""`aisle plan`: how many audits for which promise, and which products to audit, before labels are paid for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from aisle.config import Parameters
    from aisle.decision.scored import ScoredProducts

EPILOG = """\
examples:
  aisle plan certificate
  aisle plan certificate --targets 0.95,0.97,0.99 --power 0.95
  aisle plan certificate --accuracy 0.87 --gap 0.022
  aisle plan audits --budget 20,50,100
  aisle plan audits --budget 50 --save audit_rates.json

certificate: how many audits it takes to decide which share automatically under which promise.
Takes the out-of-fold scores of the last run. Without a run, give the accuracy that is expected
of a model (and the gap of its ordering), or --curve FILE, a CSV file with columns coverage and
accuracy.

audits: at which rate to audit which products, so that the accuracy of what is decided every day is known
as closely as the budget allows. Takes the predictions of the last 30 days in --into, else the out-of-fold
scores."""

_LEAST_POWER = 0.5
_FEWEST, _MOST = 100, 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be planned, and from what."""
    parser.epilog = EPILOG
    parser.add_argument("what", choices=["certificate", "audits"], help="a certified threshold, or daily audits")
    parser.add_argument(
        "--targets", metavar="LIST", help="accuracies to promise (default: that of params.yaml and 0.9,0.95,0.98)"
    )
    parser.add_argument(
        "--confidence-level", type=float, metavar="P", help="of the promise (default: that of params.yaml)"
    )
    parser.add_argument(
        "--power",
        type=float,
        default=0.9,
        metavar="P",
        help="probability of reaching the coverage (default: %(default)s)",
    )
    parser.add_argument(
        "--most", type=int, default=10_000, metavar="N", help="largest number of audits tried (default: 10,000)"
    )
    parser.add_argument("--candidate", metavar="NAME", help="whose out-of-fold scores (default: the chosen one)")
    parser.add_argument("--accuracy", type=float, metavar="A", help="without a run: share right of all products")
    parser.add_argument("--gap", type=float, metavar="G", help="with --accuracy: gap of the ordering (default: 0.02)")
    parser.add_argument("--curve", type=Path, metavar="FILE", help="without a run: coverage and accuracy as CSV")
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="where the drawing goes: .html, .png or .svg (default: work/audits.html, work/audit_rates.html)",
    )
    audits = parser.add_argument_group("audits")
    audits.add_argument(
        "--budget", metavar="LIST", help="audits a day to compare (default: 5 to 1000, as products allow)"
    )
    audits.add_argument("--days", default="1,7,30", metavar="LIST", help="known how well after (default: %(default)s)")
    audits.add_argument("--of", choices=["auto", "all"], default="auto", help="whose accuracy (default: %(default)s)")
    audits.add_argument("--floor", type=float, default=0.01, metavar="P", help="least rate (default: %(default)s)")
    audits.add_argument("--products-a-day", type=float, metavar="N", help="(default: as lately; without any 1,000)")
    audits.add_argument("--into", type=Path, default=Path("data"), metavar="DIR", help="catalogue (default: data)")
    audits.add_argument("--save", type=Path, metavar="FILE", help="write the rates for `aisle audit draw --rates`")


def run(arguments: argparse.Namespace) -> int | None:
    """Print the table, write the drawing."""
    from dataclasses import replace

    from aisle.config import Parameters, read_parameters
    from aisle.decision.certificates import outlooks
    from pipelines.report import outlook

    parameters = read_parameters() if Path("params.yaml").exists() else Parameters()
    if arguments.what == "audits":
        _audits(arguments, parameters)
        return None
    plot = arguments.plot or Path("work/audits.html")
    targets = _targets(arguments.targets, parameters.policy.target_accuracy)
    level = arguments.confidence_level
    level = parameters.threshold.confidence_level if level is None else _within("--confidence-level", level, 0.5)
    power = _within("--power", arguments.power, _LEAST_POWER)
    if not _FEWEST <= arguments.most <= _MOST:
        raise ConfigurationError(f"--most {arguments.most:,} must lie between {_FEWEST} and {_MOST:,}")
    outlook.check_name(plot)
    pool, source, audits = _pool(arguments, parameters)
    how = replace(parameters.threshold, confidence_level=level)
    plan = outlook.Plan(outlooks(pool, targets, how, arguments.most), power, level, source, audits)
    print(outlook.table(plan))
    outlook.write(plan, plot)
    print(f"\nAs a drawing: {plot}")
    return None


def _audits(arguments: argparse.Namespace, parameters: Parameters) -> None:
    from pipelines import planning_audits

    budgets = [] if arguments.budget is None else _numbers("--budget", arguments.budget)
    wish = planning_audits.Wish(
        budgets=tuple(budgets),
        days=tuple(int(one) for one in _numbers("--days", arguments.days)),
        aim=arguments.of,
        floor=_within("--floor", arguments.floor, 0.0),
        volume=arguments.products_a_day,
        folder=arguments.into,
        candidate=arguments.candidate,
    )
    plot = arguments.plot or Path("work/audit_rates.html")
    print(planning_audits.run(wish, parameters, arguments.save, plot))


def _numbers(option: str, text: str) -> list[float]:
    try:
        numbers = sorted({float(one) for one in text.split(",")})
    except ValueError as error:
        raise ConfigurationError(f"{option} '{text}': write numbers with commas between, as in 5,10") from error
    if not all(1 <= one <= 1e7 for one in numbers) or len(numbers) > 12:
        raise ConfigurationError(f"{option} '{text}': up to twelve numbers between 1 and 10,000,000 are wanted")
    return numbers


def _targets(text: str | None, usual: float) -> list[float]:
    if text is None:
        return sorted({0.90, 0.95, 0.98, usual})
    try:
        targets = sorted({float(one) for one in text.split(",")})
    except ValueError as error:
        raise ConfigurationError(f"--targets '{text}': write numbers with commas between, as in 0.9,0.95") from error
    for one in targets:
        _within("--targets", one, 0.0)
    if len(targets) > 8:
        raise ConfigurationError(f"--targets names {len(targets)} accuracies; eight at a time can be read")
    return targets


def _within(option: str, value: float, low: float) -> float:
    if not low < value < 1 and not (low > 0 and value == low):
        hint = f"; write {value:g} % as {value / 100:g}" if 1 < value < 100 else ""
        raise ConfigurationError(f"{option} {value:g} must lie between {low:g} and 1{hint}")
    return value


def _pool(arguments: argparse.Namespace, parameters: Parameters) -> tuple[ScoredProducts, str, int | None]:
    """Products with known answers, where they are from, and the calibration rows that there are."""
    given = [name for name in ("accuracy", "curve", "candidate") if getattr(arguments, name) is not None]
    if len(given) > 1:
        raise ConfigurationError(f"--{given[0]} and --{given[1]} do not go together; give one of them")
    if arguments.gap is not None and arguments.accuracy is None:
        raise ConfigurationError("--gap belongs to --accuracy; give both, or neither")
    if arguments.accuracy is not None:
        from aisle.decision.certificates import assumed_curve, pool_of_curve

        accuracy = _within("--accuracy", arguments.accuracy, 0.0)
        gap = 0.02 if arguments.gap is None else arguments.gap
        source = f"an assumed model: {accuracy:.1%} of all products right, gap {gap:g}".replace("%", " %")
        return pool_of_curve(*assumed_curve(accuracy, gap)), source, None
    if arguments.curve is not None:
        return _pool_of_file(arguments.curve), f"the curve in {arguments.curve}", None
    from pipelines.planning import known_products

    return known_products(arguments.candidate, parameters)


def _pool_of_file(path: Path) -> ScoredProducts:
    import pandas as pd

    from aisle.decision.certificates import pool_of_curve

    if not path.is_file():
        raise DataError(f"{path}: no such file; --curve wants a CSV file with columns coverage and accuracy")
    try:
        table = pd.read_csv(path, usecols=["coverage", "accuracy"], dtype=float).sort_values("coverage")
    except (ValueError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path}: a CSV file with numbers in columns coverage and accuracy is wanted ({reason})"
        ) from error
    coverage, accuracy = table["coverage"].to_numpy(), table["accuracy"].to_numpy()
    inside = (coverage > 0) & (coverage <= 1) & (accuracy >= 0) & (accuracy <= 1)
    if not len(table) or not inside.all() or table["coverage"].duplicated().any():
        raise DataError(f"{path}: coverage must lie in (0, 1], each once, and accuracy in [0, 1]; write 95 % as 0.95")
    return pool_of_curve(coverage, accuracy)
