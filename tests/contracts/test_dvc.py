"""What the graph relies on in DVC; a pin that moves must not change it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GRAPH = """
stages:
  compute:
    cmd: cp params.yaml computed && echo x >> runs-compute
    params: [value]
    outs: [computed: {push: false}]
  register:
    cmd: cp computed registered && echo x >> runs-register
    deps: [computed]
    outs: [registered: {cache: false, persist: true}]
"""


def dvc(folder: Path, *words: str) -> str:
    environment = os.environ | {"HOME": str(folder), "DVC_SITE_CACHE_DIR": str(folder / "site")}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words], cwd=folder, check=False, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    """An empty project with the settings of this one."""
    (tmp_path / ".dvc").mkdir()
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore"):
        shutil.copy(root / name, tmp_path / name)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def runs(project: Path, stage: str) -> int:
    return len((project / f"runs-{stage}").read_text().splitlines())


def test_what_persists_is_made_again_and_not_taken_from_the_run_cache(project: Path) -> None:
    (project / "dvc.yaml").write_text(GRAPH)
    for value in (1, 2, 1):
        (project / "params.yaml").write_text(f"value: {value}\n")
        dvc(project, "repro", "--quiet")
        assert (project / "registered").read_text() == f"value: {value}\n"
    assert runs(project, "compute") == 2
    assert runs(project, "register") == 3
    dvc(project, "repro", "--quiet")
    assert runs(project, "register") == 3
    dvc(project, "repro", "--quiet", "--single-item", "--force", "register")
    assert runs(project, "register") == 4
    assert "up to date" in dvc(project, "repro")


def test_the_remote_in_the_repository_gives_the_data_to_a_clone(project: Path) -> None:
    (project / "data").mkdir()
    (project / "data" / "taxonomy.csv").write_text("category_id,parent_id,name\n")
    dvc(project, "add", "--quiet", "data")
    dvc(project, "push", "--quiet")
    clone = project / "clone"
    clone.mkdir()
    for name in (".dvc", "dvcstore"):
        shutil.copytree(project / name, clone / name, ignore=shutil.ignore_patterns("cache", "tmp"))
    for name in (".dvcignore", "data.dvc"):
        shutil.copy(project / name, clone / name)
    subprocess.run(["git", "init", "--quiet"], cwd=clone, check=True)
    dvc(clone, "pull", "--quiet", "data.dvc")
    assert (clone / "data" / "taxonomy.csv").read_text() == "category_id,parent_id,name\n"
