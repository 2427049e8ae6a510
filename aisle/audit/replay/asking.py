"""What people are asked in a round: audits first, then whom the model was not sure of, as far as the cap goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aisle.audit.replay.people import FIRST, SECOND, THIRD, People
from aisle.audit.replay.settings import ReviewOrder
from aisle.bounds import keyed_uniform
from aisle.model.suggestions import Suggestions

_Bools = NDArray[np.bool_]
_Floats = NDArray[np.float64]
ANSWERS = ("audit", "review", "second", "third")


@dataclass(frozen=True)
class Decided:
    """What the model and the threshold made of the n products of a round.

    Attributes
    ----------
    products : DataFrame
        With the right `category_id`, which people see and no model does.
    suggested : Suggestions
    automatic, allowed : arrays of bool, shape (n,)
        Decided by the machine; not of a category that always goes to people.
    version : str
        Of the model.
    """

    products: pd.DataFrame
    suggested: Suggestions
    automatic: _Bools
    allowed: _Bools
    version: str

    @property
    def product_id(self) -> NDArray[np.object_]:
        """Shape (n,)."""
        return self.products["product_id"].to_numpy(dtype=object)

    @property
    def truth(self) -> NDArray[np.object_]:
        """The right category of each, shape (n,)."""
        return self.products["category_id"].to_numpy(dtype=object)

    @property
    def right(self) -> _Bools:
        """Whether the top category is the right one, shape (n,)."""
        return np.asarray(self.suggested.category_id == self.truth)


@dataclass(frozen=True)
class Asked:
    """The answers of a round.

    Attributes
    ----------
    labels : DataFrame
        Rows of the labels table, one an answer.
    spent : mapping of kind of answer to int
    final : array of str, dtype object, shape (n,)
        The category in which each product ends: what people say, else the model's top category.
    answered, audited : arrays of bool, shape (n,)
        By anyone; as an audit.
    wrong : array of bool, shape (n,)
        An audit says, confirmed, that the model's top category is wrong.
    audit_probability : array of float, shape (n,)
        The chance of each product to be audited and answered; nan where the regime draws none.
    """

    labels: pd.DataFrame
    spent: Mapping[str, int]
    final: NDArray[np.object_]
    answered: _Bools
    audited: _Bools
    wrong: _Bools
    audit_probability: _Floats


def drawn(product_id: NDArray[np.object_], probability: _Floats, key: str) -> _Bools:
    """Whether the audit draws each of n products, with the chance given; by keyed hash, so the same in every regime."""
    return np.asarray(keyed_uniform(product_id, key, "aisle audit") < probability)


def ask(decided: Decided, probability: _Floats | None, cap: int, order: ReviewOrder, people: People, key: str) -> Asked:
    """Let people answer: audits, second persons where these contradict an automatic decision, then reviews.

    Parameters
    ----------
    probability : array of float in (0, 1], shape (n,), or None
        The chance of an audit; None: the regime draws none.
    cap : int
        Answers of every kind together. Audits that do not fit are not answered, in the order of a hash.
    """
    names, suggested = decided.product_id, decided.suggested.category_id
    said = {
        person: people.answers(names, decided.truth, decided.suggested.top_categories.tolist(), person)
        for person in (FIRST, SECOND, THIRD)
    }
    contested = decided.automatic & (said[FIRST] != suggested)
    tied = contested & (said[SECOND] != said[FIRST])
    if probability is None:
        audited, chance = np.zeros(len(names), dtype=bool), np.full(len(names), np.nan)
    else:
        audited, chance = _answered_audits(names, probability, 1 + contested + tied, cap, key)
    seconds, thirds = audited & contested, audited & tied
    left = cap - int(audited.sum() + seconds.sum() + thirds.sum())
    reviewed, share = _reviews(decided, audited, left, order, key)
    once = np.nan_to_num(chance)
    inclusion = once + (1 - once) * share
    parts = (
        (audited, FIRST, "audit"),
        (seconds, SECOND, "audit"),
        (thirds, THIRD, "audit"),
        (reviewed, FIRST, "review"),
    )
    labels = [_rows(decided, rows, said[person], person, origin, chance, inclusion) for rows, person, origin in parts]
    final = np.where(audited | reviewed, said[FIRST], suggested)
    final[thirds] = said[THIRD][thirds]
    counts = (int(rows.sum()) for rows in (audited, reviewed, seconds, thirds))
    return Asked(
        labels=pd.concat(labels, ignore_index=True),
        spent=dict(zip(ANSWERS, counts, strict=True)),
        final=final,
        answered=audited | reviewed,
        audited=audited,
        wrong=audited & (final != suggested),
        audit_probability=chance,
    )


def _answered_audits(
    product_id: NDArray[np.object_], probability: _Floats, price: NDArray[np.int64], cap: int, key: str
) -> tuple[_Bools, _Floats]:
    """Which audits are answered, and the chance of each product to be among them.

    Where the cap does not do for all that were drawn, those of a random order are answered that fit.
    """
    wanted = np.flatnonzero(drawn(product_id, probability, key))
    order = wanted[np.argsort(keyed_uniform(product_id[wanted], key, "aisle desk"), kind="stable")]
    fitting = order[np.cumsum(price[order]) <= cap]
    answered = np.zeros(len(product_id), dtype=bool)
    answered[fitting] = True
    return answered, probability * (fitting.size / wanted.size if wanted.size else 1.0)


def _reviews(decided: Decided, audited: _Bools, left: int, order: ReviewOrder, key: str) -> tuple[_Bools, _Floats]:
    """Which products are reviewed, and of each the chance of that: the share of its band that was.

    The least sure first: what lies below the last one reviewed is a band that was worked to the end, the rest one
    that nobody looked at. In the order of the queue: a random share of all that wait.
    """
    waiting = np.flatnonzero(~decided.automatic & ~audited)
    random = keyed_uniform(decided.product_id, key, "aisle queue")
    sure = decided.suggested.confidence
    first = np.lexsort([random[waiting], sure[waiting]]) if order == "least_sure" else np.argsort(random[waiting])
    chosen = waiting[first][: max(left, 0)]
    reviewed = np.zeros(len(random), dtype=bool)
    reviewed[chosen] = True
    if order == "queue":
        share = np.where(decided.automatic, 0.0, chosen.size / waiting.size if waiting.size else 1.0)
    elif chosen.size == waiting.size:
        share = np.where(decided.automatic, 0.0, 1.0)
    else:
        limit = sure[chosen].max() if chosen.size else -1.0
        share = np.where(decided.automatic | (sure > limit), 0.0, 1.0)
    return reviewed, share


def _rows(
    decided: Decided,
    rows: _Bools,
    said: NDArray[np.object_],
    person: str,
    origin: str,
    chance: _Floats,
    inclusion: _Floats,
) -> pd.DataFrame:
    """Labels of the products in `rows` by one person; a third person's word is final."""
    return pd.DataFrame(
        {
            "product_id": decided.product_id[rows],
            "revision": decided.products["revision"].to_numpy()[rows],
            "category_id": said[rows],
            "origin": origin,
            "status": "answered",
            "adjudicated": person == THIRD,
            "labelled_at": pd.NaT,
            "labeller": person,
            "suggested_category_id": decided.suggested.category_id[rows],
            "audit_probability": chance[rows],
            "inclusion_probability": inclusion[rows],
            "model_version": decided.version,
        }
    )


def model_labels(decided: Decided, rows: _Bools) -> pd.DataFrame:
    """The model's top categories of the products in `rows`, as labels."""
    nothing = np.full(len(rows), np.nan)
    labels = _rows(decided, rows, decided.suggested.category_id, "", "model", nothing, nothing)
    return labels.assign(labeller=None)
