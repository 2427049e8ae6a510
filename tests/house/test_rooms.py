from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_imports_go_downwards_only() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_domain_is_forbidden_every_tool() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (forbidden,) = (one["forbidden_modules"] for one in contracts if one.get("source_modules") == ["aisle"])
    assert set(forbidden) == {"bentoml", "django", "dvc", "evidently", "great_expectations", "mlflow"}


def test_imports_find_nothing_to_do() -> None:
    """Importing every module of the domain makes no file, prints nothing and starts nothing."""
    code = """
import importlib, os, pathlib, sys
before = sorted(os.listdir("."))
for path in sorted(pathlib.Path(sys.argv[1]).glob("aisle/**/*.py")):
    name = ".".join(path.relative_to(sys.argv[1]).with_suffix("").parts)
    importlib.import_module(name.removesuffix(".__init__"))
assert sorted(os.listdir(".")) == before
import threading
assert threading.active_count() == 1, threading.enumerate()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT / "docs",
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
