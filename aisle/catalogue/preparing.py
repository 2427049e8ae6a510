"""From the tables of a catalogue to the three frames that a run trains, calibrates and tests on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from aisle.catalogue.labels import (
    ORIGINS_OF_REGIME,
    answered_labels,
    clipped_rows,
    random_labels,
    resolve_labels,
    sampling_weights,
    training_weights,
)
from aisle.catalogue.splits import DROPPED, ROLES, assign_folds, assign_roles, fold_keys, normalise_titles
from aisle.catalogue.taxonomy import Taxonomy
from aisle.config import Split, Train
from aisle.errors import DataError

TEXT = (
    "product_id",
    "revision",
    "title",
    "description",
    "brand",
    "seller_category",
    "price",
    "currency",
    "seller",
    "received_at",
)
COLUMNS = (*TEXT, "group", "category_id", "branch_id", "origin")
RARE = (5, 15)  # training rows below which the report calls a category rare


@dataclass(frozen=True)
class Prepared:
    """The frames of a run, sorted by product_id, and the facts of their making.

    Attributes
    ----------
    train : DataFrame
        `COLUMNS`, `weight` (greater than 0, mean 1) and `fold` (0 to folds - 1, whole groups).
    calibration, test : DataFrame
        `COLUMNS`, `audit_probability` and `weight` (see `sampling_weights`), both in (0, 1].
    facts : dict
        What `split.json` holds, but for the version of the data.
    """

    train: pd.DataFrame
    calibration: pd.DataFrame
    test: pd.DataFrame
    facts: dict[str, Any]


def needs_predictions(train: Train) -> bool:
    """Whether `prepare` reads the confidence of model labels."""
    return train.certainty_weights and "model" in ORIGINS_OF_REGIME[train.regime]


def prepare(
    products: pd.DataFrame,
    labels: pd.DataFrame,
    taxonomy: Taxonomy,
    split: Split,
    train: Train,
    predictions: pd.DataFrame | None = None,
) -> Prepared:
    """Give every product its role and its label, and put together what a run reads.

    Training rows hold the labels of the regime; calibration and test rows hold imports and audits
    alone, so nothing that depends on what a model said, nor a later correction, reaches them.
    Each row has the text of the revision that its label belongs to.

    Parameters
    ----------
    products, labels, predictions : DataFrame
        Tables as `read_table` gives them; predictions where `needs_predictions` says so.

    Raises
    ------
    DataError
        For no answered labels, a category that is not a leaf, an impossible probability, no
        training or no test rows, one category only, or too few groups for the folds.
    """
    roles = assign_roles(products, split).set_index("product_id")
    answered = answered_labels(labels, taxonomy.leaves)
    if answered.empty:
        raise DataError("labels: no answered label; bring labels with `aisle import`, or answer some at the desk")
    role_of_label = answered["product_id"].map(roles["role"])
    known = random_labels(answered)
    wanted = known if train.regime == "audited" else answered
    wanted = wanted[wanted["origin"].isin(ORIGINS_OF_REGIME[train.regime])]

    frames = {}
    for role in ROLES:
        usable = wanted if role == "train" else known
        resolved = resolve_labels(usable[(role_of_label.loc[usable.index] == role).to_numpy()])
        frames[role] = _with_text(resolved, products, roles["group"], taxonomy)
    _require_rows(frames, answered["product_id"].nunique(), train)

    rows = frames["train"]
    weights = training_weights(rows, train, _confidence(rows, predictions) if needs_predictions(train) else None)
    folds = assign_folds(fold_keys(rows["group"], rows["seller"], train.new_sellers, split.key), train.folds, split.key)
    _require_folds(rows, folds, train.folds)
    prepared = {"train": rows[list(COLUMNS)].assign(weight=weights, fold=folds)} | {
        role: frames[role][[*COLUMNS, "audit_probability"]].assign(weight=sampling_weights(frames[role]))
        for role in ROLES[1:]
    }
    facts = {
        "regime": train.regime,
        "roles": {role: _facts_of_role(frame) for role, frame in prepared.items()},
        **_facts_of_idle(roles, answered, wanted, known, pd.concat([one["product_id"] for one in frames.values()])),
        "straddling_titles": _straddling_titles(prepared),
        "weights": _facts_of_weights(rows, weights, train),
        "calibration_hash": _hash_of_labels(prepared["calibration"]),
        "rare": _facts_of_rare(rows["category_id"], taxonomy),
    }
    return Prepared(**prepared, facts=facts)


def _with_text(resolved: pd.DataFrame, products: pd.DataFrame, group: pd.Series, taxonomy: Taxonomy) -> pd.DataFrame:
    """`resolved` with the text of the labelled revision, its group and its branch; sorted by product_id."""
    texts = products.loc[:, list(TEXT)].drop_duplicates(["product_id", "revision"], keep="last")
    texts = texts[texts["product_id"].isin(resolved["product_id"])]
    rows = resolved.merge(texts, on=["product_id", "revision"], how="inner").sort_values("product_id", kind="stable")
    branch_of = {leaf: taxonomy.branch_of(leaf) for leaf in taxonomy.leaves}
    return rows.assign(
        group=rows["product_id"].map(group), branch_id=rows["category_id"].map(branch_of).astype(object)
    ).reset_index(drop=True)


def _confidence(rows: pd.DataFrame, predictions: pd.DataFrame | None) -> pd.Series | None:
    """The latest confidence that a model had in each row's label, null where none is known; shape (n,)."""
    if predictions is None or predictions.empty:
        return None
    keys = ["product_id", "revision", "category_id"]
    latest = predictions.sort_values("predicted_at", kind="stable", na_position="first").drop_duplicates(
        keys, keep="last"
    )
    return rows[keys].merge(latest[[*keys, "confidence"]], on=keys, how="left")["confidence"]


def _require_rows(frames: dict[str, pd.DataFrame], labelled: int, train: Train) -> None:
    counted = ", ".join(f"{len(frames[role])} {role}" for role in ROLES)
    if frames["train"].empty:
        origins = ", ".join(ORIGINS_OF_REGIME[train.regime])
        raise DataError(
            f"no training rows: {labelled} labelled products give {counted}; "
            f"regime '{train.regime}' trains on {origins} labels; "
            "change train.regime, the shares of split, or the split column of the products"
        )
    if frames["test"].empty:
        raise DataError(
            f"no test rows: {labelled} labelled products give {counted}; test needs import or audit labels; "
            "raise split.test, mend the split column, or audit more products"
        )
    categories = frames["train"]["category_id"].unique()
    if len(categories) < 2:
        raise DataError(
            f"one category only: all {len(frames['train'])} training rows are '{categories[0]}'; "
            "a categorizer needs labels of at least two"
        )


def _require_folds(rows: pd.DataFrame, folds: npt.NDArray[np.int64], asked: int) -> None:
    for fold in range(asked):
        if not (folds == fold).any() or rows["category_id"][folds != fold].nunique() < 2:
            raise DataError(
                f"too few rows for {asked} folds: {len(rows)} training rows in {rows['group'].nunique()} groups leave "
                f"fold {fold} without rows, or its training with one category; lower train.folds or bring more labels"
            )


def _facts_of_role(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        "rows": len(frame),
        "groups": int(frame["group"].nunique()),
        "categories": int(frame["category_id"].nunique()),
        "sellers": int(frame["seller"].nunique()),
        "by_origin": {str(origin): int(n) for origin, n in frame["origin"].value_counts().sort_index().items()},
    }


def _facts_of_idle(
    roles: pd.DataFrame, answered: pd.DataFrame, wanted: pd.DataFrame, known: pd.DataFrame, used: pd.Series
) -> dict[str, Any]:
    """Why products with a label serve nowhere; each is counted once, under the first reason that holds."""
    labelled = pd.Series(answered["product_id"].unique())
    idle = labelled[~labelled.isin(used)]
    role = idle.map(roles["role"])
    fit = idle.isin(known["product_id"]).mask(role == "train", idle.isin(wanted["product_id"]))
    unfit = ~fit.astype(bool)
    audits = answered.loc[answered["origin"] == "audit", "product_id"]
    reasons = {
        "unknown_product": role.isna(),
        "dropped": role == DROPPED,
        "audit_without_probability": unfit & idle.isin(audits[audits.index.difference(known.index)]),
        "outside_regime": unfit & (role == "train"),
        "no_random_label": unfit,
        "unknown_revision": ~unfit,  # it has a label that would serve, of a revision that is not there
    }
    first = pd.DataFrame(reasons).to_numpy(dtype=bool).argmax(axis=1)
    counts = np.bincount(first, minlength=len(reasons)).tolist()
    return {
        "dropped": int((roles["role"] == DROPPED).sum()),
        "idle": len(idle),
        "idle_reasons": dict(zip(reasons, counts, strict=True)),
        "unlabelled": int((~roles.index.isin(labelled)).sum()),
    }


def _straddling_titles(frames: dict[str, pd.DataFrame]) -> int:
    """How many normalised titles occur in more than one role; only official splits can do that."""
    titles = [pd.Series(np.unique(normalise_titles(frame["title"]))) for frame in frames.values()]
    counts = pd.concat(titles).value_counts()
    return int((counts.drop("", errors="ignore") > 1).sum())


def _facts_of_weights(rows: pd.DataFrame, weights: npt.NDArray[np.float64], train: Train) -> dict[str, Any]:
    """`effective_rows` is (sum of weights)² / sum of squares (Kish 1965, Survey Sampling)."""
    return {
        "min": float(weights.min()),
        "mean": float(weights.mean()),
        "max": float(weights.max()),
        "clipped": clipped_rows(rows, train),
        "effective_rows": float(weights.sum() ** 2 / (weights**2).sum()),
        "audit_share": float(weights[(rows["origin"] == "audit").to_numpy()].sum() / weights.sum()),
    }


def _hash_of_labels(frame: pd.DataFrame) -> str:
    digest = hashlib.sha256()
    for row in zip(frame["product_id"], frame["revision"], frame["category_id"], strict=True):
        digest.update(repr((str(row[0]), int(row[1]), str(row[2]))).encode())
    return digest.hexdigest()


def _facts_of_rare(categories: pd.Series, taxonomy: Taxonomy) -> dict[str, int]:
    support = categories.value_counts()
    counts = {f"below_{limit}": int((support < limit).sum()) for limit in RARE}
    return {"without_rows": len(taxonomy.leaves) - len(support), **counts}
