"""Who answers: a model that is loaded here, or a service that is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aisle.catalogue.columns import PRODUCT_FIELDS, Columns
from aisle.client import ModelIdentity, ServiceClient
from aisle.config import read_yaml
from aisle.decision.answers import ANSWER_COLUMNS, decide
from aisle.errors import DataError, ModelError, RegistryError
from aisle.files import read_json, sha256_of

if TYPE_CHECKING:
    from aisle.decision.policy import Policy
    from aisle.model.categorizer import Categorizer

ANSWERS = (*ANSWER_COLUMNS, "reason")


@dataclass(frozen=True)
class Answers:
    """For n products: the columns ANSWERS, and what is wrong with a product by its place, from 0."""

    columns: dict[str, list[Any]]
    errors: dict[int, str]


class Scorer(Protocol):
    """Answers for products, all by the same model."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model."""

    @property
    def fingerprint(self) -> dict[str, str | None]:
        """What names the model beyond doubt: answers of another one are no continuation of these."""

    def score(self, ids: Sequence[str | None], revisions: Sequence[int], products: Mapping[str, list[Any]]) -> Answers:
        """Answers for n products, given as the columns PRODUCT_FIELDS, in their order."""


class LocalScorer:
    """A model in this process."""

    def __init__(
        self, model: Categorizer, policy: Policy, identity: ModelIdentity, fingerprint: dict[str, str | None]
    ) -> None:
        self._model = model
        self._policy = policy
        self.identity = identity
        self.fingerprint = fingerprint

    def score(self, ids: Sequence[str | None], revisions: Sequence[int], products: Mapping[str, list[Any]]) -> Answers:
        """See `Scorer`."""
        import numpy as np

        suggested = self._model.suggest(Columns(products))
        decided = decide(suggested, self._policy)
        columns = {name: getattr(suggested if hasattr(suggested, name) else decided, name).tolist() for name in ANSWERS}
        columns["threshold"] = [None if np.isnan(one) else one for one in columns["threshold"]]
        return Answers(columns, {})


class RemoteScorer:
    """A service that holds the model."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self.identity = client.identity()
        self.fingerprint = {**vars(self.identity)}

    def score(self, ids: Sequence[str | None], revisions: Sequence[int], products: Mapping[str, list[Any]]) -> Answers:
        """See `Scorer`; `DataError` where another model answers than at the beginning."""
        rows = [
            {"product_id": product_id, "revision": revision} | dict(zip(PRODUCT_FIELDS, row, strict=True))
            for product_id, revision, row in zip(
                ids, revisions, zip(*(products[name] for name in PRODUCT_FIELDS), strict=True), strict=True
            )
        ]
        sent = [{name: value for name, value in row.items() if value is not None} for row in rows]
        answer = self._client.categorize(sent, alternatives=0)
        if answer.model != self.identity:
            raise DataError(
                f"{self._client.url}: the model changed from version {self.identity.version} to version "
                f"{answer.model.version} meanwhile; run the same command again to begin anew with that one"
            )
        columns = {name: list(getattr(answer, name)) for name in ANSWERS}
        return Answers(columns, {one.place: one.detail for one in answer.errors})


@contextlib.contextmanager
def champion_scorer() -> Iterator[Scorer]:
    """The model that holds the alias champion in the registry.

    Raises
    ------
    RegistryError
        When there is none, or the registry is out of reach.
    ModelError
        When it cannot be read.
    """
    from pipelines.registry import connection, versions
    from pipelines.registry.packaging import downloaded

    client, name = connection.connect(), connection.model_name()
    version = versions.champion(client)
    if version is None:
        raise RegistryError(
            f"the model {name} has no champion yet; make one with `aisle promote latest --by NAME --reason TEXT`, "
            "or name a model with --model or a service with --url"
        )
    number = str(version.version)
    with downloaded(client, name, number) as folder:
        scorer = _loaded(folder / "artifacts", name, number)
    yield scorer


@contextlib.contextmanager
def folder_scorer(folder: Path) -> Iterator[Scorer]:
    """The model in a folder: a packaged one, or a version as MLflow downloads it.

    Raises
    ------
    ModelError
        When the folder holds no model, or one that cannot be read.
    """
    if (folder / "identity.json").is_file():
        identity = read_json(folder / "identity.json")
        try:
            named = str(identity["model_name"]), str(identity["model_version"])
        except (KeyError, TypeError) as error:
            raise ModelError(f"{folder / 'identity.json'}: names no model_name and model_version") from error
        yield _loaded(folder, *named)
        return
    below = folder / "artifacts" if (folder / "MLmodel").is_file() else folder
    for name in ("model.skops", "policy.json"):
        if not (below / name).is_file():
            raise ModelError(
                f"{folder}: holds no model ({below / name} is not there); name a packaged or downloaded one"
            )
    yield _loaded(below, *_named(folder, below / "model.skops"))


def _named(folder: Path, weights: Path) -> tuple[str, str]:
    """Name and version of a downloaded model; where it was not downloaded as a version, its weights name it."""
    about = folder / "registered_model_meta"
    found = read_yaml(about) if about.is_file() else None
    if isinstance(found, dict) and found.get("model_version"):
        return str(found.get("model_name")), str(found["model_version"])
    return folder.resolve().name, f"sha256:{sha256_of(weights)[:12]}"


def _loaded(folder: Path, name: str, version: str) -> LocalScorer:
    from aisle.decision.policy import read_policy
    from aisle.model.storage import load

    policy = read_policy(folder / "policy.json")
    identity = ModelIdentity(name, version, policy.policy_id, None)
    files = {f"{file} sha256": sha256_of(folder / file) for file in ("model.skops", "policy.json")}
    return LocalScorer(load(folder / "model.skops"), policy, identity, {**vars(identity), **files})


@contextlib.contextmanager
def service_scorer(url: str, key: str | None = None) -> Iterator[Scorer]:
    """The service at `url`; see `aisle.client` for what it raises."""
    with ServiceClient(url, key) as client:
        yield RemoteScorer(client)
