"""From the alias `champion` to a Bento that answers as the registry's model does, or to no Bento at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from aisle.errors import ConfigurationError, ModelError, RegistryError
from aisle.files import clean_leftovers, holding, write_json
from pipelines.bento import contents, store
from pipelines.bento.comparing import check_same, questions
from pipelines.bento.contents import Identity
from pipelines.registry import connection, versions
from pipelines.registry.packaging import answers_apart, downloaded
from pipelines.registry.presence import files_are_there

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

BUILD_SECONDS = 300
MAX_REASON = 1000
NO_GATE = "none"


@dataclass(frozen=True)
class Packaged:
    """A Bento of the champion: made now or before, on how many products it was compared, what to be told."""

    bento: store.Bento
    new: bool
    compared: int = 0
    warnings: tuple[str, ...] = ()


def package(folder: Path, *, override: bool = False, reason: str = "", again: bool = False) -> Packaged:
    """Package the champion, unless a Bento of the same model and the same code is there.

    Parameters
    ----------
    folder : Path
        Of the project; its prepared test rows are compared too where they are of the champion's data.
    override, reason : bool, str
        Package although the gate failed, and why.
    again : bool
        Build although the Bento is there.

    Raises
    ------
    ConfigurationError
        For an override without a reason, or a reason without an override.
    RegistryError
        When nobody is champion, the gate failed, the files are gone, the store is out of reach.
    ModelError
        When the Bento cannot be built or answers otherwise than the registry's model; the store of
        Bentos is as before then.
    """
    _check_reason(override, reason)
    client = connection.connect()
    version = _champion(client)
    labels = _gate_labels(version, override, reason)
    home = store.home()
    home.mkdir(parents=True, exist_ok=True)
    name, number = str(version.name), str(version.version)
    ungated = (f"version {number} has no gate tag: no gate was asked before it became champion",)
    warnings = ungated if labels["gate"] == NO_GATE else ()
    with holding(home), _room(home) as room, downloaded(client, name, number) as model:
        identity = Identity.of(version)
        source_hash = contents.copy_code(room / "code")
        model_hash = contents.copy_model(model, room / "model", identity)
        bento_version = contents.bento_version(identity, model_hash, source_hash)
        made = store.version_folder(home, "bentos", bento_version)
        labels = {**identity.labels(), **labels, "source": source_hash}
        if made.is_dir() and not again:
            found = store.read_bento(made)
            return Packaged(found, new=False, warnings=(*warnings, *_outdated(found, labels)))
        built = _build(room, bento_version, labels)
        asked = questions(model, folder, identity.data_version)
        expected = _registry_answers(model, asked, identity)
        compared = check_same(expected, asked, _bento_answers(room, built, asked))
        return Packaged(store.take_in(room / "store", home, bento_version), True, compared, warnings)


def _outdated(bento: store.Bento, labels: Mapping[str, str]) -> Iterator[str]:
    """A line about the labels that a Bento made now would carry otherwise."""
    names = sorted({*labels, *bento.labels})
    told = "; ".join(
        f"{name} {labels.get(name, 'none')} (there: {bento.labels.get(name, 'none')})"
        for name in names
        if labels.get(name) != bento.labels.get(name)
    )
    told = " ".join(told.split())  # a reason may have several lines
    if told:
        again = "--again --override --reason TEXT" if "override_reason" in labels else "--again"
        yield (
            f"the labels of {bento.tag} are of {bento.created:%Y-%m-%d %H:%M} UTC, when it was built, and others now: "
            f"{told}; `aisle package {again}` makes it anew with these"
        )


def _check_reason(override: bool, reason: str) -> None:
    if override and not reason.strip():
        raise ConfigurationError("--override needs --reason TEXT; the Bento's labels keep it")
    if reason and not override:
        raise ConfigurationError("--reason goes with --override, which packages a champion that failed the gate")
    if len(reason) > MAX_REASON:
        raise ConfigurationError(f"--reason has {len(reason)} characters; at most {MAX_REASON} are kept")


def _champion(client: MlflowClient) -> ModelVersion:
    version = versions.champion(client)
    if version is None:
        raise RegistryError(
            f"no version of {connection.model_name()} is the champion yet; "
            "`aisle promote latest --by NAME --reason TEXT` makes one"
        )
    with connection.translated():
        where = client.get_model_version_download_uri(version.name, version.version)
    if not files_are_there(where):
        raise RegistryError(
            f"the champion, version {version.version}, has lost its files; "
            "register it again with `make run`, or promote another version"
        )
    return version


def _gate_labels(version: ModelVersion, override: bool, reason: str) -> dict[str, str]:
    gate = version.tags.get("gate", NO_GATE)
    if gate != "failed":
        return {"gate": gate}
    if not override:
        why = "; ".join(versions.gate_reasons(version)) or "see its description"
        raise RegistryError(
            f"the champion, version {version.version}, failed the gate ({why}); "
            "promote another version, or add --override --reason TEXT"
        )
    return {"gate": gate, "override_reason": reason.strip()}


@contextlib.contextmanager
def _room(home: Path) -> Iterator[Path]:
    """A folder in the store to build in, on the same disk; what a killed packaging left there goes first."""
    for left in home.glob(".packaging-*"):
        shutil.rmtree(left, ignore_errors=True)
    for kind in ("models", "bentos"):
        for made in (home / kind / store.NAME).glob(".*.*"):
            clean_leftovers(made.parent / made.name[1:].rpartition(".")[0].rpartition(".")[0])
    with tempfile.TemporaryDirectory(prefix=".packaging-", dir=home) as folder:
        yield Path(folder)


def _build(room: Path, version: str, labels: Mapping[str, str]) -> Path:
    plan = {
        "store": str(room / "store"),
        "code": str(room / "code"),
        "model": str(room / "model"),
        "version": version,
        "labels": dict(labels),
        "description": _description(version, labels),
    }
    write_json(room / "plan.json", plan)
    _apart("build_apart.py", room, str(room / "plan.json"))
    return store.version_folder(room / "store", "bentos", version)


def _description(version: str, labels: Mapping[str, str]) -> str:
    lines = "\n".join(f"| {name} | {value.replace('|', '&#124;')} |" for name, value in labels.items())
    return (
        f"# {store.NAME}:{version}\n\nPuts products into their category, automatically where the promised accuracy "
        f"can be kept.\n\n| label | value |\n|---|---|\n{lines}\n\nRun it from `src/`: `python -m service.run ..`. "
        "Packages: `src/service/requirements.lock`. Container: `env/docker/Dockerfile`.\n"
    )


def _registry_answers(model: Path, asked: pd.DataFrame, identity: Identity) -> pd.DataFrame:
    try:
        return answers_apart(model, asked)
    except ModelError as error:
        raise ModelError(f"version {identity.model_version} of the registry cannot be asked: {error}") from error


def _bento_answers(room: Path, bento: Path, asked: pd.DataFrame) -> list[dict[str, Any]]:
    products = [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in asked.to_dict("records")
    ]
    write_json(room / "products.json", products)
    answered = room / "answers.json"
    _apart("ask_apart.py", room, str(bento), str(room / "products.json"), str(answered))
    return list(json.loads(answered.read_text(encoding="utf-8")))


def _apart(script: str, room: Path, *words: str) -> None:
    """Run one of our scripts in a process that knows nothing of the checkout, nor of settings meant for others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AISLE_", "BENTOML_", "PYTHON"))}
    environment = {**kept, "BENTOML_HOME": str(room / "store"), "BENTOML_DO_NOT_TRACK": "true", "HOME": str(room)}
    command = [sys.executable, "-I", str(Path(__file__).with_name(script)), *words]
    try:
        done = subprocess.run(
            command, cwd=room, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"the Bento: no answer within {BUILD_SECONDS} s; nothing was packaged") from error
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        why = lines[-1].strip()[:400] if lines else f"its process ended with code {done.returncode}"
        raise ModelError(f"the Bento could not be {'built' if 'build' in script else 'asked'}: {why}")
