from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROOMS = ("aisle", "commands", "desk", "expectations", "monitoring", "pipelines", "service")
LOCKS = ("requirements.lock", "requirements.bootstrap.lock", "service/requirements.lock")
PACKAGE_INDEX = re.compile(
    r"(index-url|find-links|https?://)[^\s]*(pypi|pythonhosted|/simple\b|artifactory|devpi)", re.I
)


def kept_files() -> list[Path]:
    """The files that git keeps or would keep, without the bytes of the data remote."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if not name.startswith("dvcstore/") and (ROOT / name).is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    for path in kept_files():
        if path == Path(__file__):  # it has to name what the others may not
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


@pytest.mark.parametrize("room", ROOMS)
def test_modules_stay_small(room: str) -> None:
    modules = list((ROOT / room).rglob("*.py"))
    assert modules
    long = {
        str(path.relative_to(ROOT)): lines for path in modules if (lines := len(path.read_text().splitlines())) > 300
    }
    assert not long


def test_every_package_of_a_room_is_a_package() -> None:
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_no_file_names_a_package_index() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {hit.group()}" for path, text in texts() if (hit := PACKAGE_INDEX.search(text))
    ]
    assert not found


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_pins_with_hashes_alone(name: str) -> None:
    entries = re.split(r"(?<!\\)\n", (ROOT / name).read_text().strip())
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==[^\s]+ ", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


def test_the_lock_covers_every_requirement() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = {line.split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line}
    names = {re.match(r"[A-Za-z0-9._-]+", one).group().lower().replace("_", "-") for one in asked}  # type: ignore[union-attr]
    assert names - pinned == set()


def test_both_locks_hold_the_same_uv() -> None:
    def uv_of(name: str) -> str:
        found = re.search(r"^uv==.*?(?<!\\)$", (ROOT / name).read_text(), re.M | re.S)
        assert found
        return found.group()

    assert uv_of(LOCKS[0]) == uv_of(LOCKS[1])


def test_the_service_runs_on_the_versions_that_are_tested_here() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9._-]+(?:\[[a-z0-9,._-]+\])?==[^\s]+", (ROOT / name).read_text(), re.M))

    ours, service = pins("requirements.lock"), pins("service/requirements.lock")
    assert service - ours == set()
    learning = {"dvc", "django", "evidently", "great-expectations", "mlflow", "pandas", "pyarrow"}
    assert {pin.split("==")[0] for pin in service} & learning == set()


def test_no_model_is_a_pickle() -> None:
    forbidden = {".joblib", ".pickle", ".pkl"}
    assert [path for path in kept_files() if path.suffix in forbidden] == []


def test_the_data_remote_is_in_the_repository_and_outside_the_walk_of_dvc() -> None:
    assert "url = ../dvcstore" in (ROOT / ".dvc" / "config").read_text()
    assert "dvcstore/" in (ROOT / ".dvcignore").read_text().splitlines()


def test_outputs_stay_out_of_the_remote() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    for name, stage in stages.items():
        for kind in ("outs", "metrics", "plots"):
            for output in stage.get(kind, []):
                assert isinstance(output, dict), f"{name}: {output} has neither push: false nor cache: false"
                ((path, options),) = output.items()
                assert options.get("push") is False or options.get("cache") is False, f"{name}: {path}"


def test_the_graph_trains_every_candidate_that_has_parameters() -> None:
    candidates = list(yaml.safe_load((ROOT / "params.yaml").read_text())["candidates"])
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert stages["train"]["matrix"]["candidate"] == candidates
    assert stages["score"]["matrix"]["candidate"] == candidates


def test_the_promise_does_not_touch_training() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    touched = {
        name
        for name, stage in stages.items()
        if any(str(one).split(".")[0] in ("policy", "threshold") for one in stage.get("params", []))
    }
    assert touched <= {"choose", "threshold", "evaluate", "register"}
    assert "choose" in touched
