"""Model versions of the registry: found, made, pointed at by aliases, promoted."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aisle.errors import ConfigurationError, RegistryError
from pipelines.registry.connection import model_name, registry_uri, shown, translated
from pipelines.registry.presence import files_are_there

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHALLENGER = "challenger"
CHAMPION = "champion"
LATEST = "latest"
MAX_DESCRIPTION = 5000  # characters that every database behind MLflow can hold
MAX_REASON = 1000
_ABOUT = (
    "Puts products into their category, automatically where the promised accuracy can be kept. "
    "The alias `champion` is what goes live, `challenger` is the last one trained; the tags below tell "
    "who made which version the champion."
)


@dataclass(frozen=True)
class Promotion:
    """What a promotion did: the new champion, the one before it, and warnings for the person who asked."""

    version: str
    replaced: str | None
    already: bool
    warnings: tuple[str, ...] = ()


def ensure_model(client: MlflowClient) -> None:
    """Make the registered model where it is missing."""
    from mlflow.exceptions import MlflowException

    with translated():
        if _aliases_or_none(client) is None:
            try:
                client.create_registered_model(model_name(), description=_ABOUT)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was quicker
                    raise


def find(client: MlflowClient, inputs_hash: str) -> ModelVersion | None:
    """The newest version made of these inputs whose files are still there; None where there is none."""
    with translated():
        named = client.search_model_versions(f"name = '{model_name()}' and tags.inputs_hash = '{inputs_hash}'")
        for version in sorted(named, key=lambda one: -int(one.version)):
            if files_are_there(client.get_model_version_download_uri(model_name(), version.version)):
                return version
        return None


def create(
    client: MlflowClient, run_id: str, model_id: str, uri: str, tags: Mapping[str, str], description: str
) -> ModelVersion:
    """A new version with its tags and description: all of it, or nothing."""
    with translated():
        version = client.create_model_version(
            model_name(), uri, run_id, tags=dict(tags), description=description[:MAX_DESCRIPTION], model_id=model_id
        )
        # What links the page of the logged model to its version; MLflow's own `register_model` does the same.
        link = [{"name": model_name(), "version": str(version.version)}]
        client.set_logged_model_tags(model_id, {"mlflow.modelVersions": json.dumps(link)})
        return version


def describe(client: MlflowClient, version: str, tags: Mapping[str, str], description: str) -> None:
    """Change what a version says of itself, for instance after another look at the gate."""
    with translated():
        for key, value in tags.items():
            client.set_model_version_tag(model_name(), version, key, value)
        client.update_model_version(model_name(), version, description[:MAX_DESCRIPTION])


def challenge(client: MlflowClient, version: str) -> None:
    """Point the alias `challenger` at `version`."""
    with translated():
        client.set_registered_model_alias(model_name(), CHALLENGER, version)


def champion(client: MlflowClient) -> ModelVersion | None:
    """The version that the alias `champion` points at; None where there is none yet."""
    with translated():
        version = (_aliases_or_none(client) or {}).get(CHAMPION)
        return client.get_model_version(model_name(), str(version)) if version is not None else None


def inputs_hash_of(client: MlflowClient, name: str, version: str) -> str | None:
    """The tag `inputs_hash` of a version; None where the version, or the tag, is missing."""
    with translated():
        found = client.search_model_versions(f"name = '{name}'")
        tags = next((one.tags for one in found if str(one.version) == version), {})
        return tags.get("inputs_hash")


def promote(client: MlflowClient, wanted: str, by: str, reason: str, override: bool = False) -> Promotion:
    """Make a version the champion: tags that say who, when, why and instead of which, then the alias.

    Parameters
    ----------
    wanted : str
        A version number, or "latest" for the highest one.
    by, reason : str
        Who decides, and why; neither may be empty.
    override : bool
        Promote although the gate failed.

    Raises
    ------
    ConfigurationError
        For a `wanted` that is no number, or an empty `by` or `reason`.
    RegistryError
        For a version that does not exist, has lost its files, or failed the gate without `override`.
    """
    _check_words(by, reason)
    with translated():
        version = _resolve(client, wanted)
        before = (_aliases_or_none(client) or {}).get(CHAMPION)
        number, replaced = str(version.version), str(before) if before is not None else None
        if replaced == number:
            return Promotion(number, version.tags.get("replaced"), already=True)
        _check_promotable(client, version, override)
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        tags = {"promoted_by": by, "promoted_at": now, "reason": reason, "replaced": replaced or "none"}
        if version.tags.get("gate") == "failed":
            tags["gate_overridden"] = "true"
        for key, value in tags.items():
            client.set_model_version_tag(model_name(), number, key, value)
        instead = f"instead of version {replaced}" if replaced else "as the first champion"
        line = f"version {number} {instead}, by {by}: {reason}"
        client.set_registered_model_tag(model_name(), f"promoted {now}", line)
        client.set_registered_model_alias(model_name(), CHAMPION, number)
    return Promotion(number, replaced, already=False, warnings=_warnings(version, replaced))


def _check_words(by: str, reason: str) -> None:
    for option, value in (("--by", by), ("--reason", reason)):
        if not value.strip():
            raise ConfigurationError(f"{option} is empty; the history must say who promoted a version, and why")
        if len(value) > MAX_REASON:
            raise ConfigurationError(f"{option} has {len(value)} characters; at most {MAX_REASON} are kept")


def _resolve(client: MlflowClient, wanted: str) -> ModelVersion:
    versions = {str(one.version): one for one in client.search_model_versions(f"name = '{model_name()}'")}
    if wanted != LATEST and not (wanted.isascii() and wanted.isdigit()):
        raise ConfigurationError(f"'{wanted}' is no version; give a number, or {LATEST}")
    if not versions:
        raise RegistryError(
            f"tracking store {shown(registry_uri())}: the model {model_name()} has no version yet; "
            "`make run` registers one"
        )
    known = sorted(versions, key=int)
    number = known[-1] if wanted == LATEST else str(int(wanted))
    if number not in versions:
        raise RegistryError(f"the model {model_name()} has no version {number}; it has {_listed(known)}")
    return versions[number]


def _listed(numbers: list[str]) -> str:
    return ", ".join(numbers) if len(numbers) <= 10 else f"{', '.join(numbers[:3])} … {', '.join(numbers[-3:])}"


def _check_promotable(client: MlflowClient, version: ModelVersion, override: bool) -> None:
    number = str(version.version)
    if not files_are_there(client.get_model_version_download_uri(model_name(), number)):
        raise RegistryError(f"version {number} has lost its files; register it again with `make run`")
    if version.tags.get("gate") == "failed" and not override:
        why = "; ".join(gate_reasons(version)) or "see its description"
        raise RegistryError(
            f"version {number} failed the gate ({why}); promote another version, or add --override and say why"
        )


def _warnings(version: ModelVersion, replaced: str | None) -> tuple[str, ...]:
    gate, against = version.tags.get("gate"), version.tags.get("gate_champion", "none")
    warnings = []
    if gate is None:
        warnings.append("this version never went through the gate")
    elif gate == "failed":
        warnings.append("the gate had failed, and was overridden")
    elif gate == "undecided":
        warnings.append("the gate was undecided: " + "; ".join(gate_reasons(version)))
    if gate is not None and against != (replaced or "none"):
        compared = "no champion" if against == "none" else f"version {against}"
        warnings.append(f"the gate compared it with {compared}, not with version {replaced}, which it replaces now")
    return tuple(warnings)


def gate_reasons(version: ModelVersion) -> list[str]:
    """The reasons that the gate gave, as the version's tags hold them."""
    return [str(one) for one in json.loads(version.tags.get("gate_reasons", "[]"))]


def _aliases_or_none(client: MlflowClient) -> dict[str, str] | None:
    """Aliases of the registered model; None where there is no such model."""
    from mlflow.exceptions import MlflowException

    try:
        return dict(client.get_registered_model(model_name()).aliases)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
