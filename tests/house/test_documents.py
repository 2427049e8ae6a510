from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

from aisle.config import Parameters, read_parameters
from aisle.model.candidates import CANDIDATES
from commands.main import COMMANDS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
ENGINEERS = ROOT / "docs" / "engineers.md"
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def names_of(kind: type, prefix: str = "") -> Iterator[str]:
    """All parameters as dotted names; a table whose keys are free counts as one."""
    for name, hint in get_type_hints(kind).items():
        if is_dataclass(hint):
            yield from names_of(hint, f"{prefix}{name}.")  # type: ignore[arg-type]
        else:
            yield prefix + name


def leaves_of(content: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in content.items():
        if isinstance(value, dict) and value:
            yield from leaves_of(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def names_of_candidates() -> Iterator[str]:
    for candidate, (_, parameters) in CANDIDATES.items():
        yield from (f"candidates.{candidate}.{parameter}" for parameter in parameters)


PARAMETERS = sorted({*names_of(Parameters), *names_of_candidates()} - {"candidates"})


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_explained(name: str) -> None:
    table = re.compile(rf"^\| `{re.escape(name)}` \|[^|]+\|[^|]{{20,}}", re.M)
    assert table.search(ENGINEERS.read_text()), f"docs/engineers.md has no row `{name}`"


def test_no_parameter_is_explained_that_is_gone() -> None:
    section = ENGINEERS.read_text().split("## Every parameter")[1].split("\n## ")[0]
    explained = set(re.findall(r"^\| `([a-z_.]+)` \|", section, re.M))
    assert explained - set(PARAMETERS) == set()


def test_the_defaults_explained_are_those_of_params_yaml() -> None:
    text = ENGINEERS.read_text()
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    for name in set(leaves_of(content)) & set(PARAMETERS):
        value: Any = content
        for part in name.split("."):
            value = value[part]
        row = re.search(rf"^\| `{re.escape(name)}` \| `([^`]+)` \|", text, re.M)
        assert row, name
        assert yaml.safe_load(row.group(1)) == value, name


def test_params_yaml_says_what_the_code_assumes() -> None:
    """A parameter left out means the same as the file that is shipped says."""
    shipped, assumed = read_parameters(ROOT / "params.yaml"), Parameters()
    different = [
        one.name
        for one in fields(Parameters)
        if one.name != "candidates" and getattr(shipped, one.name) != getattr(assumed, one.name)
    ]
    assert not different


def test_every_parameter_is_watched_by_the_stage_that_it_changes() -> None:
    """One that no stage watches would change nothing until something else does; `register` only writes all down."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    last = stages.pop("register")["params"]
    watched = {
        str(one).replace(".${item.candidate}", "") for stage in stages.values() for one in stage.get("params", [])
    }
    unwatched = {name for name in PARAMETERS if not any(f"{name}.".startswith(f"{one}.") for one in watched)}
    assert unwatched == {name for name in PARAMETERS if name.startswith("gate.")}
    assert {name for name in PARAMETERS if name.split(".")[0] not in last} == set()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented(name: str) -> None:
    told = [path.name for path in DOCUMENTS if re.search(rf"`?aisle {name}\b", path.read_text())]
    assert told, f"no document shows `aisle {name}`"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_of_a_command_is_documented(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "commands.main", name, "--help"], check=True, capture_output=True, text=True, cwd=ROOT
    )
    text = "\n".join(path.read_text() for path in DOCUMENTS)
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", done.stdout)) - {"--help"}
    assert [option for option in sorted(options) if option not in text] == []


def test_every_make_target_that_is_documented_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    told = {name for path in DOCUMENTS for name in re.findall(r"`make ([a-z-]+)", path.read_text())}
    assert {"run", "test", "ui", "lock"} <= told
    assert told - targets == set()


def test_every_stage_is_documented() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert [name for name in stages if f"`{name}`" not in text] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    broken = [link for link in LINK.findall(path.read_text()) if not (path.parent / link).exists()]
    assert not broken


def test_the_drawing_of_the_graph_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "docs/draw_graph.py", "--check"], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
