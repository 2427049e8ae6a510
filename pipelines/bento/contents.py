"""What goes into a Bento: the model's files, their identity, the code of `aisle` and `service`, and its lock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisle.decision.policy import read_policy
from aisle.errors import ModelError
from aisle.files import sha256_of, sha256_of_bytes, write_json

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

ROOT = Path(__file__).parents[2]
ROOMS = ("aisle", "service")
MODEL_FILES = ("model.skops", "policy.json", "taxonomy.csv")
IDENTITY = "identity.json"
LOCK = "service/requirements.lock"
_LEFT_OUT = ("__pycache__", "tests")  # and all that is hidden
_NO_SOURCE = (".pyc", ".pyo", ".part", ".orig", ".rej", "~")


@dataclass(frozen=True)
class Identity:
    """Who the model is: the chain from data over run and version to the people who promoted it."""

    model_name: str
    model_version: str
    run_id: str
    policy_id: str
    data_version: str
    git_commit: str
    promoted_at: str | None
    promoted_by: str | None

    @classmethod
    def of(cls, version: ModelVersion) -> Identity:
        """As the tags of a model version tell it."""
        tags = version.tags
        return cls(
            model_name=str(version.name),
            model_version=str(version.version),
            run_id=str(version.run_id),
            policy_id=tags.get("policy_id", "unknown"),
            data_version=tags.get("data_version", "unknown"),
            git_commit=tags.get("git_commit", "none"),
            promoted_at=tags.get("promoted_at"),
            promoted_by=tags.get("promoted_by"),
        )

    def record(self) -> dict[str, Any]:
        """As `identity.json` holds it; the tag of the Bento is known only when it is served."""
        values = dict(vars(self))
        promoted = {name: values.pop(name) for name in ("promoted_at", "promoted_by")}
        return {**values, "bento_tag": None, **promoted}

    def labels(self) -> dict[str, str]:
        """As labels of a Bento."""
        return {name: value or "unknown" for name, value in vars(self).items()}


def code_files() -> list[Path]:
    """The files of the packaged rooms, relative to `ROOT`, in order: no tests, no caches, nothing hidden."""
    return sorted(one for room in ROOMS for one in _source_files(Path(room)))


def _source_files(folder: Path) -> Iterator[Path]:
    for one in (ROOT / folder).iterdir():
        inside = folder / one.name
        if one.name.startswith(".") or one.name in _LEFT_OUT or one.name.endswith(_NO_SOURCE) or one.is_symlink():
            continue
        if one.is_dir():
            yield from _source_files(inside)
        else:
            yield inside


def copy_code(target: Path) -> str:
    """Copy the code of the packaged rooms to `target`; give its SHA-256 (over names and contents)."""
    lines = []
    for inside in code_files():
        (target / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / inside, target / inside)
        lines.append(f"{sha256_of(target / inside)}  {inside.as_posix()}")
    return sha256_of_bytes("\n".join(lines).encode())


def copy_model(downloaded: Path, target: Path, identity: Identity) -> str:
    """Write the model's folder from the files of its version; give the SHA-256 of model, policy and tree.

    Raises
    ------
    ModelError
        When a file is missing, or the policy is not the one that the version names.
    """
    target.mkdir(parents=True)
    version = f"version {identity.model_version} of {identity.model_name}"
    hashes = {}
    for name in MODEL_FILES:
        source = downloaded / "artifacts" / name
        if not source.is_file():
            raise ModelError(f"{version} has lost its {name}; register it again with `make run`")
        shutil.copyfile(source, target / name)
        hashes[name] = sha256_of(target / name)
    policy_id = read_policy(target / "policy.json").policy_id
    if identity.policy_id != policy_id:
        raise ModelError(f"{version} names the policy {identity.policy_id}, but its files hold {policy_id}")
    write_json(target / IDENTITY, identity.record())
    return sha256_of_bytes(json.dumps(hashes).encode())


def bento_version(identity: Identity, model_hash: str, source_hash: str) -> str:
    """The version of the Bento: the number in the registry, then what names the content.

    Who promoted it when is not part of it: going back to a former champion gives its former Bento.
    """
    content = [identity.run_id, identity.model_name, identity.data_version, model_hash, source_hash]
    return f"{identity.model_version}-{sha256_of_bytes(json.dumps(content).encode())[:12]}"
