"""How much the packages of a Bento take when they are installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.bento.contents import LOCK
from tests.conftest import lacking

MOST_BYTES = 350e6
SECONDS = 240


def run(*command: str | Path) -> None:
    """Run a command, or lack what it needs: packages come from the cache alone, so that no test downloads any."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        told = " ".join(done.stderr.split())[:300]
        lacking(f"the packages of {LOCK} cannot be installed from uv's cache ({told})")


@pytest.mark.slow
def test_the_lock_installs_into_350_mb(root: Path, tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    if not uv.is_file():
        lacking("uv is not installed beside this Python")
    venv = tmp_path / "venv"
    run(uv, "venv", "--quiet", "--offline", "--python", sys.executable, venv)
    install = [uv, "pip", "install", "--quiet", "--offline", "--python", venv / "bin" / "python"]
    # What the cache holds was checked when it came in; some of it without keeping the hashes.
    run(*install, "--no-deps", "--no-verify-hashes", "--link-mode", "hardlink", "-r", root / LOCK)
    sizes = [os.lstat(one).st_size for one in venv.rglob("*")]
    assert any(one.name == "bentoml" for one in venv.rglob("site-packages/*"))
    assert 100e6 < sum(sizes) <= MOST_BYTES
