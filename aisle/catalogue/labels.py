"""Labels: whose answer counts for a product, which a regime trains on, and with what weight."""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from aisle.config import Regime, Train
from aisle.errors import DataError

ORIGINS = ("import", "audit", "review", "correction", "model")
HUMAN = ("import", "audit", "review", "correction")
RANDOM = ("import", "audit")  # known probability, whatever the model said: for estimates, calibration and test

ORIGINS_OF_REGIME: dict[Regime, tuple[str, ...]] = {
    "representative": HUMAN,
    "audited": RANDOM,
    "human": HUMAN,
    "mixed": HUMAN,
    "everything": ORIGINS,
}
assert set(ORIGINS_OF_REGIME) == set(get_args(Regime))

_LEAST_CONFIDENCE = 0.01  # a weight must stay above zero


def answered_labels(labels: pd.DataFrame, leaves: Collection[str]) -> pd.DataFrame:
    """The rows of the labels table with an answer; skipped ones leave.

    Raises
    ------
    DataError
        For an unknown origin, an answer without a category or with one that is not among `leaves`,
        or a probability outside (0, 1]; names the first such row.
    """
    answered = labels[(labels["status"] == "answered").to_numpy()]
    _refuse(answered, ~answered["origin"].isin(ORIGINS), "origin", f"known are {', '.join(ORIGINS)}")
    _refuse(
        answered,
        ~answered["category_id"].isin(leaves),
        "category_id",
        "which is not a leaf of taxonomy.csv; mend the label or add the leaf",
    )
    for column in ("audit_probability", "inclusion_probability"):
        impossible = ~answered[column].between(0, 1, inclusive="right") & answered[column].notna()
        _refuse(answered, impossible, column, "which does not lie in (0, 1]")
    return answered


def _refuse(labels: pd.DataFrame, wrong: pd.Series, column: str, what: str) -> None:
    if wrong.any():
        row = labels[wrong].iloc[0]
        shard = f"labels/{row['shard']}.parquet: " if "shard" in labels else "labels: "
        more = f" (and {wrong.sum() - 1} more like it)" if wrong.sum() > 1 else ""
        raise DataError(f"{shard}product '{row['product_id']}' has the {column} '{row[column]}', {what}{more}")


def random_labels(answered: pd.DataFrame) -> pd.DataFrame:
    """The answers with a known probability of being asked for: imports and audits.

    An import without an `audit_probability` gets 1, an audit without one leaves.
    """
    chosen = answered[answered["origin"].isin(RANDOM).to_numpy()]
    probability = chosen["audit_probability"].mask(
        chosen["origin"] == "import", chosen["audit_probability"].fillna(1.0)
    )
    return chosen.assign(audit_probability=probability)[probability.notna().to_numpy()]


def sampling_weights(drawn: pd.DataFrame) -> npt.NDArray[np.float64]:
    """How many products of the flow each row stands for, up to a factor, in (0, 1]; shape (n,).

    Parameters
    ----------
    drawn : DataFrame of n rows
        `origin` (import or audit) and `audit_probability`.

    Imports and audits are two samples of one flow, and each stands for it alone: a catalogue brought
    in holds all of its products, the audit holds a product with its audit_probability. So a row
    weighs the smallest audit_probability of its origin over its own. One scale for both would make
    an audit drawn at 0.15 stand for seven imports, though it tells no more about the next product.
    """
    smallest = drawn.groupby("origin")["audit_probability"].transform("min")
    return (smallest / drawn["audit_probability"]).to_numpy(dtype=np.float64)


def resolve_labels(answered: pd.DataFrame) -> pd.DataFrame:
    """One label a product: the adjudicated one, else the majority of the human ones, else the latest.

    Of several adjudicated labels the latest stands, of a tied vote the category that was answered
    latest. `labelled_at` says what is late (unknown times come first), then the order of the rows.

    Parameters
    ----------
    answered : DataFrame
        Rows of the labels table that all have an answer.

    Returns
    -------
    DataFrame
        One row a product, sorted by product_id:

        - `product_id`, `category_id`;
        - `revision`: the latest one that was given this category (by a person, where one did);
        - `origin`, `labelled_at`, `model_version`: of the latest label that stands for the answer;
        - `adjudicated`: a second person confirmed or settled the answer;
        - `people`: how many gave this answer (labellers; unnamed ones count as one; 0: a model);
        - `audit_probability`, `inclusion_probability`: the greatest of the product's labels, null
          where none tells; several labels come from one draw, and an import is certain.
    """
    product = pd.factorize(answered["product_id"], sort=True)[0]
    human = answered["origin"].isin(HUMAN).to_numpy()
    chosen = answered.iloc[_standing(answered, product, human)]
    columns = ["product_id", "category_id", "origin", "labelled_at", "model_version", "adjudicated"]
    result = chosen[columns].reset_index(drop=True)

    agreeing = answered["category_id"].to_numpy() == result["category_id"].to_numpy()[product]
    alike = agreeing & (human == result["origin"].isin(HUMAN).to_numpy()[product])
    result["revision"] = answered["revision"][alike].groupby(product[alike]).max().to_numpy()
    result["people"] = _people(answered, product, agreeing & human)
    for column, values in (
        ("audit_probability", answered["audit_probability"]),
        ("inclusion_probability", _inclusion_probability(answered)),
    ):
        result[column] = values.groupby(product).max().to_numpy(dtype=np.float64)
    return result


def _standing(
    answered: pd.DataFrame, product: npt.NDArray[np.int64], human: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """The position, for each product in order, of the latest label that stands for its answer."""
    votes = pd.DataFrame(
        {
            "product": product,
            "answer": pd.factorize(answered["category_id"])[0],
            "rank": human * (1 + answered["adjudicated"].to_numpy(dtype=np.int64)),  # 0 model, 1 person, 2 adjudicated
            "time": _lateness(answered["labelled_at"]),
        }
    )
    standing = votes[votes["rank"] == votes.groupby("product")["rank"].transform("max")]
    of_answer = standing.groupby(["product", "answer"])
    standing = standing.assign(
        votes=np.where(standing["rank"] == 1, of_answer["rank"].transform("size"), 0),  # only people vote
        latest=of_answer["time"].transform("max"),
    )
    ordered = standing.sort_values(["product", "votes", "latest", "time"])
    return ordered.drop_duplicates("product", keep="last").index.to_numpy(dtype=np.int64)


def _people(
    answered: pd.DataFrame, product: npt.NDArray[np.int64], voting: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """How many different people are among the `voting` labels of each product; unnamed ones count as one."""
    names = answered["labeller"].astype(object).where(answered["labeller"].notna(), "")
    persons = pd.DataFrame({"product": product, "name": names.to_numpy()})[voting].drop_duplicates()
    return np.bincount(persons["product"], minlength=int(product.max(initial=-1)) + 1).astype(np.int64)


def _lateness(labelled_at: pd.Series) -> npt.NDArray[np.int64]:
    """A rank of each label, greater for later ones; no two are equal."""
    times = pd.factorize(pd.to_datetime(labelled_at, utc=True), sort=True)[0]  # unknown: -1
    order = np.lexsort((np.arange(len(times)), times))
    ranks = np.empty(len(times), dtype=np.int64)
    ranks[order] = np.arange(len(times))
    return ranks


def _inclusion_probability(answered: pd.DataFrame) -> pd.Series:
    """The chance that any person would label the product: an import is certain, an audit at least its draw."""
    known = answered["inclusion_probability"]
    known = known.mask(known.isna() & (answered["origin"] == "audit"), answered["audit_probability"])
    return known.mask(known.isna() & (answered["origin"] == "import"), 1.0)


def training_weights(
    resolved: pd.DataFrame, train: Train, confidence: pd.Series | None = None
) -> npt.NDArray[np.float64]:
    """The weight of each training row under the regime.

    ============== =======================================================================
    representative 1 / inclusion_probability: reviewed and audited products together stand
                   for the whole flow (Horvitz & Thompson 1952); 1 where it is not known,
                   as for corrections, which nobody draws
    audited        1 / audit_probability
    human          1
    mixed          audits get `mixed_audit_share` of the sum, all other labels of people the
                   rest; imports count as rest: they were brought in, not drawn from the flow
    everything     1
    ============== =======================================================================

    No weight exceeds `max_weight` (mixed: neither part weighs more than `max_weight` times the
    other), which buys less variance for some bias. With `certainty_weights` each weight is
    multiplied by 1 for an answer that is adjudicated or given by several people, by
    1 - `person_error_rate` for that of one person, and by `confidence` for that of a model.

    Parameters
    ----------
    resolved : DataFrame
        Rows of `resolve_labels`, n of them.
    train : Train
        Regime and its parameters.
    confidence : Series, optional
        Shape (n,), in [0, 1]; read for model labels only. Null: the mean of the known ones.

    Returns
    -------
    ndarray of shape (n,)
        Greater than 0, with mean 1.
    """
    weights = _regime_weights(resolved, train)
    if train.certainty_weights:
        weights = weights * _certainty(resolved, train, confidence)
    return weights / weights.mean() if len(weights) else weights


def clipped_rows(resolved: pd.DataFrame, train: Train) -> int:
    """How many rows would weigh more if `max_weight` did not hold them."""
    probability = _drawing_probability(resolved, train.regime)
    return 0 if probability is None else int((1 / probability > train.max_weight).sum())


def _drawing_probability(resolved: pd.DataFrame, regime: Regime) -> pd.Series | None:
    if regime == "representative":
        return resolved["inclusion_probability"].fillna(1.0)
    return resolved["audit_probability"].fillna(1.0) if regime == "audited" else None


def _regime_weights(resolved: pd.DataFrame, train: Train) -> npt.NDArray[np.float64]:
    probability = _drawing_probability(resolved, train.regime)
    if probability is not None:
        return np.minimum(1 / probability.to_numpy(dtype=np.float64), train.max_weight)
    weights = np.ones(len(resolved))
    audits = (resolved["origin"] == "audit").to_numpy()
    if train.regime == "mixed" and 0 < audits.sum() < len(audits):
        share = train.mixed_audit_share
        asked = share * (~audits).sum() / ((1 - share) * audits.sum()) if share < 1 else np.inf
        weights[audits] = np.clip(asked, 1 / train.max_weight, train.max_weight)
    return weights


def _certainty(resolved: pd.DataFrame, train: Train, confidence: pd.Series | None) -> npt.NDArray[np.float64]:
    certainty = np.where(resolved["adjudicated"] | (resolved["people"] > 1), 1.0, 1 - train.person_error_rate)
    model = (resolved["origin"] == "model").to_numpy()
    if model.any():
        known = np.full(len(resolved), np.nan) if confidence is None else confidence.to_numpy(dtype=np.float64)
        if np.isnan(known[model]).all():
            raise DataError(
                "predictions: train.certainty_weights needs the confidence of the model labels, and none of "
                f"{model.sum()} has a prediction; bring predictions/, or set train.certainty_weights: false"
            )
        filled = np.where(np.isnan(known), np.nanmean(known[model]), known)
        certainty = np.where(model, np.clip(filled, _LEAST_CONFIDENCE, 1.0), certainty)
    return np.asarray(certainty, dtype=np.float64)
