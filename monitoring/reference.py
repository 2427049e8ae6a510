"""What a window is held against: the champion's held-out frame, its promise, and what it was trained on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.decision.policy import Policy, read_policy
from aisle.errors import DataError, RegistryError
from aisle.files import read_json
from monitoring.champion import EVIDENCE, POLICY, REFERENCE, Champion, find_champion, model_folder, run_file
from monitoring.gaps import many

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

    from aisle.model.categorizer import Categorizer

NEEDED = (
    "title", "seller", "true_category_id", "category_id", "branch_id", "confidence", "decision", "weight", "right",
)  # fmt: skip
LEAST_ROWS = 30  # of a held-out frame


@dataclass(frozen=True)
class Reference:
    """The champion's held-out frame, and what the registry says of it.

    Attributes
    ----------
    frame : DataFrame
        Products that took no part in training or in choosing the threshold: product fields,
        `true_category_id`, `true_branch_id`, `audit_probability`, `weight` (how many products a row stands for),
        `category_id`, `confidence`, `branch_id`, `branch_confidence`, `decision`, `threshold`, `right`.
    model_version, policy_id, run_id : str
    target_accuracy, confidence_level : float in (0, 1)
    threshold : float in [0, 1] or None
        None: automation is off, or the threshold depends on the branch; see `policy`.
    policy : Policy
    training : mapping or None
        What it was trained on: `rows`, `by_origin` (rows of each origin of labels), `regime`,
        `data_version`. None where the run does not say.
    known_models : frozenset of (model_version, policy_id)
        All versions that the registry knows.
    promoted_at : datetime or None
        When it became the champion (UTC).
    """

    frame: pd.DataFrame
    model_version: str
    policy_id: str
    run_id: str
    target_accuracy: float
    confidence_level: float
    threshold: float | None
    policy: Policy
    training: Mapping[str, Any] | None
    known_models: frozenset[tuple[str, str]]
    promoted_at: dt.datetime | None

    @property
    def known_policies(self) -> dict[str, str]:
        """The version of each policy that the registry knows, the highest where several share one."""
        return {policy_id: version for version, policy_id in sorted(self.known_models, key=lambda one: int(one[0]))}


def read_reference(client: MlflowClient | None = None) -> Reference:
    """The reference: of the version that the alias `champion` points at.

    Raises
    ------
    RegistryError
        Where there is no champion yet, its run lacks an artifact or holds one that cannot be read, or the
        registry is out of reach.
    """
    champion = find_champion(client)
    policy, frame = _read(champion, client)
    return Reference(
        frame,
        champion.version,
        policy.policy_id,
        champion.run_id,
        policy.target_accuracy,
        policy.confidence_level,
        policy.threshold,
        policy,
        _training(champion, client),
        champion.known_models | {(champion.version, policy.policy_id)},
        _moment(champion.promoted_at),
    )


def champion_model(client: MlflowClient | None = None) -> Categorizer:
    """The champion's model, as it decides: for the words that it knows, and for rehearsals.

    Raises
    ------
    RegistryError
        Where there is no champion, or its files are gone.
    ModelError
        Where they cannot be read by this version of Aisle.
    """
    from aisle.model.storage import load

    return load(model_folder(find_champion(client), client) / "model.skops")


def _read(champion: Champion, client: MlflowClient | None) -> tuple[Policy, pd.DataFrame]:
    from aisle.catalogue.tables import read_frame

    paths = [run_file(champion, name, client) for name in (POLICY, REFERENCE)]
    try:
        policy, frame = read_policy(paths[0]), read_frame(paths[1])
    except DataError as error:
        raise RegistryError(f"the champion's run does not hold what it must: {error}") from error
    what = _wrong(frame)
    if what:
        raise RegistryError(
            f"{paths[1]}: the held-out frame of version {champion.version} {what}; register it again with `make run`"
        )
    return policy, frame


def _wrong(frame: pd.DataFrame) -> str:
    """What is wrong with a held-out frame, in a few words; empty where nothing is."""
    from pandas.api.types import is_numeric_dtype

    missing = [name for name in NEEDED if name not in frame]
    if missing:
        return f"has no column {', '.join(missing)}"
    if len(frame) < LEAST_ROWS:
        rows = many(len(frame), "row") if len(frame) else "no rows"
        return f"has {rows}; fewer than {LEAST_ROWS} are nothing to hold days against"
    for name, low, high, needed in (
        ("confidence", 0.0, 1.0, "numbers in [0, 1]"),
        ("weight", np.finfo(np.float64).tiny, np.finfo(np.float64).max, "numbers above 0"),
        ("right", 0.0, 1.0, "true or false"),
    ):
        if not is_numeric_dtype(frame[name]) or not frame[name].between(low, high).all():  # nulls lie nowhere
            return f"holds a {name} that is null or out of range, where {needed} are needed"
    if not frame["decision"].isin(("auto", "review")).all():
        return "holds a decision that is neither auto nor review"
    lacking = [name for name in ("category_id", "branch_id", "true_category_id") if frame[name].isna().any()]
    return f"holds rows without {', '.join(lacking)}" if lacking else ""


def _training(champion: Champion, client: MlflowClient | None) -> dict[str, Any] | None:
    try:
        split = read_json(run_file(champion, EVIDENCE, client))["split"]
        train = split["roles"]["train"]
        origins = {str(origin): int(rows) for origin, rows in train["by_origin"].items()}
        return {
            "rows": int(train["rows"]),
            "by_origin": origins,
            "regime": split.get("regime"),
            "data_version": split.get("data_version"),
        }
    except (RegistryError, DataError, KeyError, TypeError, AttributeError):
        return None  # a run of another make: the monitor says that it is not known


def _moment(text: str | None) -> dt.datetime | None:
    try:
        moment = None if text is None else dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
