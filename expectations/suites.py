"""The suites as people read them: rules with a name, a level, a sentence, and how to mend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aisle.errors import ConfigurationError
from aisle.files import read_json

Level = Literal["error", "warning"]

SUITES = Path(__file__).parent
_LEVELS: dict[str, Level] = {"critical": "error", "warning": "warning"}  # Great Expectations' severity → our level


@dataclass(frozen=True)
class Rule:
    """One expectation of a suite: `name` is unique in its suite, `sentence` says it, `mend` what to do."""

    name: str
    expectation: str
    level: Level
    sentence: str
    mend: str
    configuration: Mapping[str, Any] = field(repr=False)

    @property
    def columns(self) -> list[str]:
        """The columns that the rule speaks of, those of its condition last."""
        kwargs = self.configuration.get("kwargs", {})
        named = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
        condition = kwargs.get("row_condition") or {}
        conditions = [condition["column"]["name"]] if "column" in condition else []
        return list(dict.fromkeys([*named, *kwargs.get("column_list", ()), *conditions]))


def read_suite(path: Path | str) -> list[Rule]:
    """Read a suite; `ConfigurationError` where it holds no rule, or a rule lacks what people read."""
    path = Path(path)
    content = read_json(path)
    rules = []
    for number, one in enumerate(content.get("expectations", []), start=1):
        name = one.get("meta", {}).get("rule", "")
        lacking = [key for key in ("type", "kwargs", "description", "notes") if not one.get(key)]
        if not name or lacking:
            raise ConfigurationError(f"{path}: expectation {number} lacks {', '.join(lacking) or 'meta.rule'}")
        level = _LEVELS.get(one.get("severity", ""))
        if level is None:
            raise ConfigurationError(f"{path}: {name}: severity must be critical (an error) or warning")
        rules.append(Rule(name, one["type"], level, one["description"], one["notes"], one))
    if not rules:
        raise ConfigurationError(f"{path}: holds no expectation, so it would pass whatever the table holds")
    twice = {one.name for one in rules if [other.name for other in rules].count(one.name) > 1}
    if twice:
        raise ConfigurationError(f"{path}: meta.rule {', '.join(sorted(twice))} stands there twice; names must differ")
    return rules
