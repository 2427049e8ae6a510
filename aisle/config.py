"""`params.yaml`, read once and checked: misspelt or impossible parameters are refused by name."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from aisle.errors import ConfigurationError

Regime = Literal["representative", "audited", "human", "mixed", "everything"]
PolicyKind = Literal["target_accuracy", "coverage", "cost"]
Level = Literal["leaf", "branch"]
Clusters = Literal["none", "seller"]


@dataclass(frozen=True)
class Within:
    """The range of a number; `open_low` and `open_high` leave the end out."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below

    def __str__(self) -> str:
        return f"{'(' if self.open_low else '['}{self.low:g}, {self.high:g}{')' if self.open_high else ']'}"


def _number(
    default: Any, low: float, high: float = math.inf, *, open_low: bool = False, open_high: bool = False
) -> Any:
    return field(default=default, metadata={"within": Within(low, high, open_low, open_high)})


@dataclass(frozen=True)
class Split:
    """How product groups get their role for ever."""

    key: str = "aisle"
    calibration: float = _number(0.2, 0, 1, open_high=True)
    test: float = _number(0.2, 0, 1, open_high=True)

    def __post_init__(self) -> None:
        if self.calibration + self.test >= 1:
            raise ConfigurationError("split.calibration + split.test must stay below 1, or nothing is left to train on")


@dataclass(frozen=True)
class Train:
    """Which labels are trained on, and with what weight."""

    regime: Regime = "representative"
    folds: int = _number(3, 2, 20)
    new_sellers: float = _number(0.2, 0, 1)
    max_weight: float = _number(10.0, 1)
    mixed_audit_share: float = _number(0.3, 0, 1)
    certainty_weights: bool = False
    person_error_rate: float = _number(0.02, 0, 0.5, open_high=True)
    copies_of_rare: int = _number(1, 1, 1000)


@dataclass(frozen=True)
class BranchCost:
    """Prices that differ in one branch; null means the general price."""

    error: float | None = _number(None, 0)
    review: float | None = _number(None, 0)


@dataclass(frozen=True)
class PolicyParameters:
    """What the business asks of automation."""

    kind: PolicyKind = "target_accuracy"
    target_accuracy: float = _number(0.93, 0, 1, open_low=True, open_high=True)
    coverage: float = _number(0.7, 0, 1)
    cost_of_error: float = _number(5.0, 0)
    cost_of_review: float = _number(0.5, 0)
    branch_costs: Mapping[str, BranchCost] = field(default_factory=dict)
    by_branch: bool = False
    min_labels: int = _number(5, 0)
    level: Level = "leaf"
    branch_start_accuracy: float = _number(0.85, 0, 1, open_low=True, open_high=True)
    branch_start_share: float = _number(0.1, 0, 1, open_high=True)
    refresh_after_uses: int = _number(4, 1)
    refresh_after_days: int = _number(180, 1)


@dataclass(frozen=True)
class ThresholdParameters:
    """How sure the promise must be, and which thresholds are looked at."""

    confidence_level: float = _number(0.95, 0.5, 1, open_high=True)
    clusters: Clusters = "none"
    grid_size: int = _number(200, 2, 1000)
    min_branch_rows: int = _number(200, 1)


@dataclass(frozen=True)
class Gate:
    """How much worse than the champion a challenger may be."""

    accuracy_margin: float = _number(0.01, 0, 1)
    coverage_margin: float = _number(0.02, 0, 1)


@dataclass(frozen=True)
class Parameters:
    """All of `params.yaml`."""

    split: Split = field(default_factory=Split)
    train: Train = field(default_factory=Train)
    candidates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    policy: PolicyParameters = field(default_factory=PolicyParameters)
    threshold: ThresholdParameters = field(default_factory=ThresholdParameters)
    gate: Gate = field(default_factory=Gate)


def read_parameters(path: Path | str = "params.yaml") -> Parameters:
    """Read and check `params.yaml`; parameters left out take their default.

    Raises
    ------
    ConfigurationError
        For a file that is missing or no YAML, an unknown name (with the nearest known one), a
        wrong type, or a number out of its range.
    """
    content = read_yaml(path, missing="not there; run from the project's folder")
    try:
        parameters = parse(Parameters, content if content is not None else {}, "")
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    assert isinstance(parameters, Parameters)
    return parameters


def read_yaml(path: Path | str, missing: str = "no such file; check the path") -> Any:
    """The content of a YAML file that people write; `missing` is said of a file that is not there."""
    path = Path(path)
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: {missing}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise ConfigurationError(f"{path}:{where} not readable as YAML ({problem})") from error


def parse(kind: type, content: Any, where: str) -> Any:
    """Make a dataclass of `kind` from plain data, checking names, types and ranges.

    `where` is the dotted path for messages. Serves every YAML file that people write.
    """
    if not isinstance(content, Mapping):
        raise ConfigurationError(f"{where or 'the file'} must be a table of names and values, not {_say(content)}")
    hints = get_type_hints(kind)
    fields = {one.name: one for one in dataclasses.fields(kind)}
    values = {}
    for name, value in content.items():
        path = f"{where}.{name}" if where else str(name)
        if name not in fields:
            raise ConfigurationError(f"{path} is not a parameter{suggest(str(name), fields)}")
        values[name] = _convert(hints[name], value, path)
        within = fields[name].metadata.get("within")
        if within is not None and values[name] is not None and values[name] not in within:
            raise ConfigurationError(f"{path} is {value}; it must lie in {within}")
    required = [
        name
        for name, one in fields.items()
        if name not in values and one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
    ]
    if required:
        raise ConfigurationError(f"{where or 'the file'} lacks {', '.join(required)}")
    return kind(**values)


def suggest(name: str, known: Any) -> str:
    """`; did you mean …?` for the nearest of `known`, else the list of what is known."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(sorted(known))}"


def _convert(hint: Any, value: Any, path: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if value is None and NoneType in arguments:
            return None
        (hint,) = (one for one in arguments if one is not NoneType)
        return _convert(hint, value, path)
    if origin is Literal:
        if value not in arguments:
            raise ConfigurationError(f"{path} is '{value}'{suggest(str(value), arguments)}")
        return value
    if dataclasses.is_dataclass(hint):
        return parse(hint, value if value is not None else {}, path)  # type: ignore[arg-type]
    if hint is Any:
        return value
    if origin is not None and issubclass(origin, Mapping):
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise ConfigurationError(f"{path} must be a table of names and values, not {_say(value)}")
        return {str(key): _convert(arguments[1], one, f"{path}.{key}") for key, one in value.items()}
    if origin is not None and issubclass(origin, (list, tuple)):
        if not isinstance(value, (list, tuple)):
            raise ConfigurationError(f"{path} must be a list, not {_say(value)}")
        return tuple(_convert(arguments[0], one, f"{path}[{index}]") for index, one in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint in (int, float) and isinstance(value, bool)):
        raise ConfigurationError(f"{path} must be {_NAMES.get(hint, hint.__name__)}, not {_say(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(f"{path} is {value}; it must be a finite number")
    return value


_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


_LONGEST = 80  # characters of a value that a message repeats


def _say(value: Any) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return f"{type(value).__name__} ({text if len(text) <= _LONGEST else text[:_LONGEST] + '…'})"
