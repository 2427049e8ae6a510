"""docs/validation.md lists every rule as the suites have it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from expectations.catalogue import TABLES
from expectations.suites import SUITES, read_suite

PAGE = Path(__file__).parents[2] / "docs" / "validation.md"


@pytest.mark.parametrize("table", TABLES)
def test_the_rules_are_documented_as_they_are(table: str) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f"\n### {table}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| `(\S+)` \| (\w+) \| (.+) \|$", section, re.M)
    assert rows == [(rule.name, rule.level, rule.sentence) for rule in read_suite(SUITES / f"{table}.json")]
