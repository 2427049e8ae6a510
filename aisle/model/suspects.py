"""Suspect labels: training labels that are probably wrong, found by cross-fitting.

Each training product was scored by models that never saw it, nor any other product of its fold. Where
such a model finds the given label improbable, the model or the label is wrong (Brodley & Friedl 1999;
Müller & Markert 2019). Of the scores that Northcutt, Jiang & Chuang 2021 and Kuan & Mueller 2022 compare,
the plain probability of the given label ("self-confidence") orders best here; margins, entropies, thresholds
of each category, the learned confidence and the nearest texts put nothing to it. What does are the labels
of the same group (one physical product, or one title): they lie in the same fold, so no model saw them,
and each is the answer of another look at the same thing (Dawid & Skene 1979).

Suspects are shown to people, and may weigh less in training. None is dropped or changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from aisle.errors import DataError

LEAST_CERTAINTY = 0.01  # as a weight it must stay above zero
_LEAST = 1e-6  # of a model's probabilities: below, none is believed
_FLOOR = 1e-12  # keeps logarithms finite
_TRUST = 0.5  # exponent of the odds: held-out probabilities near 0 are too near to it
_REACH = 60.0  # log odds between which the balance of all doubts is sought


@dataclass(frozen=True)
class Votes:
    """Labels of the other products of the same group, for n products; each entry is (row, category, votes).

    Attributes
    ----------
    row, category, votes : arrays of int, all of the same length
    mates, agreeing : arrays of int, shape (n,)
        Other labelled products of the group, and how many of them carry the same label.
    """

    row: NDArray[np.int64]
    category: NDArray[np.int64]
    votes: NDArray[np.int64]
    mates: NDArray[np.int64]
    agreeing: NDArray[np.int64]


def suspects(out_of_fold: pd.DataFrame, train: pd.DataFrame, error_rate: ArrayLike = 0.02) -> pd.DataFrame:
    """The training labels that are less certain than labels are on average, most suspect first.

    Parameters
    ----------
    out_of_fold : score frame of the training rows
        `product_id, category_id, confidence, top_categories, top_probabilities`.
    train : prepared frame
        The same n products in the same order: `product_id, category_id`, and `group` where known.
    error_rate : float or array of shape (n,), in [0, 1)
        Share of labels that is thought to be wrong.

    Returns
    -------
    DataFrame
        Columns of `judged`, the rows with a certainty below 1 − error_rate, index as in `train`.

    Raises
    ------
    DataError
        Where the frames do not hold the same products.
    """
    rows = judged(out_of_fold, train, error_rate)
    usual = 1 - np.asarray(error_rate, dtype=np.float64)
    doubtful = rows[(rows["certainty"] < usual - 1e-9).to_numpy()]  # where all are alike, none is
    return doubtful.sort_values(["certainty", "label_probability"], kind="stable")


def judged(out_of_fold: pd.DataFrame, train: pd.DataFrame, error_rate: ArrayLike = 0.02) -> pd.DataFrame:
    """What speaks for and against each training label; parameters and errors as for `suspects`.

    Returns
    -------
    DataFrame
        One row a product, in the order and with the index of `train`:

        - `product_id`, `category_id` (the label), `suggested_category_id` (the likeliest other one);
        - `certainty`: P(the label is right), in [0.01, 1];
        - `model_category_id`, `confidence`: the answer of models that never saw this label;
        - `model_probability`: what they give the label; `label_probability`: with the group's labels;
        - `mates`, `agreeing`: other labelled products of the group, and those with the same label.
    """
    _require_same(out_of_fold, train)
    error = np.broadcast_to(np.asarray(error_rate, dtype=np.float64), len(train))
    given, (row, category, probability), names = _scores(out_of_fold, train)
    votes = group_votes(train["group"].to_numpy() if "group" in train else np.arange(len(train)), given)
    scored = _Cells(len(names), given, row, category, probability, votes)
    strength = vote_strength(votes, len(names), error.mean() if len(train) else 0.0)
    with_group, suggested = scored.probability(strength)
    alone, _ = scored.probability(0.0)
    return pd.DataFrame(
        {
            "product_id": train["product_id"],
            "category_id": train["category_id"],
            "suggested_category_id": np.array([*names, None], dtype=object)[suggested],  # −1: none
            "certainty": certainty_of(with_group, error),
            "model_category_id": out_of_fold["category_id"].to_numpy(),
            "confidence": out_of_fold["confidence"].to_numpy(),
            "model_probability": alone,
            "label_probability": with_group,
            "mates": votes.mates,
            "agreeing": votes.agreeing,
        },
        index=train.index,
    )


def label_certainty(
    out_of_fold: pd.DataFrame, train: pd.DataFrame, error_rate: ArrayLike = 0.02
) -> NDArray[np.float64]:
    """P(the label is right) of each training row, shape (n,), in [0.01, 1]; see `judged`."""
    return judged(out_of_fold, train, error_rate)["certainty"].to_numpy()


def certainty_of(probability: NDArray[np.float64], error_rate: ArrayLike = 0.02) -> NDArray[np.float64]:
    """P(the label is right), from the probability that models which never saw a label give it.

    How many labels are wrong is not read off the scores, for a model's own errors look the same: it is
    `error_rate`, and the scores share the doubts out. A label with probability p has the odds

        wrong : right = c · e / (1 − e) · ((1 − p) / p) ^ ½

    of being wrong, where c makes the mean doubt the mean of e. The root stands for what is known of
    held-out probabilities: near 0 they are too near to it.

    Parameters
    ----------
    probability : array of shape (n,), in [0, 1]
    error_rate : float or array of shape (n,), in [0, 1)
        Before any score is seen; 0 for a label beyond doubt, such as one that two people settled.

    Returns
    -------
    array of shape (n,), in [0.01, 1], falling as `probability` does where the error rates are equal
    """
    probability = np.clip(np.asarray(probability, dtype=np.float64), _FLOOR, 1 - _FLOOR)
    error = np.broadcast_to(np.asarray(error_rate, dtype=np.float64), probability.shape)
    if not ((error >= 0) & (error < 1)).all():
        raise ValueError("an error rate does not lie in [0, 1)")
    if not error.any():
        return np.ones(len(probability))
    with np.errstate(divide="ignore"):  # log(0): a label beyond doubt
        prior = np.log(error) - np.log1p(-error)
    log_odds = prior + _TRUST * (np.log1p(-probability) - np.log(probability))
    low, high = -_REACH, _REACH
    for _ in range(60):
        middle = (low + high) / 2
        if _logistic(log_odds + middle).mean() > error.mean():
            high = middle
        else:
            low = middle
    return np.clip(1 - _logistic(log_odds + (low + high) / 2), LEAST_CERTAINTY, 1.0)


def group_votes(group: NDArray[np.object_] | NDArray[np.int64], given: NDArray[np.int64]) -> Votes:
    """Count, for each product, the labels of the other products of its `group`; both of shape (n,)."""
    n = len(given)
    rows = pd.DataFrame({"group": pd.factorize(group)[0], "row": np.arange(n), "own": given})
    rows = rows[rows["group"].duplicated(keep=False).to_numpy()]
    counted = rows.groupby(["group", "own"]).size().rename("votes").reset_index().rename(columns={"own": "category"})
    heard = rows.merge(counted, on="group")
    heard["votes"] -= heard["own"] == heard["category"]
    row, category, votes = (heard[name].to_numpy(dtype=np.int64) for name in ("row", "category", "votes"))
    agreeing = votes * (category == given[row])
    mates, same = (np.bincount(row, counts, minlength=n).astype(np.int64) for counts in (votes, agreeing))
    cast = votes > 0
    return Votes(row[cast], category[cast], votes[cast], mates, same)


def vote_strength(votes: Votes, categories: int, error_rate: float | np.floating) -> float:
    """By how much one label of the group moves the log odds of its category against any other.

    A group's labels agree as often as they are seen to (each product counts once, and one imagined
    agreement and disagreement are put to it), but no oftener than labels are right; a label that
    disagrees may be any of the other `categories`.
    """
    if categories < 2:
        return 0.0
    grouped = votes.mates > 0
    agreement = (np.sum(votes.agreeing[grouped] / votes.mates[grouped]) + 1) / (grouped.sum() + 2)
    agreement = min(float(agreement), 1 - float(error_rate))
    return max(0.0, float(np.log(agreement) - np.log((1 - agreement) / (categories - 1))))


class _Cells:
    """The probabilities that are told one by one, as (row, category) cells; the others of a row are equal."""

    def __init__(
        self,
        categories: int,
        given: NDArray[np.int64],
        row: NDArray[np.int64],
        category: NDArray[np.int64],
        probability: NDArray[np.float64],
        votes: Votes,
    ) -> None:
        n = len(given)
        scored, own, voted = row * categories + category, np.arange(n) * categories + given, votes.row * categories
        voted = voted + votes.category
        cells = np.unique(np.concatenate([scored, own, voted]))
        self._row, self._category = cells // categories, cells % categories
        self._starts = np.searchsorted(self._row, np.arange(n))
        self._own, self._voted, self._votes = np.searchsorted(cells, own), np.searchsorted(cells, voted), votes.votes
        told = np.bincount(row, minlength=n)
        left = np.clip(1 - np.bincount(row, probability, minlength=n), 0, None) / np.maximum(categories - told, 1)
        least = np.full(n, np.inf)
        np.minimum.at(least, row, probability)  # what is not among the best is no better than the last of them
        self._rest = np.log(np.maximum(np.minimum(left, least), _LEAST))
        self._log = self._rest[self._row]
        self._log[np.searchsorted(cells, scored)] = np.log(np.maximum(probability, _LEAST))
        self._unlisted = categories - np.bincount(self._row, minlength=n)

    def probability(self, strength: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """P(the given label) and the likeliest other category (−1: none), votes counted with `strength`."""
        if not len(self._own):
            return np.empty(0), np.empty(0, dtype=np.int64)
        logs = self._log.copy()
        np.add.at(logs, self._voted, self._votes * strength)
        most = np.maximum.reduceat(logs, self._starts)
        each = np.exp(logs - most[self._row])
        total = np.add.reduceat(each, self._starts) + self._unlisted * np.exp(np.minimum(self._rest - most, 0.0))
        logs[self._own] = -np.inf
        best = np.lexsort((self._category, -logs, self._row))[self._starts]
        return each[self._own] / total, np.where(np.isfinite(logs[best]), self._category[best], -1)


def _scores(
    out_of_fold: pd.DataFrame, train: pd.DataFrame
) -> tuple[NDArray[np.int64], tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]], NDArray[np.object_]]:
    """Codes of the given labels, the scores as (row, category, probability), and the names of the codes."""
    listed, probability = out_of_fold["top_categories"].tolist(), out_of_fold["top_probabilities"].tolist()
    row = np.repeat(np.arange(len(train)), [len(one) for one in listed])
    told = [name for one in listed for name in one]
    codes, names = pd.factorize(np.array([*train["category_id"], *told], dtype=object), sort=True)
    values = np.array([value for one in probability for value in one], dtype=np.float64)
    return codes[: len(train)], (row, codes[len(train) :], values), np.asarray(names, dtype=object)


def _require_same(out_of_fold: pd.DataFrame, train: pd.DataFrame) -> None:
    if len(out_of_fold) != len(train) or (out_of_fold["product_id"].to_numpy() != train["product_id"].to_numpy()).any():
        raise DataError("the out-of-fold scores are not those of the prepared training rows; run `dvc repro`")


def _logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -_REACH, _REACH))))
